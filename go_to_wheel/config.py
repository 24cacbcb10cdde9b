"""What was asked for + what the project says -> one frozen options object.

`BuildRequest` is the question as flags or keyword arguments put it; `resolve` checks every
value and answers with `BuildOptions`, or with all faults in one error. Pure: files and
environment variables are read elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.metadata import (
    ProjectFiles,
    ProjectMetadata,
    check_author,
    check_email,
    check_requires_python,
    check_summary,
    check_url,
    parse_license,
    short_description,
)
from go_to_wheel.naming import check_command, check_name, parse_version
from go_to_wheel.platforms import Target, default_targets, parse_selection

DEFAULT_VERSION = "0.1.0"
DEFAULT_DESCRIPTION = "Go binary packaged as Python wheel"
DEFAULT_REQUIRES_PYTHON = ">=3.10"
DEFAULT_OUTPUT_DIR = "./dist"
STRIP_LDFLAGS = "-s -w"

Layout = Literal["native", "python"]
LAYOUTS: tuple[Layout, ...] = ("native", "python")

_VERSION_VAR = re.compile(r"(?P<package>[\w.~/-]+)\.(?P<name>\w+)")


@dataclass(frozen=True)
class BuildRequest:
    """What the user asked for, unchecked; None means: find out or use the default."""

    source: str
    package: str | None = None
    name: str | None = None
    version: str = DEFAULT_VERSION
    output_dir: str = DEFAULT_OUTPUT_DIR
    entry_point: str | None = None
    platforms: Sequence[str] | None = None
    go_binary: str | None = None
    description: str = DEFAULT_DESCRIPTION
    requires_python: str = DEFAULT_REQUIRES_PYTHON
    author: str | None = None
    author_email: str | None = None
    license: str | None = None
    url: str | None = None
    readme: str | None = None
    ldflags: str | None = None
    set_version_var: str | None = None
    launcher: str = "native"
    jobs: int | None = None
    keep_going: bool = False
    source_date_epoch: int | None = None
    dependency_licenses: bool = True


@dataclass(frozen=True)
class BuildOptions:
    """Every value checked, every default filled in.

    `ldflags` is the whole string for the linker, `version_var` what must exist for it to
    set something, `notes` what the user should be told (a version that was mapped …).
    """

    project: ProjectMetadata
    command: str
    targets: tuple[Target, ...]
    layout: Layout
    output_dir: Path
    ldflags: str
    version_var: tuple[str, str] | None
    licenses: tuple[tuple[str, bytes], ...]
    keep_going: bool
    jobs: int
    epoch: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What the machine and the source tell: values that flags leave open."""

    default_name: str
    files: ProjectFiles
    native: Target | None
    cpus: int
    epoch: int


class _Faults:
    """Collects what is wrong with the values, so that one error can name it all."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.hints: list[str] = []

    def add(self, fault: str | None) -> None:
        if fault:
            self.lines.append(fault)

    def parse(self, parser: Callable[[str], str], text: str) -> str:
        """The parsed text, or "" with the fault noted."""
        try:
            return parser(text)
        except ValueError as error:
            self.lines.append(str(error))
            return ""


def resolve(request: BuildRequest, around: Surroundings) -> BuildOptions:
    """Check every value of the request and fill in what it leaves open.

    Raises InvalidOptionsError with every fault.
    """
    faults = _Faults()
    name = request.name if request.name is not None else around.default_name
    command = request.entry_point if request.entry_point is not None else name
    faults.add(check_name(name))
    if request.entry_point is not None or not faults.lines:
        faults.add(check_command(command))
    version = faults.parse(parse_version, request.version)
    targets = _targets(request, around, faults)
    version_var = _version_var(request.set_version_var, faults)
    faults.add(_check_rest(request))
    project = _project(request, around, faults, (name, version, command))
    if faults.lines:
        raise InvalidOptionsError(faults.lines, "\n".join(faults.hints))
    return BuildOptions(
        project=project,
        command=command,
        targets=targets,
        layout="python" if request.launcher == "python" else "native",
        output_dir=Path(request.output_dir),
        ldflags=format_ldflags(request),
        version_var=version_var,
        licenses=around.files.licenses,
        keep_going=request.keep_going,
        jobs=request.jobs or around.cpus,
        epoch=around.epoch,
        notes=_notes(request.version, version),
    )


def format_ldflags(request: BuildRequest) -> str:
    """The linker's flags: stripping, then the version, then the user's own, which win."""
    parts = [STRIP_LDFLAGS]
    if request.set_version_var:
        parts.append(f"-X {request.set_version_var}={request.version.strip()}")
    if request.ldflags:
        parts.append(request.ldflags)
    return " ".join(parts)


def _targets(request: BuildRequest, around: Surroundings, faults: _Faults) -> tuple[Target, ...]:
    if request.platforms is None:
        return default_targets()
    try:
        return parse_selection(request.platforms, around.native)
    except InvalidOptionsError as error:
        faults.lines.extend(error.faults)
        faults.hints.append(error.hint)
        return ()


def _version_var(text: str | None, faults: _Faults) -> tuple[str, str] | None:
    if text is None:
        return None
    found = _VERSION_VAR.fullmatch(text)
    if not found:
        faults.add(f"set-version-var {text!r} is not PACKAGE.VARIABLE (write 'main.version')")
        return None
    return (found["package"], found["name"])


def _check_rest(request: BuildRequest) -> str | None:
    if request.launcher not in LAYOUTS:
        return f"launcher {request.launcher!r} is unknown; choose 'native' or 'python'"
    if request.jobs is not None and request.jobs < 1:
        return f"jobs {request.jobs} must be at least 1"
    return None


def _project(
    request: BuildRequest, around: Surroundings, faults: _Faults, names: tuple[str, str, str]
) -> ProjectMetadata:
    name, version, command = names
    checks = (
        (check_author, request.author),
        (check_email, request.author_email),
        (check_url, request.url),
        (check_summary, request.description),
        (check_requires_python, request.requires_python),
    )
    for check, value in checks:
        faults.add(check(value) if value is not None else None)
    expression = faults.parse(parse_license, request.license) if request.license else None
    readme = around.files.readme or short_description(name, request.description, [command])
    return ProjectMetadata(
        name=name,
        version=version,
        summary=request.description,
        requires_python=request.requires_python,
        readme=readme,
        author=request.author,
        author_email=request.author_email,
        license_expression=expression,
        license_files=tuple(path for path, _ in around.files.licenses),
        urls={"Homepage": request.url} if request.url else {},
    )


def _notes(given: str, version: str) -> tuple[str, ...]:
    if given.strip() == version:
        return ()
    return (f"version {given.strip()!r} is {version!r} to Python (PEP 440)",)

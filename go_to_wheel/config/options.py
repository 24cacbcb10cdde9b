"""What was found out about a source, and the values of one build, checked and complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from packaging.metadata import RawMetadata

from go_to_wheel.config.pyproject import Project
from go_to_wheel.config.request import MergedRequest, parse_variables
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.naming import distribution_name
from go_to_wheel.platforms import Target
from go_to_wheel.sources.module import ModuleSource
from go_to_wheel.sources.prebuilt import BinarySource
from go_to_wheel.sources.readme import NO_FILES, ProjectFiles, Readme

DEFAULT_VERSION = "0.1.0"
DEFAULT_DESCRIPTION = "Go binary packaged as Python wheel"
DEFAULT_REQUIRES_PYTHON = ">=3.10"

Layout = Literal["native", "python"]


@dataclass(frozen=True)
class Value:
    """A value, and its source in words for `--dry-run` ("git tag v1.2.0")."""

    text: str
    source: str


class Fault(NamedTuple):
    """Something that stops the build, and what to do about it."""

    message: str
    hint: str = ""


def refuse(faults: Sequence[Fault]) -> None:
    """Raise InvalidOptionsError with every fault, if there is any, and what to do."""
    if faults:
        hints = dict.fromkeys(fault.hint for fault in faults if fault.hint)
        raise InvalidOptionsError([fault.message for fault in faults], "\n".join(hints))


@dataclass(frozen=True)
class Identity:
    """What git, the module proxy, PKG-INFO or a release know about the program.

    `development` explains a version that belongs to a commit without a tag. `urls` are
    (label, address) pairs. `stamps` are the values of placeholders: "tag", "commit" …;
    those that are not known are left out where `settled`, as in a source archive.
    """

    name: Value | None = None
    version: Value | None = None
    development: str = ""
    summary: Value | None = None
    license: Value | None = None
    urls: tuple[tuple[str, Value], ...] = ()
    readme: Readme | None = None
    place: str = ""
    stamps: Mapping[str, str] = field(default_factory=dict)
    settled: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Detected:
    """Everything that could be detected; None and empty where nothing was.

    `native` is this machine's target, `unknown_license` why no licence was recognised.
    `python_files` are for the wheel's root, `data_files` for the environment, both as (path,
    bytes); `secret` are paths left out of the first. `binaries` are prebuilt ones.
    `version_variable` was found for `--set-version-var auto`.
    """

    source: ModuleSource
    project: Project
    files: ProjectFiles = NO_FILES
    epoch: int = 0
    native: Target | None = None
    identity: Identity = Identity()
    summary: Value | None = None
    license: Value | None = None
    unknown_license: str = ""
    python_files: tuple[tuple[str, bytes], ...] = ()
    secret: tuple[str, ...] = ()
    data_files: tuple[tuple[str, bytes], ...] = ()
    binaries: BinarySource | None = None
    version_variable: str = ""
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildOptions:
    """Every value checked, every default filled in.

    `project` is the core metadata, `commands` are the programs' names, in the order of the
    source's packages. `ldflags` is the whole string for the linker, `variables` has those that
    it sets, each with the option that names it. `notes` are for the user; `origins` has each
    value's source.
    """

    request: MergedRequest
    detected: Detected
    project: RawMetadata
    commands: tuple[str, ...]
    targets: tuple[Target, ...]
    layout: Layout
    ldflags: str
    variables: Mapping[str, str]
    notes: tuple[str, ...]
    origins: Mapping[str, str]

    def ldflags_for(self, target: Target) -> str:
        """The linker's flags of a target's programs."""
        own = self.request.target.get(target.name, {}).get("ldflags", "")
        return " ".join(filter(None, [self.ldflags, own]))

    def cgo_flags_for(self, target: Target) -> str:
        """The flags for a target's C, in one line of text."""
        tables = map(self.request.cgo_flags_for, target.slices)
        texts = dict.fromkeys(f"{name}={text}" for table in tables for name, text in table.items())
        return " ".join(texts)

    def variables_for(self, target: Target) -> dict[str, str]:
        """The variables that a target's linker sets, each with the option that names it."""
        own = parse_variables(self.ldflags_for(target))
        return dict.fromkeys(own, "ldflags -X") | dict(self.variables)

    @property
    def output_dir(self) -> Path:
        """Where the wheels are put."""
        return Path(self.request.output_dir)

    @property
    def package(self) -> str:
        """The name of the launcher's package, and in file names."""
        return distribution_name(self.project["name"])

    @property
    def nested_launcher(self) -> bool:
        """Whether the project has a package of the launcher's name, which then holds it."""
        own = f"{self.package}/__init__.py"
        return any(path == own for path, _ in self.detected.python_files)

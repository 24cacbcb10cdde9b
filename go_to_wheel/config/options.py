"""What was found out about a source, and the values of one build, checked and complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from go_to_wheel.config.metadata import ProjectMetadata
from go_to_wheel.config.pyproject import FILE_NAME, TABLE, Project
from go_to_wheel.config.request import parse_variables
from go_to_wheel.naming import distribution_name
from go_to_wheel.platforms import Target
from go_to_wheel.sources.readme import ProjectFiles, Readme

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

    `package_paths` are the import paths of the packages to build, `command_names` their
    commands' names where the configuration has them, `available` the only targets that
    there are binaries for (None: all targets). `unknown_license` is why no licence was
    recognised. `version_variable` was found for `--set-version-var auto`.
    """

    package_paths: tuple[str, ...]
    module_path: str
    files: ProjectFiles
    native: Target | None
    cpus: int
    epoch: int
    identity: Identity = Identity()
    summary: Value | None = None
    license: Value | None = None
    unknown_license: str = ""
    command_names: tuple[str, ...] = ()
    command_source: str = f"{FILE_NAME}, {TABLE}.commands"
    project: Project | None = None
    python_files: tuple[tuple[str, bytes], ...] = ()
    data_files: tuple[tuple[str, bytes], ...] = ()
    available: tuple[Target, ...] | None = None
    version_variable: str = ""
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildOptions:
    """Every value checked, every default filled in.

    `commands` are the programs' names, in the order of the source's packages. `ldflags` is
    the whole string for the linker, `variables` has those that it sets, each with the option
    that names it. `tags` are Go's build tags. `licenses` are the project's own texts,
    `module_licenses` states modules' licences that can't be recognised,
    `python_files` its own files for the wheel's root, `data_files` those for the environment,
    all as (path, bytes). `private` commands are in the package's folder instead of on PATH.
    `cgo_flags` are for C, by target and variable.
    `notes` are for the user; `origins` has each value's source.
    """

    project: ProjectMetadata
    commands: tuple[str, ...]
    targets: tuple[Target, ...]
    layout: Layout
    output_dir: Path
    ldflags: str
    variables: Mapping[str, str]
    tags: tuple[str, ...]
    licenses: tuple[tuple[str, bytes], ...]
    dependency_licenses: bool
    module_licenses: Mapping[str, str]
    keep_going: bool
    jobs: int
    epoch: int
    notes: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    python_files: tuple[tuple[str, bytes], ...] = ()
    entry_points: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    data_files: tuple[tuple[str, bytes], ...] = ()
    private: tuple[str, ...] = ()
    target_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cgo_flags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def ldflags_for(self, target: Target) -> str:
        """The linker's flags of a target's programs."""
        own = self.target_settings.get(target.name, {}).get("ldflags", "")
        return " ".join(filter(None, [self.ldflags, own]))

    def tags_for(self, target: Target) -> tuple[str, ...]:
        """The build tags of a target's programs."""
        own = self.target_settings.get(target.name, {}).get("tags", ())
        return tuple(dict.fromkeys([*self.tags, *own]))

    def cgo_flags_for(self, target: Target) -> str:
        """The flags for a target's C, in one line of text."""
        tables = [self.cgo_flags.get(part.name, {}) for part in target.slices]
        texts = dict.fromkeys(f"{name}={text}" for table in tables for name, text in table.items())
        return " ".join(texts)

    def variables_for(self, target: Target) -> dict[str, str]:
        """The variables that a target's linker sets, each with the option that names it."""
        own = parse_variables(self.ldflags_for(target))
        return dict.fromkeys(own, "ldflags -X") | dict(self.variables)

    @property
    def command(self) -> str:
        """The first command's name."""
        return self.commands[0]

    @property
    def nested_launcher(self) -> bool:
        """Whether the project has a package of the launcher's name, which then holds it."""
        own = f"{distribution_name(self.project.name)}/__init__.py"
        return any(path == own for path, _ in self.python_files)

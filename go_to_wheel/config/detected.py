"""What was found out about a source, each value with the place that it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from go_to_wheel.config.pyproject import FILE_NAME, TABLE, Project
from go_to_wheel.platforms import Target
from go_to_wheel.sources.readme import ProjectFiles, Readme


@dataclass(frozen=True)
class Value:
    """A value, and its source in words for `--dry-run` ("git tag v1.2.0")."""

    text: str
    source: str


@dataclass(frozen=True)
class Fault:
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

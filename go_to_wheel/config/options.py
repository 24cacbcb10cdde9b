"""The values of one build, checked and complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from go_to_wheel.config.metadata import ProjectMetadata
from go_to_wheel.config.stamping import parse_variables
from go_to_wheel.naming import import_name
from go_to_wheel.platforms import Target

DEFAULT_VERSION = "0.1.0"
DEFAULT_DESCRIPTION = "Go binary packaged as Python wheel"
DEFAULT_REQUIRES_PYTHON = ">=3.10"

Layout = Literal["native", "python"]
LAYOUTS: tuple[Layout, ...] = ("native", "python")


@dataclass(frozen=True)
class BuildOptions:
    """Every value checked, every default filled in.

    `commands` are the programs' names, in the order of the source's packages. `ldflags` is
    the whole string for the linker, `variables` has those that it sets, each with the option
    that names it. `tags` are Go's build tags. `licenses` are the project's own texts,
    `module_licenses` states modules' licences that can't be recognised,
    `python_files` its own files for the wheel's root, `data_files` those for the environment,
    all as (path, bytes). `private` commands are in the package's folder instead of on PATH.
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

    def ldflags_for(self, target: Target) -> str:
        """The linker's flags of a target's programs."""
        own = self.target_settings.get(target.name, {}).get("ldflags", "")
        return " ".join(filter(None, [self.ldflags, own]))

    def tags_for(self, target: Target) -> tuple[str, ...]:
        """The build tags of a target's programs."""
        own = self.target_settings.get(target.name, {}).get("tags", ())
        return tuple(dict.fromkeys([*self.tags, *own]))

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
        own = f"{import_name(self.project.name)}/__init__.py"
        return any(path == own for path, _ in self.python_files)

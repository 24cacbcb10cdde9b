"""The types of detected values and of a build's resolved options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from packaging.metadata import RawMetadata

from go_to_wheel.config.merge import MergedRequest, parse_variables
from go_to_wheel.config.pyproject import Project
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.naming import distribution_name
from go_to_wheel.platforms import Target
from go_to_wheel.sources.links import forge_url
from go_to_wheel.sources.module import ModuleSource
from go_to_wheel.sources.prebuilt import BinarySource
from go_to_wheel.sources.readme import ProjectFiles, Readme

Launcher = Literal["native", "python"]


@dataclass(frozen=True)
class Value:
    """A value and a description of its source for `--dry-run` ("git tag v1.2.0")."""

    text: str
    source: str


class Problem(NamedTuple):
    """A reason why the build can't be done, and what to do about it."""

    message: str
    hint: str = ""


def raise_problems(problems: Sequence[Problem]) -> None:
    """Raise InvalidOptionsError with every problem, if any, and their hints."""
    if problems:
        hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
        raise InvalidOptionsError([problem.message for problem in problems], "\n".join(hints))


def find_urls(
    module_path: str, remote: str | None = None, remote_source: str = ""
) -> tuple[tuple[str, Value], ...]:
    """The project's URLs as (label, URL): from the module path, else from a git remote."""
    own, other = forge_url(module_path), forge_url(remote or "", module_path)
    if own and not (other and own.startswith(f"{other}/")):  # a folder of the repository
        return (("Source", Value(own, "module path")),)
    return (("Source", Value(other, remote_source)),) if other else ()


@dataclass(frozen=True)
class Identity:
    """A program's identity, read from git, the module proxy, PKG-INFO or a release.

    `why_unreleased` is the reason for a development version. `urls` are (label, URL) pairs.
    `placeholders` are their known values: "tag", "commit" …; in a source archive
    (`from_archive`) unknown ones are not an error.
    """

    name: Value | None = None
    version: Value | None = None
    why_unreleased: str = ""
    summary: Value | None = None
    license: Value | None = None
    urls: tuple[tuple[str, Value], ...] = ()
    readme: Readme | None = None
    subfolder: str = ""
    placeholders: Mapping[str, str] = field(default_factory=dict)
    from_archive: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Detected:
    """All detected values; None or empty where nothing was detected.

    `native` is this machine's target, `why_no_license` why no licence was recognised.
    `python_files` are for the wheel's root, `data_files` for the environment, both as (path,
    bytes); `secret_files` are paths omitted from the first. `binaries` are prebuilt ones.
    `version_variable` is for `--set-version-var auto`.
    """

    source: ModuleSource
    project: Project
    files: ProjectFiles = field(default_factory=ProjectFiles)
    epoch: int = 0
    native: Target | None = None
    identity: Identity = Identity()
    summary: Value | None = None
    license: Value | None = None
    why_no_license: str = ""
    python_files: tuple[tuple[str, bytes], ...] = ()
    secret_files: tuple[str, ...] = ()
    data_files: tuple[tuple[str, bytes], ...] = ()
    binaries: BinarySource | None = None
    version_variable: str = ""
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildOptions:
    """The checked and complete options of a build.

    `metadata` is the core metadata, `commands` are the programs' names in the order of the
    source's packages. `ldflags` are all linker flags, `variables` maps the Go variables that
    they set to the option that names them. `origins` has each value's source.
    """

    request: MergedRequest
    detected: Detected
    metadata: RawMetadata
    commands: tuple[str, ...]
    targets: tuple[Target, ...]
    launcher: Launcher
    ldflags: str
    variables: Mapping[str, str]
    notes: tuple[str, ...]
    origins: Mapping[str, str]

    def ldflags_for(self, target: Target) -> str:
        """The linker's flags of a target's programs, with those of each image if they differ."""
        tables = {part.name: self.request.target.get(part.name, {}) for part in target.slices}
        texts = [" ".join(filter(None, [self.ldflags, t.get("ldflags")])) for t in tables.values()]
        listed = " | ".join(f"{name}: {text}" for name, text in zip(tables, texts, strict=True))
        return listed if len({*texts}) > 1 else texts[0]

    def format_cgo_flags(self, target: Target) -> str:
        """A target's C flags in one line."""
        tables = map(self.request.cgo_flags_for, target.slices)
        texts = dict.fromkeys(f"{name}={text}" for table in tables for name, text in table.items())
        return " ".join(texts)

    def variables_for(self, target: Target) -> dict[str, str]:
        """The Go variables that a target's linker flags set -> the option that names them."""
        names = parse_variables(self.ldflags_for(target))
        return dict.fromkeys(names, "ldflags -X") | dict(self.variables)

    @property
    def output_dir(self) -> Path:
        """Where the wheels are put."""
        return Path(self.request.output_dir)

    @property
    def package(self) -> str:
        """The launcher's package, also the name in file names."""
        return distribution_name(self.metadata["name"])

    @property
    def stem(self) -> str:
        """NAME-VERSION, the beginning of file and folder names (PEP 427, PEP 625)."""
        return f"{self.package}-{self.metadata['version']}"

    def file_name(self, tags: tuple[str, ...]) -> str:
        """The name of a wheel with these platform tags, compressed (PEP 425)."""
        return f"{self.stem}-py3-none-{'.'.join(tags)}.whl"

    @property
    def nested_launcher(self) -> bool:
        """Whether the launcher is a subpackage of the project's own Python package."""
        return any(path == f"{self.package}/__init__.py" for path, _ in self.detected.python_files)

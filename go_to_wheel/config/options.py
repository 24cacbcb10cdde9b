"""What was asked for + what the project says -> one frozen options object.

`BuildRequest` is the question as flags or keyword arguments put it; `resolve` checks every
value and answers with `BuildOptions`, or with all faults in one error. Pure: files and
environment variables are read elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from go_to_wheel.config.metadata import (
    ProjectMetadata,
    check_author,
    check_email,
    check_metadata,
    check_requires_python,
    check_summary,
    check_url,
    parse_license,
    short_description,
)
from go_to_wheel.config.pyproject import FILE_NAME, TABLE, Project, Settings
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.licenses import Recognised
from go_to_wheel.naming import (
    check_command,
    check_name,
    import_name,
    name_from_path,
    parse_version,
    wheel_file_name,
)
from go_to_wheel.platforms import Target, default_targets, parse_selection, platform_tags
from go_to_wheel.sources.readme import ProjectFiles, Readme

DEFAULT_VERSION = "0.1.0"
DEFAULT_DESCRIPTION = "Go binary packaged as Python wheel"
DEFAULT_REQUIRES_PYTHON = ">=3.10"
DEFAULT_OUTPUT_DIR = "./dist"
STRIP_LDFLAGS = "-s -w"
#: The value of --set-version-var that means: find it.
AUTO = "auto"

Layout = Literal["native", "python"]
LAYOUTS: tuple[Layout, ...] = ("native", "python")

_LONGEST_FILE_NAME = 255
_VERSION_VAR = re.compile(r"(?P<package>[\w.~/-]+)\.(?P<name>\w+)")


@dataclass(frozen=True)
class BuildRequest:
    """What the user asked for, unchecked; None means: find out or use the default.

    `package` is one folder or several. `binaries` are ready-made ones, each
    "TARGET=PATH". `dev` accepts the `.devN` version of a commit that no tag names.
    `stamp` lets Go record the commit in the binary. `origins` is filled in by
    `merge_settings`.
    """

    source: str
    package: str | Sequence[str] | None = None
    name: str | None = None
    version: str | None = None
    output_dir: str = DEFAULT_OUTPUT_DIR
    entry_point: str | None = None
    platforms: Sequence[str] | None = None
    go_binary: str | None = None
    description: str | None = None
    requires_python: str | None = None
    author: str | None = None
    author_email: str | None = None
    license: str | None = None
    url: str | None = None
    readme: str | None = None
    ldflags: str | None = None
    set_version_var: str | None = None
    launcher: str | None = None
    jobs: int | None = None
    keep_going: bool = False
    dependency_licenses: bool = True
    source_date_epoch: int | None = None
    binaries: Sequence[str] = ()
    dev: bool = False
    stamp: bool = True
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages asked for, in order."""
        if self.package is None:
            return ()
        return (self.package,) if isinstance(self.package, str) else tuple(self.package)


@dataclass(frozen=True)
class Said:
    """A value and where it was read, in words for `--dry-run`."""

    value: str
    origin: str


@dataclass(frozen=True)
class Told:
    """What the program and its surroundings tell; None where they are silent.

    `development` explains a version that belongs to a commit no tag names. `urls` are
    (label, address) pairs.
    """

    name: Said | None = None
    version: Said | None = None
    development: str = ""
    summary: Said | None = None
    license: Recognised | None = None
    license_said: Said | None = None
    urls: tuple[tuple[str, Said], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildOptions:
    """Every value checked, every default filled in.

    `commands` are the programs' names, in the order of the source's packages. `ldflags` is
    the whole string for the linker, `version_var` what must exist for it to set something,
    `notes` what the user should be told (a version that was mapped …), `origins` where
    each value came from. `python_files` are the project's own, for the wheel's root.
    """

    project: ProjectMetadata
    commands: tuple[str, ...]
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
    origins: Mapping[str, str] = field(default_factory=dict)
    python_files: tuple[tuple[str, bytes], ...] = ()
    entry_points: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The first command's name."""
        return self.commands[0]

    @property
    def nested_launcher(self) -> bool:
        """Whether the project's own package takes the launcher's place, and holds it."""
        own = f"{import_name(self.project.name)}/__init__.py"
        return any(path == own for path, _ in self.python_files)


@dataclass(frozen=True)
class Surroundings:
    """What the machine and the source tell: values that flags leave open.

    `package_paths` are the import paths of the packages to build, `command_names` their
    commands' names where the configuration has them, `available` the only targets that
    can be had (None: all of them).
    """

    package_paths: tuple[str, ...]
    module_path: str
    files: ProjectFiles
    native: Target | None
    cpus: int
    epoch: int
    command_names: tuple[str, ...] = ()
    commands_origin: str = f"{FILE_NAME}, {TABLE}.commands"
    project: Project | None = None
    told: Told = Told()
    python_files: tuple[tuple[str, bytes], ...] = ()
    available: tuple[Target, ...] | None = None


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


class _Choice:
    """Picks each value: flag, then pyproject.toml, then what the program tells."""

    def __init__(self, request: BuildRequest, around: Surroundings) -> None:
        self.request = request
        self.project = around.project
        self.origins: dict[str, str] = dict(request.origins)

    def pick(
        self, field_: str, flag: str | None, told: Said | None = None, default: str | None = None
    ) -> str | None:
        """The value of a field, called as in [project]; its origin is remembered."""
        candidates = [Said(flag, f"--{field_}") if flag is not None else None, self._own(field_)]
        if not (self.project and self.project.closed(field_)):
            candidates += [told, Said(default, "default") if default is not None else None]
        chosen = next((said for said in candidates if said is not None), None)
        if chosen is None:
            return None
        self.origins[field_] = chosen.origin
        return chosen.value

    def _own(self, field_: str) -> Said | None:
        values = self.project.values if self.project else None
        if not values or field_ not in values:
            return None
        return Said(values[field_], f"{FILE_NAME}, project.{_PROJECT_KEYS.get(field_, field_)}")


_PROJECT_KEYS = {
    "author": "authors",
    "author-email": "authors",
    "maintainer": "maintainers",
    "maintainer-email": "maintainers",
}


def merge_settings(request: BuildRequest, project: Project | None) -> BuildRequest:
    """The request with what it leaves open taken from [tool.go-to-wheel]."""
    settings = project.settings if project else Settings()
    return replace(
        request,
        origins=_setting_origins(request, settings),
        platforms=request.platforms if request.platforms is not None else settings.platforms,
        launcher=request.launcher or settings.launcher or "native",
        ldflags=request.ldflags if request.ldflags is not None else settings.ldflags,
        set_version_var=request.set_version_var or settings.set_version_var,
        entry_point=request.entry_point
        if request.entry_point is not None
        else settings.entry_point,
        package=request.package or tuple(settings.commands.values()) or settings.packages or None,
    )


def _setting_origins(request: BuildRequest, settings: Settings) -> dict[str, str]:
    """Where the values that [project] has no place for come from."""
    asked = {
        "platforms": (request.platforms, settings.platforms),
        "launcher": (request.launcher, settings.launcher),
        "ldflags": (request.ldflags, settings.ldflags),
        "package": (request.package, settings.packages or settings.commands),
        "entry-point": (request.entry_point, settings.entry_point),
    }
    origins = {}
    for key, (flag, setting) in asked.items():
        if flag:
            origins[key] = f"--{key}"
        elif setting:
            named = "commands" if setting is settings.commands else key
            origins[key] = f"{FILE_NAME}, {TABLE}.{named}"
        elif key in ("platforms", "launcher", "ldflags"):
            origins[key] = "default"
    return origins


def resolve(request: BuildRequest, around: Surroundings) -> BuildOptions:
    """Check every value of the request and fill in what it leaves open.

    The request is one that went through `merge_settings`. Raises InvalidOptionsError with
    every fault.
    """
    faults = _Faults()
    choice = _Choice(request, around)
    name = _name(choice, request, around)
    faults.add(check_name(name))
    commands = _commands(request, around, name, choice, faults)
    given, version = _version(choice, request, around, faults)
    targets = _targets(request, around, faults)
    version_var = _version_var(request.set_version_var, faults)
    for fault in _check_rest(request):
        faults.add(fault)
    project = _project(choice, around, faults, (name, version, commands))
    faults.add(_check_scripts(request, around, commands))
    if not faults.lines:
        faults.add(_check_file_name(name, version, targets))
        faults.lines.extend(check_metadata(project))
    if faults.lines:
        raise InvalidOptionsError(faults.lines, "\n".join(dict.fromkeys(faults.hints)))
    return BuildOptions(
        project=project,
        commands=commands,
        targets=targets,
        layout="python" if request.launcher == "python" else "native",
        output_dir=Path(request.output_dir),
        ldflags=format_ldflags(request, given if request.version is not None else version),
        version_var=version_var,
        licenses=_license_files(around),
        keep_going=request.keep_going,
        jobs=request.jobs or around.cpus,
        epoch=around.epoch,
        notes=(*_notes(choice, given, version), *_told_notes(choice, around)),
        origins=choice.origins,
        python_files=around.python_files,
        entry_points=around.project.entry_points if around.project else {},
    )


def format_ldflags(request: BuildRequest, version: str) -> str:
    """The linker's flags: stripping, then the version, then the user's own, which win."""
    parts = [STRIP_LDFLAGS]
    if request.set_version_var and request.set_version_var != AUTO:
        parts.append(f"-X {request.set_version_var}={version}")
    if request.ldflags:
        parts.append(request.ldflags)
    return " ".join(parts)


def _name(choice: _Choice, request: BuildRequest, around: Surroundings) -> str:
    several = len(around.package_paths) > 1
    path = around.module_path if several or not around.package_paths else around.package_paths[0]
    kind = "module" if several else "package"
    derived = Said(name_from_path(path), f"{kind} {path}")
    return choice.pick("name", request.name, around.told.name or derived) or ""


def _commands(
    request: BuildRequest, around: Surroundings, name: str, choice: _Choice, faults: _Faults
) -> tuple[str, ...]:
    """The commands' names: configured, or --entry-point, or the project's, or by package."""
    count = len(around.package_paths)
    named = choice.origins.pop("entry-point", "the name")
    if around.command_names:
        commands = around.command_names
        choice.origins["command"] = around.commands_origin
    elif count > 1:
        commands = tuple(name_from_path(path) for path in around.package_paths)
        choice.origins["command"] = "the packages' names"
    else:
        commands = (request.entry_point if request.entry_point is not None else name,)
        choice.origins["command"] = named
    if count > 1 and request.entry_point is not None:
        faults.add(f"entry-point {request.entry_point!r} can't name {count} commands")
        faults.hints.append(f"name them in {FILE_NAME}: [{TABLE}.commands]")
    if request.entry_point is not None or count > 1 or not faults.lines:
        for command in commands:
            faults.add(check_command(command))
    for command in sorted({one for one in commands if commands.count(one) > 1}):
        faults.add(f"two packages make the command {command!r}")
        faults.hints.append(f"name them in {FILE_NAME}: [{TABLE}.commands]")
    return commands


def _version(
    choice: _Choice, request: BuildRequest, around: Surroundings, faults: _Faults
) -> tuple[str, str]:
    """The version as it was given, and as PEP 440 writes it."""
    told = around.told
    given = choice.pick("version", request.version, told.version, DEFAULT_VERSION) or ""
    untagged = told.version is not None and choice.origins["version"] == told.version.origin
    version = faults.parse(parse_version, given)
    if untagged and told.development and not request.dev:
        faults.add(f"version {version!r} is no release: {told.development}")
        faults.hints.append("tag the commit, state a --version, or accept this one with --dev")
    return given.strip(), version


def _targets(request: BuildRequest, around: Surroundings, faults: _Faults) -> tuple[Target, ...]:
    if request.platforms is None:
        return default_targets() if around.available is None else around.available
    try:
        chosen = parse_selection(request.platforms, around.native)
    except InvalidOptionsError as error:
        faults.lines.extend(error.faults)
        faults.hints.append(error.hint)
        return ()
    for target in chosen:
        if around.available is not None and target not in around.available:
            faults.add(f"platform {target.name!r}: there is no binary for it")
            names = ", ".join(one.name for one in around.available)
            faults.hints.append(f"there are binaries for: {names}")
    return chosen


def _version_var(text: str | None, faults: _Faults) -> tuple[str, str] | None:
    if text is None or text == AUTO:
        return None
    found = _VERSION_VAR.fullmatch(text)
    if not found:
        faults.add(f"set-version-var {text!r} is not PACKAGE.VARIABLE (write 'main.version')")
        return None
    return (found["package"], found["name"])


def _check_rest(request: BuildRequest) -> Iterator[str]:
    if request.launcher not in LAYOUTS:
        yield f"launcher {request.launcher!r} is unknown; choose 'native' or 'python'"
    if request.jobs is not None and request.jobs < 1:
        yield f"jobs {request.jobs} must be at least 1"
    for text in (request.ldflags, request.output_dir):
        if text is not None and "\0" in text:
            yield f"{text!r} holds a NUL character"


def _check_file_name(name: str, version: str, targets: Sequence[Target]) -> str | None:
    """A wheel's file name is a file's: 255 bytes at most, on every usual file system."""
    longest = max(
        (len(wheel_file_name(name, version, platform_tags(one, "go1.26"))) for one in targets),
        default=0,
    )
    if longest <= _LONGEST_FILE_NAME:
        return None
    return (
        f"name {name!r} is too long: the wheel's file name would have {longest} characters; "
        f"file systems take {_LONGEST_FILE_NAME}"
    )


def _check_scripts(
    request: BuildRequest, around: Surroundings, commands: Sequence[str]
) -> str | None:
    """A command of the Go program can't be a Python script of the project too."""
    groups = around.project.entry_points if around.project else {}
    scripts = {*groups.get("console_scripts", {}), *groups.get("gui_scripts", {})}
    for command in commands:
        if command in scripts:
            return f"command {command!r} is the Go program and a script of {FILE_NAME} too"
    return None


def _project(
    choice: _Choice,
    around: Surroundings,
    faults: _Faults,
    names: tuple[str, str, tuple[str, ...]],
) -> ProjectMetadata:
    name, version, commands = names
    request, told = choice.request, around.told
    summary = choice.pick("description", request.description, told.summary, DEFAULT_DESCRIPTION)
    python = choice.pick(
        "requires-python", request.requires_python, default=DEFAULT_REQUIRES_PYTHON
    )
    author = choice.pick("author", request.author)
    email = choice.pick("author-email", request.author_email)
    checks = (
        (check_author, author),
        (check_email, email),
        (check_summary, summary),
        (check_requires_python, python),
    )
    for check, value in checks:
        faults.add(check(value) if value is not None else None)
    lists = around.project.lists if around.project else {}
    return ProjectMetadata(
        name=name,
        version=version,
        summary=summary,
        requires_python=python,
        readme=_readme(choice, around, name, summary, commands),
        author=author,
        author_email=email,
        maintainer=choice.pick("maintainer", None),
        maintainer_email=choice.pick("maintainer-email", None),
        license_expression=_license(choice, around, faults),
        license_files=tuple(path for path, _ in _license_files(around)),
        urls=_urls(choice, around, faults),
        keywords=lists.get("keywords", ()),
        classifiers=lists.get("classifiers", ()),
        requires=lists.get("requires", ()),
        extras=lists.get("extras", ()),
    )


def _readme(
    choice: _Choice,
    around: Surroundings,
    name: str,
    summary: str | None,
    commands: Sequence[str],
) -> Readme | None:
    """The one named, else the project's, else the one found, else a short one."""
    project = around.project
    if choice.request.readme is None and project and project.readme:
        choice.origins["readme"] = f"{FILE_NAME}, project.readme"
        return project.readme
    if choice.request.readme is None and project and project.closed("readme"):
        return None
    if around.files.readme is None:
        choice.origins["readme"] = "made from the summary"
        return short_description(name, summary or "", commands)
    choice.origins["readme"] = around.files.readme_name
    return around.files.readme


def _license(choice: _Choice, around: Surroundings, faults: _Faults) -> str | None:
    seen = around.told.license
    told = around.told.license_said
    if told is None and seen and seen.expression:
        told = Said(seen.expression, f"recognised in {seen.reason}")
    text = choice.pick("license", choice.request.license, told)
    return faults.parse(parse_license, text) if text else None


def _license_files(around: Surroundings) -> tuple[tuple[str, bytes], ...]:
    stated = around.project.license_files if around.project else None
    return around.files.licenses if stated is None else stated


def _urls(choice: _Choice, around: Surroundings, faults: _Faults) -> dict[str, str]:
    """Homepage from the flag; labels of [project.urls]; what module and checkout tell."""
    project, request = around.project, choice.request
    urls: dict[str, str] = {}
    if project and project.urls:
        urls.update(project.urls)
        choice.origins["urls"] = f"{FILE_NAME}, project.urls"
    elif not (project and project.closed("urls")):
        urls.update({label: said.value for label, said in around.told.urls})
        if around.told.urls:
            choice.origins["urls"] = around.told.urls[0][1].origin
    for address in filter(None, [*urls.values(), request.url]):
        faults.add(check_url(address))
    if request.url is not None:
        urls = {"Homepage": request.url, **{k: v for k, v in urls.items() if v != request.url}}
        choice.origins["urls"] = ", ".join(filter(None, ["--url", choice.origins.get("urls")]))
    return urls


def _notes(choice: _Choice, given: str, version: str) -> tuple[str, ...]:
    notes = []
    if choice.origins["version"] == "default":
        notes.append(f"nothing tells the version (no flag, no tag): it is {version}")
    plain = given if choice.origins["version"] == "--version" else given.removeprefix("v")
    if plain != version:
        notes.append(f"version {given!r} is {version!r} to Python (PEP 440)")
    return tuple(notes)


def _told_notes(choice: _Choice, around: Surroundings) -> tuple[str, ...]:
    notes = list(around.told.notes)
    if around.project and around.project.note:
        notes.append(around.project.note)
    seen = around.told.license
    if seen and not seen.expression and "license" not in choice.origins:
        notes.append(f"the licence is unknown, so none is stated; {seen.reason} (--license says)")
    return tuple(notes)

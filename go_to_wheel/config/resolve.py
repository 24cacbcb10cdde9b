"""Request + detected values -> the build's options, or every fault in one error. Pure.

For each value the first of these counts: the flag, [tool.go-to-wheel], [project], what was
detected, the default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from go_to_wheel.config.detected import Detected, Fault, Value
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
from go_to_wheel.config.options import (
    DEFAULT_DESCRIPTION,
    DEFAULT_REQUIRES_PYTHON,
    DEFAULT_VERSION,
    LAYOUTS,
    BuildOptions,
    Layout,
)
from go_to_wheel.config.pyproject import FILE_NAME, TABLE, Settings
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.config.stamping import (
    AUTO,
    asked_variables,
    fill_placeholders,
    format_setting,
)
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.naming import (
    check_command,
    check_name,
    name_from_path,
    parse_version,
    wheel_file_name,
)
from go_to_wheel.platforms import Target, default_targets, parse_selection, platform_tags
from go_to_wheel.sources.readme import Readme

STRIP_LDFLAGS = "-s -w"

_LONGEST_FILE_NAME = 255
_TAG = re.compile(r"[\w.]+")
_VARIABLE = re.compile(r"[\w.~/-]+\.\w+")
_NAME_COMMANDS = f"name them in {FILE_NAME}: [{TABLE}.commands]"
_PROJECT_KEYS = {
    "author": "authors",
    "author-email": "authors",
    "maintainer": "maintainers",
    "maintainer-email": "maintainers",
}


def resolve(request: BuildRequest, detected: Detected) -> BuildOptions:
    """Check every value and fill in those that the request leaves open.

    Raises InvalidOptionsError with every fault.
    """
    resolver = _Resolver(request, detected)
    options = resolver.options()
    resolver.raise_faults()
    return options


class _Resolver:
    """Picks and checks each value; collects the faults, hints, notes and sources."""

    def __init__(self, request: BuildRequest, detected: Detected) -> None:
        self.request, self.detected = request, detected
        self.project = detected.project
        self.settings = self.project.settings if self.project else Settings()
        self.faults: list[str] = []
        self.hints: list[str] = []
        self.notes: list[str] = []
        self.origins: dict[str, str] = {}

    def options(self) -> BuildOptions:
        """The options; placeholders stand for values that have a fault."""
        request, detected = self.request, self.detected
        targets, layout, user_flags = self.targets(), self.layout(), self.user_flags()
        self.package_origin()
        name = self.name()
        commands = self.commands(name)
        given, version = self.version()
        stamped = given if request.version is not None else version
        variables, own = self.variables(), [user_flags] if user_flags else []
        flags = [STRIP_LDFLAGS, *self.variable_flags(stamped), *own]
        self.check_rest()
        project = self.metadata(name, version, commands)
        self.check_scripts(commands)
        for fault in detected.faults:
            self.add(fault)
        if not self.faults:
            self.check_file_name(name, version, targets)
            self.faults += check_metadata(project)
        self.detected_notes()
        return BuildOptions(
            project=project,
            commands=commands,
            targets=targets,
            layout=layout,
            output_dir=Path(request.output_dir),
            ldflags=" ".join(flags),
            variables=variables,
            tags=self.tags(),
            licenses=self.license_files(),
            dependency_licenses=request.dependency_licenses,
            keep_going=request.keep_going,
            jobs=request.jobs or detected.cpus,
            epoch=detected.epoch,
            notes=tuple(self.notes),
            origins=self.origins,
            python_files=detected.python_files,
            entry_points=self.project.entry_points if self.project else {},
        )

    def raise_faults(self) -> None:
        """Raise one error for all faults, if there are any."""
        if self.faults:
            raise InvalidOptionsError(self.faults, "\n".join(dict.fromkeys(self.hints)))

    def add(self, fault: Fault) -> None:
        self.faults.append(fault.message)
        self.hints += [fault.hint] if fault.hint else []

    def check(self, checker: Callable[[str], str | None], value: str | None) -> None:
        """Note the fault that a check finds in a value, if there is a value."""
        fault = checker(value) if value is not None else None
        self.faults += [fault] if fault else []

    def parse(self, parser: Callable[[str], str], text: str, hint: str = "") -> str:
        """The parsed text, or "" with the fault noted."""
        try:
            return parser(text)
        except ValueError as error:
            self.add(Fault(str(error), hint))
            return ""

    def pick(
        self,
        key: str,
        flag: str | None = None,
        detected: Value | None = None,
        default: str | None = None,
    ) -> str | None:
        """The value of a [project] field: flag, [project], detected, default."""
        candidates = [Value(flag, f"--{key}") if flag is not None else None, self.stated(key)]
        if not (self.project and self.project.closed(key)):
            candidates += [detected, Value(default, "default") if default is not None else None]
        chosen = next((value for value in candidates if value is not None), None)
        if chosen is None:
            return None
        self.origins[key] = chosen.source
        return chosen.text

    def stated(self, key: str) -> Value | None:
        """A field's value in [project]."""
        values = (self.project.values if self.project else None) or {}
        where = f"{FILE_NAME}, project.{_PROJECT_KEYS.get(key, key)}"
        return Value(values[key], where) if key in values else None

    def setting(self, key: str, flag: Any, configured: Any, default: Any = None) -> Any:
        """The value of a [tool.go-to-wheel] key: flag, key, default."""
        if flag is not None:
            self.origins[key] = f"--{key}"
            return flag
        if configured is not None:
            self.origins[key] = f"{FILE_NAME}, {TABLE}.{key}"
            return configured
        if default is not None:
            self.origins[key] = "default"
        return default

    def targets(self) -> tuple[Target, ...]:
        available = self.detected.available
        names = self.setting("platforms", self.request.platforms, self.settings.platforms, ())
        if not names and self.origins["platforms"] == "default":
            return default_targets() if available is None else available
        try:
            chosen = parse_selection(names, self.detected.native)
        except InvalidOptionsError as error:
            self.faults += error.faults
            self.hints.append(error.hint)
            return ()
        for target in chosen:
            if available is not None and target not in available:
                listed = ", ".join(other.name for other in available)
                message = f"platform {target.name!r}: there is no binary for it"
                self.add(Fault(message, f"there are binaries for: {listed}"))
        return chosen

    def layout(self) -> Layout:
        launcher = self.request.launcher or None
        chosen = self.setting("launcher", launcher, self.settings.launcher, "native")
        if chosen not in LAYOUTS:
            self.faults.append(
                f"launcher {chosen!r} is unknown; choose 'native' or 'python'",
            )
        return "python" if chosen == "python" else "native"

    def user_flags(self) -> str:
        default = self.setting("ldflags", self.request.ldflags, self.settings.ldflags)
        self.origins.setdefault("ldflags", "default")
        return default or ""

    def tags(self) -> tuple[str, ...]:
        names = self.setting("tags", self.request.tags, self.settings.tags) or ()
        for name in names:
            if not _TAG.fullmatch(name):
                message = f"tag {name!r} is not a build tag (letters, digits, '_' and '.')"
                self.add(Fault(message, "write them with commas: --tags osusergo,netgo"))
        return tuple(dict.fromkeys(names))

    def package_origin(self) -> None:
        """Where the packages come from; `locate` has chosen them already."""
        settings = self.settings
        if self.request.packages:
            self.origins["package"] = "--package"
        elif settings.packages or settings.commands:
            key = "package" if settings.packages else "commands"
            self.origins["package"] = f"{FILE_NAME}, {TABLE}.{key}"

    def name(self) -> str:
        paths = self.detected.package_paths
        several = len(paths) > 1
        path = self.detected.module_path if several or not paths else paths[0]
        derived = Value(name_from_path(path), f"{'module' if several else 'package'} {path}")
        name = self.pick("name", self.request.name, self.detected.identity.name or derived) or ""
        self.check(check_name, name)
        return name

    def commands(self, name: str) -> tuple[str, ...]:
        """The commands' names: configured, or --entry-point, or the project's, or by package."""
        paths = self.detected.package_paths
        faultless = not self.faults
        entry_point = self.setting("entry-point", self.request.entry_point,
                                   self.settings.entry_point)  # fmt: skip
        named = self.origins.pop("entry-point", "the name")
        if self.detected.command_names:
            commands, source = self.detected.command_names, self.detected.command_source
        elif len(paths) > 1:
            commands = tuple(name_from_path(path) for path in paths)
            source = "the packages' names"
        else:
            commands, source = (name if entry_point is None else entry_point,), named
        self.origins["command"] = source
        if len(paths) > 1 and entry_point is not None:
            self.add(Fault(f"entry-point {entry_point!r} can't name {len(paths)} commands",
                           _NAME_COMMANDS))  # fmt: skip
        if entry_point is not None or len(paths) > 1 or faultless:
            for command in commands:
                self.check(check_command, command)
        for command in sorted({name for name in commands if commands.count(name) > 1}):
            self.add(Fault(f"two packages have the command {command!r}", _NAME_COMMANDS))
        return commands

    def version(self) -> tuple[str, str]:
        """The version as it was given, and as PEP 440 writes it."""
        identity = self.detected.identity
        given = self.pick("version", self.request.version, identity.version, DEFAULT_VERSION) or ""
        version = self.parse(parse_version, given, "pass another version: --version 1.2.3")
        origin = self.origins["version"]
        detected = identity.version is not None and origin == identity.version.source
        if detected and identity.development and not self.request.dev:
            hint = (
                "tag the commit: git tag v1.2.3\nor pass --version 1.2.3, or accept this one: --dev"
            )
            message = f"version {version!r} is no release: {identity.development}"
            self.add(Fault(message, hint))
        if origin == "default":
            self.notes.append(f"no version found; using {version} (set --version)")
        plain = given if origin == "--version" else given.removeprefix("v")
        if plain != version:
            self.notes.append(f"version {given!r} is {version!r} to Python (PEP 440)")
        return given.strip(), version

    def variables(self) -> dict[str, str]:
        """The variables to set, each with the option that names it."""
        found = self.detected.version_variable
        if found:
            self.origins["ldflags"] = f"--set-version-var auto found {found}"
        variables = asked_variables(self.request, self.settings, found)
        for name, option in variables.items():
            if not _VARIABLE.fullmatch(name):
                self.add(
                    Fault(
                        f"{option} {name!r} is not PACKAGE.VARIABLE (write 'main.version')",
                        "find it in the program's source: grep -rn 'var .*[vV]ersion' .",
                    )
                )
        return variables

    def variable_flags(self, version: str) -> Iterator[str]:
        """The linker's flags: the version's variables, then the others."""
        for asked in self.request.version_variables or self.settings.set_version_vars:
            if name := self.detected.version_variable if asked == AUTO else asked:
                yield format_setting(name, version)
        values = self.settings.set_values
        if self.request.set_values is not None:
            values = self.request.set_values
        known = {**self.detected.identity.stamps, "version": version}
        for name, template in values.items():
            try:
                yield format_setting(name, fill_placeholders(template, known))
            except KeyError as error:
                self.unknown_value(name, template, str(error.args[0]))
            except ValueError as error:
                self.add(Fault(f"set {name!r}: {error}", "write --set main.commit={commit}"))

    def unknown_value(self, name: str, template: str, placeholder: str) -> None:
        if self.detected.identity.settled:
            self.notes.append(f"{name} is left as it is: a source archive has no {placeholder}")
            return
        message = f"set {name!r}: the {placeholder} in {template!r} is not known here"
        self.add(Fault(message, f"build in a git checkout, or write a value: --set {name}=VALUE"))

    def check_rest(self) -> None:
        jobs = self.request.jobs
        if jobs is not None and jobs < 1:
            self.faults.append(f"jobs {jobs} must be at least 1")
        for text in (self.request.ldflags, self.request.output_dir):
            if text is not None and "\0" in text:
                self.faults.append(f"{text!r} contains a NUL character")

    def check_file_name(self, name: str, version: str, targets: Sequence[Target]) -> None:
        """A wheel's file name has 255 bytes at most, on every usual file system."""
        names = (wheel_file_name(name, version, platform_tags(t, "go1.26")) for t in targets)
        longest = max(map(len, names), default=0)
        if longest > _LONGEST_FILE_NAME:
            self.faults.append(
                f"name {name!r} is too long: the wheel's file name would have {longest} "
                f"characters; file systems take {_LONGEST_FILE_NAME}"
            )

    def check_scripts(self, commands: Sequence[str]) -> None:
        """A command of the Go program can't be a Python script of the project too."""
        groups = self.project.entry_points if self.project else {}
        scripts = {*groups.get("console_scripts", {}), *groups.get("gui_scripts", {})}
        self.faults += [
            f"command {command!r} is the Go program and a script of {FILE_NAME} too"
            for command in commands
            if command in scripts
        ]

    def metadata(self, name: str, version: str, commands: Sequence[str]) -> ProjectMetadata:
        request, detected = self.request, self.detected
        summary = self.pick("description", request.description, detected.summary,
                            DEFAULT_DESCRIPTION)  # fmt: skip
        python = self.pick("requires-python", request.requires_python,
                           default=DEFAULT_REQUIRES_PYTHON)  # fmt: skip
        author = self.pick("author", request.author)
        email = self.pick("author-email", request.author_email)
        self.check(check_author, author)
        self.check(check_email, email)
        self.check(check_summary, summary)
        self.check(check_requires_python, python)
        lists = self.project.lists if self.project else {}
        return ProjectMetadata(
            name=name,
            version=version,
            summary=summary,
            requires_python=python,
            readme=self.readme(name, summary, commands),
            author=author,
            author_email=email,
            maintainer=self.pick("maintainer"),
            maintainer_email=self.pick("maintainer-email"),
            license_expression=self.license(),
            license_files=tuple(path for path, _ in self.license_files()),
            urls=self.urls(),
            keywords=lists.get("keywords", ()),
            classifiers=lists.get("classifiers", ()),
            requires=lists.get("requires", ()),
            extras=lists.get("extras", ()),
        )

    def readme(self, name: str, summary: str | None, commands: Sequence[str]) -> Readme | None:
        """The one named, else the project's, else the one found, else a short one."""
        project, files = self.project, self.detected.files
        if self.request.readme is None and project and project.readme:
            self.origins["readme"] = f"{FILE_NAME}, project.readme"
            return project.readme
        if self.request.readme is None and project and project.closed("readme"):
            return None
        if files.readme is None:
            self.origins["readme"] = "made from the summary"
            return short_description(name, summary or "", commands)
        self.origins["readme"] = files.readme_name
        return files.readme

    def license(self) -> str | None:
        detected = self.detected.identity.license or self.detected.license
        text = self.pick("license", self.request.license, detected)
        return self.parse(parse_license, text) if text else None

    def license_files(self) -> tuple[tuple[str, bytes], ...]:
        stated = self.project.license_files if self.project else None
        return self.detected.files.licenses if stated is None else stated

    def urls(self) -> dict[str, str]:
        """Homepage from the flag; [project.urls], else those detected."""
        project, found = self.project, self.detected.identity.urls
        urls: dict[str, str] = {}
        if project and project.urls:
            urls.update(project.urls)
            self.origins["urls"] = f"{FILE_NAME}, project.urls"
        elif found and not (project and project.closed("urls")):
            urls.update({label: value.text for label, value in found})
            self.origins["urls"] = found[0][1].source
        url = self.request.url
        for address in [*urls.values(), *([url] if url is not None else [])]:
            self.check(check_url, address)
        if url is not None:
            others = {label: address for label, address in urls.items() if address != url}
            urls = {"Homepage": url, **others}
            self.origins["urls"] = ", ".join(filter(None, ["--url", self.origins.get("urls")]))
        return urls

    def detected_notes(self) -> None:
        self.notes += [*self.detected.identity.notes, *self.detected.notes]
        if self.project and self.project.note:
            self.notes.append(self.project.note)
        reason = self.detected.unknown_license
        if reason and "license" not in self.origins:
            self.notes.append(
                f"the licence is unknown, so none is stated; {reason} (set --license)"
            )


def chosen_packages(request: BuildRequest, settings: Settings) -> Iterator[str]:
    """The packages to build, relative to the source: flag, else [tool.go-to-wheel]."""
    yield from request.packages or settings.commands.values() or settings.packages

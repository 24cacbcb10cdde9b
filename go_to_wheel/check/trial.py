"""Running what is in wheels: installed by pip and by uv, or emulated, or said to be not run.

A wheel that this machine can install goes into a throwaway environment, and its commands are
run from there. A static Linux program for another processor is started by qemu-user when that
is installed (without any registration in the kernel). What can't be run is told, never passed.
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

from go_to_wheel.binary import BinaryFacts, describe
from go_to_wheel.check.anatomy import Anatomy, ProgramView, read_anatomy
from go_to_wheel.check.report import Fault, Report, Run
from go_to_wheel.check.run import wheel_files
from go_to_wheel.errors import WheelError
from go_to_wheel.naming import parse_version
from go_to_wheel.process import Runner, run_for

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


@dataclass(frozen=True)
class Trials:
    """What came of one wheel: the runs, their faults, and what could not be run, and why."""

    runs: tuple[Run, ...] = ()
    faults: tuple[Fault, ...] = ()
    not_run: tuple[str, ...] = ()


def with_runs(
    report: Report,
    paths: Iterable[str | Path],
    runner: Runner,
    command: Sequence[str] | None = None,
) -> Report:
    """The report with what came of running each wheel's commands."""
    for path in wheel_files(paths):
        trials = try_wheel(path, runner, command)
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
        return Trials(not_run=(f"{path.name}: it holds no program of its own",))
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
        before = {name.lower() for name in _PYTHON_SCRIPTS}
        lines = [tuple(command)] if command else _command_lines(anatomy, scripts, before)
        if not lines:
            return Trials(not_run=(f"{path.name}: it has no command to run",))
        runs = [_run(path.name, f"installed by {tool}", scripts, line) for line in lines]
    return _judge(runs, str(anatomy.name.version), asked=command is not None)


#: What environments have of their own.
_PYTHON_SCRIPTS = ("activate", "deactivate", "pip", "python", "pydoc", "easy_install", "wheel")


def _install(path: Path, folder: Path, runner: Runner, tool: str) -> Trials | None:
    """None when it is installed; else what to report instead."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ways = _uv_ways(folder, python) if tool == "uv" else _pip_ways(folder, python)
    reason = f"{tool} is not here"
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
    beside = str(Path(sys.executable).parent)
    uv = shutil.which("uv", path=beside) or shutil.which("uv")
    if uv is None:
        return []
    make = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
    return [(make, [uv, "pip", "install", "--offline", "--python", str(python)])]


def _pip_ways(folder: Path, python: Path) -> list[Way]:
    """The environment's own pip; where Python can't bring one (Debian's), ours."""
    make = [sys.executable, "-m", "venv", str(folder)]
    install = ["-m", "pip", "--disable-pip-version-check"]
    own = [str(python), *install, "install", "--no-index"]
    ours = [sys.executable, *install, "--python", str(python), "install", "--no-index"]
    return [(make, own), ([*make, "--clear", "--without-pip"], ours)]


def _command_lines(anatomy: Anatomy, scripts: Path, own: set[str]) -> list[tuple[str, ...]]:
    """Each command that the wheel puts on PATH, with `--version`."""
    names = {path.split("/")[-1] for path, _ in anatomy.files if ".data/scripts/" in path}
    if not names and scripts.is_dir():  # console scripts are made by the installer
        listed = (path.name for path in scripts.iterdir())
        names = {name for name in listed if not any(name.lower().startswith(one) for one in own)}
    return [(name, *DEFAULT_ARGUMENTS) for name in sorted(names)]


def _run(wheel: str, manner: str, folder: Path | None, line: tuple[str, ...]) -> Run:
    env = dict(os.environ)
    program = line[0]
    if folder is not None:
        env["PATH"] = os.pathsep.join([str(folder), env.get("PATH", os.defpath)])
        env.pop("PYTHONPATH", None)
        program = shutil.which(line[0], path=env["PATH"]) or line[0]
    try:
        result = run_for([program, *line[1:]], env, TIME_LIMIT)
    except OSError as error:
        return Run(wheel, manner, line, _CANNOT_EXECUTE[0], str(error.strerror))
    if result is None:
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
        copy = Path(scratch) / name
        with zipfile.ZipFile(path) as archive:
            copy.write_bytes(archive.read(program.path))
        copy.chmod(0o700)
        prefix = [emulator] if emulator else []
        ran = _run(path.name, _manner(emulator), None, (*prefix, str(copy), *arguments))
    told = Run(ran.wheel, ran.manner, (name, *arguments), ran.exit_code, ran.output)
    return _judge([told], str(anatomy.name.version), asked=command is not None)


def _manner(emulator: str) -> str:
    return f"under {Path(emulator).name}" if emulator else "on this processor"


def find_emulator(facts: BinaryFacts) -> tuple[str, str]:
    """(path of the emulator, ""), ("", "") for none needed, or ("", why it can't be run)."""
    if not sys.platform.startswith("linux") or facts.goos != "linux":
        return "", f"{describe(facts)} doesn't run on {platform.system()}"
    if not facts.static:
        return "", f"{describe(facts)} needs libraries that are not here"
    machine = platform.machine()
    if facts.machine == machine or facts.machine in _ALSO_RUNS.get(machine, ()):
        return "", ""
    name = f"qemu-{_EMULATORS.get(facts.machine, facts.machine)}"
    found = shutil.which(name) or shutil.which(f"{name}-static")
    return (found, "") if found else ("", f"{describe(facts)} needs {name}, which is not here")


def _judge(runs: Sequence[Run], version: str, asked: bool) -> Trials:
    return Trials(tuple(runs), tuple(f for run in runs for f in judge_run(run, version, asked)))


def judge_run(run: Run, version: str, asked: bool) -> Iterator[Fault]:
    """What is wrong with a run; `asked` is whether the user chose the command."""
    line = " ".join(run.command)
    said = f": {_last_line(run.output)}" if run.output else ""
    if run.exit_code == _TOO_LONG and "still running" in run.output:
        yield Fault(
            "run-failed",
            f"`{line}` {run.manner} did not end in {TIME_LIMIT:.0f} s and was stopped",
            "say what to run instead: --test-command 'TOOL version'",
        )
    elif run.exit_code < 0 or run.exit_code in _CANNOT_EXECUTE:
        how = f"signal {-run.exit_code}" if run.exit_code < 0 else f"exit code {run.exit_code}"
        yield Fault("run-failed", f"`{line}` {run.manner} could not run ({how}){said}")
    elif run.exit_code and asked:
        yield Fault("run-failed", f"`{line}` {run.manner} ended with {run.exit_code}{said}")
    elif run.exit_code:
        yield Fault(
            "run-exit",
            f"`{line}` {run.manner} ended with {run.exit_code}{said}",
            "say what to run instead: --test-command 'TOOL version'",
        )
    elif not asked and version not in find_versions(run.output):
        seen = ", ".join(find_versions(run.output)) or "no version"
        yield Fault(
            "run-version",
            f"`{line}` {run.manner} tells {seen}, and the wheel says {version}",
            "set it when building: --set-version-var main.version",
        )


def find_versions(text: str) -> list[str]:
    """The versions in a program's words, as Python spells them; Go's own is not one."""
    found: dict[str, None] = {}
    for word in _VERSION_WORD.findall(_GO_WORD.sub("", text)):
        try:
            found[parse_version(word.rstrip(".-+"))] = None
        except ValueError:
            continue
    return list(found)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"

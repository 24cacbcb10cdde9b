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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from packaging.tags import sys_tags

from go_to_wheel.binary.facts import BinaryFacts, describe
from go_to_wheel.check.filename import is_command
from go_to_wheel.check.program import Program
from go_to_wheel.check.report import Finding, Report, Run, completed, failure
from go_to_wheel.check.run import wheel_files
from go_to_wheel.check.wheel import Wheel, inspect_wheel
from go_to_wheel.errors import ToolchainError, WheelError
from go_to_wheel.naming import parse_version
from go_to_wheel.process import Runner

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


def with_runs(
    report: Report, paths: Iterable[str | Path], runner: Runner, command: Sequence[str] = ()
) -> Report:
    """The report with the runs of each wheel's commands: `--version`, or `command` instead.

    The first word of `command` is found in the environment that the wheel was installed into.
    """
    for path in wheel_files(paths):
        try:
            outcomes = list(_try_wheel(path, runner, command))
        except Exception as error:  # noqa: BLE001 (hostile input causes any; the others are run)
            outcomes = [failure("running it", error)]
        found = (completed(row, path.name) for row in outcomes if isinstance(row, Finding))
        runs = (replace(row, wheel=path.name) for row in outcomes if isinstance(row, Run))
        notes = (f"{path.name}: {row}" for row in outcomes if isinstance(row, str))
        findings, not_run = (*report.findings, *found), (*report.not_run, *notes)
        report = Report(report.wheels, findings, not_run, (*report.runs, *runs))
    return report


def _try_wheel(path: Path, runner: Runner, command: Sequence[str]) -> Outcomes:
    try:
        wheel = inspect_wheel(path)
    except WheelError as error:
        yield error.message
        return
    here = not wheel.name.tags.isdisjoint(sys_tags())
    startable = [p for p in wheel.programs if p.mode & 0o111 and p.is_command]
    if not wheel.programs:
        yield "it has no program of its own"
    elif not here and not startable:
        yield "not for this machine, and no program to emulate"
    for tool in ("pip", "uv") if here and wheel.programs else ():
        yield from _run_installed(path, wheel, runner, tool, command)
    for program in startable if not here else ():
        yield from _run_emulated(path, wheel, program, command)


def _run_installed(
    path: Path, wheel: Wheel, runner: Runner, tool: str, command: Sequence[str]
) -> Outcomes:
    """Install by pip or uv into an environment of its own, and run from there."""
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as scratch:
        scripts = Path(scratch) / _SCRIPTS
        install = _installer(tool, scripts / f"python{_SUFFIX}")
        # -P: the current directory may have modules of these names
        without = ["--without-pip"] if tool == "uv" or find_spec("pip") else []
        made = runner.run([sys.executable, "-P", "-m", "venv", *without, scratch])
        if made.returncode or not install:
            reason = _last_line(made.stderr or made.stdout) if install else "it is not installed"
            yield f"installed by {tool}: {reason}"
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


def _installer(tool: str, python: Path) -> list[str]:
    """The command that installs a wheel into the environment of `python`; empty without one."""
    if tool == "uv":
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        return [uv, "pip", "install", "--offline", "--python", str(python)] if uv else []
    # the environment is made faster without a pip of its own
    first, *other = [sys.executable, "--python", str(python)] if find_spec("pip") else [str(python)]
    pip = ["-P", "-m", "pip", "--disable-pip-version-check"]
    return [first, *pip, *other, "install", "--no-index"]


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

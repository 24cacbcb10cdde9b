"""`check --run`: runs the commands of wheels, and finds the wheel's version in their output.

A wheel for this machine is installed into a temporary environment, by pip or else uv. A static
Linux program for another processor is run by qemu-user, if installed.
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
from go_to_wheel.binary.read import is_program
from go_to_wheel.check.program import Program
from go_to_wheel.check.report import Finding, Findings, Report, Run, catch_errors
from go_to_wheel.check.wheel import SDIST_ENDINGS, inspect_wheel
from go_to_wheel.check.wheel_set import find_wheels
from go_to_wheel.errors import ToolchainError, WheelError
from go_to_wheel.naming import parse_version
from go_to_wheel.process import Runner

#: Tag architecture -> qemu-user's name for it, where that differs.
_QEMU_NAMES = {"i686": "i386", "armv7l": "arm", "armv6l": "arm"}
#: Architectures whose programs a processor runs besides its own.
_ALSO_RUNS = {"x86_64": ("i686",)}
#: Seconds after which a command is stopped; emulators are slow.
TIME_LIMIT = 60.0
#: Exit codes of commands that could not be started or were stopped.
_TIMED_OUT, _CANNOT_EXECUTE = 124, (124, 126, 127)
_VERSION = re.compile(r"(?<![\w.+-])v?\d+(?:\.\d+)+[\w.+-]*")
_SCRIPTS, _EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")

#: A run, a finding about one, or the reason why something was not run.
RunResult = Run | Finding | str


def run_commands(
    report: Report, paths: Iterable[str | Path], test_command: Sequence[str] = ()
) -> Report:
    """Run each wheel's commands with --version, or `test_command`; the report with the runs."""
    runs, findings, not_run = [*report.runs], [*report.findings], [*report.not_run]
    versions = {wheel.file: wheel.version for wheel in report.wheels}
    for path in find_wheels(paths):
        for result in catch_errors("running it", _run_wheel(path, test_command)):
            if isinstance(result, Run):
                runs.append(replace(result, wheel=path.name))
                problems = check_run(result, versions[path.name], bool(test_command))
                findings += [problem.in_report(path.name) for problem in problems]
            elif isinstance(result, Finding):
                findings.append(result.in_report(path.name))
            else:
                not_run.append(f"{path.name}: {result}")
    return replace(report, runs=(*runs,), findings=(*findings,), not_run=(*not_run,))


def _run_wheel(path: Path, test_command: Sequence[str]) -> Iterator[RunResult]:
    try:
        wheel = inspect_wheel(path)
    except WheelError:  # the report has the reason
        yield "an sdist" if path.name.endswith(SDIST_ENDINGS) else "it can't be read as a wheel"
        return
    startable = [p for p in wheel.programs if p.mode & 0o111 and p.is_command]
    if not wheel.programs:
        yield "it has no program of its own"
    elif not wheel.name.tags.isdisjoint(sys_tags()):
        yield from _run_installed(path, test_command)
    elif startable:
        yield from (_run_emulated(path, program, test_command) for program in startable)
    else:
        yield "not for this machine, and no program to emulate"


def _run_installed(path: Path, test_command: Sequence[str]) -> Iterator[RunResult]:
    """Install the wheel into a new environment and run its commands."""
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as environment:
        scripts = Path(environment) / _SCRIPTS
        tool, install = _find_installer(scripts / f"python{_EXE}")
        if not install:
            yield "it is not installed: there is no pip or uv"
            return
        # -P: the current directory may have modules of these names
        created = Runner().run([sys.executable, "-P", "-m", "venv", "--without-pip", environment])
        if created.returncode:
            yield f"it is not installed: {_last_line(created.stderr or created.stdout)}"
            return
        tools = {file.name for file in scripts.iterdir()}
        installed = Runner().run([*install, "--quiet", "--no-deps", str(path.resolve())])
        if installed.returncode:
            reason = _last_line(installed.stderr or installed.stdout)
            yield Finding("run-install", f"{tool} can't install it: {reason}")
            return
        names = sorted({file.name for file in scripts.iterdir()} - tools)
        commands = [(name, "--version") for name in names if _is_startable(scripts / name)]
        if not test_command and not commands:
            yield "it has no command to run"
        env = dict(os.environ, PATH=f"{scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
        env.pop("PYTHONPATH", None)
        for command in [tuple(test_command)] if test_command else commands:
            program = shutil.which(command[0], path=env["PATH"]) or command[0]
            yield run_program(f"installed by {tool}", command, [program, *command[1:]], env)


def _find_installer(python: Path) -> tuple[str, list[str]]:
    """The installer's name, and the command that installs a wheel for `python`, or []."""
    if find_spec("pip"):
        pip = [sys.executable, "-P", "-m", "pip", "--python", str(python)]
        return "pip", [*pip, "--disable-pip-version-check", "install", "--no-index"]
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    return "uv", [uv, "pip", "install", "--offline", "--python", str(python)] if uv else []


def _is_startable(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as stream:
        head = stream.read(8)
        return head.startswith(b"#!") or is_program(head)
    return False


def _run_emulated(path: Path, program: Program, test_command: Sequence[str]) -> Run | str:
    """Run one program of the wheel under qemu-user, or say why not."""
    emulator, reason = find_emulator(program.facts)
    name = program.path.split("/")[-1]
    command = tuple(test_command) or (name, "--version")
    if reason or command[0] != name:
        return reason or f"{command[0]!r} is not the program {name!r}"
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as folder:
        copy = Path(folder) / "program"
        with zipfile.ZipFile(path) as archive:
            copy.write_bytes(archive.read(program.path))
        copy.chmod(0o700)
        manner = f"under {Path(emulator).name}" if emulator else "on this processor"
        argv = [*filter(None, [emulator]), str(copy), *command[1:]]
        return run_program(manner, command, argv, os.environ)


def run_program(
    manner: str, command: tuple[str, ...], argv: list[str], env: Mapping[str, str]
) -> Run:
    """Run `argv` to its end; a report shows it as `command`."""
    try:
        result = Runner().run(argv, env=env, timeout=TIME_LIMIT)
    except OSError as error:
        return Run("", manner, command, 126, str(error.strerror))
    except ToolchainError:
        return Run("", manner, command, _TIMED_OUT, f"stopped after {TIME_LIMIT:.0f} s")
    text = "\n".join(part.strip() for part in (result.stdout, result.stderr) if part.strip())
    return Run("", manner, command, result.returncode, text)


def find_emulator(facts: BinaryFacts) -> tuple[str, str]:
    """The emulator's path, "" if none is needed; and the reason why it can't be run, or ""."""
    if not sys.platform.startswith("linux") or facts.goos != "linux":
        return "", f"{describe(facts)} doesn't run on {platform.system()}"
    if not facts.static:
        return "", f"{describe(facts)} needs libraries that are not installed"
    machine = platform.machine()
    if facts.machine == machine or facts.machine in _ALSO_RUNS.get(machine, ()):
        return "", ""
    name = f"qemu-{_QEMU_NAMES.get(facts.machine, facts.machine)}"
    if emulator := shutil.which(name) or shutil.which(f"{name}-static"):
        return emulator, ""
    return "", f"{describe(facts)} needs {name}, which is not installed"


def check_run(run: Run, version: str, is_custom: bool) -> Findings:
    """Findings about a run; `is_custom` is whether the user chose the command."""
    shown, code = f"`{' '.join(run.command)}` {run.manner}", run.exit_code
    output = f": {_last_line(run.output)}" if run.output else ""
    if code < 0 or code in _CANNOT_EXECUTE:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        yield Finding("run-failed", f"{shown} could not run ({how}){output}")
    elif code:
        rule = "run-failed" if is_custom else "run-exit"
        yield Finding(rule, f"{shown} ended with {code}{output}")
    elif not is_custom and version not in find_versions(run.output):
        output = ", ".join(find_versions(run.output)) or "no version"
        text = f"{shown} prints {output}, but the wheel's version is {version}"
        yield Finding("run-version", text)


def find_versions(text: str) -> list[str]:
    """The versions in a program's output, normalised (PEP 440), without Go's own."""
    versions: dict[str, None] = {}
    for word in _VERSION.findall(text):
        with suppress(ValueError):
            versions[parse_version(word.rstrip(".-+"))] = None
    return list(versions)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1].strip()

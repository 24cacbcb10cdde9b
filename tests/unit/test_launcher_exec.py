"""Starting the program, as child and by exec, and what is said when that fails."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from interrupting import press_ctrl_c
from systems import needs_scripts

from go_to_wheel.wheel.launcher import template
from go_to_wheel.wheel.launcher.template._find import ProgramNotFound

REPOSITORY = Path(__file__).parents[2]


def in_child(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code that starts a program in a process of its own."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"from go_to_wheel.wheel.launcher import template\n{code}",
            *arguments,
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def start(program: str, *arguments: str) -> str:
    """Code for such a process: the launcher's main, which finds this program."""
    return (
        f"import sys; sys.argv = ['x', {', '.join(arguments)}]\n"
        f"template.get_binary_path = lambda command: {program!r}\n"
        "template.main()"
    )


@pytest.mark.parametrize(
    ("argv0", "command"),
    [
        ("/usr/bin/second", "second"),
        ("second.exe", "second"),
        ("second.EXE", "second"),
        ("/x/my_tool/__main__.py", "first"),
        ("-c", "first"),
        ("", "first"),
        ("third", "first"),
        ("/usr/bin/Second", "second"),
    ],
)
def test_invoked_command(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv0: str,
    command: str,
) -> None:
    def find(name: str) -> str:
        raise ProgramNotFound(f"no {name}")

    monkeypatch.setattr(template._constants, "COMMANDS", ("first", "second"))
    monkeypatch.setattr(template, "get_binary_path", find)
    monkeypatch.setattr(sys, "argv", [argv0])
    with pytest.raises(SystemExit):
        template.main()
    assert capsys.readouterr().err == f"{command}: error: no {command}\n"


@needs_scripts
def test_link_of_another_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As `pipx install --suffix=_1` makes one."""
    (tmp_path / "second").touch()
    (tmp_path / "second_1").symlink_to("second")
    (tmp_path / "first").symlink_to("second")
    for name, command in (("second_1", "second"), ("first", "first")):
        test_invoked_command(monkeypatch, capsys, str(tmp_path / name), command)


@pytest.mark.parametrize(
    ("code", "signed"),
    [
        (0, 0),
        (1, 1),
        (255, 255),
        (2**31 - 1, 2**31 - 1),
        (0xC000013A, -1073741510),  # ended by Ctrl-C
        (0xFFFFFFFF, -1),
    ],
)
def test_exit_code(monkeypatch: pytest.MonkeyPatch, code: int, signed: int) -> None:
    class Ended:
        def __init__(self, command: list[str]) -> None:
            assert command == ["program", "argument"]

        def wait(self) -> int:
            return code

    monkeypatch.setattr(subprocess, "Popen", Ended)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert template._run_child("program", ["argument"]) == signed
    assert signed & 0xFFFFFFFF == code


@needs_scripts
class TestChild:
    """The way of Windows, with a real child here."""

    LAUNCH = "import sys; sys.exit(template._run_child(sys.argv[1], sys.argv[2:]))"

    def test_arguments_and_exit_code(self) -> None:
        done = in_child(self.LAUNCH, "/bin/sh", "-c", 'echo "$1|$2"; exit 7', "sh", "a b", "")
        assert (done.returncode, done.stdout, done.stderr) == (7, "a b|\n", "")

    def test_interrupt_is_the_programs_business(self) -> None:
        """Ctrl-C goes to the whole group: the program handles it, the launcher waits."""
        script = "trap 'echo caught; exit 42' INT; echo ready; while :; do sleep 0.05; done"
        code = f"from go_to_wheel.wheel.launcher import template\n{self.LAUNCH}"
        command = [sys.executable, "-c", code, "/bin/sh", "-c", script]
        assert press_ctrl_c(command, REPOSITORY) == (42, "caught\n", "")

    def test_is_taken_on_windows(self) -> None:
        """With `os.name` of Windows, launch starts a child and leaves with its code."""
        code = "import os; template.os.name = 'nt'\n"
        code += start("/bin/sh", "'-c'", "f'test $PPID = {os.getpid()}'")
        assert in_child(code).returncode == 0


@needs_scripts
class TestExec:
    """The way of all others: the program takes this process's place."""

    def test_same_process(self) -> None:
        code = "import os; os.environ['BEFORE'] = str(os.getpid())\n"
        code += start("/bin/sh", "'-c'", "'test $$ = $BEFORE && exit 9'")
        assert in_child(code).returncode == 9

    def test_closed_pipe_ends_the_program(self) -> None:
        """Python ignores SIGPIPE; a program that inherited that would see EPIPE instead."""
        done = in_child(start("/bin/sh", "'-c'", "'kill -PIPE $$; echo survived'"))
        assert (done.returncode, done.stdout) == (-signal.SIGPIPE, "")

    def test_argv0_is_the_path(self) -> None:
        assert in_child(start("/bin/sh", "'-c'", "'echo $0'")).stdout == "/bin/sh\n"

    def test_arguments_that_are_not_utf8(self) -> None:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from go_to_wheel.wheel.launcher import template\n"
                + start("/bin/echo", "*sys.argv[1:]"),
                b"caf\xe9",
            ],
            cwd=REPOSITORY,
            capture_output=True,
            check=False,
        )
        assert done.stdout == b"caf\xe9\n"


class TestFailure:
    """One clear error on stderr, the shells' exit code, no traceback."""

    @pytest.mark.parametrize(("error", "code"), [(ProgramNotFound, 127), (PermissionError, 126)])
    def test_finding(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        error: type[OSError],
        code: int,
    ) -> None:
        def find(command: str) -> str:
            raise error("no luck")

        monkeypatch.setattr(template, "get_binary_path", find)
        with pytest.raises(SystemExit) as caught:
            template.main()
        assert caught.value.code == code
        assert capsys.readouterr() == ("", "example-program: error: no luck\n")

    @needs_scripts
    def test_another_processor(self, tmp_path: Path) -> None:
        program = tmp_path / "my-tool"
        program.write_bytes(b"MZ not for here")
        program.chmod(0o755)
        done = in_child(start(str(program)))
        assert (done.returncode, done.stdout) == (126, "")
        assert done.stderr == (
            f"example-program: error: cannot run {str(program)!r}: Exec format error"
            f" (it is damaged, or made for another system or processor than"
            f" {sys.platform} {os.uname().machine}; install the wheel for this machine)\n"
        )

    @needs_scripts
    def test_loader_is_missing(self, tmp_path: Path) -> None:
        program = tmp_path / "my-tool"
        program.write_text("#!/no/such/loader\n")
        program.chmod(0o755)
        done = in_child(start(str(program)))
        assert done.returncode == 126
        assert done.stderr == (
            f"example-program: error: cannot run {str(program)!r}: No such file or directory"
            " (the loader or interpreter that it asks for is missing on this system)\n"
        )

    def test_child_that_cannot_start(self, tmp_path: Path) -> None:
        program = tmp_path / "my-tool"
        program.write_bytes(b"MZ not for here")
        program.chmod(0o755)
        done = in_child("template.os.name = 'nt'\n" + start(str(program)))
        assert done.returncode == 126
        assert done.stderr.count("\n") == 1
        assert "made for another system or processor" in done.stderr

    def test_refused(self) -> None:
        error = PermissionError(errno.EACCES, "Permission denied")
        assert template._describe_failure("/x y/z", error) == (
            "cannot run '/x y/z': Permission denied"
            " (the file system may forbid programs, as `mount -o noexec` does)"
        )

    def test_too_many_arguments(self) -> None:
        error = OSError(errno.E2BIG, "Argument list too long")
        assert template._describe_failure("/z", error) == "cannot run '/z': Argument list too long"

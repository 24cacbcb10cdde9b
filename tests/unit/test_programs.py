"""What is left out when a program is missing: exactly those tests, named and counted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs import PROGRAMS, format_left_out, name_in, read_left_out, terminal

TESTS = Path(__file__).parent.parent
SUITE = """
import pytest
from programs import program, terminal

@pytest.fixture(scope="module")
def browser():
    return program("Chromium")

def test_with_git(): program("git")
def test_first(browser): pass
@pytest.mark.parametrize("n", [1, 2])
def test_second(browser, n): pass
@pytest.mark.skip(reason="an ordinary skip")
def test_weather(): pass
def test_plain(): pass
"""


def run_suite(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run SUITE with a PATH on which git is the only program."""
    (folder / "bin").mkdir(exist_ok=True)
    git = folder / "bin" / ("git.exe" if os.name == "nt" else "git")
    git.touch(0o755)
    (folder / "test_suite.py").write_text(SUITE)
    paths = {"PATH": str(git.parent), "PYTHONPATH": str(TESTS)}
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("CI", "LEFT_OUT")
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "--rootdir", str(folder)]
    command += ["-c", os.devnull, "-p", "no:cacheprovider", "test_suite.py"]
    return subprocess.run(
        command, cwd=folder, env={**inherited, **paths, **env}, capture_output=True, text=True
    )


@pytest.mark.slow
def test_missing_program_is_named_and_counted(tmp_path: Path) -> None:
    shared = tmp_path / "left-out"
    for _ in range(2):  # two runs of the same tests count once
        done = run_suite(tmp_path, LEFT_OUT=str(shared))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "2 passed, 4 skipped" in done.stdout
    line = "left out: 3 tests need Chromium (apt-get install chromium)"
    assert [row for row in done.stdout.splitlines() if "left out:" in row] == [line]
    assert format_left_out(read_left_out(shared)) == [line]


@pytest.mark.slow
def test_missing_program_fails_in_ci(tmp_path: Path) -> None:
    done = run_suite(tmp_path, CI="true")
    assert done.returncode == 1
    assert "2 passed, 1 skipped, 3 errors" in done.stdout
    assert "needs Chromium, and CI leaves no test out; apt-get install chromium" in done.stdout


def test_nothing_missing_says_so(tmp_path: Path) -> None:
    script = [sys.executable, str(TESTS / "programs.py"), str(tmp_path / "none")]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    assert done.stdout == "No test was left out for a missing program.\n"


@pytest.mark.slow
def test_golden_tests_are_found() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only"]
    command += ["-m", "golden", "tests/unit/test_programs.py", "tests/integration/test_cli.py"]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if "::" in line]
    assert any("test_help_to_the_letter" in line for line in found), done.stdout
    assert all("test_cli.py" in line for line in found)


@pytest.mark.parametrize("name", PROGRAMS)
def test_one_line_a_program(name: str) -> None:
    (line,) = format_left_out({name: {"test_x"}})
    assert line.startswith(f"left out: 1 test needs {name} (apt-get install ")


def test_missing_terminal_leaves_the_test_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[int, int]:
        raise OSError("out of pty devices")

    monkeypatch.setattr(os, "openpty", refuse, raising=False)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs a terminal") as skipped:
        terminal()
    assert name_in(str(skipped.value)) == "a terminal"
    assert format_left_out({"a terminal": {"x", "y"}}) == [
        "left out: 2 tests need a terminal (mount /dev/pts)"
    ]

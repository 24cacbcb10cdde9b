"""`go-to-wheel check --run`: real installs, and programs for other processors under qemu-user."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from programs import program
from support import Built, build_hello, copy_project, go_to_wheel, native

EMULATED = {
    "linux-arm64": "qemu-aarch64",
    "linux-armv7": "qemu-arm",
    "linux-ppc64le": "qemu-ppc64le",
    "linux-s390x": "qemu-s390x",
    "linux-riscv64": "qemu-riscv64",
}


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Built:
    names = dict.fromkeys((native(), *EMULATED, "windows-amd64", "darwin-arm64"))
    return build_hello(tmp_path_factory.mktemp("hello-run"), "native", ",".join(names))


def check(*args: Any) -> tuple[int, dict[str, Any]]:
    result = go_to_wheel("check", *args, "--run", "--expect", "none", "--json", check=False)
    report: dict[str, Any] = json.loads(result.stdout)
    return result.returncode, report


def test_installed_by_pip(hello: Built) -> None:
    code, report = check(hello.wheel(native()))
    assert code == 0
    runs = [(run["manner"], run["command"], run["output"]) for run in report["runs"]]
    assert runs == [("installed by pip", ["hello", "--version"], "hello v1.2.0-rc.1")]
    assert not [note for note in report["not_run"] if "twine" not in note]
    assert report["findings"] == []


def test_modules_of_current_directory_are_not_run(hello: Built, tmp_path: Path) -> None:
    for name in ("venv", "pip"):
        (tmp_path / f"{name}.py").write_text("import pathlib; pathlib.Path('ran').touch()\n")
    options = ("--run", "--expect", "none")
    go_to_wheel("check", hello.wheel(native()), *options, cwd=tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("target", EMULATED)
def test_emulated(hello: Built, target: str) -> None:
    emulator = EMULATED[target]
    if native() == target:
        pytest.skip("this machine needs no emulator for it")
    program(emulator)
    code, report = check(hello.wheel(target))
    (run,) = report["runs"]
    assert (code, run["manner"], run["exit_code"]) == (0, f"under {emulator}", 0)
    assert run["output"] == "hello v1.2.0-rc.1"
    _, report = check(hello.wheel(target), "--test-command", "hello --echo one 'two three'")
    assert report["runs"][0]["output"] == "one two three"


@pytest.mark.skipif(sys.platform != "linux", reason="those run where they are for")
def test_programs_that_can_not_run_are_listed(hello: Built) -> None:
    wheels = [hello.wheel("windows-amd64"), hello.wheel("darwin-arm64")]
    result = go_to_wheel("check", *wheels, "--run", "--expect", "none")
    lines = result.stdout.splitlines()
    assert not [line for line in lines if line.startswith("ran")]
    reasons = [line for line in lines if line.startswith("not run")]
    assert len([line for line in reasons if "doesn't run on Linux" in line]) == 2


def test_a_failing_command_fails_the_check(hello: Built) -> None:
    code, report = check(hello.wheel(native()), "--test-command", "hello --exit 3")
    assert code == 1
    assert {finding["code"] for finding in report["findings"]} == {"run-failed"}
    code, report = check(hello.wheel(native()), "--test-command", "no-such-command")
    assert code == 1
    assert "No such file" in report["findings"][0]["message"]


def test_a_version_that_was_never_set(tmp_path: Path) -> None:
    source = copy_project("hello", tmp_path / "hello")
    go_to_wheel(source, "--version", "3.0", "--platforms", "native", "--output-dir", tmp_path)
    result = go_to_wheel("check", tmp_path, "--run", "--expect", "none")
    assert "prints no version, but the wheel's version is 3.0" in result.stdout
    result = go_to_wheel("check", tmp_path, "--run", "--expect", "none", "--strict", check=False)
    assert result.returncode == 1


def test_the_python_launcher_too(tmp_path: Path) -> None:
    built = build_hello(tmp_path, "python", "native")
    code, report = check(built.wheels[0])
    assert (code, len(report["runs"])) == (0, 1)
    assert {run["output"] for run in report["runs"]} == {"hello v1.2.0-rc.1"}


def test_a_broken_command_line() -> None:
    result = go_to_wheel("check", "x.whl", "--run", "--test-command", "a 'b", check=False)
    assert result.returncode in (1, 2)
    assert "error" in result.stderr

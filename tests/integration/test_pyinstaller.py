"""Applications bundled by PyInstaller find a wheel's program, or say how to add it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from programs import program
from support import copy_project, go_to_wheel, run

pytest.importorskip("PyInstaller", reason="PyInstaller has no release for this Python")


@pytest.fixture(autouse=True)
def _objdump() -> None:
    """PyInstaller looks for libraries with it on Linux."""
    if sys.platform == "linux":
        program("objdump")


APP = "import hello\nprint(hello.run(['--version'], capture_output=True, text=True).stdout)\n"


def bundle(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Bundle the application with these options, and run it."""
    build = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR"]
    env = {"PYINSTALLER_CONFIG_DIR": str(folder / "config"), "PYTHONPATH": str(folder / "site")}
    run(*build, *options, "app.py", cwd=folder, env=env)
    return run(folder / "dist" / "app" / "app", check=False)


@pytest.mark.parametrize("launcher", ["native", "python"])
def test_the_hint_leads_to_a_working_bundle(launcher: str, tmp_path: Path, uv: str) -> None:
    copy_project("hello", tmp_path / "hello")
    options = ("--version", "1.2.0", "--set-version-var", "main.version", "--launcher", launcher)
    go_to_wheel(tmp_path / "hello", *options, "--platforms", "native", "--output-dir", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    install = ["pip", "install", "--quiet", "--target", tmp_path / "site", wheel]
    run(uv, *install, "--python", sys.executable)
    (tmp_path / "app.py").write_text(APP)
    first = bundle(tmp_path)
    assert first.returncode == 1
    hint = "hint: this bundle lacks the program; with PyInstaller, add it: "
    (line,) = [line for line in first.stderr.splitlines() if line.startswith(hint)]
    option = line.removeprefix(hint).replace("PATH/TO", str(tmp_path / "site" / "bin"))
    second = bundle(tmp_path, *option.split(" "))
    assert second.stdout == "hello 1.2.0\n\n", second.stderr

"""Same source, same bytes: whoever builds it, wherever, whenever, with whichever Python."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from programs import program
from support import HELLO_OPTIONS, copy_project

ROOT = Path(__file__).parents[2]
TARGETS = "linux-amd64,darwin-arm64"
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")

#: Moves the clock of Python, which writes the wheel: whatever asks for now gets 2031.
FUTURE = """
import time
LATER = 157_680_000  # five years
real = time.time, time.time_ns, time.localtime, time.gmtime
time.time = lambda: real[0]() + LATER
time.time_ns = lambda: real[1]() + LATER * 10**9
time.localtime = lambda seconds=None: real[2](time.time() if seconds is None else seconds)
time.gmtime = lambda seconds=None: real[3](time.time() if seconds is None else seconds)
"""


def build(source: Path, output: Path, *command: Any, **options: Any) -> dict[str, str]:
    """Build; return {wheel's name: hash of its bytes}."""
    program = command or (sys.executable, "-m", "go_to_wheel")
    environ = {**os.environ, "GOFLAGS": "-buildvcs=auto", **options.pop("env", {})}
    environ.pop("SOURCE_DATE_EPOCH", None)
    args = [*program, source, *HELLO_OPTIONS, "--platforms", TARGETS, "--output-dir", output]
    result = subprocess.run(
        [*map(str, args), "--json"], capture_output=True, text=True, env=environ, **options
    )
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)["wheels"]) == 2
    return {path.name: digest(path) for path in output.glob("*.whl")}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project("hello", tmp_path_factory.mktemp("same") / "hello")


@pytest.fixture(scope="module")
def expected(hello: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return build(hello, tmp_path_factory.mktemp("first"))


def test_same_bytes_in_another_environment(
    hello: Path, expected: dict[str, str], tmp_path: Path
) -> None:
    source = tmp_path / "ein anderer Ordner" / "größer" / "hello"
    shutil.copytree(hello, source)
    for path in source.rglob("*"):
        if ".git" not in path.parts:
            os.utime(path, (1_000_000_000, 1_000_000_000))
    env = {
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "tr_TR.UTF-8",
        "LANGUAGE": "tr",
        "HOME": str(tmp_path / "home"),
        "USER": "someone",
        "PYTHONHASHSEED": "42",
        "GOCACHE": str(tmp_path / "cold"),
        "TMPDIR": str(tmp_path / "ein anderer Ordner"),
        "PYTHONUTF8": "1",
    }
    assert build(source, tmp_path / "dist", env=env, umask=0o077) == expected
    warm = {**env, "LC_ALL": "C", "PYTHONHASHSEED": "43"}
    assert build(source, tmp_path / "warm", env=warm, umask=0o000) == expected


def test_another_day(hello: Path, expected: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "sitecustomize.py").write_text(FUTURE)
    env = {"PYTHONPATH": str(tmp_path / "later")}
    asked = [sys.executable, "-c", "import time; print(time.gmtime().tm_year)"]
    year = subprocess.run(asked, env={**os.environ, **env}, capture_output=True, text=True).stdout
    assert int(year) >= 2030
    assert build(hello, tmp_path / "dist", env=env) == expected


def test_another_user(expected: dict[str, str], hello: Path, tmp_path: Path) -> None:
    """Another user and group, in a user namespace: files and children all carry that number."""
    other = (program("unshare"), "--user", "--map-user=1234", "--map-group=1234")
    seen = subprocess.run([*other, "id", "-u"], capture_output=True, text=True, check=False)
    if seen.returncode:
        pytest.skip("user namespaces are off here")
    assert seen.stdout.strip() == "1234" != str(os.getuid())
    cache = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True, check=True)
    env = {"HOME": str(tmp_path), "USER": "other", "LOGNAME": "other"}
    env["GOCACHE"] = cache.stdout.strip()
    command = (*other, sys.executable, "-m", "go_to_wheel")
    assert build(hello, tmp_path / "dist", *command, env=env, cwd=tmp_path) == expected


def find_python(uv: str, version: str, env: dict[str, str]) -> str | None:
    """An interpreter of that version: uv's answer, or one that pyenv keeps off the PATH."""
    asked = [uv, "python", "find", "--no-project", version]
    found = subprocess.run(
        asked, env={**os.environ, **env}, check=False, capture_output=True, text=True
    )
    if found.returncode == 0:
        return found.stdout.strip()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    pythons = sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))
    return str(pythons[-1]) if pythons else None


@pytest.mark.parametrize("version", PYTHONS)
def test_another_python(
    hello: Path, expected: dict[str, str], tmp_path: Path, uv: str, version: str
) -> None:
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        pytest.skip("it is the one that built the first ones")
    env = {"UV_PYTHON_DOWNLOADS": "never"}
    python = find_python(uv, version, env)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    command = (uv, "run", "--quiet", "--isolated", "--no-project", "--python", python)
    command += ("--with-editable", str(ROOT), "go-to-wheel")
    assert build(hello, tmp_path / "dist", *command, env=env, cwd=tmp_path) == expected


def test_the_comparison_would_see_a_difference(
    hello: Path, expected: dict[str, str], tmp_path: Path
) -> None:
    source = tmp_path / "hello"
    shutil.copytree(hello, source)
    (source / "README.md").write_text("# hello\n\nOther words.\n")
    other = build(source, tmp_path / "dist")
    assert other.keys() == expected.keys()
    assert all(other[name] != expected[name] for name in expected)

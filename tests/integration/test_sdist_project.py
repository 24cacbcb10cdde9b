"""`go-to-wheel sdist`: everything that Go needs, and nothing of this machine."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest
from support import git, go_to_wheel, native, run

Project = Callable[..., Path]


def sdist(source: Path, folder: Path, *options: str) -> tarfile.TarFile:
    result = go_to_wheel("sdist", source, "--output-dir", folder, *options)
    assert result.stdout.startswith("Built 1 source archive:\n")
    (path,) = folder.glob("*.tar.gz")
    return tarfile.open(path)


def names(archive: tarfile.TarFile) -> list[str]:
    with archive:
        return [name.split("/", 1)[1] for name in archive.getnames()]


EXPECTED = [
    "PKG-INFO",
    "README.md",
    "assets/made.txt",
    "go.mod",
    "internal/words/words.go",
    "main.go",
    "pyproject.toml",
]


def test_files_of_a_checkout(project: Project, tmp_path: Path) -> None:
    folder = project("packed")
    for leftover in ("dist/old.whl", ".venv/x", "__pycache__/x.pyc", "ignored.txt", ".hidden"):
        (folder / leftover).parent.mkdir(exist_ok=True)
        (folder / leftover).write_text("x")
    (folder / ".gitignore").write_text("ignored.txt\nassets/made.txt\n")
    assert names(sdist(folder, tmp_path)) == EXPECTED


def test_files_without_git(project: Project, tmp_path: Path) -> None:
    folder = project("packed")
    run("rm", "-rf", folder / ".git")
    (folder / "env").mkdir()
    (folder / "env/pyvenv.cfg").write_text("x")
    (folder / "new.txt").write_text("x")
    assert names(sdist(folder, tmp_path)) == sorted([*EXPECTED, "new.txt"])


def test_the_repositorys_licence_comes_along(project: Project, tmp_path: Path) -> None:
    folder = project("packed", "repository/packed")
    run("mv", folder / ".git", folder.parent / ".git")
    (folder.parent / "LICENSE").write_text("the licence\n")
    with sdist(folder, tmp_path) as archive:
        stream = archive.extractfile("packed-0.1.0/LICENSE")
        assert stream is not None
        assert stream.read() == b"the licence\n"


def test_pkg_info_has_what_was_found(project: Project, tmp_path: Path) -> None:
    folder = project("packed")
    git(folder, "tag", "v1.2.0-rc.1")
    with sdist(folder, tmp_path) as archive:
        stream = archive.extractfile("packed-1.2.0rc1/PKG-INFO")
        assert stream is not None
        info = message_from_bytes(stream.read())
    assert (info["Name"], info["Version"]) == ("packed", "1.2.0rc1")
    assert info["Summary"] == "Command packed prints what it carries"


def test_vendored_dependencies_build_without_a_proxy(tmp_path: Path) -> None:
    scanner = Path(__file__).parents[2] / "sqlite_scanner"
    with sdist(scanner, tmp_path / "dist", "--vendor") as archive:
        archive.extractall(tmp_path, filter="data")
    (copy,) = tmp_path.glob("sqlite_scanner-*")
    assert (copy / "vendor/modules.txt").is_file()
    env = {"GOPROXY": "off", "GOMODCACHE": str(tmp_path / "empty"), "GOFLAGS": "-modcacherw"}
    go_to_wheel(copy, "--platforms", native(), "--output-dir", tmp_path / "out", env=env)
    assert len(list((tmp_path / "out").glob("*.whl"))) == 1


def refuse(*args: object) -> str:
    result = go_to_wheel("sdist", *args, check=False)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


def test_without_our_backend(project: Project, tmp_path: Path) -> None:
    said = refuse(project("hello"), "--output-dir", tmp_path / "out")
    assert "has no pyproject.toml with build-backend = 'go_to_wheel.backend'" in said
    assert not (tmp_path / "out").exists()


def test_modules_that_lie_elsewhere(project: Project, tmp_path: Path) -> None:
    folder = project("packed")
    other = tmp_path / "src" / "other"
    other.mkdir()
    (other / "go.mod").write_text("module example.com/other\n\ngo 1.21\n")
    (other / "other.go").write_text("package other\n\nvar X = 1\n")
    with (folder / "go.mod").open("a") as file:
        file.write("\nrequire example.com/other v0.0.0\nreplace example.com/other => ../other\n")
    code = folder / "main.go"
    code.write_text(code.read_text() + "\nvar _ = other.X\n")
    code.write_text(code.read_text().replace('"os"\n', '"os"\n\n\t"example.com/other"\n'))
    said = refuse(folder, "--output-dir", tmp_path / "out")
    assert "example.com/other => ../other" in said
    assert "hint: make an archive with its dependencies inside: vendor = true" in said
    assert "vendor/example.com/other/other.go" in names(sdist(folder, tmp_path, "--vendor"))


def test_a_go_mod_above(project: Project, tmp_path: Path) -> None:
    folder = project("pair")
    (folder / "cmd/alpha/pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "go_to_wheel.backend"\n'
        '[project]\nname = "x"\nversion = "1"\n'
    )
    assert "the go.mod is above " in refuse(folder / "cmd/alpha")


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_same_bytes(project: Project, tmp_path: Path, umask: int) -> None:
    import os

    folder = project("packed")
    old = os.umask(umask)
    try:
        sdist(folder, tmp_path / "a").close()
        copy = tmp_path / "elsewhere"
        run("cp", "-r", folder, copy)
        sdist(copy, tmp_path / "b").close()
    finally:
        os.umask(old)
    (first,) = (tmp_path / "a").glob("*.tar.gz")
    (second,) = (tmp_path / "b").glob("*.tar.gz")
    assert first.read_bytes() == second.read_bytes()

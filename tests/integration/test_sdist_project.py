"""`go-to-wheel sdist`: everything that Go needs, and nothing of this machine."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest
from support import git, go_to_wheel, native, run, wheel_texts

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


def test_wheels_beside_the_archive_are_no_change(project: Project) -> None:
    folder = project("packed")
    git(folder, "tag", "v1.2.3")
    (folder / "dist").mkdir()
    (folder / "dist" / "packed-1.2.3-py3-none-any.whl").write_bytes(b"of the build before")
    result = go_to_wheel("sdist", ".", "--output-dir", "dist", cwd=folder)
    assert "packed-1.2.3.tar.gz" in result.stdout
    (folder / "main.go").write_text((folder / "main.go").read_text() + "\n")
    stderr = refuse(folder, "--output-dir", folder / "dist")
    assert "files differ from tag v1.2.3: main.go; commit or ignore them" in stderr
    assert "hint: or set GO_TO_WHEEL_VERSION=1.2.3, or accept this one: --dev\n" in stderr


def test_what_a_build_needs_is_never_ignored(project: Project, tmp_path: Path) -> None:
    folder = project("mixed")
    text = (folder / "pyproject.toml").read_text()
    excluded = '[tool.go-to-wheel]\nsdist-exclude = ["*.toml", "README.md"]\n'
    (folder / "pyproject.toml").write_text(text.replace("[tool.go-to-wheel]\n", excluded))
    expected = names(sdist(folder, tmp_path / "listed"))
    assert "pyproject.toml" in expected
    (folder / ".gitignore").write_text("*\n")
    git(folder, "rm", "-q", "-r", "--cached", ".")
    (folder / "helper" / "vendor").mkdir()
    (folder / "helper" / "vendor" / "modules.txt").write_text("")
    ignored = names(sdist(folder, tmp_path / "ignored"))
    assert ignored == sorted([*expected, "helper/vendor/modules.txt"])


def test_files_of_a_linked_folder(project: Project, tmp_path: Path) -> None:
    folder = project("packed")
    (folder / ".gitignore").write_text("assets/made.txt\n")
    git(folder, "rm", "--cached", "-q", "assets/made.txt")
    git(folder, "commit", "-aqm", "made by a script")
    (tmp_path / "link").symlink_to(folder)
    env = {"PWD": str(tmp_path / "link")}
    go_to_wheel("sdist", ".", "--output-dir", tmp_path, cwd=folder, env=env)
    (path,) = tmp_path.glob("*.tar.gz")
    assert names(tarfile.open(path)) == EXPECTED


def test_files_without_git(project: Project, tmp_path: Path) -> None:
    folder = project("packed")
    run("rm", "-rf", folder / ".git")
    (folder / "env").mkdir()
    (folder / "env/pyvenv.cfg").write_text("x")
    (folder / "new.txt").write_text("x")
    assert names(sdist(folder, tmp_path)) == sorted([*EXPECTED, "new.txt"])


def test_folders_called_build_and_foreign_code(project: Project, tmp_path: Path) -> None:
    """They are as good as any: without them the archive would not build elsewhere."""
    folder = project("packed")
    (folder / ".gitignore").write_text("gen_*\n")
    more = {
        "internal/build/build.go": "package build\n",
        "internal/build/build_windows.go": "package build\n",
        "internal/build/gen_plan9.go": "package build\n",
        "internal/build/dist/notes.txt": "tracked\n",
    }
    for name, text in more.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "internal")
    assert set(more) <= set(names(sdist(folder, tmp_path / "git")))
    run("rm", "-rf", folder / ".git")
    found = set(names(sdist(folder, tmp_path / "no-git")))
    assert set(more) - found == {"internal/build/dist/notes.txt"}


def test_what_an_earlier_build_left_stays_out(project: Project, tmp_path: Path) -> None:
    folder = project("packed")
    run("rm", "-rf", folder / ".git")
    for output in (folder, folder / "out"):
        first = names(sdist(folder, output))
        assert names(sdist(folder, output)) == first == EXPECTED
        next(output.glob("*.tar.gz")).unlink()


def test_generated_python_and_a_hidden_readme(project: Project, tmp_path: Path) -> None:
    folder = project("mixed")
    text = (folder / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(text.replace("README.md", ".docs/README.md"))
    (folder / ".docs").mkdir()
    (folder / "README.md").rename(folder / ".docs/README.md")
    (package,) = (path for path in (folder / "python").iterdir() if path.is_dir())
    (package / "_generated.py").write_text("made = True\n")
    (folder / ".gitignore").write_text("_generated.py\n")
    archive = sdist(folder, tmp_path / "dist")
    with archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # new in 3.11.4
        archive.extractall(tmp_path / "copy")
    (copy,) = (tmp_path / "copy").iterdir()
    wheels = []
    for source in (folder, copy):
        output = tmp_path / f"wheel-{source.name}"
        go_to_wheel(
            source,
            "--platforms",
            native(),
            "--output-dir",
            output,
            env={"GOFLAGS": "-buildvcs=false"},
        )
        (wheel,) = output.glob("*.whl")
        wheels.append(wheel.read_bytes())
    assert wheels[0] == wheels[1]


def test_links_that_leave_the_project_are_refused(project: Project, tmp_path: Path) -> None:
    folder = project("packed", "repository/packed")
    run("mv", folder / ".git", folder.parent / ".git")
    (folder.parent / "NOTES.txt").write_text("of the repository\n")
    (folder / "NOTES.txt").symlink_to("../NOTES.txt")
    with sdist(folder, tmp_path / "good") as archive:
        stream = archive.extractfile("packed-0.1.0/NOTES.txt")
        assert stream is not None
        assert stream.read() == b"of the repository\n"
    (tmp_path / "secret").write_text("secret\n")
    (folder / "key").symlink_to(tmp_path / "secret")
    stderr = refuse(folder, "--output-dir", tmp_path / "out")
    assert f"leads to {str(tmp_path / 'secret')!r}, which is not part of the project" in stderr
    (folder / "key").unlink()
    (folder / "key").symlink_to("../.git/config")
    assert "which is not part of the project" in refuse(folder, "--output-dir", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_readme_that_the_archive_would_not_have(project: Project, tmp_path: Path) -> None:
    folder = project("packed", "repository/packed")
    (folder / "README.md").rename(folder.parent / "README.md")
    text = (folder / "pyproject.toml").read_text()
    text = text.replace('"readme", ', "").replace("dynamic", 'readme = "../README.md"\ndynamic')
    (folder / "pyproject.toml").write_text(text)
    stderr = refuse(folder, "--output-dir", tmp_path / "out")
    assert "README.md', which is not part of the project" in stderr
    run("mv", folder / ".git", folder.parent / ".git")
    assert "README.md' is outside " in refuse(folder, "--output-dir", tmp_path / "out")


def test_dependency_licences_are_not_in_the_sdist(tmp_path: Path) -> None:
    scanner = Path(__file__).parents[2] / "sqlite_scanner"
    found = names(sdist(scanner, tmp_path))
    assert [name for name in found if "LICENSE" in name] == ["LICENSE"]


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
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # new in 3.11.4
        archive.extractall(tmp_path)
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
    stderr = refuse(project("hello"), "--output-dir", tmp_path / "out")
    assert "has no pyproject.toml with build-backend = 'go_to_wheel.backend'" in stderr
    assert not (tmp_path / "out").exists()


def test_ignored_files_of_a_replaced_module(project: Project, tmp_path: Path) -> None:
    folder = project("packed")
    (folder / "other").mkdir()
    (folder / "other" / "go.mod").write_text("module example.com/other\n\ngo 1.21\n")
    (folder / "other" / "made.go").write_text("package other\n\nvar X = 1\n")
    with (folder / "go.mod").open("a") as file:
        file.write("\nrequire example.com/other v0.0.0\nreplace example.com/other => ./other\n")
    (folder / "other.go").write_text('package main\n\nimport _ "example.com/other"\n')
    (folder / ".gitignore").write_text("/other\n")
    assert names(sdist(folder, tmp_path)) == sorted(
        [*EXPECTED, "other.go", "other/go.mod", "other/made.go"]
    )


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
    stderr = refuse(folder, "--output-dir", tmp_path / "out")
    assert "example.com/other => ../other" in stderr
    assert "hint: make an archive with its dependencies inside: vendor = true" in stderr
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


def test_secrets_stay_out_with_a_note(project: Project, tmp_path: Path) -> None:
    folder = project("packed")
    run("rm", "-rf", folder / ".git")
    for name in ("id_rsa", "secrets.pem", ".env", "ignored.txt", "wanted.key"):
        (folder / name).write_text("x")
    (folder / ".gitignore").write_text("ignored.txt\n")
    text = (folder / "pyproject.toml").read_text()
    table = '[tool.go-to-wheel]\nsdist-include = ["wanted.key"]\nsdist-exclude = ["README.md"]\n'
    (folder / "pyproject.toml").write_text(text.replace("[tool.go-to-wheel]\n", table))
    result = go_to_wheel("sdist", folder, "--output-dir", tmp_path / "dist")
    assert "names are those of keys or passwords: id_rsa, secrets.pem (to add" in result.stderr
    with tarfile.open(next((tmp_path / "dist").iterdir())) as archive:
        found = [name.split("/", 1)[1] for name in archive.getnames()]
    assert found == sorted({*EXPECTED, "wanted.key"} - {"README.md"})


def test_a_readmes_links_lead_to_the_commit(project: Project, tmp_path: Path) -> None:
    """From the folder and from its source archive, which has no git: the same wheel."""
    folder = project("packed")
    for name in ("go.mod", "main.go"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("example.com/packed", "github.com/o/packed"))
    (folder / "README.md").write_text("# Packed\n\nIt [packs](docs/a.md) ![things](b.png).\n")
    git(folder, "commit", "-q", "-a", "-m", "links")
    git(folder, "tag", "v1.0.0")
    commit = git(folder, "rev-parse", "HEAD").strip()
    with sdist(folder, tmp_path / "sdist") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # new in 3.11.4
        archive.extractall(tmp_path / "unpacked")
    wheels = []
    for source, output in ((folder, "a"), (tmp_path / "unpacked" / "packed-1.0.0", "b")):
        code = "import sys, go_to_wheel.backend as backend; backend.build_wheel(sys.argv[1])"
        (tmp_path / output).mkdir()
        run(sys.executable, "-c", code, tmp_path / output, cwd=source)
        (wheel,) = (tmp_path / output).iterdir()
        wheels.append(wheel)
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    metadata = wheel_texts(wheels[0])["METADATA"]
    home = "https://github.com/o/packed"
    assert f"It [packs]({home}/blob/{commit}/docs/a.md)" in metadata
    assert f"![things]({home}/raw/{commit}/b.png)" in metadata
    go_to_wheel("verify", wheels[0], "--source", folder)

"""Only regular files of the project go into a wheel; nothing else is read, or waited for."""

from __future__ import annotations

import ast
import gzip
import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from systems import needs_links

import go_to_wheel
from go_to_wheel.builder.detect import read_pkg_info
from go_to_wheel.config.pyproject import read_project
from go_to_wheel.errors import SourceError
from go_to_wheel.process import Host
from go_to_wheel.sources.files import BINARY_LIMIT, find_repository_root, read_file
from go_to_wheel.sources.git import Git, guard_git
from go_to_wheel.sources.listing import list_sdist_files, read_python_files
from go_to_wheel.sources.module import open_module, read_project_files
from go_to_wheel.sources.prebuilt import read_members

GIANT = 30 << 30


def make_project(folder: Path) -> Path:
    """A module in a repository, a secret beside it, and a folder that nobody should see."""
    project = folder / "repository" / "module"
    project.mkdir(parents=True)
    (project / "go.mod").write_text("module example.com/tool\n")
    (project / "main.go").write_text("package main\n")
    (project / "python").mkdir()
    (project / "python" / "tool.py").write_text("")
    git = folder / "repository" / ".git"
    git.mkdir()
    (git / "config").write_text("token")
    (folder / "repository" / ".ssh").mkdir()
    (folder / "repository" / ".ssh" / "id").write_text("key")
    (folder / "repository" / "LICENSE").write_text("text")
    (folder / "secret").write_text("secret")
    return project


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def listen(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


def spread(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(GIANT)


ELSEWHERE = "which is not part of the project"
BAD = {
    "a file outside": (link("../../secret"), ELSEWHERE),
    "an absolute path": (link("/etc/passwd"), ELSEWHERE),
    "the process's environment": (link("/proc/self/environ"), ELSEWHERE),
    "a file descriptor": (link("/dev/fd/0"), ELSEWHERE),
    "a device": (link("/dev/zero"), ELSEWHERE),
    "git's settings": (link("../.git/config"), ELSEWHERE),
    "git's settings, in capitals": (link("../.GIT/config"), ELSEWHERE),
    "a hidden folder above the project": (link("../.ssh/id"), ELSEWHERE),
    "a pipe": (os.mkfifo if hasattr(os, "mkfifo") else spread, "is a named pipe"),
    "a socket": (listen, "is a socket"),
    "a sparse giant": (spread, f"has {GIANT:,} bytes"),
    "itself": (link("LICENSE"), "is a link that leads back to itself"),
    "nothing": (link("gone"), "can't read"),
}

PYPROJECT = """\
[project]
name = "tool"
version = "1"
readme = "NAMED.md"
license-files = ["LICENSES/*"]
[tool.go-to-wheel]
"""


def read_pyproject(folder: Path) -> object:
    if not os.path.lexists(folder / "pyproject.toml"):
        (folder / "pyproject.toml").write_text(PYPROJECT)
    for name in ("NAMED.md", "LICENSES/MIT.txt"):
        if not os.path.lexists(folder / name):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("text")
    return read_project(folder)


READERS: dict[str, Callable[[Path], object]] = {
    "README.md": lambda folder: read_project_files(open_module(str(folder), []), None),
    "LICENSE": lambda folder: read_project_files(open_module(str(folder), []), None),
    "NOTICE.txt": lambda folder: read_project_files(open_module(str(folder), []), None),
    "go.mod": lambda folder: open_module(str(folder), []),
    "go.sum": lambda folder: open_module(str(folder), []),
    "other.go": lambda folder: open_module(str(folder), []),
    "internal/deep/deep.go": lambda folder: open_module(str(folder), []),
    "vendor/modules.txt": lambda folder: open_module(str(folder), []),
    "pyproject.toml": read_pyproject,
    "NAMED.md": read_pyproject,
    "PKG-INFO": read_pkg_info,
    "python/data.txt": lambda folder: read_python_files(folder, "python"),
    "python/deep/data.txt": lambda folder: read_python_files(folder, "python"),
}


@needs_links
@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("bad", BAD)
def test_irregular_and_outside_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, bad: str
) -> None:
    project = make_project(tmp_path)
    place, words = BAD[bad]
    path = project / name
    if bad == "itself":
        place = link(path.name)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(path.parent)
    if path.parent != project and bad.startswith(("a file outside", "git", "a hidden")):
        path.symlink_to(os.path.relpath(tmp_path / "secret"))
    else:
        place(path)
    with pytest.raises(SourceError) as caught:
        READERS[name](project)
    assert words in str(caught.value)
    assert path.name in str(caught.value)


@needs_links
def test_links_inside_the_project_are_followed(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project / "LICENSE").symlink_to("../LICENSE")
    (project / "docs").mkdir()
    (project / "docs" / "README.md").write_text("read me")
    (project / "README.md").symlink_to("docs/README.md")
    (project / ".github").mkdir()
    (project / ".github" / "NOTICE").write_text("notice")
    (project / "NOTICE").symlink_to(".github/NOTICE")
    (tmp_path / "other").symlink_to(project)  # the project's folder is a link itself
    for folder in (project, tmp_path / "other"):
        files = read_project_files(open_module(str(folder), []), None)
        assert files.licenses == (("LICENSE", b"text"), ("NOTICE", b"notice"))
        assert files.readme and files.readme.text == "read me"


@needs_links
def test_hard_links_are_read(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    os.link(tmp_path / "repository" / "LICENSE", project / "LICENSE")
    assert read_file(project / "LICENSE", project) == b"text"


@needs_links
def test_named_files_may_be_anywhere(tmp_path: Path) -> None:
    (tmp_path / "README.md").symlink_to(make_project(tmp_path) / "go.mod")
    assert read_file(tmp_path / "README.md", None).startswith(b"module")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="is a named pipe"):
        read_file(tmp_path / "pipe", None)


@needs_links
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="needs root")
def test_repository_of_another_user_is_ignored(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert find_repository_root(project) == tmp_path / "repository"
    os.chown(tmp_path / "repository" / ".git", 12345, 12345)
    assert find_repository_root(project) is None
    assert read_project_files(open_module(str(project), []), None).licenses == ()


def test_module_cache_is_no_repository(tmp_path: Path) -> None:
    """A home folder may be a repository, and its LICENSE is nobody's."""
    from go_to_wheel.sources.module import ModuleSource

    project = make_project(tmp_path)
    (project / "sub").mkdir()
    cached = ModuleSource(project, (".",), "example.com/tool", project / "sub", "v1.0.0")
    assert read_project_files(cached, None).licenses == ()


@needs_links
def test_replaced_modules_are_searched_for_irregular_files(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (tmp_path / "other").mkdir()
    os.mkfifo(tmp_path / "other" / "x.go")
    (project / "go.mod").write_text(
        "module example.com/tool\n\nreplace (\n\texample.com/other v1.0.0 => ../../other\n)\n"
    )
    with pytest.raises(SourceError, match="is a named pipe"):
        open_module(str(project), [])


@needs_links
def test_workspace_modules_are_searched_for_irregular_files(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "go.work").write_text('go 1.24\nuse (\n\t./repository // one\n\t"./other"\n)\n')
    assert open_module(str(project), []).module_path == "example.com/tool"
    os.mkfifo(tmp_path / "other" / "x.go")
    with pytest.raises(SourceError, match=r"other/x\.go' is a named pipe"):
        open_module(str(project), [])
    (tmp_path / "go.work").unlink()
    os.mkfifo(tmp_path / "go.work")
    with pytest.raises(SourceError, match=r"go\.work' is a named pipe"):
        open_module(str(project), [])


@needs_links
@pytest.mark.parametrize(
    "name",
    [".gitattributes", ".gitignore", ".gitmodules", ".git_archival.txt", "sub/.gitignore",
     "sub/testdata/.gitattributes", "module/.gitignore", ".git/config", ".git/info/exclude"],
)  # fmt: skip
def test_pipes_above_module_are_refused_for_git(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path)
    path = tmp_path / "repository" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(SourceError, match=rf"{path.name}' is a named pipe, not a regular file"):
        guard_git(project, Host({"PATH": ""}))
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(SourceError, match=rf"{path.name}' is a device, not a regular file"):
        guard_git(project, Host({"PATH": ""}))


@needs_links
@pytest.mark.parametrize("kind", ["link", "submodule", "worktree"])
def test_pipes_in_separate_git_folder_are_refused(tmp_path: Path, kind: str) -> None:
    project = make_project(tmp_path)
    named = project.parent / ".git"
    own = named.rename(tmp_path / "own")
    (own / "objects").mkdir(exist_ok=True)
    (own / "config").unlink(missing_ok=True)
    os.mkfifo(own / "config")
    if kind == "link":
        named.symlink_to(own)
    else:
        named.write_text("gitdir: ../own" + ("/worktrees/x" if kind == "worktree" else "") + "\n")
    with pytest.raises(SourceError, match=r"config' is a named pipe"):
        guard_git(project, Host({"PATH": ""}))


@needs_links
def test_files_that_git_never_reads_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = make_project(tmp_path).parent
    (tmp_path / "no-repository").mkdir()
    os.mkfifo(tmp_path / "no-repository" / "pipe")
    (repository / "sub").mkdir(exist_ok=True)
    other = repository / "sub" / "other"
    other.mkdir()
    (other / ".git").write_text("gitdir: ../../../no-repository\n")
    assert guard_git(other, Host({"PATH": ""}))
    monkeypatch.chdir(repository / ".git")
    listen(repository / ".git" / "fsmonitor--daemon.ipc")
    (repository / ".gitignore").symlink_to("gone")
    (repository / ".gitattributes").mkdir()
    os.mkfifo(repository / "control")
    assert "GIT_CONFIG_COUNT" in guard_git(repository, Host({"PATH": ""})).environ


@needs_links
@pytest.mark.parametrize("name", ["go.work", "go.work.sum", "vendor/modules.txt"])
def test_pipes_above_module_are_refused_for_go(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path)
    (tmp_path / "go.work").write_text("go 1.24\nuse ./repository\n")
    path = tmp_path / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    with pytest.raises(SourceError, match=rf"{path.name}' is a named pipe"):
        open_module(str(project), [])


@needs_links
def test_links_that_go_ignores_are_allowed(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project / "testdata").mkdir()
    for name in (".#main.go", "_main.go", "testdata/x.go", "x.md"):
        (project / name).symlink_to("/proc/self/environ")
    (project / "folder.go").symlink_to("/etc")
    assert open_module(str(project), []).module_path == "example.com/tool"


@needs_links
def test_unreadable_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database's, say: Go does not look into them either."""
    project = make_project(tmp_path)
    (project / "data").mkdir()
    real = os.scandir

    def scandir(folder: Path) -> object:
        if Path(folder).name == "data":
            raise PermissionError(13, "Permission denied", str(folder))
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert open_module(str(project), []).module_path == "example.com/tool"
    with pytest.raises(SourceError, match=r"can't read the folder .*data': Permission denied"):
        list_sdist_files(project, Git(tmp_path, Host({"PATH": ""})), [], [])


class Swapper(threading.Thread):
    """Puts one thing after another in a path's place until it is stopped."""

    def __init__(self, path: Path, *makers: Callable[[Path], object]) -> None:
        super().__init__(daemon=True)
        self.path, self.makers, self.stopped = path, makers, threading.Event()

    def run(self) -> None:
        spare = self.path.with_name("spare")
        while not self.stopped.is_set():
            for make in self.makers:
                make(spare)
                spare.replace(self.path)

    def read_meanwhile(self, path: Path, project: Path) -> set[bytes]:
        """What a thousand reads return, or more until one was refused."""
        seen: set[bytes] = set()
        reads, deadline = 0, time.monotonic() + 120
        self.start()
        try:
            while reads < 1000 or (b"refused" not in seen and time.monotonic() < deadline):
                reads += 1
                try:
                    seen.add(read_file(path, project))
                except SourceError:
                    seen.add(b"refused")
        finally:
            self.stopped.set()
            self.join()
        return seen


@needs_links
@pytest.mark.slow
@pytest.mark.parametrize(
    "intruder",
    [link("../../secret"), os.mkfifo if hasattr(os, "mkfifo") else spread, link("/dev/zero")],
    ids=["link", "pipe", "device"],
)
def test_file_swapped_between_check_and_open(
    tmp_path: Path, intruder: Callable[[Path], None]
) -> None:
    project = make_project(tmp_path)
    path = project / "LICENSE"
    path.write_text("text")
    swapper = Swapper(path, lambda spare: spare.write_text("text"), intruder)
    seen = swapper.read_meanwhile(path, project)
    assert seen <= {b"text", b"", b"refused"}  # written and renamed: never half, at most empty
    assert b"refused" in seen


@needs_links
@pytest.mark.slow
def test_folder_swapped_for_a_link(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (tmp_path / "data.txt").write_text("secret")
    (project / "real").mkdir()
    (project / "real" / "data.txt").write_text("text")
    folder = project / "python"
    (folder / "tool.py").unlink()
    folder.rmdir()
    folder.symlink_to("real")
    swapper = Swapper(folder, link("real"), link("../.."))
    seen = swapper.read_meanwhile(folder / "data.txt", project)
    assert seen == {b"text", b"refused"}


def test_memory_is_bounded_by_the_file_size(tmp_path: Path) -> None:
    """Python's own read(limit) reserves the limit, which Windows takes for used."""
    (tmp_path / "small.gz").write_bytes(gzip.compress(b"x"))
    tracemalloc.start()
    try:
        assert read_file(tmp_path / "small.gz", tmp_path, BINARY_LIMIT)
        (member,) = read_members(tmp_path / "small.gz", None, lambda *_: BINARY_LIMIT)
        assert member == ("", b"x")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


#: Files that are not the project's: our own package data, what a build has just written, /proc.
OWN_FILES = {
    "builder/requirement.py", "builder/run.py", "builder/scaffold.py", "golang/c_compiler.py",
    "golang/cgo.py", "golang/messages.py", "sources/summary.py",
}  # fmt: skip


def test_project_files_are_only_read_here() -> None:
    package = Path(go_to_wheel.__file__).parent
    for folder in ("builder", "config", "golang", "sources"):
        for path in (package / folder).glob("*.py"):
            name = path.relative_to(package).as_posix()
            calls = {
                getattr(node.func, "attr", getattr(node.func, "id", ""))
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Call)
            }
            found = calls & {"read_bytes", "read_text", "open"}
            own = ("sources/files.py", "sources/prebuilt.py")
            allowed = name in OWN_FILES or name in own
            assert not found or allowed, f"{name}: {', '.join(found)}"

"""What git says -> versions, by Go's own rules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs import program

from go_to_wheel.errors import ToolchainError
from go_to_wheel.process import Runner
from go_to_wheel.sources import Checkout, Git, guard_git, has_other_system, read_checkout
from go_to_wheel.sources.git import format_pseudo_version, newest_version

COMMIT = "abcdef0123456789abcdef0123456789abcdef01"


@pytest.mark.parametrize(
    ("tags", "prefix", "newest"),
    [
        ([], "", None),
        (["v1.2.3"], "", "v1.2.3"),
        (["v1.9.0", "v1.10.0", "v1.2.0"], "", "v1.10.0"),
        (["v1.0.0", "v1.0.0-rc.1"], "", "v1.0.0"),
        (["v1.0.0-rc.2", "v1.0.0-rc.10", "v1.0.0-beta"], "", "v1.0.0-rc.10"),
        (["release", "1.2.3", "v1.2", "v01.2.3", "nightly-v2.0.0"], "", None),
        (["v9.0.0", "cmd/x/v1.2.3"], "cmd/x/", "v1.2.3"),
        (["v9.0.0"], "cmd/x/", None),
        (["cmd/x/v1.2.3"], "", None),
    ],
)
def test_newest_version(tags: list[str], prefix: str, newest: str | None) -> None:
    assert newest_version(tags, prefix) == newest


@pytest.mark.parametrize(
    ("base", "pseudo"),
    [
        ("v1.2.3", "v1.2.4-0.20240102030405-abcdef012345"),
        ("v1.2.3-rc.1", "v1.2.3-rc.1.0.20240102030405-abcdef012345"),
    ],
)
def test_pseudo_versions(base: str, pseudo: str) -> None:
    assert format_pseudo_version(base, "20240102030405", COMMIT) == pseudo


def test_pseudo_versions_of_what_is_no_version() -> None:
    with pytest.raises(ValueError, match=r"not a semantic version: '1\.2'"):
        format_pseudo_version("1.2", "20240102030405", COMMIT)


def checkout(**values: object) -> Checkout:
    known = {"tag": None, "base": None, "modified": False, "remote": None, **values}
    return Checkout(COMMIT, 1704164645, **known)  # type: ignore[arg-type]


def test_release_and_pseudo_version() -> None:
    assert checkout(tag="v1.0.0", base="v1.0.0").release == "v1.0.0"
    dirty = checkout(tag="v1.0.0", base="v1.0.0", modified=True)
    assert dirty.release is None
    assert dirty.pseudo_version == "v1.0.1-0.20240102030405-abcdef012345"
    assert checkout(base="v0.9.0").pseudo_version == "v0.9.1-0.20240102030405-abcdef012345"
    assert checkout().pseudo_version is None


ANSWERS = {
    "log": f"{COMMIT} 1704164645\n",
    "rev-parse": "tools/x/\n",
    "tag --points-at": "v3.0.0\ntools/x/v1.2.3\n",
    "tag --merged": "v3.0.0\ntools/x/v1.2.3\ntools/x/v1.2.2\n",
    "status": "",
    "remote": "git@github.com:o/tool.git\n",
}


class Recorded:
    """A git that prints what one printed before."""

    def query(self, *words: str) -> str | None:
        line = " ".join(words)
        return next(text.strip() for key, text in ANSWERS.items() if line.startswith(key))


def test_read_checkout() -> None:
    assert read_checkout(Recorded()) == Checkout(
        COMMIT, 1704164645, "v1.2.3", "v1.2.3", False, "git@github.com:o/tool.git"
    )


def test_no_git_and_no_checkout(tmp_path: Path) -> None:
    without = {**os.environ, "PATH": str(tmp_path)}
    for environ in (without, os.environ):
        assert read_checkout(Git(tmp_path, Runner(), environ)) is None
        assert guard_git(tmp_path, Runner(), environ)["GIT_NO_LAZY_FETCH"] == "1"


def git(folder: Path, *words: str, **environ: str) -> str:
    env = {**os.environ, **IDENTITY, **environ}
    done = subprocess.run(
        [program("git"), *words], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


IDENTITY = {
    "GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.com",
    "GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
}  # fmt: skip
#: What each of these names is started when git feels like it.
HOSTILE = (
    "core.fsmonitor", "core.sshCommand", "core.askPass", "core.pager", "core.gitProxy",
    "core.alternateRefsCommand", "credential.helper", "diff.external", "diff.x.command",
    "diff.x.textconv", "filter.x.clean", "filter.x.smudge", "filter.x.process", "gpg.program",
    "gpg.ssh.program", "remote.origin.uploadpack",
)  # fmt: skip
HOOKS = ("post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman")


def make_script(path: Path, marker: Path) -> Path:
    path.write_text(f"#!/bin/sh\necho $0 >> {marker}\ncat\n")
    path.chmod(0o755)
    return path


def make_hostile(folder: Path, marker: Path) -> Path:
    """A repository whose configuration starts a script in every way that we know."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "go.mod").write_text("module example.com/tool\n\ngo 1.21\n")
    (folder / "main.go").write_text("package main\n\nfunc main() {}\n")
    (folder / ".gitattributes").write_text("*.go filter=x diff=x\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "tag", "v1.2.3")
    git(folder, "remote", "add", "origin", "ssh://nowhere.invalid/tool")
    script = make_script(folder / ".git" / "script", marker)
    for name in HOSTILE:
        git(folder, "config", name, str(script))
    git(folder, "config", "filter.x.required", "true")
    git(folder, "config", "log.showSignature", "true")
    git(folder, "config", "remote.origin.promisor", "true")
    (folder / ".git" / "hooks").mkdir(exist_ok=True)
    for name in HOOKS:
        make_script(folder / ".git" / "hooks" / name, marker)
    (folder / "main.go").touch()  # git has to look into it again
    os.utime(folder / "main.go", (1, 1))
    return folder


posix = pytest.mark.skipif(sys.platform == "win32", reason="the scripts are shell scripts")


@posix
def test_a_repositorys_settings_start_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    folder = make_hostile(tmp_path / "tool", marker)
    Runner().run([program("git"), "status"], folder, {**os.environ, **IDENTITY})
    assert marker.exists(), "the bait does not work"
    os.utime(folder / "main.go", (2, 2))
    marker.unlink()
    environ = guard_git(folder, Runner(), {**os.environ, **IDENTITY})
    checkout = read_checkout(Git(folder, Runner(), environ))
    assert checkout is not None
    assert (checkout.release, checkout.modified) == ("v1.2.3", False)
    # Go's own call:
    plain = Runner().run([program("git"), "status", "--porcelain"], folder, environ)
    assert plain.returncode == 0, plain.stderr
    for name in HOSTILE:
        asked = Runner().run([program("git"), "config", name], folder, environ).stdout.strip()
        assert asked in ("", "false", "ssh", "git-upload-pack"), name
    assert not marker.exists(), marker.read_text()


@posix
def test_go_stamps_without_starting_anything(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    folder = make_hostile(tmp_path / "tool", marker)
    environ = guard_git(folder, Runner(), {**os.environ, **IDENTITY})
    built = Runner().run(["go", "build", "-buildvcs=true", "-o", "tool"], folder, environ)
    assert built.returncode == 0, built.stderr
    shown = Runner().run(["go", "version", "-m", "tool"], folder, environ).stdout
    assert "vcs.modified=false" in shown
    assert not marker.exists(), marker.read_text()


@posix
@pytest.mark.parametrize("listed", [True, False], ids=["in .gitmodules", "not listed"])
def test_a_submodules_settings_start_nothing(tmp_path: Path, listed: bool) -> None:
    marker = tmp_path / "marker"
    folder = make_hostile(tmp_path / "tool", marker)
    inner = make_hostile(folder / "sub mod", marker)
    git(folder, "add", "sub mod")
    if listed:
        (folder / ".gitmodules").write_text(
            '[submodule "a.b c"]\n\tpath = sub mod\n\turl = ./x\n\tignore = none\n'
        )
    marker.unlink(missing_ok=True)
    os.utime(inner / "main.go", (3, 3))
    environ = guard_git(folder, Runner(), {**os.environ, **IDENTITY})
    Git(folder, Runner(), environ).query("status", "--porcelain")
    Runner().run([program("git"), "status", "--porcelain"], folder, environ)
    assert not marker.exists(), marker.read_text()


@posix
def test_the_users_own_settings_stay(tmp_path: Path) -> None:
    folder = make_hostile(tmp_path / "tool", tmp_path / "marker")
    own = tmp_path / "gitconfig"
    own.write_text(
        '[filter "x"]\n\tclean = cat\n[core]\n\tsshCommand = ssh -i mine\n'
        '[credential]\n\thelper = first\n\thelper = second\n[filter "lfs"]\n\tclean = lfs\n'
    )
    given = {**os.environ, "GIT_CONFIG_GLOBAL": str(own), "GIT_DIR": "elsewhere",
             "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name",
             "GIT_CONFIG_VALUE_0": "Me"}  # fmt: skip
    environ = guard_git(folder, Runner(), given)

    def ask(*words: str) -> list[str]:
        return Runner().run([program("git"), "config", *words], folder, environ).stdout.splitlines()

    assert ask("filter.x.clean") == ["cat"]
    assert ask("filter.lfs.clean") == ["lfs"]
    assert ask("core.sshCommand") == ["ssh -i mine"]
    assert ask("user.name") == ["Me"]
    assert ask("--get-all", "credential.helper")[-3:] == ["", "first", "second"]


@posix
def test_an_old_git_is_refused(tmp_path: Path) -> None:
    folder = make_hostile(tmp_path / "tool", tmp_path / "marker")
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    old = bin_folder / "git"
    old.write_text("#!/bin/sh\nprintf 'local\\0core.bare\\nfalse\\0'\n")
    old.chmod(0o755)
    with pytest.raises(ToolchainError, match="is too old: it would start what"):
        guard_git(folder, Runner(), {"PATH": f"{bin_folder}:/bin:/usr/bin"})


@posix
def test_a_git_that_waits_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_hostile(tmp_path / "tool", tmp_path / "marker")
    os.mkfifo(folder / "pipe")
    git(folder, "config", "include.path", "../pipe")
    monkeypatch.setattr("go_to_wheel.sources.git._LIMIT", 0.5)
    assert read_checkout(Git(folder, Runner(), os.environ)) is None


@pytest.mark.parametrize(
    ("folders", "other"),
    [([".git"], False), ([".hg"], True), ([".git", ".hg"], True), (["sub/.git", ".hg"], False),
     (["sub/.svn", ".git"], True), (["_FOSSIL_"], True)],
)  # fmt: skip
def test_other_version_control_systems(tmp_path: Path, folders: list[str], other: bool) -> None:
    (tmp_path / "sub" / "cmd").mkdir(parents=True)
    for name in folders:
        (tmp_path / name).mkdir()
    assert has_other_system(tmp_path / "sub" / "cmd") is other

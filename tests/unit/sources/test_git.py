"""What git says -> versions, by Go's own rules."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from shlex import quote

import pytest
from programs import program
from systems import needs_scripts

from go_to_wheel.errors import ToolchainError
from go_to_wheel.process import Host, Runner
from go_to_wheel.sources.git import (
    Checkout,
    Git,
    TagRules,
    guard_git,
    has_other_vcs,
    read_checkout,
)


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
RULES = TagRules(names=("tool",))


def make_repository(folder: Path, *tags: str) -> Path:
    """A repository with a commit that has these tags."""
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    for tag in tags:
        git(folder, "tag", tag)
    return folder


def commit(folder: Path) -> None:
    (folder / "main.go").write_text(f"package main // {os.urandom(4).hex()}\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x", GIT_COMMITTER_DATE="2024-01-02T03:04:05Z")


def look(folder: Path, *nearby: str, rules: TagRules = RULES, **environ: str) -> Checkout | None:
    top = next(place for place in (folder, *folder.parents) if place.name.startswith("test_"))
    env = {**os.environ, **IDENTITY, "GIT_CEILING_DIRECTORIES": str(top.parent), **environ}
    return read_checkout(Git(folder, Host(env)), rules, nearby, False)


def found(checkout: Checkout | None) -> str | None:
    """The release, else the development version without its commit; None without either."""
    if checkout is None or checkout.version is None or not checkout.why_unreleased:
        return checkout and checkout.version
    return checkout.version.rsplit("-", 1)[0]


@pytest.mark.parametrize(
    ("tags", "release"),
    [
        (["v1.2.3"], "v1.2.3"),
        (["1.4.0"], "1.4.0"),
        (["tool-v1.4.0"], "v1.4.0"),
        (["v1.0"], "v1.0"),
        (["v2026.01.15"], "v2026.01.15"),
        (["v1.2.3+build5"], "v1.2.3+build5"),  # refused later, with its name
        (["v1.2.3", "nightly", "tool-v9.9.9", "2.0"], "v1.2.3"),
        ([], None),
    ],
)
def test_tagged_commits_are_releases(tmp_path: Path, tags: list[str], release: str | None) -> None:
    folder = make_repository(tmp_path / "tool", *tags)
    assert found(look(folder)) == release
    (folder / "main.go").write_text("package changed\n")
    changed = look(folder)
    assert changed is not None
    assert ("files differ from tag" in changed.why_unreleased) is bool(release)


def test_commits_after_a_tag_are_development_versions(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "tool", "1.4")
    commit(folder)
    seen = look(folder)
    assert found(seen) == "1.5.dev20240102030405"
    assert seen and seen.why_unreleased and "no version tag points at commit" in seen.why_unreleased
    git(folder, "tag", "v1.4.1", "HEAD~1")
    assert found(look(folder)) == "v1.4.2-0.20240102030405"


@pytest.mark.parametrize(
    "date", ["253402300800 +0000", f"{'9' * 25} +0000", f"{'9' * 5000} +0000", ""]
)
def test_commit_with_an_impossible_date(tmp_path: Path, date: str) -> None:
    folder = make_repository(tmp_path / "tool", "v1.0.0")
    tree = git(folder, "write-tree").strip()
    text = f"tree {tree}\nauthor a <a@b> {date}\ncommitter a <a@b> {date}\n\nx\n"
    (tmp_path / "commit").write_text(text)
    write = ("hash-object", "-t", "commit", "-w", "--literally", str(tmp_path / "commit"))
    git(folder, "update-ref", "HEAD", git(folder, *write).strip())
    seen = look(folder)
    assert seen and seen.timestamp == 0
    assert seen.version and seen.version.startswith("v0.0.0-19700101000000-")


def test_version_tags_of_other_branches_are_named(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "tool")
    git(folder, "checkout", "-q", "-b", "release")
    for tag in ("v1.0.0", "v1.1.0"):
        commit(folder)
        git(folder, "tag", tag)
    git(folder, "checkout", "-q", "main")
    seen = look(folder)
    assert found(seen) == "v0.0.0-20240102030405"
    assert (
        seen
        and seen.why_unreleased
        == "no version tag is on this branch; the newest elsewhere is v1.1.0"
    )


def test_tags_without_a_version_are_listed(tmp_path: Path) -> None:
    seen = look(make_repository(tmp_path / "other", "nightly", "server-v1.0.0"))
    assert found(seen) == "v0.0.0-20240102030405"
    assert seen and seen.why_unreleased
    assert "newest: nightly, server-v1.0.0" in seen.why_unreleased
    assert "tag-prefix" in seen.why_unreleased


def test_tags_of_a_module_in_a_subfolder(tmp_path: Path) -> None:
    top = make_repository(tmp_path / "top", "v1.2.0")
    folder = top / "go" / "tool"
    folder.mkdir(parents=True)
    seen = look(folder)
    assert seen and seen.why_unreleased and "newest: v1.2.0" in seen.why_unreleased
    assert found(look(folder, "../..")) == "v1.2.0"  # pyproject.toml is at the root
    git(top, "tag", "tool/v1.3.0")
    assert found(look(folder)) == "v1.3.0"
    git(top, "tag", "go/tool/v1.4.0")
    assert found(look(folder)) == "v1.4.0"
    git(top, "tag", "rel-5.0")
    assert found(look(folder, rules=TagRules(prefix="rel-"))) == "5.0"


def test_shallow_clone_is_explained(tmp_path: Path) -> None:
    top = make_repository(tmp_path / "top", "v1.2.0")
    commit(top)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", "--no-tags", f"file://{top}", str(clone))
    seen = look(clone)
    assert found(seen) == "v0.0.0-20240102030405"
    assert seen and seen.why_unreleased and "git fetch --unshallow --tags" in seen.why_unreleased


def test_missing_or_failing_git_is_explained(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "tool", "v1.2.3")
    missing = look(folder, PATH=str(tmp_path))
    assert missing and missing.why_unreleased
    assert missing.version == "0.0.0.dev0"
    assert "can't run git (No such file or directory); install it" in missing.why_unreleased
    refusing = look(folder, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert refusing and refusing.why_unreleased and "dubious ownership" in refusing.why_unreleased
    assert "git config --global --add safe.directory" in refusing.why_unreleased


def test_folders_without_a_commit_have_no_version(tmp_path: Path) -> None:
    assert look(tmp_path) is None
    assert look(tmp_path, PATH=str(tmp_path)) is None
    git(tmp_path, "init", "-q")
    assert look(tmp_path) is None


#: What each of these names is started when git feels like it.
HOSTILE = (
    "core.fsmonitor", "core.sshCommand", "core.askPass", "core.pager", "core.gitProxy",
    "core.alternateRefsCommand", "credential.helper", "diff.external", "diff.x.command",
    "diff.x.textconv", "filter.x.clean", "filter.x.smudge", "filter.x.process", "gpg.program",
    "gpg.ssh.program", "remote.origin.uploadpack",
)  # fmt: skip
HOOKS = ("post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman")


def make_script(path: Path, marker: Path) -> Path:
    path.write_text(f"#!/bin/sh\necho $0 >> {quote(str(marker))}\ncat\n")
    path.chmod(0o755)
    return path


def configure(folder: Path, settings: dict[str, str]) -> None:
    """What `git config` would write, in one step."""
    with (folder / ".git" / "config").open("a") as file:
        for name, value in settings.items():
            section, _, rest = name.partition(".")
            subsection, _, key = rest.rpartition(".")
            head = f'{section} "{subsection}"' if subsection else section
            file.write(f"[{head}]\n\t{key} = {value}\n")


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
    script = make_script(folder / ".git" / "script", marker)
    configure(
        folder,
        {
            **dict.fromkeys(HOSTILE, quote(str(script))),
            "filter.x.required": "true",
            "log.showSignature": "true",
            "remote.origin.promisor": "true",
            "remote.origin.url": "ssh://nowhere.invalid/tool",
        },
    )
    (folder / ".git" / "hooks").mkdir(exist_ok=True)
    for name in HOOKS:
        make_script(folder / ".git" / "hooks" / name, marker)
    (folder / "main.go").touch()  # git has to look into it again
    os.utime(folder / "main.go", (1, 1))
    return folder


@needs_scripts
def test_repository_settings_start_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    folder = make_hostile(tmp_path / "tool", marker)
    Runner().run([program("git"), "status"], folder, {**os.environ, **IDENTITY})
    assert marker.exists(), "the bait does not work"
    os.utime(folder / "main.go", (2, 2))
    marker.unlink()
    environ = guard_git(folder, Host({**os.environ, **IDENTITY})).environ
    checkout = read_checkout(Git(folder, Host(environ)), RULES, [], False)
    assert checkout is not None
    assert (checkout.version, checkout.why_unreleased) == ("v1.2.3", "")
    # Go's own call:
    plain = Runner().run([program("git"), "status", "--porcelain"], folder, environ)
    assert plain.returncode == 0, plain.stderr
    for name in HOSTILE:
        asked = Runner().run([program("git"), "config", name], folder, environ).stdout.strip()
        assert asked in ("", "false", "ssh", "git-upload-pack"), name
    assert not marker.exists(), marker.read_text()


@needs_scripts
def test_stamping_starts_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    folder = make_hostile(tmp_path / "tool", marker)
    environ = guard_git(folder, Host({**os.environ, **IDENTITY})).environ
    built = Runner().run(["go", "build", "-buildvcs=true", "-o", "tool"], folder, environ)
    assert built.returncode == 0, built.stderr
    shown = Runner().run(["go", "version", "-m", "tool"], folder, environ).stdout
    assert "vcs.modified=false" in shown
    assert not marker.exists(), marker.read_text()


@needs_scripts
@pytest.mark.parametrize("listed", [True, False], ids=["in .gitmodules", "not listed"])
def test_submodule_settings_start_nothing(tmp_path: Path, listed: bool) -> None:
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
    environ = guard_git(folder, Host({**os.environ, **IDENTITY})).environ
    Git(folder, Host(environ)).query("status", "--porcelain")
    Runner().run([program("git"), "status", "--porcelain"], folder, environ)
    assert not marker.exists(), marker.read_text()


@needs_scripts
def test_user_settings_stay(tmp_path: Path) -> None:
    folder = make_hostile(tmp_path / "tool", tmp_path / "marker")
    own = tmp_path / "gitconfig"
    own.write_text(
        '[filter "x"]\n\tclean = cat\n[core]\n\tsshCommand = ssh -i mine\n'
        '[credential]\n\thelper = first\n\thelper = second\n[filter "lfs"]\n\tclean = lfs\n'
    )
    given = {**os.environ, "GIT_CONFIG_GLOBAL": str(own), "GIT_DIR": "elsewhere",
             "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name",
             "GIT_CONFIG_VALUE_0": "Me"}  # fmt: skip
    given["GIT_CONFIG"] = os.devnull  # `git config` would list this file alone
    environ = guard_git(folder, Host(given)).environ

    def ask(*words: str) -> list[str]:
        return Runner().run([program("git"), "config", *words], folder, environ).stdout.splitlines()

    assert ask("filter.x.clean") == ["cat"]
    assert ask("filter.lfs.clean") == ["lfs"]
    assert ask("core.sshCommand") == ["ssh -i mine"]
    assert ask("user.name") == ["Me"]
    assert ask("--get-all", "credential.helper")[-3:] == ["", "first", "second"]


@needs_scripts
@pytest.mark.parametrize(
    ("file", "text"),
    [(".git/config", b'[filter "\xff"]\n\tclean = id\n'),
     (".gitmodules", b'[submodule "\xff"]\n\tignore = none\n')],
)  # fmt: skip
def test_a_setting_name_without_utf8_is_refused(tmp_path: Path, file: str, text: bytes) -> None:
    folder = make_hostile(tmp_path / "tool", tmp_path / "marker")
    with (folder / file).open("ab") as stream:
        stream.write(text)
    with pytest.raises(ToolchainError, match="may start a program, and its name is not UTF-8"):
        guard_git(folder, Host(os.environ))


def test_column_settings_do_not_change_tags(tmp_path: Path) -> None:
    folder = tmp_path / "tool"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    for tag in ("v1.0.0", "v1.1.0"):
        git(folder, "tag", tag)
    git(folder, "config", "column.ui", "always")
    environ = guard_git(folder, Host(os.environ)).environ
    seen = read_checkout(Git(folder, Host(environ)), RULES, [], False)
    assert seen and (seen.version, seen.why_unreleased) == ("v1.1.0", "")


def test_failing_git_status_is_no_release(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    git(tmp_path, "tag", "v1.0.0")
    (tmp_path / ".git" / "index").write_bytes(b"no index")
    seen = read_checkout(Git(tmp_path, Host(os.environ)), RULES, [], False)
    assert seen and "git status failed" in seen.why_unreleased


@needs_scripts
def test_old_git_is_refused(tmp_path: Path) -> None:
    folder = make_hostile(tmp_path / "tool", tmp_path / "marker")
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    old = bin_folder / "git"
    old.write_text("#!/bin/sh\nprintf 'local\\0core.bare\\nfalse\\0'\n")
    old.chmod(0o755)
    with pytest.raises(ToolchainError, match="is too old: it would start what"):
        guard_git(folder, Host({"PATH": f"{bin_folder}:/bin:/usr/bin"}))


@needs_scripts
def test_waiting_git_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_hostile(tmp_path / "tool", tmp_path / "marker")
    os.mkfifo(folder / "pipe")
    git(folder, "config", "include.path", "../pipe")
    monkeypatch.setattr("go_to_wheel.sources.git._TIMEOUT", 0.5)
    seen = read_checkout(Git(folder, Host(os.environ)), RULES, [], False)
    assert seen and seen.why_unreleased and "did not finish within" in seen.why_unreleased
    with pytest.raises(ToolchainError, match="did not finish within"):  # Go's git would wait, too
        guard_git(folder, Host(os.environ))


@pytest.mark.parametrize(
    ("folders", "other"),
    [([".git"], False), ([".hg"], True), ([".git", ".hg"], True), (["sub/.git", ".hg"], False),
     (["sub/.svn", ".git"], True), (["_FOSSIL_"], True)],
)  # fmt: skip
def test_other_version_control_systems_are_detected(
    tmp_path: Path, folders: list[str], other: bool
) -> None:
    (tmp_path / "sub" / "cmd").mkdir(parents=True)
    for name in folders:
        (tmp_path / name).mkdir()
    assert has_other_vcs(tmp_path / "sub" / "cmd") is other

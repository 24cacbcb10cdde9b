"""git: how it is called, and the commit, tags and version that it knows of a folder.

A repository comes with settings of its own, and some of them start programs. `guard_git`
makes the environment in which those are off, for our calls and for Go's. What the user's own
settings start (git-lfs, say) stays on.

The version rules are Go's own: a module in a subfolder is tagged with that folder in front
("cmd/x/v1.2.3"), and a commit without a tag has the pseudo-version that follows the newest
tag below it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from go_to_wheel.errors import GoToWheelError, ToolchainError
from go_to_wheel.process import Result, Runner

#: Seconds after which a git that waits for something is ended.
_LIMIT = 120.0
#: Off whatever any configuration says: none of our calls, and none of Go's, needs them.
_OFF = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "diff.ignoreSubmodules": "dirty",  # else git starts another git in each submodule
    "log.mailmap": "false",
    "log.showSignature": "false",
    "protocol.ext.allow": "never",
}
#: Settings that start a program, or wait for a file, in a call that we or Go make.
_STARTS = re.compile(
    r"core\.(alternaterefscommand|askpass|attributesfile|excludesfile|gitproxy|pager|sshcommand)"
    r"|(credential|credential\..*)\.helper"
    r"|diff\.external|diff\..*\.(command|textconv)"
    r"|filter\..*\.(clean|process|required|smudge)"
    r"|(gpg|gpg\..*)\.(program|defaultkeycommand)"
    r"|remote\..*\.(promisor|uploadpack|vcs)"
    r"|submodule\..*\.(ignore|update)",
    re.DOTALL,
)
#: What switches such a setting off, by its last word; the others take an empty text.
_NEUTRAL = {
    "ignore": "dirty",
    "promisor": "false",
    "required": "false",
    "sshcommand": "ssh",
    "update": "none",
    "uploadpack": "git-upload-pack",
}
#: Where git would look for another repository than the folder's (a git hook sets these).
_REDIRECTING = ("GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE",
                "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_WORK_TREE")  # fmt: skip
#: Folders of the other version control systems that Go starts.
_OTHER_SYSTEMS = (".bzr", ".fslckout", ".hg", ".svn", "_FOSSIL_")

_SEMVER = re.compile(
    r"v(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)\.(?P<patch>0|[1-9]\d*)"
    r"(?:-(?P<pre>[0-9A-Za-z.-]+))?"
)


@dataclass(frozen=True)
class Checkout:
    """A commit and its neighbourhood.

    `tag` is the newest version tag on the commit itself, `base` the newest one below it,
    both without the module's folder; `modified` tells of tracked files that differ.
    """

    commit: str
    seconds: int
    tag: str | None
    base: str | None
    modified: bool
    remote: str | None

    @property
    def release(self) -> str | None:
        """The version of an unmodified, tagged commit."""
        return self.tag if self.tag and not self.modified else None

    @property
    def pseudo_version(self) -> str | None:
        """Go's pseudo-version for this commit; None when no tag at all leads to it."""
        base = self.tag or self.base
        if base is None:
            return None
        stamp = datetime.fromtimestamp(self.seconds, UTC).strftime("%Y%m%d%H%M%S")
        return format_pseudo_version(base, stamp, self.commit)


def format_pseudo_version(base: str, stamp: str, commit: str) -> str:
    """What follows `base` for Go: "v1.2.3" -> "v1.2.4-0.20240102030405-abcdef012345"."""
    found = _SEMVER.fullmatch(base)
    if not found:
        raise ValueError(f"not a semantic version: {base!r}")
    if found["pre"]:
        return f"{base}.0.{stamp}-{commit[:12]}"
    return f"v{found['major']}.{found['minor']}.{int(found['patch']) + 1}-0.{stamp}-{commit[:12]}"


class Git:
    """git in a folder. `environ` is one that `guard_git` made."""

    def __init__(self, folder: Path, runner: Runner, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self._runner = runner
        self._environ = {
            **environ,
            "GIT_OPTIONAL_LOCKS": "0",  # writes nothing into the repository
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }

    def run(self, *words: str) -> Result:
        """Raises OSError without git, ToolchainError when it does not end."""
        command = ["git", "-c", "safe.bareRepository=explicit", *words]
        return self._runner.run(command, self.folder, self._environ, _LIMIT)

    def query(self, *words: str) -> str | None:
        """What git prints; None when it fails or is not there."""
        try:
            result = self.run(*words)
        except (OSError, GoToWheelError):
            return None
        return result.stdout.strip() if result.returncode == 0 else None


def guard_git(folder: Path, runner: Runner, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which nothing that the folder's repository configures is started.

    Raises ToolchainError for a git before 2.31, which does not take settings from there.
    """
    bare = {name: value for name, value in environ.items() if name not in _REDIRECTING}
    guarded = _with_settings({**bare, "GIT_NO_LAZY_FETCH": "1"}, _OFF.items())
    root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
    if root is None:
        return guarded
    git = Git(root, runner, guarded)
    listed = git.query("config", "--list", "--null", "--show-scope")
    if listed is None:
        return guarded  # no git, or one that refuses every call
    settings = list(_parse_settings(listed))
    if ("command", "core.fsmonitor", "false") not in settings:
        raise ToolchainError(
            f"{git.query('--version')} is too old: it would start what {str(root)!r} configures",
            "install git 2.31 or newer, or build a copy of the folder without .git",
        )
    return _with_settings(guarded, [*_reset(settings), *_ignored_submodules(git)])


def _parse_settings(listed: str) -> Iterator[tuple[str, str, str]]:
    """`git config --list --null --show-scope` -> (scope, name, value)."""
    words = listed.split("\0")
    for scope, setting in zip(words[::2], words[1::2], strict=False):
        name, _, value = setting.partition("\n")
        yield scope, name, value


def _reset(settings: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """What the repository sets and starts something is off, or as the user has it."""
    of_repository = {name for scope, name, _ in settings if scope in ("local", "worktree")}
    for name in sorted(of_repository):
        if _STARTS.fullmatch(name):
            yield name, _NEUTRAL.get(name.rpartition(".")[2], "")
            own = [one for one in settings if one[1] == name and one[0] in ("system", "global")]
            yield from ((name, value) for _, _, value in own)


def _ignored_submodules(git: Git) -> Iterator[tuple[str, str]]:
    """Settings that keep git from starting another one in each submodule."""
    if (git.folder / ".gitmodules").exists():
        listed = git.query("config", "--file", ".gitmodules", "--list", "--null", "--name-only")
        for name in (listed or "").split("\0"):
            if name.startswith("submodule."):
                yield f"{name.rpartition('.')[0]}.ignore", "dirty"


def _with_settings(
    environ: Mapping[str, str], settings: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """The environment with more git settings, which count more than all files'."""
    result = dict(environ)
    count = result.get("GIT_CONFIG_COUNT", "")
    number = int(count) if count.isdecimal() else 0
    for name, value in settings:
        result |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        number += 1
    return {**result, "GIT_CONFIG_COUNT": str(number)}


def has_other_system(folder: Path) -> bool:
    """Whether Go would start another version control system than git for this folder.

    Those may start what the folder configures, and there is no switch for it.
    """
    for place in (folder, *folder.parents):
        if any((place / name).exists() for name in _OTHER_SYSTEMS):
            return True
        if (place / ".git").exists():
            return False
    return False


class _Queries(Protocol):
    def query(self, *words: str) -> str | None: ...


def read_checkout(git: _Queries) -> Checkout | None:
    """Ask git about the module in this folder; None without git, checkout or commit."""
    head = git.query("log", "-1", "--no-show-signature", "--format=%H %ct")
    if not head:
        return None
    commit, seconds = head.split()
    prefix = git.query("rev-parse", "--show-prefix") or ""
    here = (git.query("tag", "--points-at", "HEAD") or "").splitlines()
    below = (git.query("tag", "--merged", "HEAD") or "").splitlines()
    changes = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty")
    return Checkout(
        commit=commit,
        seconds=int(seconds),
        tag=newest_version(here, prefix),
        base=newest_version(below, prefix),
        modified=bool(git.query(*changes, "--", ".")),
        remote=git.query("remote", "get-url", "origin"),
    )


def newest_version(tags: Sequence[str], prefix: str) -> str | None:
    """The newest semantic version among tags that start with the module's folder."""
    versions = [tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)]
    known = [version for version in versions if _SEMVER.fullmatch(version)]
    return max(known, key=_order, default=None)


def _order(version: str) -> tuple[object, ...]:
    """Precedence by the rules of semantic versioning: a pre-release is before its release."""
    found = _SEMVER.fullmatch(version)
    if not found:
        raise ValueError(f"not a semantic version: {version!r}")
    numbers = (int(found["major"]), int(found["minor"]), int(found["patch"]))
    parts = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in (found["pre"] or "").split(".")
    )
    return (*numbers, found["pre"] is None, parts)

"""What git knows about a folder: the commit, its tags, and the version they make.

The version rules are Go's own: a module in a subfolder is tagged with that folder in front
("cmd/x/v1.2.3"), and a commit without a tag has the pseudo-version that follows the newest
tag below it. git itself is run by the function that is passed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from go_to_wheel.errors import GoToWheelError


class Answer(Protocol):
    """What a finished process said."""

    @property
    def returncode(self) -> int: ...
    @property
    def stdout(self) -> str: ...


#: Runs a command in a folder; raises OSError when there is no such program.
Run = Callable[[Sequence[str], Path], Answer]

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


def read_checkout(folder: Path, run: Run) -> Checkout | None:
    """Ask git about the module in this folder; None without git, checkout or commit."""

    def ask(*words: str) -> str | None:
        try:
            result = run(["git", *words], folder)
        except (OSError, GoToWheelError):
            return None
        return result.stdout.strip() if result.returncode == 0 else None

    head = ask("log", "-1", "--no-show-signature", "--format=%H %ct")
    if not head:
        return None
    commit, seconds = head.split()
    prefix = ask("rev-parse", "--show-prefix") or ""
    here = (ask("tag", "--points-at", "HEAD") or "").splitlines()
    below = (ask("tag", "--merged", "HEAD") or "").splitlines()
    return Checkout(
        commit=commit,
        seconds=int(seconds),
        tag=newest_version(here, prefix),
        base=newest_version(below, prefix),
        modified=bool(ask("status", "--porcelain", "--untracked-files=no", "--", ".")),
        remote=ask("remote", "get-url", "origin"),
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

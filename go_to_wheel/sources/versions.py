"""Tags -> the version of a project. Pure.

Go's own form counts first: a module in a folder is tagged with that folder in front
("cmd/x/v1.2.3"). Then the folder of pyproject.toml, then the forms of release tools
("tool-v1.2.3", "tool/1.2.3"), then a version alone ("1.2", "v2026.01.15"). A project that
states its tag-prefix has no other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from packaging.version import InvalidVersion, Version

_SEMVER = re.compile(
    r"v(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-(?P<pre>[0-9A-Za-z.-]+))?"
)
#: At least one dot: tags such as "v2" are moved from release to release.
_LOOSE = re.compile(r"v?\d+(\.\d+)+([-+.]?[0-9A-Za-z][0-9A-Za-z.+-]*)?")


@dataclass(frozen=True)
class TagRules:
    """Which tags are versions of a project.

    `folders` are the module's and the project's in the repository ("" or "tools/x/"), `names`
    the project's; `prefix` is the one that is stated.
    """

    folders: tuple[str, ...] = ("",)
    names: tuple[str, ...] = ()
    prefix: str | None = None


def find_version(tags: Sequence[str], rules: TagRules) -> str | None:
    """The newest version among tags, without what is in front; None if none is one."""
    named = [f"{name}{sign}" for name in rules.names for sign in "-/_@"]
    tries = [([folder], _SEMVER) for folder in rules.folders]
    tries += [(named, _LOOSE), ([*rules.folders], _LOOSE)]
    if rules.prefix is not None:
        tries = [([rules.prefix], _LOOSE)]
    for prefixes, pattern in tries:
        pairs = [(tag, prefix) for prefix in prefixes for tag in tags if tag.startswith(prefix)]
        versions = [tag.removeprefix(prefix) for tag, prefix in pairs]
        if fitting := list(filter(pattern.fullmatch, versions)):
            return max(fitting, key=_order)
    return None


def _order(version: str) -> tuple[bool, Version | str]:
    """Precedence by Python's rules; what is no version there is before all others."""
    try:
        return (True, Version(version))
    except InvalidVersion:
        return (False, version)


def format_development(base: str, seconds: int, commit: str) -> str:
    """The version of a commit after the version `base`.

    Go's pseudo-version ("v1.2.3" -> "v1.2.4-0.20240102030405-abcdef012345"), or Python's
    ("1.2" -> "1.3.dev20240102030405") where the base is no version to Go.
    """
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")
    found = _SEMVER.fullmatch(base)
    if found and found["pre"]:
        return f"{base}.0.{stamp}-{commit[:12]}"
    *numbers, last = map(int, re.findall(r"\d+", re.split(r"[+-]", base)[0]))
    newer = ".".join(map(str, [*numbers, last + 1]))
    return f"v{newer}-0.{stamp}-{commit[:12]}" if found else f"{newer}.dev{stamp}"

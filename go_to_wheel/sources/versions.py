"""Tags -> the version of a project. Pure.

Go's own form counts first: a module in a folder is tagged with that folder in front
("cmd/x/v1.2.3"). Then the folder of pyproject.toml, then the forms of release tools
("tool-v1.2.3", "tool/1.2.3"), then a version alone ("1.2", "v2026.01.15"). A project that
states its tag-prefix has no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from packaging.version import InvalidVersion, Version

_SEMVER = re.compile(
    r"v(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)\.(?P<patch>0|[1-9]\d*)"
    r"(?:-(?P<pre>[0-9A-Za-z.-]+))?"
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
    for prefixes, pattern, order in _candidates(rules):
        versions = [
            tag.removeprefix(prefix)
            for prefix in prefixes
            for tag in tags
            if tag.startswith(prefix) and pattern.fullmatch(tag.removeprefix(prefix))
        ]
        if versions:
            return max(versions, key=order)
    return None


def _candidates(
    rules: TagRules,
) -> Iterator[tuple[list[str], re.Pattern[str], Callable[[str], tuple[object, ...]]]]:
    if rules.prefix is not None:
        yield [rules.prefix], _LOOSE, _order_loose
        return
    for folder in rules.folders:
        yield [folder], _SEMVER, _order_semver
    named = [f"{name}{sign}" for name in rules.names for sign in "-/_@"]
    if named:
        yield named, _LOOSE, _order_loose
    yield list(rules.folders), _LOOSE, _order_loose


def _order_semver(version: str) -> tuple[object, ...]:
    """Precedence by the rules of semantic versioning: a pre-release is before its release."""
    found = _match(version)
    numbers = (int(found["major"]), int(found["minor"]), int(found["patch"]))
    parts = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in (found["pre"] or "").split(".")
    )
    return (*numbers, found["pre"] is None, parts)


def _order_loose(version: str) -> tuple[object, ...]:
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
    if not _SEMVER.fullmatch(base):
        numbers = [int(number) for number in re.findall(r"\d+", base.split("+")[0].split("-")[0])]
        numbers[-1] += 1
        return f"{'.'.join(map(str, numbers))}.dev{stamp}"
    found = _match(base)
    if found["pre"]:
        return f"{base}.0.{stamp}-{commit[:12]}"
    return f"v{found['major']}.{found['minor']}.{int(found['patch']) + 1}-0.{stamp}-{commit[:12]}"


def _match(version: str) -> re.Match[str]:
    found = _SEMVER.fullmatch(version)
    if not found:
        raise ValueError(f"not a semantic version: {version!r}")
    return found

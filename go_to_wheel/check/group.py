"""The set: do the wheels of one release belong together, and is one missing?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser

from go_to_wheel.check.claim import parse_claim
from go_to_wheel.check.filename import WheelName
from go_to_wheel.check.report import Fault, Finding, failure
from go_to_wheel.platforms import Target


@dataclass(frozen=True)
class Member:
    """A wheel of a set: its file name, what that says, and its METADATA."""

    file: str
    name: WheelName
    metadata: bytes | None


def check_groups(members: Iterable[Member], expected: Sequence[Target]) -> list[Finding]:
    """What is wrong with the wheels of each project, taken together."""
    groups: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        groups[member.name.name].append(member)
    findings: list[Finding] = []
    for project in sorted(groups):
        try:
            findings += _check_group(project, groups[project], expected)
        except Exception as error:  # noqa: BLE001 (whatever one project has, the others are checked)
            findings.append(failure(f"{project}: the set", error).of(""))
    return findings


def _check_group(
    project: str, members: list[Member], expected: Sequence[Target]
) -> Iterable[Finding]:
    yield from _check_versions(project, members)
    yield from _check_metadata(members)
    yield from _check_duplicates(members)
    yield from _check_missing(project, members, expected)


def _check_versions(project: str, members: list[Member]) -> Iterable[Finding]:
    versions = sorted({member.name.version for member in members})
    if len(versions) > 1:
        listed = ", ".join(map(str, versions))
        text = f"{project}: the wheels have {len(versions)} versions: {listed}"
        yield Fault("set-version", text).of("")


def _check_metadata(members: list[Member]) -> Iterable[Finding]:
    first: dict[object, Member] = {}
    for member in members:
        if member.metadata is None:
            continue
        other = first.setdefault(member.name.version, member)
        if _lines(other) != _lines(member):
            code = "set-description" if _compared(other) == _compared(member) else "set-metadata"
            yield Fault(code, f"its METADATA differs from that of {other.file}").of(member.file)


def _lines(member: Member) -> list[bytes]:
    """METADATA whatever its line ends, without the licences.

    A checkout on Windows may have changed line ends; what is linked in, and so the licences,
    may differ from system to system.
    """
    lines = (member.metadata or b"").splitlines()
    return [
        line for line in lines if not line.startswith((b"License-Expression:", b"License-File:"))
    ]


#: What pip takes from one wheel for all of a release.
_COMPARED = ("Name", "Version", "Requires-Dist", "Requires-Python", "Provides-Extra")


def _compared(member: Member) -> list[list[str]]:
    headers = HeaderParser().parsestr((member.metadata or b"").decode("utf-8", "replace"))
    return [sorted(map(str, headers.get_all(name, []))) for name in _COMPARED]


def _check_duplicates(members: list[Member]) -> Iterable[Finding]:
    owners: dict[object, Member] = {}
    for member in members:
        clashes: dict[str, list[str]] = defaultdict(list)
        for tag in sorted(member.name.tags, key=str):
            owner = owners.setdefault((member.name.version, tag), member)
            if owner is not member:
                clashes[owner.file].append(tag.platform)
        for owner_file, platforms in clashes.items():
            listed = ", ".join(dict.fromkeys(platforms))
            yield Fault("set-duplicate", f"{owner_file} has the tag {listed} too").of(member.file)


def _check_missing(
    project: str, members: list[Member], expected: Sequence[Target]
) -> Iterable[Finding]:
    tags = {platform for member in members for platform in member.name.platforms}
    if "any" in tags:
        return
    missing = [target.name for target in expected if not any(_serves(tag, target) for tag in tags)]
    if missing:
        yield Fault("set-missing", f"{project}: no wheel for {', '.join(missing)}").of("")


def _serves(tag: str, target: Target) -> bool:
    """Whether a platform tag is one for that target (musllinux alone is for musl alone)."""
    claim = parse_claim(tag)
    if claim is None or claim.goos != target.goos or target.arch not in claim.arches:
        return False
    return (claim.libc == "musl") == (target.libc == "musl") if claim.goos == "linux" else True

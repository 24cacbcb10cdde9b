"""The set: do the wheels of one release belong together, and is one missing?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain

from go_to_wheel.check.filename import parse_claim
from go_to_wheel.check.report import Finding, Findings, guarded
from go_to_wheel.check.wheel import Wheel
from go_to_wheel.platforms import Target

#: What pip takes from one wheel for all of a release.
_COMPARED = ("Name", "Version", "Requires-Dist", "Requires-Python", "Provides-Extra")
#: What is linked in, and so the licences, may differ from system to system. So may line
#: ends, which a checkout on Windows may have changed.
_IGNORED = (b"License-Expression:", b"License-File:")


def check_groups(wheels: Iterable[Wheel], expected: Sequence[Target]) -> Findings:
    """What is wrong with the wheels of each project, taken together."""
    groups: dict[str, list[Wheel]] = defaultdict(list)
    for wheel in wheels:
        if wheel.name.tags:  # an sdist has none
            groups[wheel.name.name].append(wheel)
    for project, members in sorted(groups.items()):
        found = chain(
            _check_versions(project, members),
            _check_metadata(members),
            _check_duplicates(members),
            _check_missing(project, members, expected),
        )
        yield from guarded(f"{project}: the set", found)


def _check_versions(project: str, members: list[Wheel]) -> Findings:
    versions = sorted({member.name.version for member in members})
    if len(versions) > 1:
        listed = ", ".join(map(str, versions))
        text = f"{project}: the wheels have {len(versions)} versions: {listed}"
        yield Finding("set-version", text)


def _check_metadata(members: list[Wheel]) -> Findings:
    first: dict[object, Wheel] = {}
    for member in members:
        other = first.setdefault(member.name.version, member)
        texts = [wheel.texts.get("METADATA", b"") for wheel in (member, other)]
        lines, others = ([x for x in t.splitlines() if not x.startswith(_IGNORED)] for t in texts)
        if lines != others and all(texts):
            stated, other_stated = map(_compared, (member, other))
            code = "set-description" if stated == other_stated else "set-metadata"
            text = f"its METADATA differs from that of {other.file}"
            yield Finding(code, text, wheel=member.file)


def _compared(wheel: Wheel) -> list[list[str]]:
    return [sorted(map(str, wheel.metadata.get_all(name, []))) for name in _COMPARED]


def _check_duplicates(members: list[Wheel]) -> Findings:
    owners: dict[object, Wheel] = {}
    for member in members:
        clashes: dict[str, list[str]] = defaultdict(list)
        for tag in sorted(member.name.tags, key=str):
            owner = owners.setdefault((member.name.version, tag), member)
            if owner is not member:
                clashes[owner.file].append(tag.platform)
        for owner_file, platforms in clashes.items():
            text = f"{owner_file} has the tag {', '.join(dict.fromkeys(platforms))} too"
            yield Finding("set-duplicate", text, wheel=member.file)


def _check_missing(project: str, members: list[Wheel], expected: Sequence[Target]) -> Findings:
    tags = {tag for member in members for tag in member.name.platforms}
    missing = [target.name for target in expected if not any(serves(tag, target) for tag in tags)]
    if missing and "any" not in tags:
        yield Finding("set-missing", f"{project}: no wheel for {', '.join(missing)}")


def serves(tag: str, target: Target) -> bool:
    """Whether a platform tag is one for that target (musllinux alone is for musl alone)."""
    claim = parse_claim(tag)
    if target.tag:
        return tag == target.tag
    if claim is None or claim.goos != target.goos:
        return False
    if not {part.arch for part in target.slices} <= set(claim.arches):
        return False
    return claim.goos != "linux" or (claim.libc == "musl") == (target.libc == "musl")

"""What manylinux policies promise a program (PEP 600): libraries, and their symbol versions.

The data is auditwheel's, which collects it from the distributions that a policy stands for.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from go_to_wheel.binary.facts import BinaryFacts, Version2

_LOADERS = ("ld-linux", "ld64.so")


@cache
def _policies() -> dict[Version2, dict[str, Any]]:
    """glibc version -> policy, the oldest first."""
    place = files("auditwheel").joinpath("policy", "manylinux-policy.json")
    named = {policy["name"]: policy for policy in json.loads(place.read_text(encoding="utf-8"))}
    found = [(name.split("_"), policy) for name, policy in named.items() if "_" in name]
    return dict(sorted(((int(v[1]), int(v[2])), policy) for v, policy in found))


def unpromised(facts: BinaryFacts, floor: Version2, bundled: Collection[str] = ()) -> list[str]:
    """What systems with that glibc may lack: "libssl.so.3", "libz.so.1 with ZLIB_1.2.9".

    Libraries that are `bundled` don't count, nor do versions of glibc itself.
    """
    machine = "armv7l" if facts.machine.startswith("arm") else facts.machine
    known = {at: p for at, p in _policies().items() if machine in p["symbol_versions"]}
    if not known:
        return []
    policy = known[max((at for at in known if at <= floor), default=min(known))]
    promised, versions = policy["lib_whitelist"], policy["symbol_versions"][machine]
    absent = [name for name in facts.libraries if name not in bundled]
    found = [name for name in absent if name not in promised and not name.startswith(_LOADERS)]
    for library, version in facts.versions:
        family, _, number = version.partition("_")
        counts = library in promised and library not in bundled and family != "GLIBC"
        if counts and number not in versions.get(family, [number]):
            found.append(f"{library} with {version}")
    return found


def oldest_glibc(programs: Sequence[BinaryFacts]) -> Version2:
    """The oldest glibc whose systems have all that the programs need, from 2.17 on."""
    least = max(facts.glibc_floor or (2, 17) for facts in programs)
    floors = [least, *(floor for floor in _policies() if floor > least)]
    fitting = (at for at in floors if not any(unpromised(facts, at) for facts in programs))
    return next(fitting, least)

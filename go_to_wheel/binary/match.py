"""May this binary be shipped as that target? Every fault, in one sentence each.

What manylinux policies promise a program (PEP 600), libraries and their symbol versions, is
auditwheel's data, which it collects from the distributions that a policy stands for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any, BinaryIO, Literal

from go_to_wheel.binary.facts import BinaryFacts, Version2, describe, system_name
from go_to_wheel.binary.read import read_facts
from go_to_wheel.errors import BinaryError
from go_to_wheel.platforms import TARGETS, Target, glibc_tags, go_minor, platform_tags

#: Stands in for no (or a self-made) Go release: its minimum is below what any header states.
_UNKNOWN_GO = "go1.17"
_NEWEST_GLIBC = (99, 0)
_CHUNK = 1 << 20

#: Instruction set levels, from the most compatible up, by the variable that sets them.
_LEVELS = {
    "GO386": ("softfloat", "sse2"),
    "GOAMD64": ("v1", "v2", "v3", "v4"),
    "GOARM": ("5", "6", "7"),
    "GOARM64": tuple(f"v{n // 10}.{n % 10}" for n in range(80, 96)),
    "GOPPC64": ("power8", "power9", "power10"),
    "GORISCV64": ("rva20u64", "rva22u64", "rva23u64"),
}
_ANDROID_LOADER = "/system/bin/linker64"
#: Loaders, which are named like libraries.
_LOADERS = ("ld-linux", "ld64.so")
_ARM = ("arm", "armv5l", "armv6l", "armv7l")
Linkage = Literal["no C", "static", "glibc"]
#: The libraries that every macOS has.
_OF_MACOS = re.compile(r"/usr/lib/.*|/System/Library/Frameworks/.*")
_INSTRUMENTED = ("-race", "-msan", "-asan", "-cover")


def inspect_program(
    stream: BinaryIO,
    target: Target,
    *,
    private: Iterable[bytes] = (),
    c: Linkage = "no C",
) -> BinaryFacts:
    """The facts of a program for `target`, read from an open, seekable stream.

    `private` are byte strings that it must not contain, such as the folder it was built in.
    `c` says whether C may be in it, and for Linux how it is linked.
    Raises BinaryError with one line for each reason why it can't be shipped as that target.
    """
    facts = read_facts(stream)
    faults = check_target(facts, target, c=c)
    leaked = sorted(contains(stream, private)) if private else []
    faults += [f"it contains the builder's path {path.decode()!r}" for path in leaked]
    if faults:
        raise BinaryError("\n".join(faults))
    return facts


def contains(stream: BinaryIO, needles: Iterable[bytes]) -> set[bytes]:
    """Which of `needles` occur in the stream, read once from its start, a megabyte at a time."""
    wanted = set(filter(None, needles))
    longest = max(map(len, wanted), default=1)
    found: set[bytes] = set()
    window = b""
    stream.seek(0)
    while found != wanted and (chunk := stream.read(_CHUNK)):
        window = window[-longest:] + chunk
        found |= {needle for needle in wanted - found if needle in window}
    return found


def tags_for(programs: Sequence[BinaryFacts], target: Target) -> tuple[str, ...]:
    """The sorted platform tags that fit all programs of one wheel, read from the programs."""
    minimums = [facts.minimum_macos for facts in programs if facts.minimum_macos]
    releases = [f.go.version for f in programs if f.go and re.match(r"(go)?1\.\d", f.go.version)]
    newest = max([_UNKNOWN_GO, *releases], key=go_minor)
    if target.goos == "linux" and any(not facts.static for facts in programs):
        return glibc_tags(target, oldest_glibc(programs))
    return platform_tags(target, newest, max(minimums, default=None))


def find_target(facts: BinaryFacts) -> Target | None:
    """The target that a program is for by its system and processor; None if there is none."""
    return next((t for t in TARGETS if (t.goos, t.arch) == (facts.goos, facts.machine)), None)


def check_target(
    facts: BinaryFacts, target: Target, prebuilt: bool = False, c: Linkage = "no C"
) -> list[str]:
    """Why this binary can't be shipped as that target; empty when it can.

    Settings are judged only where Go's build information is present. Of a prebuilt binary
    only what decides where it runs is judged, not how it was built.
    """
    if facts.slices and facts.machine == target.arch:
        pairs = [(part, find_target(part)) for part in facts.slices]
        return [f for part, thin in pairs if thin for f in check_target(part, thin, prebuilt, c)]
    faults = list(_wrong_system(facts, target))
    faults += () if c == "glibc" else _wrong_linkage(facts, target, c)
    faults += [
        f"it needs {name}, which not every {system_name(facts.goos)} has"
        for name in ([] if c == "no C" else _foreign_libraries(facts, c))
    ]
    if c == "no C" and not prebuilt and facts.setting("CGO_ENABLED") == "1":
        faults.append("it was built with CGO_ENABLED=1")
    faults += _level_above(facts, target)
    faults += () if prebuilt else _wrong_settings(facts, target)
    instrumented = [flag for flag in _INSTRUMENTED if facts.setting(flag) == "true"]
    return faults + [f"it was built with {flag}, for testing only" for flag in instrumented]


def _foreign_libraries(facts: BinaryFacts, c: Linkage) -> list[str]:
    """The libraries that the system itself may lack."""
    if facts.goos == "linux":
        return unpromised(facts, _NEWEST_GLIBC) if c == "glibc" else []
    own = is_system_dll if facts.goos == "windows" else _OF_MACOS.fullmatch
    return [name for name in facts.libraries if not own(name)]


@cache
def is_system_dll(name: str) -> bool:
    """Whether a DLL is Windows's own."""
    known = files("go_to_wheel").joinpath("data", "windows-dlls.txt").read_text(encoding="utf-8")
    stem, _, suffix = name.lower().rpartition(".")
    return suffix in ("dll", "drv") and (stem in known.split() or stem.startswith("api-ms-win-"))


def _wrong_system(facts: BinaryFacts, target: Target) -> Iterator[str]:
    both_arm = facts.machine in _ARM and target.arch in _ARM  # there GOARM is compared
    if facts.goos == target.goos and not facts.executable:
        yield f"it is {describe(facts)}, not an executable"
    elif facts.goos != target.goos or not (facts.machine == target.arch or both_arm):
        wanted = f"{system_name(target.goos)} {target.arch}"
        yield f"it is {describe(facts)}, not one for {wanted}"
    elif facts.machine == "arm":
        yield f"its ARM level is unknown, so it can't be shipped as {target.arch}"


def _wrong_linkage(facts: BinaryFacts, target: Target, c: Linkage) -> Iterator[str]:
    if facts.goos == target.goos == "android" and facts.executable:
        if not facts.pie:
            yield "it is not position-independent (PIE), and Android starts no other"
        if facts.interpreter != _ANDROID_LOADER:
            yield f"its loader is {facts.interpreter}, not {_ANDROID_LOADER}"
    if facts.goos != "linux" or target.goos != "linux" or not facts.executable:
        return
    if facts.libraries:
        ways = {"no C": "build it with CGO_ENABLED=0"}
        way = ways.get(c, "link it statically, or --libc glibc")
        yield f"it is dynamically linked and needs {', '.join(facts.libraries)}; {way}"
    elif facts.interpreter:
        yield f"it is dynamically linked and needs the loader {facts.interpreter}"


def _wrong_settings(facts: BinaryFacts, target: Target) -> Iterator[str]:
    allowed = ("", "exe", "default") if target.goos == "linux" else ("", "exe", "default", "pie")
    mode = facts.setting("-buildmode")
    if mode not in allowed:
        yield f"it was built with -buildmode={mode}"
    if experiment := facts.setting("GOEXPERIMENT"):
        yield f"it was built with GOEXPERIMENT={experiment}"


def level_faults(facts: BinaryFacts, arch: str) -> list[str]:
    """Why a CPU that a platform tag's architecture promises might not run this binary."""
    target = find_target(replace(facts, machine=arch))
    return list(_level_above(facts, target)) if target else []


def _level_above(facts: BinaryFacts, target: Target) -> Iterator[str]:
    """Whether a level, perhaps with extensions after commas, asks for more than the base."""
    name, base = target.variant or ("", "")
    value = facts.setting(name)
    levels = _LEVELS.get(name, ())
    level, *extensions = value.split(",")
    unknown = level not in levels or (name == "GOARM64" and extensions)
    if value and (unknown or levels.index(level) > levels.index(base)):
        yield f"it was built with {name}={value}, which needs a newer CPU than {name}={base}"


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

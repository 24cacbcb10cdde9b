"""Whether a binary may be shipped for a target, with a sentence for each problem.

The libraries and symbol versions that manylinux policies (PEP 600) allow are auditwheel's data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any, BinaryIO

from go_to_wheel.binary.facts import BinaryFacts, describe, system_name
from go_to_wheel.binary.read import read_facts
from go_to_wheel.errors import BinaryError
from go_to_wheel.platforms import TARGETS, MajorMinor, Target, glibc_tags, go_minor, platform_tags

#: For programs not built by a Go release: the lowest minimum system.
_UNKNOWN_GO = "go1.17"
_CHUNK_SIZE = 1 << 20
_NEWEST_GLIBC = (99, 0)

#: The level of a target -> those below it; other targets have the lowest level there is.
_LOWER_LEVELS = {"sse2": ("softfloat",), "6": ("5",), "7": ("5", "6")}
_ANDROID_LOADER = "/system/bin/linker64"
_MACOS_LIBRARY = re.compile(r"/usr/lib/|/System/Library/Frameworks/")
#: Loaders, which are named like libraries.
_LOADERS = ("ld-linux", "ld64.so")
_ARM_ARCHITECTURES = {"arm", "armv5l", "armv6l", "armv7l"}


def inspect_program(
    stream: BinaryIO, target: Target, builder_paths: Iterable[bytes], glibc: bool = False
) -> BinaryFacts:
    """The facts of a program compiled for `target`, read from an open, seekable stream.

    It must not contain any of the `builder_paths`; with `glibc` it may be dynamically linked on
    Linux. Raises BinaryError with one line for each problem.
    """
    facts = read_facts(stream)
    problems = check_target(facts, target, glibc)
    unlisted: list[str] = []
    if glibc and facts.goos == "linux":
        unlisted = unlisted_dependencies(facts, _NEWEST_GLIBC)
    elif facts.goos == "windows":
        unlisted = [name for name in facts.libraries if not is_system_dll(name)]
    elif facts.goos == "darwin":
        unlisted = [name for name in facts.libraries if not _MACOS_LIBRARY.match(name)]
    system = system_name(facts.goos)
    problems += [f"it needs {name}, which not every {system} has" for name in unlisted]
    paths = sorted(find_bytes(stream, builder_paths))
    problems += [f"it contains the builder's path {path.decode()!r}" for path in paths]
    if problems:
        raise BinaryError("\n".join(problems))
    return facts


def find_bytes(stream: BinaryIO, needles: Iterable[bytes]) -> set[bytes]:
    """Which of `needles` occur in the stream, read once from its start, a megabyte at a time."""
    wanted = set(filter(None, needles))
    longest = max(map(len, wanted), default=1)
    present: set[bytes] = set()
    # without a folder's path, of which there are few, none of its files' is searched for
    folders = {needle: re.sub(rb"[^/\\]+\Z", b"", needle) for needle in wanted}
    window = b""
    stream.seek(0)
    while present != wanted and (chunk := stream.read(_CHUNK_SIZE)):
        window = window[-longest:] + chunk
        near = {folder for folder in {*folders.values()} if folder in window}
        absent = wanted - present
        present |= {needle for needle in absent if folders[needle] in near and needle in window}
    return present


def platform_tags_for(programs: Sequence[BinaryFacts], target: Target) -> tuple[str, ...]:
    """The sorted platform tags that fit all programs of one wheel, read from the programs."""
    minimums = [facts.minimum_macos for facts in programs if facts.minimum_macos]
    releases = [f.go.version for f in programs if f.go and re.match(r"(go)?1\.\d", f.go.version)]
    newest = max([_UNKNOWN_GO, *releases], key=go_minor)
    if target.goos == "linux" and any(not facts.static for facts in programs):
        return glibc_tags(target, required_glibc(programs))
    return platform_tags(target, newest, max(minimums, default=None))


def find_target(facts: BinaryFacts) -> Target | None:
    """The target that a program is for by its system and processor; None if there is none."""
    return next((t for t in TARGETS if (t.goos, t.arch) == (facts.goos, facts.machine)), None)


def check_target(facts: BinaryFacts, target: Target, glibc: bool = False) -> list[str]:
    """Why this binary can't run on that target; empty when it can.

    With `glibc` a Linux program may be dynamically linked; its needs decide the wheel's tag.
    """
    if facts.slices and facts.machine == target.arch:
        pairs = [(part, find_target(part)) for part in facts.slices]
        return [problem for part, thin in pairs if thin for problem in check_target(part, thin)]
    problems = [*_target_problems(facts, target, glibc), cpu_level_problem(facts, target.arch)]
    return list(filter(None, problems))


@cache
def is_system_dll(name: str) -> bool:
    """Whether a DLL is Windows's own."""
    known = files("go_to_wheel").joinpath("data", "windows-dlls.txt").read_text(encoding="utf-8")
    stem, _, suffix = name.lower().rpartition(".")
    return suffix in ("dll", "drv") and (stem in known.split() or stem.startswith("api-ms-win-"))


def _target_problems(facts: BinaryFacts, target: Target, glibc: bool) -> Iterator[str]:
    both_arm = {facts.machine, target.arch} <= _ARM_ARCHITECTURES  # there GOARM is compared
    if facts.goos == target.goos and not facts.executable:
        yield f"it is {describe(facts)}, not an executable"
    elif facts.goos != target.goos or not (facts.machine == target.arch or both_arm):
        wanted = f"{system_name(target.goos)} {target.arch}"
        yield f"it is {describe(facts)}, not one for {wanted}"
    elif facts.machine == "arm":
        yield f"its ARM level is unknown, so it can't be shipped as {target.arch}"
    elif facts.goos == "android":
        if not facts.pie:
            yield "it is not position-independent (PIE), and Android starts no other"
        if facts.interpreter != _ANDROID_LOADER:
            yield f"its loader is {facts.interpreter}, not {_ANDROID_LOADER}"
    elif facts.goos == "linux" and facts.libraries and not glibc:
        names = ", ".join(facts.libraries)
        yield f"it is dynamically linked and needs {names}; link it statically (CGO_ENABLED=0)"
    elif facts.goos == "linux" and facts.interpreter and not glibc:
        yield f"it is dynamically linked and needs the loader {facts.interpreter}"


def cpu_level_problem(facts: BinaryFacts, arch: str) -> str:
    """Why some CPUs of a platform tag's architecture might not run this binary, or ""."""
    target = find_target(replace(facts, machine=arch))
    name, base = (target and target.variant) or ("", "")
    value = facts.setting(name)
    level, *extensions = value.split(",")
    is_higher = level not in (base, *_LOWER_LEVELS.get(base, ()))
    if value and (is_higher or (name == "GOARM64" and extensions)):
        return f"it was built with {name}={value}, which needs a newer CPU than {name}={base}"
    return ""


@cache
def _read_policies(machine: str) -> dict[MajorMinor, dict[str, Any]]:
    """glibc version -> policy for programs of an architecture, the oldest first."""
    path = files("auditwheel").joinpath("policy", "manylinux-policy.json")
    policies: dict[MajorMinor, dict[str, Any]] = {}
    for policy in json.loads(path.read_text(encoding="utf-8")):
        version = re.fullmatch(r"manylinux_(\d+)_(\d+)", policy["name"])
        if version and machine in policy["symbol_versions"]:
            policies[int(version[1]), int(version[2])] = policy
    return dict(sorted(policies.items()))


def unlisted_dependencies(
    facts: BinaryFacts, glibc: MajorMinor, bundled: Collection[str] = ()
) -> list[str]:
    """Needed libraries that a system with this glibc may lack, such as "libz.so.1 with ZLIB_1.2.9".

    `bundled` libraries and the versions of glibc itself are not checked.
    """
    machine = "armv7l" if facts.machine.startswith("arm") else facts.machine
    if not (policies := _read_policies(machine)):
        return []
    policy = policies[max((known for known in policies if known <= glibc), default=min(policies))]
    allowed, versions = policy["lib_whitelist"], policy["symbol_versions"][machine]
    needed = [name for name in facts.libraries if name not in bundled]
    unlisted = [name for name in needed if name not in allowed and not name.startswith(_LOADERS)]
    for library, version in facts.versions:
        family, _, number = version.partition("_")
        is_checked = library in allowed and library not in bundled and family != "GLIBC"
        if is_checked and number not in versions.get(family, [number]):
            unlisted.append(f"{library} with {version}")
    return unlisted


def required_glibc(programs: Sequence[BinaryFacts]) -> MajorMinor:
    """The oldest glibc, from 2.17 on, whose policy allows everything that the programs need."""
    least = max(facts.minimum_glibc or (2, 17) for facts in programs)
    newer = [known for known in _read_policies(programs[0].machine) if known > least]
    for version in (least, *newer):
        if not any(unlisted_dependencies(facts, version) for facts in programs):
            return version
    return least

"""May this binary be shipped as that target? Every fault, in one sentence each."""

from __future__ import annotations

from collections.abc import Iterator

from go_to_wheel.binary.facts import BinaryFacts, describe, system_name
from go_to_wheel.platforms import TARGETS, Target

#: Instruction set levels, from the most compatible up, by the variable that sets them.
_LEVELS = {
    "GO386": ("softfloat", "sse2"),
    "GOAMD64": ("v1", "v2", "v3", "v4"),
    "GOARM": ("5", "6", "7"),
    "GOARM64": (
        *(f"v8.{minor}" for minor in range(10)),
        *(f"v9.{minor}" for minor in range(6)),
    ),
    "GOPPC64": ("power8", "power9", "power10"),
    "GORISCV64": ("rva20u64", "rva22u64", "rva23u64"),
}
_ARM = ("arm", "armv5l", "armv6l", "armv7l")
_INSTRUMENTED = ("-race", "-msan", "-asan", "-cover")


def check_target(facts: BinaryFacts, target: Target, prebuilt: bool = False) -> list[str]:
    """Why this binary can't be shipped as that target; empty when it can.

    Settings are judged only where Go's build information is present. Of a prebuilt binary
    only what decides where it runs is judged, not how it was built.
    """
    return [
        *_wrong_system(facts, target),
        *_wrong_linkage(facts, target),
        *(() if prebuilt else _other_link(facts)),
        *_level_above(facts, target),
        *(() if prebuilt else _wrong_settings(facts, target)),
        *_instrumented(facts),
    ]


def _wrong_system(facts: BinaryFacts, target: Target) -> Iterator[str]:
    wanted = f"{system_name(target.goos)} {target.arch}"
    if facts.goos != target.goos:
        yield f"it is {describe(facts)}, not one for {wanted}"
    elif not facts.executable:
        yield f"it is {describe(facts)}, not an executable"
    elif facts.machine != target.arch and not _both_arm(facts, target):
        yield f"it is {describe(facts)}, not one for {wanted}"
    elif facts.machine == "arm":
        yield f"its ARM level is unknown, so it can't be shipped as {target.arch}"


def _both_arm(facts: BinaryFacts, target: Target) -> bool:
    """Whether both are 32-bit ARM, where GOARM is what is compared."""
    return facts.machine in _ARM and target.arch in _ARM


def _wrong_linkage(facts: BinaryFacts, target: Target) -> Iterator[str]:
    if facts.goos != "linux" or target.goos != "linux" or not facts.executable:
        return
    if facts.libraries:
        names = ", ".join(facts.libraries)
        yield f"it is dynamically linked and needs {names}; build it with CGO_ENABLED=0"
    elif facts.interpreter:
        yield f"it is dynamically linked and needs the loader {facts.interpreter}"


def _other_link(facts: BinaryFacts) -> Iterator[str]:
    if facts.setting("CGO_ENABLED") == "1":
        yield "it was built with CGO_ENABLED=1"


def _wrong_settings(facts: BinaryFacts, target: Target) -> Iterator[str]:
    allowed = ("", "exe", "default") if target.goos == "linux" else ("", "exe", "default", "pie")
    mode = facts.setting("-buildmode")
    if mode not in allowed:
        yield f"it was built with -buildmode={mode}"
    if experiment := facts.setting("GOEXPERIMENT"):
        yield f"it was built with GOEXPERIMENT={experiment}"


def _instrumented(facts: BinaryFacts) -> Iterator[str]:
    for flag in _INSTRUMENTED:
        if facts.setting(flag) == "true":
            yield f"it was built with {flag}, for testing only"


def level_faults(facts: BinaryFacts, arch: str) -> list[str]:
    """Why a CPU that a platform tag's architecture promises might not run this binary."""
    for target in TARGETS:
        if (target.goos, target.arch) == (facts.goos, arch):
            return list(_level_above(facts, target))
    return []


def _level_above(facts: BinaryFacts, target: Target) -> Iterator[str]:
    if target.variant is None:
        return
    name, base = target.variant
    value = facts.setting(name)
    if value and _is_above(name, value, base):
        yield f"it was built with {name}={value}, which needs a newer CPU than {name}={base}"


def _is_above(name: str, value: str, base: str) -> bool:
    """Whether a level, perhaps with extensions after commas, asks for more than the base."""
    levels = _LEVELS[name]
    level, *extensions = value.split(",")
    if level not in levels or (name == "GOARM64" and extensions):
        return True
    return levels.index(level) > levels.index(base)

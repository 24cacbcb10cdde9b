"""May this binary be shipped as that target?"""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from binaries import load

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo
from go_to_wheel.binary.match import check_target, cpu_level_problem
from go_to_wheel.binary.read import read_facts
from go_to_wheel.platforms import TARGETS, parse_selection

PLAIN = BinaryFacts("elf", "linux", "x86_64")


def target(name: str):
    return parse_selection([name])[0]


def built_with(facts: BinaryFacts = PLAIN, **settings: str) -> BinaryFacts:
    names = {key.replace("__", "-"): value for key, value in settings.items()}
    return replace(facts, go=GoBuildInfo("go1.26.8", settings=names))


@pytest.mark.parametrize("chosen", TARGETS, ids=lambda target: target.name)
def test_a_program_fits_only_its_own_target(chosen) -> None:
    file = chosen.name.removesuffix("-musl").replace("armv7", "arm").replace("armv6", "arm6")
    facts = read_facts(io.BytesIO(load(file)))
    assert check_target(facts, chosen) == []
    for other in TARGETS:
        if (other.goos, other.arch) != (chosen.goos, chosen.arch):
            older_arm = chosen.arch == "armv6l" and other.arch == "armv7l"
            assert bool(check_target(facts, other)) is not older_arm


@pytest.mark.parametrize(
    ("facts", "name", "problems"),
    [
        (
            BinaryFacts("macho", "darwin", "arm64", minimum_macos=(12, 0)),
            "linux-arm64",
            ["it is a macOS arm64 executable (needs macOS 12.0), not one for Linux aarch64"],
        ),
        (
            BinaryFacts("elf", "freebsd", "x86_64"),
            "linux-amd64",
            ["it is a statically linked FreeBSD x86_64 executable, not one for Linux x86_64"],
        ),
        (
            BinaryFacts("elf", "linux", "x86_64", kind="shared library"),
            "linux-amd64",
            ["it is a Linux x86_64 shared library, not an executable"],
        ),
        (
            replace(PLAIN, interpreter="/lib/ld-musl-x86_64.so.1"),
            "linux-amd64",
            ["it is dynamically linked and needs the loader /lib/ld-musl-x86_64.so.1"],
        ),
        (
            replace(PLAIN, interpreter="/lib64/ld.so", libraries=("libc.so.6", "libm.so.6")),
            "linux-amd64",
            [
                (
                    "it is dynamically linked and needs libc.so.6, libm.so.6; "
                    "link it statically (CGO_ENABLED=0)"
                )
            ],
        ),
        (
            BinaryFacts("elf", "linux", "arm"),
            "linux-armv7",
            ["its ARM level is unknown, so it can't be shipped as armv7l"],
        ),
        (
            BinaryFacts(
                "elf", "linux", "armv7l", go=GoBuildInfo("go1.26", settings={"GOARM": "7"})
            ),
            "linux-armv6",
            ["it was built with GOARM=7, which needs a newer CPU than GOARM=6"],
        ),
        (
            built_with(GOAMD64="v3"),
            "linux-amd64",
            ["it was built with GOAMD64=v3, which needs a newer CPU than GOAMD64=v1"],
        ),
        (
            built_with(GOAMD64="v99"),
            "linux-amd64",
            ["it was built with GOAMD64=v99, which needs a newer CPU than GOAMD64=v1"],
        ),
    ],
)
def test_problems(facts: BinaryFacts, name: str, problems: list[str]) -> None:
    assert check_target(facts, target(name)) == problems


@pytest.mark.parametrize(
    ("name", "machine", "settings"),
    [
        ("linux-386", "i686", {"GO386": "softfloat"}),
        ("linux-armv7", "armv6l", {"GOARM": "6,hardfloat"}),
        ("linux-armv7", "armv7l", {"GOARM": "7,softfloat"}),
        ("linux-s390x", "s390x", {"CGO_ENABLED": "0"}),
    ],
)
def test_the_lowest_cpu_level_is_accepted(
    name: str, machine: str, settings: dict[str, str]
) -> None:
    facts = BinaryFacts("elf", "linux", machine, go=GoBuildInfo("go1.26", settings=settings))
    assert check_target(facts, target(name)) == []


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("linux-amd64", 0),
        ("linux-amd64-v3", 1),
        ("linux-amd64-pie", 1),
        ("linux-amd64-race", 1),
        ("linux-amd64-shared", 1),
    ],
)
def test_real_programs(name: str, problems: int) -> None:
    facts = read_facts(io.BytesIO(load(name)))
    assert len(check_target(facts, target("linux-amd64"))) == problems


@pytest.mark.parametrize(
    ("facts", "arch", "count"),
    [
        (built_with(GOAMD64="v1"), "x86_64", 0),
        (built_with(GOAMD64="v2"), "x86_64", 1),
        (built_with(GOAMD64="v2"), "no such architecture", 0),
        (PLAIN, "x86_64", 0),
        (built_with(BinaryFacts("elf", "linux", "aarch64"), GOARM64="v8.0"), "aarch64", 0),
        (built_with(BinaryFacts("elf", "linux", "aarch64"), GOARM64="v8.0,lse"), "aarch64", 1),
        (built_with(BinaryFacts("elf", "linux", "aarch64"), GOARM64="v9.0"), "aarch64", 1),
    ],
)
def test_levels_by_architecture(facts: BinaryFacts, arch: str, count: int) -> None:
    assert bool(cpu_level_problem(facts, arch)) == count


def test_what_android_does_not_start() -> None:
    facts = read_facts(io.BytesIO(load("android-arm64")))
    assert check_target(facts, target("android-arm64")) == []
    assert check_target(replace(facts, pie=False), target("android-arm64")) == [
        "it is not position-independent (PIE), and Android starts no other"
    ]
    (problem,) = check_target(replace(facts, interpreter=None), target("android-arm64"))
    assert problem == "its loader is None, not /system/bin/linker64"

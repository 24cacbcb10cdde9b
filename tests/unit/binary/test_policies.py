"""What manylinux policies promise, by auditwheel's data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.match import (
    check_target,
    is_system_dll,
    platform_tags_for,
    required_glibc,
    unlisted_dependencies,
)
from go_to_wheel.platforms import TARGETS

AMD64 = next(target for target in TARGETS if target.name == "linux-amd64")
PLAIN = BinaryFacts("elf", "linux", "x86_64", libraries=("libc.so.6", "ld-linux-x86-64.so.2"))
CXX = replace(
    PLAIN,
    libraries=("libc.so.6", "libstdc++.so.6"),
    versions=(("libc.so.6", "GLIBC_2.17"), ("libstdc++.so.6", "GLIBCXX_3.4.30")),
    minimum_glibc=(2, 17),
)


@pytest.mark.parametrize(
    ("facts", "floor", "lacking"),
    [
        (PLAIN, (2, 17), []),
        (replace(PLAIN, libraries=("libssl.so.3",)), (2, 41), ["libssl.so.3"]),
        (replace(PLAIN, libraries=("libmvec.so.1",)), (2, 17), ["libmvec.so.1"]),
        (replace(PLAIN, libraries=("libmvec.so.1",)), (2, 28), []),
        (CXX, (2, 17), ["libstdc++.so.6 with GLIBCXX_3.4.30"]),
        (CXX, (2, 29), ["libstdc++.so.6 with GLIBCXX_3.4.30"]),  # between two policies
        (CXX, (2, 99), []),
        (replace(PLAIN, machine="armv6l", libraries=("libz.so.1",)), (2, 17), []),
        (replace(PLAIN, machine="riscv64"), (2, 17), []),  # before its first policy
        (replace(PLAIN, machine="alpha", libraries=("libssl.so.3",)), (2, 17), []),
    ],
)
def test_what_a_policy_does_not_promise(
    facts: BinaryFacts, floor: tuple[int, int], lacking: list[str]
) -> None:
    assert unlisted_dependencies(facts, floor) == lacking
    assert unlisted_dependencies(facts, floor, facts.libraries) == []


def test_tag_follows_the_versions_of_all_libraries() -> None:
    assert required_glibc([PLAIN]) == (2, 17)
    least = required_glibc([PLAIN, CXX])
    assert least > (2, 28)
    assert platform_tags_for([CXX], AMD64) == (f"manylinux_2_{least[1]}_x86_64",)
    assert check_target(CXX, AMD64, glibc=True) == []


@pytest.mark.parametrize(
    ("name", "own"),
    [
        *(
            (name, True)
            for name in ("KERNEL32.dll", "api-ms-win-crt-heap-l1-1-0.dll", "bcrypt.dll")
        ),
        *((name, True) for name in ("WINSPOOL.DRV", "Windows.Storage.dll")),
        *((name, False) for name in ("zlib1.dll", "vcruntime140.dll", "concrt140.dll", "kernel32")),
    ],
)
def test_dlls_of_windows(name: str, own: bool) -> None:
    assert is_system_dll(name) == own

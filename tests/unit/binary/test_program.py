"""A finished program and its tags, whoever built it."""

from __future__ import annotations

import io

import pytest
from binaries import load

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo
from go_to_wheel.binary.match import inspect_program, platform_tags_for
from go_to_wheel.errors import BinaryError
from go_to_wheel.platforms import parse_selection


def test_a_fitting_program_gives_facts_and_tags() -> None:
    (target,) = parse_selection(["darwin-arm64"])
    facts = inspect_program(io.BytesIO(load("darwin-arm64")), target, [b"/no/such/path"])
    assert platform_tags_for([facts], target) == ("macosx_12_0_arm64",)


def test_every_problem_is_in_the_error() -> None:
    (target,) = parse_selection(["linux-amd64"])
    with pytest.raises(BinaryError) as caught:
        inspect_program(io.BytesIO(load("linux-amd64-race")), target, [b"example.com/"])
    assert caught.value.message.startswith("it is dynamically linked and needs libc.so.6; link")
    assert caught.value.message.endswith("it contains the builder's path 'example.com/'")


@pytest.mark.parametrize("name", ["windows-amd64", "windows-386", "windows-arm64"])
def test_windows_programs_need_windows_dlls_alone(name: str) -> None:
    (target,) = parse_selection([name])
    data = load(name)
    assert inspect_program(io.BytesIO(data), target, []).libraries == ("kernel32.dll",)
    with pytest.raises(BinaryError, match=r"it needs mingw128\.dll, which not every Windows has"):
        inspect_program(io.BytesIO(data.replace(b"kernel32.dll", b"mingw128.dll")), target, [])


@pytest.mark.parametrize("name", ["darwin-amd64", "darwin-arm64"])
def test_macos_programs_need_macos_libraries_alone(name: str) -> None:
    (target,) = parse_selection([name])
    data = load(name).replace(b"/usr/lib/libSystem", b"@rpath///libSystem")
    with pytest.raises(BinaryError, match=r"it needs @rpath.*, which not every macOS has"):
        inspect_program(io.BytesIO(data), target, [])


def test_glibc_programs_need_manylinux_libraries_alone() -> None:
    (target,) = parse_selection(["linux-amd64"])
    data = load("linux-amd64-race")
    assert inspect_program(io.BytesIO(data), target, [], glibc=True).libraries == ("libc.so.6",)
    with pytest.raises(BinaryError, match=r"it needs libq\.so\.6, which not every Linux has"):
        inspect_program(io.BytesIO(data.replace(b"libc.so.6", b"libq.so.6")), target, [], True)


@pytest.mark.parametrize("version", ["devel go1.27-0123456", "", "go2"])
def test_without_a_go_release_the_header_decides(version: str) -> None:
    (target,) = parse_selection(["darwin-amd64"])
    go = GoBuildInfo(version) if version else None
    facts = BinaryFacts("macho", "darwin", "x86_64", minimum_macos=(12, 0), go=go)
    assert platform_tags_for([facts], target) == ("macosx_12_0_x86_64",)
    newer = BinaryFacts("macho", "darwin", "x86_64", go=GoBuildInfo("go1.27"))
    assert platform_tags_for([facts, newer], target) == ("macosx_13_0_x86_64",)

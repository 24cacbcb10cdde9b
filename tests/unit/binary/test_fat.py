"""Universal macOS files: joined, read, and refused."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from binaries import load

from go_to_wheel.binary.macho import join_images, read_slices
from go_to_wheel.binary.match import find_target, inspect_program, platform_tags_for
from go_to_wheel.binary.read import is_program, read_facts
from go_to_wheel.binary.reader import BoundedReader
from go_to_wheel.errors import BinaryError
from go_to_wheel.platforms import parse_selection

THIN = [load("darwin-amd64"), load("darwin-arm64")]
BOTH = load("darwin-universal2")
(TARGET,) = parse_selection(["darwin-universal2"])


def facts_of(data: bytes):
    return read_facts(io.BytesIO(data))


def test_the_images_are_whole_and_aligned() -> None:
    slices = list(read_slices(BoundedReader(io.BytesIO(BOTH))))
    assert [BOTH[at : at + size] for at, size in slices] == THIN
    assert all(at % (1 << 14) == 0 for at, _ in slices)
    assert is_program(BOTH[:512])


def test_macholib_finds_the_same_images(tmp_path: Path) -> None:
    from macholib.MachO import MachO

    path = tmp_path / "program"
    path.write_bytes(BOTH)
    theirs = [(header.offset, header.size) for header in MachO(str(path)).headers]
    assert theirs == list(read_slices(BoundedReader(io.BytesIO(BOTH))))


def test_a_universal_program_has_both_images() -> None:
    facts = facts_of(BOTH)
    assert (facts.goos, facts.machine, facts.kind) == ("darwin", "universal2", "executable")
    slices = [replace(part, signature=None) for part in (*facts.slices, *map(facts_of, THIN))]
    assert slices[:2] == slices[2:]  # a signature lies elsewhere in the joined file
    assert facts.setting("GOARCH") == "amd64,arm64"
    assert find_target(facts) == TARGET
    assert inspect_program(io.BytesIO(BOTH), TARGET, []) == facts


def test_the_tag_is_the_newer_images() -> None:
    head = re.compile(rb"(\x32\0\0\0....\x01\0\0\0)....", re.DOTALL)  # its LC_BUILD_VERSION
    newer = head.sub(lambda found: found[1] + struct.pack("<I", 14 << 16), THIN[1], count=1)
    facts = facts_of(join_images([THIN[0], newer]))
    assert [part.minimum_macos for part in facts.slices] == [(12, 0), (14, 0)]
    assert platform_tags_for([facts], TARGET) == ("macosx_14_0_universal2",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (join_images([THIN[0], THIN[0]]), "with x86_64 and x86_64, not with arm64 and x86_64"),
        (join_images([THIN[0]]), "with x86_64, not with arm64 and x86_64"),
        (join_images([THIN[0], THIN[1].replace(b"hello", b"jello")]), "are different programs"),
        (BOTH[:-30000], "cut short"),
        (BOTH[:20], "cut short"),
    ],
)
def test_broken_universal_programs_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(BinaryError, match=words):
        facts_of(data)


def test_each_image_is_checked() -> None:
    data = BOTH.replace(b"GOAMD64=v1", b"GOAMD64=v3")
    with pytest.raises(BinaryError, match="GOAMD64=v3, which needs a newer CPU"):
        inspect_program(io.BytesIO(data), TARGET, [])


def test_universal_program_is_not_a_thin_one() -> None:
    (thin,) = parse_selection(["darwin-arm64"])
    with pytest.raises(
        BinaryError, match=r"macOS universal2 executable .*, not one for macOS arm64"
    ):
        inspect_program(io.BytesIO(BOTH), thin, [])
    with pytest.raises(BinaryError, match="not one for macOS universal2"):
        inspect_program(io.BytesIO(THIN[0]), TARGET, [])

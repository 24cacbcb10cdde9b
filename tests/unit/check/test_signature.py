"""Who signed a program, and whether the signature still fits."""

from __future__ import annotations

import hashlib
import io
import struct

import pytest
from binaries import load, sign
from hypothesis import given, settings
from hypothesis import strategies as st

from go_to_wheel.binary.read import read_facts
from go_to_wheel.check.program import read_signature

MACOS = load("darwin-arm64")
START = 1152768
UNSIGNED_INTEL = load("darwin-amd64")
FACTS = read_facts(io.BytesIO(MACOS))


def signature(data: bytes) -> tuple[str, str]:
    return read_signature(io.BytesIO(data), read_facts(io.BytesIO(data)))


def without_signature(data: bytes) -> bytes:
    """The load command of the signature becomes one that nobody knows."""
    return data.replace(struct.pack("<4I", 0x1D, 16, START, len(data) - START), b"\x7f" + bytes(3)
                        + struct.pack("<3I", 16, START, len(data) - START))  # fmt: skip


def test_ad_hoc() -> None:
    assert signature(MACOS) == ("ad hoc", "")


def test_developer_id_and_its_team() -> None:
    signed = sign(MACOS, flags=0x10000, cms=b"Developer ID Application: Jane", team=b"AB12")
    assert signature(signed) == ("Developer ID (AB12)", "")
    other = sign(MACOS, flags=0, cms=b"Apple Development: Jane")
    assert signature(other) == ("another certificate", "")


@pytest.mark.parametrize("at", [0x4000, START - 1])
def test_a_page_that_has_changed(at: int) -> None:
    data = bytearray(MACOS)
    data[at] ^= 1
    who, why = signature(bytes(data))
    assert (who, why) == (
        "ad hoc",
        f"its signature is broken: the page at {at // 4096 * 4096:#x} has changed",
    )


def test_changed_pages_on_intel() -> None:
    intel = bytearray(MACOS)
    struct.pack_into("<I", intel, 4, 0x01000007)
    for flags, broken in ((0x2, False), (0x10002, True), (0x202, True)):
        data = bytearray(sign(bytes(intel), flags=flags))
        assert signature(bytes(data)) == ("ad hoc", "")
        data[0x4000] ^= 1
        assert bool(signature(bytes(data))[1]) == broken


def with_one_page(data: bytes) -> bytes:
    """A program that is signed as one page."""
    directory = START + 12 + 8
    digest = hashlib.sha256(data[:START]).digest()
    signed = bytearray(data)
    (hashes,) = struct.unpack_from(">16xI", signed, directory)
    struct.pack_into(">I", signed, directory + 28, 1)  # the number of pages
    signed[directory + 39] = 0  # log2 of the page size
    signed[directory + hashes : directory + hashes + 32] = digest
    return bytes(signed)


class Measured(io.BytesIO):
    largest = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.largest = max(self.largest, len(data))
        return data


def test_large_page_is_read_in_parts() -> None:
    data = with_one_page(MACOS)
    stream = Measured(data)
    assert read_signature(stream, FACTS) == ("ad hoc", "")
    assert stream.largest <= 1 << 20
    for at in (0x4000, START - 1):
        changed = bytearray(data)
        changed[at] ^= 1
        assert signature(bytes(changed))[1].endswith("the page at 0x0 has changed")


def test_signature_of_a_longer_file() -> None:
    data = bytearray(MACOS)
    struct.pack_into(">I", data, START + 20 + 32, 1 << 30)
    assert signature(bytes(data)) == ("ad hoc", "its signature is broken: it is for a longer file")


def test_only_apple_silicon_needs_a_signature() -> None:
    assert signature(without_signature(MACOS)) == ("none", "it has no signature")
    assert signature(UNSIGNED_INTEL) == ("none", "")


def test_authenticode() -> None:
    data = bytearray(load("windows-amd64"))
    assert signature(bytes(data)) == ("none", "")
    (header,) = struct.unpack_from("<I", data, 0x3C)
    struct.pack_into("<II", data, header + 24 + 112 + 4 * 8, 4096, 512)
    assert signature(bytes(data)) == ("Authenticode", "")


def test_each_image_of_a_universal_file() -> None:
    data = bytearray(load("darwin-universal2"))
    assert signature(bytes(data)) == ("none, ad hoc", "")
    at = data.rindex(MACOS[:4096]) + 0x4000
    data[at] ^= 1
    assert signature(bytes(data))[1].endswith("the page at 0x4000 has changed")


def test_linux_programs_have_no_signature() -> None:
    assert signature(load("linux-amd64")) == ("", "")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_any_signature_bytes(at: int, patch: bytes) -> None:
    data = bytearray(MACOS)
    data[START + at : START + at + len(patch)] = patch
    who, why = read_signature(io.BytesIO(bytes(data)), FACTS)
    assert who
    assert "\n" not in why

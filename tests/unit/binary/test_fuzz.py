"""Whatever the bytes are: facts or BinaryError, and soon."""

from __future__ import annotations

import contextlib
import io

import pytest
from binaries import load
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from go_to_wheel.binary.facts import describe
from go_to_wheel.binary.read import read_facts
from go_to_wheel.errors import BinaryError

#: Whole, these are a megabyte of zeros; their headers and Go's block fit in these parts.
SEEDS = ("linux-amd64-race", "linux-386", "linux-s390x", "darwin-arm64", "windows-386")
EXTREMES = (b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f", b"\x01\0\0\0", b"\xff" * 8)
HEADERS = 4096

edits = st.lists(
    st.tuples(
        st.integers(0, HEADERS),
        st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(EXTREMES)),
    ),
    min_size=1,
    max_size=12,
)
bounded = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def read(data: bytes) -> None:
    """Any other exception, or none and no words, fails the test."""
    with contextlib.suppress(BinaryError):
        assert describe(read_facts(io.BytesIO(data)))


@pytest.mark.parametrize("seed", SEEDS)
@bounded
@given(edits=edits)
def test_changed_headers(seed: str, edits: list[tuple[int, bytes]]) -> None:
    data = bytearray(load(seed))
    for position, patch in edits:
        data[position : position + len(patch)] = patch
    read(bytes(data))


@pytest.mark.parametrize("seed", SEEDS)
@bounded
@given(length=st.integers(0, HEADERS), tail=st.binary(max_size=64))
def test_cut_files(seed: str, length: int, tail: bytes) -> None:
    read(load(seed)[:length] + tail)


@pytest.mark.parametrize("seed", SEEDS)
@bounded
@given(position=st.integers(0, 1 << 30), patch=st.binary(min_size=1, max_size=16))
def test_changes_anywhere(seed: str, position: int, patch: bytes) -> None:
    data = bytearray(load(seed))
    position %= len(data)
    data[position : position + len(patch)] = patch
    read(bytes(data))


@bounded
@given(
    magic=st.sampled_from(
        [
            b"\x7fELF\x02\x01\x01",
            b"\x7fELF\x01\x02\x01",
            b"MZ",
            b"\xcf\xfa\xed\xfe",
            b"\xfe\xed\xfa\xce",
            b"\xca\xfe\xba\xbe",
            b"!<arch>\n",
            b"#!",
            b"",
        ]
    ),
    rest=st.binary(max_size=600),
)
def test_any_bytes(magic: bytes, rest: bytes) -> None:
    read(magic + rest)

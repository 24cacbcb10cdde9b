"""The archive itself: hostile, broken and merely odd zips."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wheel_factory import INFO, Recipe, good

from go_to_wheel.check import archive as archive_module
from go_to_wheel.check.archive import check_archive, open_archive
from go_to_wheel.check.wheel import check_wheel
from go_to_wheel.errors import WheelError

FILE = good().file


def small() -> Recipe:
    """A good wheel without the program: a kilobyte, quick to mutate."""
    recipe = good()
    recipe.files = {path: data for path, data in recipe.files.items() if ".data/" not in path}
    return recipe


SMALL = small().build()


def codes_of(data: bytes) -> list[str]:
    return [finding.code for finding in check_wheel(io.BytesIO(data), FILE).findings]


def archive_codes(data: bytes) -> list[str]:
    stream = io.BytesIO(data)
    with open_archive(stream) as archive:
        return [finding.code for finding in check_archive(archive, stream)]


def test_a_good_archive() -> None:
    assert codes_of(SMALL) == []


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"PK\x05\x06", SMALL[:-1], SMALL[: len(SMALL) // 2], SMALL[10:]],
    ids=["empty", "text", "only a mark", "one byte short", "half", "head lost"],
)
def test_not_a_zip_file(data: bytes) -> None:
    assert codes_of(data) in (["zip-broken"], ["zip-mismatch", "zip-broken"])


def with_directory(size: int, zip64: bool = False) -> bytes:
    """So many bytes of nonsense that claim to be a central directory."""
    far = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, size, 0)
    far += struct.pack("<4sIQI", b"PK\6\7", 0, size, 1)
    claims = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF) if zip64 else (1, 1, size, 0)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *claims, 0)
    return bytes(size) + (far if zip64 else b"") + end


@pytest.mark.parametrize("zip64", [False, True])
def test_a_huge_directory_is_not_read(zip64: bool) -> None:
    with pytest.raises(WheelError, match="claims 9437184 bytes; the limit is 8388608"):
        open_archive(io.BytesIO(with_directory(9 << 20, zip64)))


def test_duplicate_names() -> None:
    stream = io.BytesIO(SMALL)
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("hello/__init__.py", b"other")
    assert "zip-duplicate-name" in codes_of(stream.getvalue())


def test_a_data_descriptor() -> None:
    class Pipe(io.RawIOBase):
        """Something that can't seek, which makes zipfile put sizes behind."""

        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += bytes(data)  # type: ignore[arg-type]
            return len(bytes(data))  # type: ignore[arg-type]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        archive.writestr("hello.py", b"hello")
    assert "zip-data-descriptor" in archive_codes(bytes(pipe.data))


def patched(marker: bytes, offset: int, value: bytes) -> bytes:
    """The small wheel with bytes changed after the first occurrence of a marker."""
    data = bytearray(SMALL)
    start = data.index(marker) + offset
    data[start : start + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (patched(b"PK\x01\x02", 8, b"\x01\0"), "zip-encrypted"),
        (patched(b"PK\x03\x04", 18, b"\x63"), "zip-mismatch"),
        (patched(b"PK\x03\x04", 30, b"H"), "zip-mismatch"),
        (patched(b"PK\x03\x04", 8, b"\0"), "zip-mismatch"),
        (patched(b"PK\x03\x04", 0, b"KP"), "zip-mismatch"),
        (b"#!/bin/sh\n" + SMALL, "zip-mismatch"),
        (SMALL + b"trailing", "zip-mismatch"),
    ],
    ids=["encrypted", "size", "name", "method", "no header", "data before", "data after"],
)
def test_local_and_central_headers_differ(data: bytes, code: str) -> None:
    assert code in codes_of(data)


def test_a_hidden_entry_between_two_others() -> None:
    """An entry that only a reader of local headers sees."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("evil.py", b"evil")
    hidden = inner.getvalue()[: inner.getvalue().index(b"PK\x01\x02")]
    directory = SMALL.index(b"PK\x01\x02")
    end = bytearray(SMALL[directory:])
    position = end.rindex(b"PK\x05\x06") + 16
    struct.pack_into("<I", end, position, directory + len(hidden))
    assert archive_codes(SMALL[:directory] + hidden + bytes(end)) == ["zip-mismatch"]


def test_zip64_is_read_like_any_other() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("hello.py", "w", force_zip64=True) as file:
            file.write(b"hello")
        archive.writestr("other.py", b"other")
    assert archive_codes(stream.getvalue()) == []


def test_names_beyond_ascii() -> None:
    recipe = small()
    recipe.files["hello/grüße.txt"] = b""
    assert codes_of(recipe.build()) == []
    data = recipe.build().replace("grüße".encode(), b"gr\x81\xe1e77")
    assert "zip-mismatch" in codes_of(data) or "zip-broken" in codes_of(data)


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [
        (0x0000, "1980-00-00"),
        (0x0041, "1980-02-01"),
        (0x005E, "1980-02-30"),
        (0x01A1, "1980-13-01"),
    ],
)
def test_dates(stamp: int, shown: str) -> None:
    data = bytearray(SMALL)
    for marker, offset in ((b"PK\x03\x04", 12), (b"PK\x01\x02", 14)):
        struct.pack_into("<H", data, data.index(marker) + offset, stamp)
    findings = check_wheel(io.BytesIO(bytes(data)), FILE).findings
    expected = [] if shown == "1980-02-01" else ["zip-date"]
    assert [finding.code for finding in findings] == expected
    assert all(shown in finding.message for finding in findings)


def test_an_empty_name() -> None:
    recipe = small()
    recipe.files["\0"] = b""
    assert "zip-unsafe-name" in codes_of(recipe.build())


def test_wrong_checksum() -> None:
    data = bytearray(SMALL)
    for marker, offset in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        data[data.index(marker) + offset] ^= 0xFF
    verdict = check_wheel(io.BytesIO(bytes(data)), FILE)
    assert [finding.code for finding in verdict.findings] == ["zip-broken"]
    assert "'hello/__init__.py' can't be read: Bad CRC-32" in verdict.findings[0].message
    assert not verdict.readable


def test_a_file_over_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "MAX_FILE", 1000)
    assert codes_of(SMALL) == ["zip-too-large"]


def test_a_bomb_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = small()
    recipe.files["hello/zeros"] = bytes(1 << 20)
    monkeypatch.setattr(archive_module, "BOMB_SIZE", 1000)
    verdict = check_wheel(io.BytesIO(recipe.build()), FILE)
    assert [finding.code for finding in verdict.findings] == ["zip-bomb"]
    assert not verdict.readable


def test_entry_with_a_false_size_stays_small() -> None:
    recipe = small()
    recipe.files["hello/zeros"] = bytes(1 << 20)
    data = bytearray(recipe.build())
    for marker, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = 0
        while data[start : start + 4] != marker or b"hello/zeros" not in data[start : start + 60]:
            start = data.index(marker, start + 1)
        struct.pack_into("<I", data, start + offset, 100)
    assert codes_of(bytes(data)) == ["zip-broken"]


bounded = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@bounded
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(SMALL) - 1), st.binary(min_size=1, max_size=6)),
        min_size=1,
        max_size=8,
    )
)
def test_changed_bytes_anywhere(edits: list[tuple[int, bytes]]) -> None:
    data = bytearray(SMALL)
    for position, patch in edits:
        data[position : position + len(patch)] = patch
    check_wheel(io.BytesIO(bytes(data)), FILE)


@bounded
@given(length=st.integers(0, len(SMALL)), tail=st.binary(max_size=40))
def test_cut_archives(length: int, tail: bytes) -> None:
    check_wheel(io.BytesIO(SMALL[:length] + tail), FILE)


@bounded
@given(
    name=st.sampled_from(["METADATA", "WHEEL", "RECORD", "entry_points.txt"]),
    text=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)),
    keep=st.booleans(),
)
def test_any_text_in_dist_info(name: str, text: bytes, keep: bool) -> None:
    recipe = small()
    path = f"{INFO}/{name}"
    if name == "RECORD":
        recipe.record = (recipe.good_record() if keep else b"") + text
    else:
        recipe.files[path] = (recipe.files.get(path, b"") if keep else b"") + text
    check_wheel(io.BytesIO(recipe.build()), FILE)


@bounded
@given(name=st.text(min_size=1, max_size=20))
def test_any_entry_name(name: str) -> None:
    with contextlib.suppress(UnicodeEncodeError, ValueError):  # names that zipfile won't write
        recipe = small()
        recipe.files[name] = b""
        data = recipe.build()
        check_wheel(io.BytesIO(data), FILE)


@bounded
@given(file=st.text(max_size=40))
def test_any_file_name(file: str) -> None:
    check_wheel(io.BytesIO(SMALL), f"{file}.whl")

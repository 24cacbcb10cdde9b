"""Go's build information: its text, and how it lies in a file."""

from __future__ import annotations

import io

import pytest

from go_to_wheel.binary.facts import GoModule, Span
from go_to_wheel.binary.read import parse_build_info, read_build_info
from go_to_wheel.binary.reader import BoundedReader

TEXT = """path\texample.com/tool/cmd/tool
mod\texample.com/tool\tv1.2.3\th1:main=
dep\texample.com/plain\tv0.1.0\th1:plain=
dep\texample.com/old\tv1.0.0
=>\texample.com/new\tv2.0.0\th1:new=
dep\texample.com/nohash\tv0.0.1\t
build\t-buildmode=exe
build\t-ldflags="-s -w -X 'main.version=1.0 \\"x\\" \\u00e4\\x41\\t'"
build\t-tags=`a b`
build\tCGO_ENABLED=0
build\tvcs.modified=true
build\t"odd key"=1
build\tempty=
future\tanything
"""
FRAME = bytes(range(16))


def test_every_kind_of_line() -> None:
    info = parse_build_info("go1.26.8", TEXT)
    assert info.version == "go1.26.8"
    assert info.path == "example.com/tool/cmd/tool"
    assert info.main == GoModule("example.com/tool", "v1.2.3", "h1:main=")
    assert info.deps == (
        GoModule("example.com/plain", "v0.1.0", "h1:plain="),
        GoModule(
            "example.com/old",
            "v1.0.0",
            "",
            GoModule("example.com/new", "v2.0.0", "h1:new="),
        ),
        GoModule("example.com/nohash", "v0.0.1", ""),
    )
    assert dict(info.settings) == {
        "-buildmode": "exe",
        "-ldflags": "-s -w -X 'main.version=1.0 \"x\" äA\t'",
        "-tags": "a b",
        "CGO_ENABLED": "0",
        "vcs.modified": "true",
        "odd key": "1",
        "empty": "",
    }


def test_a_replaced_main_module() -> None:
    info = parse_build_info("go1.26", "mod\ta\tv1\n=>\tb\tv2\th1:x=\n")
    assert info.main == GoModule("a", "v1", "", GoModule("b", "v2", "h1:x="))


@pytest.mark.parametrize(
    "text",
    ["", "mod", "mod\t", "dep\t\t\t\t\n=>\t", "=>\ta\tb\tc", 'build\t=\nbuild\t\nbuild\t"', "\t\n"],
)
def test_malformed_build_info_never_crashes(text: str) -> None:
    assert parse_build_info("go1.26", text).path == ""


def varint_string(text: bytes) -> bytes:
    length, head = len(text), b""
    while length >= 0x80:
        head += bytes([length & 0x7F | 0x80])
        length >>= 7
    return head + bytes([length]) + text


def read(data: bytes, *, address: int = 0x1000) -> object:
    span = Span(address, 0, len(data))
    return read_build_info(BoundedReader(io.BytesIO(data)), span)


def inline_block(version: bytes, modules: bytes) -> bytes:
    head = b"\xff Go buildinf:" + bytes([0, 2]) + bytes(16)
    return head + varint_string(version) + varint_string(modules)


def test_the_inline_format_behind_a_decoy() -> None:
    data = bytes(40) + b"\xff Go buildinf:" + bytes(42)  # not at a multiple of 16
    data += inline_block(b"go1.20", FRAME + b"path\tx/y\n" + FRAME)
    assert read(data) == parse_build_info("go1.20", "path\tx/y\n")


def test_modules_without_a_frame_are_left_out() -> None:
    assert read(inline_block(b"go1.20", b"path\tx/y\n")) == parse_build_info("go1.20", "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(64),
        b"\xff Go buildinf:",
        inline_block(b"", b""),
        inline_block(b"go1.20", b"")[:33],
        b"\xff Go buildinf:\0\2" + bytes(16) + b"\xff" * 20,
        b"\xff Go buildinf:\x08\0" + b"\xff" * 48,
        b"\xff Go buildinf:\x07\0" + bytes(48),
    ],
)
def test_a_broken_build_info_is_ignored(data: bytes) -> None:
    assert read(data) is None


def test_no_build_info_without_its_section() -> None:
    assert read_build_info(BoundedReader(io.BytesIO(b"")), None) is None

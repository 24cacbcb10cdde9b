"""What `inspect` sees: reasons for tags, and wheels that are no wheels."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo
from go_to_wheel.check.program import explain_tag
from go_to_wheel.check.wheel import read_wheel
from go_to_wheel.cli.inspect import to_json
from go_to_wheel.errors import WheelError

GO = GoBuildInfo("go1.26.8", "example.com/x")
STATIC = BinaryFacts("elf", "linux", "x86_64", go=GO)
DYNAMIC = BinaryFacts(
    "elf", "linux", "x86_64", interpreter="/lib64/ld-linux-x86-64.so.2",
    libraries=("libc.so.6",), minimum_glibc=(2, 34),
)  # fmt: skip
MACOS = BinaryFacts("macho", "darwin", "arm64", minimum_macos=(11, 0), go=GO)
ANDROID = BinaryFacts("elf", "android", "aarch64")
WINDOWS = BinaryFacts("pe", "windows", "amd64")


@pytest.mark.parametrize(
    ("tag", "facts", "reason"),
    [
        ("manylinux_2_17_x86_64", STATIC, "static: it needs no glibc, so any version will do"),
        ("musllinux_1_2_x86_64", STATIC, "static: it needs no musl, so any version will do"),
        ("linux_x86_64", STATIC, "static: it needs no C library, so any version will do"),
        (
            "manylinux_2_34_x86_64",
            DYNAMIC,
            "a dynamically linked Linux x86_64 executable (needs libc.so.6, glibc 2.34)",
        ),
        ("win_amd64", WINDOWS, "a Windows amd64 executable"),
        (
            "macosx_12_0_arm64",
            MACOS,
            "macOS 12.0 (the documentation of go1.26.8)",
        ),
        (
            "manylinux_2_17_aarch64",
            STATIC,
            "but the program is a statically linked Linux x86_64 executable",
        ),
        ("win_amd64", None, "the wheel has no program"),
        ("any", STATIC, "any system"),
        ("pyemscripten_4_0_wasm32", STATIC, "a system that isn't inspected"),
        ("android_21_arm64_v8a", ANDROID, "a statically linked Android aarch64 executable"),
    ],
)
def test_explained_tags(tag: str, facts: BinaryFacts | None, reason: str) -> None:
    assert explain_tag(tag, facts) == reason


def wheel(files: dict[str, bytes]) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream


def test_a_pure_python_wheel_without_extras() -> None:
    stream = wheel(
        {
            "thing.py": b"x = 1\n",
            "thing-1.0.dist-info/METADATA": b"Name: thing\nVersion: 1.0\nLicense: BSD\n",
            "thing-1.0.dist-info/WHEEL": b"Generator: other 3.0\n",
            "thing-1.0.dist-info/sboms/broken.json": b'{"components": 3}',
            "thing-1.0.dist-info/sboms/other.spdx": b"not json",
        }
    )
    seen = to_json(read_wheel(stream, "thing-1.0-py3-none-any.whl"))
    assert seen["programs"] == []
    assert seen["generator"] == "other 3.0"
    assert seen["license"] == "BSD"
    assert seen["tags"] == {"any": "any system"}
    assert seen["license_files"] == []
    assert len(seen["files"]) == 5
    json.dumps(seen)


@pytest.mark.parametrize(
    ("data", "file", "message"),
    [
        (b"hello", "a-1.0-py3-none-any.whl", "it can't be read as a zip archive: File is not"),
        (b"hello", "hello.txt", "hello.txt: Invalid wheel filename"),
        (b"hello", "a-1.0.tar.gz", "a-1.0.tar.gz is a source archive, not a wheel"),
        (b"hello", "a-1.0.zip", "a-1.0.zip is a source archive, not a wheel"),
    ],
)
def test_not_a_wheel(data: bytes, file: str, message: str) -> None:
    with pytest.raises(WheelError, match=message):
        read_wheel(io.BytesIO(data), file)


def test_a_bomb_is_not_unpacked() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(65 << 20))
    with pytest.raises(WheelError, match="unpacks to 65 MiB"):
        read_wheel(stream, "a-1.0-py3-none-any.whl")

"""Facts of real executables of every system, and what is said of other things."""

from __future__ import annotations

import io
import struct
import tracemalloc
from pathlib import Path

import pytest
from binaries import NAMES, load

from go_to_wheel.binary.facts import BinaryFacts, describe
from go_to_wheel.binary.match import find_bytes
from go_to_wheel.binary.read import read_facts
from go_to_wheel.binary.reader import MAX_READ, MAX_READS, BoundedReader
from go_to_wheel.errors import BinaryError


def facts_of(data: bytes) -> BinaryFacts:
    return read_facts(io.BytesIO(data))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("linux-amd64", "a statically linked Linux x86_64 executable"),
        ("linux-arm64", "a statically linked Linux aarch64 executable"),
        ("linux-386", "a statically linked Linux i686 executable"),
        ("linux-arm", "a statically linked Linux armv7l executable"),
        ("linux-arm6", "a statically linked Linux armv6l executable"),
        ("linux-ppc64le", "a statically linked Linux ppc64le executable"),
        ("linux-s390x", "a statically linked Linux s390x executable"),
        ("linux-riscv64", "a statically linked Linux riscv64 executable"),
        ("darwin-amd64", "a macOS x86_64 executable (needs macOS 12.0)"),
        ("darwin-arm64", "a macOS arm64 executable (needs macOS 12.0)"),
        ("windows-amd64", "a Windows amd64 executable"),
        ("windows-arm64", "a Windows arm64 executable"),
        ("windows-386", "a Windows x86 executable"),
        ("freebsd-amd64", "a statically linked FreeBSD x86_64 executable"),
        ("netbsd-amd64", "a statically linked NetBSD x86_64 executable"),
        (
            "openbsd-amd64",
            "a dynamically linked OpenBSD x86_64 executable (needs libc.so, libpthread.so)",
        ),
        (
            "illumos-amd64",
            "a dynamically linked illumos x86_64 executable (needs libc.so)",
        ),
        (
            "android-arm64",
            "a dynamically linked Android aarch64 executable (needs /system/bin/linker64)",
        ),
        (
            "linux-amd64-pie",
            "a dynamically linked Linux x86_64 executable (needs /lib64/ld-linux-x86-64.so.2)",
        ),
        (
            "linux-amd64-race",
            "a dynamically linked Linux x86_64 executable (needs libc.so.6, glibc 2.34)",
        ),
        (
            "linux-amd64-shared",
            "a Linux x86_64 shared library (needs libc.so.6, glibc 2.34)",
        ),
    ],
)
def test_description(name: str, said: str) -> None:
    assert describe(facts_of(load(name))) == said


def test_every_fact_of_a_static_program() -> None:
    facts = facts_of(load("linux-amd64"))
    assert (facts.format, facts.goos, facts.machine) == ("elf", "linux", "x86_64")
    assert facts.executable
    assert facts.static
    assert not facts.pie
    assert facts.interpreter is None
    assert facts.minimum_glibc is None
    assert facts.minimum_macos is None


def test_every_fact_of_a_dynamic_program() -> None:
    facts = facts_of(load("linux-amd64-race"))
    assert facts.interpreter == "/lib64/ld-linux-x86-64.so.2"
    assert facts.libraries == ("libc.so.6",)
    assert facts.minimum_glibc == (2, 34)
    assert not facts.static


def test_what_go_recorded() -> None:
    go = facts_of(load("linux-amd64")).go
    assert go is not None
    assert go.version.startswith("go1.")
    assert go.path == "example.com/hello"
    assert go.main is not None
    assert (go.main.path, go.main.version, go.main.sum) == ("example.com/hello", "(devel)", "")
    assert go.settings["CGO_ENABLED"] == "0"
    assert go.settings["GOAMD64"] == "v1"
    assert go.settings["-trimpath"] == "true"


@pytest.mark.parametrize("name", NAMES)
def test_go_is_found_in_every_format(name: str) -> None:
    facts = facts_of(load(name))
    assert facts.go is not None
    assert facts.setting("GOOS") == facts.goos
    assert facts.setting("NO SUCH SETTING") == ""


def test_a_dll_is_no_executable() -> None:
    data = bytearray(load("windows-amd64"))
    (start,) = struct.unpack_from("<I", data, 0x3C)
    (flags,) = struct.unpack_from("<H", data, start + 22)
    struct.pack_into("<H", data, start + 22, flags | 0x2000)
    assert describe(facts_of(bytes(data))) == "a Windows amd64 shared library"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is an empty file, not an executable"),
        (b"#!/bin/sh\necho hello\n", "it is a script for /bin/sh, not an executable"),
        (b"hello w\xc3\xb6rld\n", "it is text, not an executable"),
        (b"PK\x03\x04\x14\0", "it is a zip archive, not an executable"),
        (b"\0asm\1\0\0\0", "it is a WebAssembly module, not an executable"),
        (
            b"!<arch>\n__.PKGDEF       0  ",
            "it is an archive of a Go package that is not 'main', not an executable",
        ),
        (b"!<arch>\nhello.o/        0  ", "it is a static library, not an executable"),
        (b"\xca\xfe\xba\xbe\0\0\0\x41", "it is a Java class, not an executable"),
        (
            b"\xca\xfe\xba\xbe"
            + struct.pack(">I5I5I", 2, 0x01000007, *[0] * 4, 0x0100000C, *[0] * 4),
            "it is an empty file, not an executable",
        ),
        (b"MZ" + bytes(98), "it is a DOS program, not a Windows one"),
        (
            b"\x01\xfe" * 9,
            (
                "it is data of an unknown kind (it starts with "
                f"{bytes([1, 254] * 4)!r}), not an executable"
            ),
        ),
    ],
)
def test_other_formats_are_named(data: bytes, said: str) -> None:
    with pytest.raises(BinaryError) as caught:
        facts_of(data)
    assert caught.value.message == said


def test_text_cut_within_a_character_is_text() -> None:
    with pytest.raises(BinaryError, match="it is text"):
        facts_of(b"a" * 511 + "ö".encode())


@pytest.mark.parametrize("name", ["linux-amd64", "darwin-arm64", "windows-amd64"])
def test_a_truncated_file_is_named_as_such(name: str) -> None:
    data = load(name)
    with pytest.raises(BinaryError) as caught:
        facts_of(data[: len(data) // 2])
    assert caught.value.message.startswith(
        f"the file is cut short: it has {len(data) // 2} bytes, its headers claim "
    )


@pytest.mark.parametrize("name", ["linux-amd64", "darwin-arm64", "windows-amd64"])
def test_every_short_prefix_is_refused(name: str) -> None:
    data = load(name)
    for length in range(0, 2048, 7):
        with pytest.raises(BinaryError):
            facts_of(data[:length])


@pytest.mark.parametrize("name", ["linux-amd64-race", "darwin-arm64", "windows-amd64"])
def test_memory_does_not_grow_with_the_file(name: str) -> None:
    class Padded(io.BytesIO):
        """The program with a terabyte of zeros behind it."""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 1 << 40 if whence == io.SEEK_END else super().seek(offset, whence)

    stream = Padded(load(name))
    facts_of(load(name))
    tracemalloc.start()
    read_facts(stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MAX_READ


def test_read_that_is_too_large_is_refused() -> None:
    reader = BoundedReader(io.BytesIO(bytes(16)))
    with pytest.raises(BinaryError, match="claims 2097152 bytes at once"):
        reader.read(2 * MAX_READ)


def test_too_many_reads_are_refused() -> None:
    reader = BoundedReader(io.BytesIO(bytes(16)))
    for _ in range(MAX_READS):
        reader.read_at(0, 1)
    with pytest.raises(BinaryError, match="in a circle"):
        reader.read_at(0, 1)


def test_bytes_are_found_across_chunks() -> None:
    edge = 1 << 20
    data = bytearray(3 * edge)
    data[edge - 3 : edge + 4] = b"/Users/"
    data[:6] = b"/home/"
    data[2 * edge - 5 : 2 * edge + 6] = b"C:\\src\\a.go"
    files = [b"C:\\src\\a.go", b"C:\\src\\b.go", b"/home/a.go"]
    needles = [b"/Users/", b"/home/", b"/tmp/", b"", *files]
    assert find_bytes(io.BytesIO(data), needles) == {b"/Users/", b"/home/", files[0]}
    assert find_bytes(io.BytesIO(b""), needles) == set()
    assert find_bytes(io.BytesIO(data), []) == set()


def test_bytes_are_sought_from_the_start() -> None:
    stream = io.BytesIO(b"needle")
    stream.read()
    assert find_bytes(stream, [b"needle"]) == {b"needle"}


@pytest.mark.parametrize("name", ["darwin-amd64", "darwin-arm64"])
def test_macholib_agrees(name: str, tmp_path: Path) -> None:
    from macholib.mach_o import LC_BUILD_VERSION, LC_LOAD_DYLIB
    from macholib.MachO import MachO

    path = tmp_path / name
    path.write_bytes(load(name))
    facts = read_facts(io.BytesIO(load(name)))
    header = MachO(str(path)).headers[0]
    libraries, minimum = [], None
    for load_command, command, data in header.commands:
        if load_command.cmd == LC_LOAD_DYLIB:
            libraries.append(data.rstrip(b"\0").decode())
        if load_command.cmd == LC_BUILD_VERSION:
            minimum = (command.minos >> 16, command.minos >> 8 & 0xFF)
    assert facts.libraries == tuple(libraries)
    assert facts.minimum_macos == minimum
    assert header.filetype == "execute"


def test_symbol_hash_tables_are_not_parsed() -> None:
    """As in node's: pyelftools would read each number in them, several times."""
    hashed, names = 64 * 2000, b"\0.hash\0.names\0"
    count = 100_000
    table = struct.pack("<2I", 1, count) + bytes(4 * (1 + count))
    layout = "<2I4Q2I2Q"
    headers = struct.pack(layout, *[0] * 10)
    headers += struct.pack(layout, 1, 5, 2, 0, hashed, len(table), 0, 0, 4, 4)
    headers += struct.pack(layout, 7, 3, 0, 0, 64, len(names), 0, 0, 1, 0)
    place = hashed + len(table)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    head = ident + struct.pack("<2HI3QI6H", 2, 62, 1, 0, 0, place, 0, 64, 56, 0, 64, 3, 2)
    data = (head + names).ljust(hashed, b"\0") + table + headers
    assert describe(read_facts(io.BytesIO(data))) == "a statically linked Linux x86_64 executable"


def test_load_commands_that_end_too_early() -> None:
    data = bytearray(load("darwin-arm64"))
    struct.pack_into("<I", data, 20, 4)  # the size of all load commands
    with pytest.raises(BinaryError, match=r"end too early$") as caught:
        read_facts(io.BytesIO(data))
    assert caught.value.hint == "copy or download it again"


def test_a_header_that_names_the_system() -> None:
    data = bytearray(load("freebsd-amd64"))
    offset, size, count = struct.unpack_from("<Q14xHH", data, 32)
    for index in range(count):
        kind, place = struct.unpack_from("<I4xQ", data, offset + index * size)
        if kind == 4:  # a note
            struct.pack_into("<I", data, place, 0x7FFFFFFF)
    assert read_facts(io.BytesIO(data)).goos == "freebsd"

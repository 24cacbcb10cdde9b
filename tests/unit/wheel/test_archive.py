"""The archive: same entries, same bytes; what zip leaves open is fixed."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
import zlib
from pathlib import Path

import deflate
import pytest
from packaging.requirements import Requirement

from go_to_wheel.errors import WheelError
from go_to_wheel.wheel.archive import ZIP_EPOCH, Entry, compression_note, parse_epoch, write_wheel

NAME = "tool-1.0-py3-none-any.whl"
ENTRIES = [
    Entry("tool-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\n"),
    Entry("tool/__init__.py", b"x = 1\n" * 100),
    Entry("tool-1.0.data/scripts/tool", b"\x7fELF" * 1000, executable=True),
    Entry('tool/odd "name", ü.txt', b""),
]


def test_order_modes_and_dates(tmp_path: Path) -> None:
    write_wheel(tmp_path / NAME, ENTRIES, ZIP_EPOCH)
    with zipfile.ZipFile(tmp_path / NAME) as archive:
        assert archive.testzip() is None
        shape = [(m.filename, oct(m.external_attr >> 16)) for m in archive.infolist()]
        assert {m.date_time for m in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {m.create_system for m in archive.infolist()} == {3}
        record = archive.read("tool-1.0.dist-info/RECORD").decode()
    assert shape == [
        ("tool-1.0.data/scripts/tool", "0o100755"),
        ("tool/__init__.py", "0o100644"),
        ('tool/odd "name", ü.txt', "0o100644"),
        ("tool-1.0.dist-info/WHEEL", "0o100644"),
        ("tool-1.0.dist-info/RECORD", "0o100644"),
    ]
    assert (
        '"tool/odd ""name"", ü.txt",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n'
        in record
    )
    assert record.endswith("\ntool-1.0.dist-info/RECORD,,\n")


def test_same_bytes_whatever_order_umask_or_clock(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write_wheel(tmp_path / "a" / NAME, ENTRIES, ZIP_EPOCH)
    old = os.umask(0o077)
    os.environ["SOURCE_DATE_EPOCH"] = "1700000000"  # read by the command line only
    try:
        write_wheel(tmp_path / "b" / NAME, reversed(ENTRIES), ZIP_EPOCH)
    finally:
        os.umask(old)
        del os.environ["SOURCE_DATE_EPOCH"]
    assert (tmp_path / "a" / NAME).read_bytes() == (tmp_path / "b" / NAME).read_bytes()


def test_libdeflate_encodes_and_zlib_reads_it(tmp_path: Path) -> None:
    data = os.urandom(2000) * 3 + b"".join(bytes([n % 251, n % 7]) for n in range(40000))
    write_wheel(tmp_path / NAME, [Entry("tool/data", data)], ZIP_EPOCH)
    encoded = bytes(deflate.deflate_compress(data, 7))
    assert encoded in (tmp_path / NAME).read_bytes()
    assert len(encoded) <= len(zlib.compress(data, 9))
    with zipfile.ZipFile(tmp_path / NAME) as archive:
        assert archive.getinfo("tool/data").compress_size == len(encoded)
        assert archive.read("tool/data") == data


def test_an_epoch_is_every_members_date(tmp_path: Path) -> None:
    write_wheel(tmp_path / NAME, ENTRIES, epoch=1700000000)
    with zipfile.ZipFile(tmp_path / NAME) as archive:
        assert {m.date_time for m in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}


@pytest.mark.parametrize("other", ["tool/__init__.py", "tool/__INIT__.py"])
def test_two_entries_of_one_path(tmp_path: Path, other: str) -> None:
    with pytest.raises(WheelError, match=r"two files would have the path 'tool/__"):
        write_wheel(tmp_path / NAME, [*ENTRIES, Entry(other, b"")], ZIP_EPOCH)
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, ZIP_EPOCH), ("0", ZIP_EPOCH), ("1700000000", 1700000000), ("-5", ZIP_EPOCH)],
)
def test_epochs(text: str | None, seconds: int) -> None:
    assert parse_epoch(text) == seconds


@pytest.mark.parametrize("text", ["", "today", "1.5", "99999999999", "1_000", " 7 "])
def test_bad_epochs(text: str) -> None:
    with pytest.raises(ValueError, match="SOURCE_DATE_EPOCH"):
        parse_epoch(text)


WITHOUT_DEFLATE = """
import sys
sys.modules["deflate"] = None  # as where it isn't installed
from pathlib import Path
from go_to_wheel.wheel.archive import Entry, compression_note, write_wheel
write_wheel(Path(sys.argv[1]), [Entry("tool.py", b"x = 1" * 100_000)], 315532800)
print(compression_note())
"""


def test_zlib_stands_in_where_deflate_is_missing(tmp_path: Path) -> None:
    """As on a processor for which it has no wheels; the note says what that costs."""
    command = [sys.executable, "-c", WITHOUT_DEFLATE, str(tmp_path / NAME)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"compressed with zlib {zlib.ZLIB_RUNTIME_VERSION}: ")
    with zipfile.ZipFile(tmp_path / NAME) as archive:
        assert archive.read("tool.py") == b"x = 1" * 100_000
        assert archive.getinfo("tool.py").compress_size < 5_000
    assert compression_note() == ""


@pytest.mark.parametrize(
    ("wanted", "system", "processor"),
    [
        (True, "linux", "x86_64"),
        (True, "linux", "aarch64"),
        (True, "darwin", "arm64"),
        (True, "win32", "ARM64"),
        (False, "linux", "riscv64"),
        (False, "linux", "armv7l"),
        (False, "android", "aarch64"),
        (False, "freebsd14", "amd64"),
    ],
)
def test_deflate_is_required_where_pypi_has_it(wanted: bool, system: str, processor: str) -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    (needed,) = [
        Requirement(text)
        for text in project["project"]["dependencies"]
        if text.startswith("deflate")
    ]
    assert needed.marker is not None
    machine = {"sys_platform": system, "platform_machine": processor}
    machine["platform_python_implementation"] = "CPython"
    assert needed.marker.evaluate(machine) is wanted

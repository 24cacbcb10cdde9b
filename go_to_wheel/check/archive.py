"""The zip archive: is it safe to read, do all readers see the same, does RECORD fit the files?

The first is decided from headers; contents are read one at a time, never unpacked. Nothing is
held in memory but one megabyte and the few texts that are parsed; a native file goes to a
temporary file, because its headers point anywhere. Sources: PKWARE's APPNOTE.TXT, and what
PyPI and uv accept as an archive.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import stat
import struct
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from typing import BinaryIO, NamedTuple, cast

from go_to_wheel.binary.read import is_program
from go_to_wheel.check.filename import is_command, path_of
from go_to_wheel.check.report import RULES, Finding, Findings, fault, faults
from go_to_wheel.errors import WheelError

MIB = 1 << 20
MAX_FILE = 100 * MIB
BOMB_SIZE, BOMB_RATIO = 64 * MIB, 50
#: The largest wheels have some ten thousand entries.
MAX_DIRECTORY, MAX_ENTRIES = 8 * MIB, 100_000

_LOCAL_HEADER = b"PK\x03\x04"
_END_64_SIZE, _LOCATOR_SIZE, _CENTRAL_SIZE = 56, 20, 46
_END = struct.Struct("<10xHIIxx")
_LOCAL = struct.Struct("<4s2xHHxxxxxxxxIIHH")
_FLAG_ENCRYPTED, _FLAG_DESCRIPTOR, _FLAG_UTF8 = 0x1, 0x8, 0x800
_LARGE = 0xFFFFFFFF
#: Extra fields of one entry: dates, owners and sizes take some hundred bytes.
_MAX_EXTRA = 256
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 1, 0x7075
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
#: What makes reading the entries pointless or dangerous.
FATAL = frozenset({"zip-broken", "zip-bomb", "zip-encrypted"})
_CHUNK, _IN_MEMORY = 1 << 20, 8 << 20
#: Larger files are hashed, not inspected. So are all native files after so many.
MAX_INSPECTED, MAX_PROGRAMS = 512 << 20, 2_000
#: RECORD has a row for each entry.
_MAX_RECORD, MAX_ROWS = 16 << 20, MAX_ENTRIES
#: The specification allows sha256 or better; these are always available.
_ALGORITHMS = ("sha256", "sha384", "sha512")


class _Guard:
    """The stream of an archive, limited while zipfile opens it and reads the whole directory."""

    def __init__(self, stream: BinaryIO) -> None:
        self.most, self._read = MAX_DIRECTORY, stream.read
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self.most:
            raise WheelError(f"its directory claims {size} bytes; the limit is {self.most}")
        return self._read(size)


def open_archive(stream: BinaryIO) -> zipfile.ZipFile:
    """A zip archive for reading. Raises WheelError for what can't be read as one."""
    guard = _Guard(stream)
    with reading("it can't be read as a zip archive"):
        archive = zipfile.ZipFile(cast("BinaryIO", guard))
        guard.most = sys.maxsize
        if (count := len(archive.infolist())) > MAX_ENTRIES:
            raise WheelError(f"it has {count} entries; the limit is {MAX_ENTRIES}")
        return archive


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever zipfile and zlib raise for broken data into a WheelError."""
    try:
        yield
    except WheelError:
        raise
    except Exception as error:
        raise WheelError(f"{what}: {error}") from error


def check_archive(archive: zipfile.ZipFile, stream: BinaryIO) -> Findings:
    """Everything that is wrong with the archive, apart from its entries' paths."""
    length, entries = stream.seek(0, io.SEEK_END), archive.infolist()
    if length > MAX_FILE:
        yield Finding("zip-too-large", f"it has {length / MIB:.0f} MiB, over {MAX_FILE // MIB}")
    total = sum(entry.file_size for entry in entries)
    if total > BOMB_SIZE and total > BOMB_RATIO * length:
        text = f"it unpacks to {total / MIB:.0f} MiB, {total / length:.0f} times its size"
        yield Finding("zip-bomb", text)
    if archive.comment or any(entry.comment for entry in entries):
        yield Finding("zip-comment", RULES["zip-comment"].title)
    for entry in entries:
        flags, kind = entry.flag_bits, stat.S_IFMT(entry.external_attr >> 16)
        what = "a link" if kind == stat.S_IFLNK else "neither file nor folder"
        wrong = {
            "zip-unsafe-name": not (path_of(entry).isascii() or flags & _FLAG_UTF8),
            "zip-link": kind not in (0, stat.S_IFREG, stat.S_IFDIR) and f"it is {what}",
            "zip-compression": entry.compress_type not in _METHODS
            and f"it is compressed by method {entry.compress_type}",
            "zip-date": _wrong_date(entry.date_time),
            "zip-encrypted": flags & _FLAG_ENCRYPTED,
            "zip-data-descriptor": flags & _FLAG_DESCRIPTOR,
        }
        yield from faults(path_of(entry), wrong)
    yield from islice(_find_mismatches(archive, stream, length), 1)


def _wrong_date(parts: tuple[int, int, int, int, int, int]) -> str:
    with suppress(ValueError):
        datetime(*parts)
        return ""
    return "its date is {}-{:02}-{:02} {:02}:{:02}:{:02}".format(*parts)


def _find_mismatches(archive: zipfile.ZipFile, stream: BinaryIO, length: int) -> Findings:
    """Where local headers, central directory and the file's size disagree; the first counts."""
    entries, end = archive.infolist(), length - len(archive.comment) - _END.size
    expected = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        name, gap = path_of(entry), entry.header_offset - expected
        if gap:
            what = "entries overlap" if gap < 0 else f"{gap} bytes that belong to no entry lie"
            yield Finding("zip-mismatch", f"{what} before {name!r}")
        if name.endswith("/") and entry.file_size:
            yield Finding("zip-mismatch", f"the folder {name!r} has data of its own")
        expected, reason = _read_local(stream, entry)
        if reason:
            yield fault("zip-mismatch", name, reason)
    varying = (len(_raw_name(entry) + entry.extra + entry.comment) for entry in entries)
    size = _CENTRAL_SIZE * len(entries) + sum(varying)
    is_tight = end - archive.start_dir - size in (0, _END_64_SIZE + _LOCATOR_SIZE)
    if expected != archive.start_dir or not is_tight:
        yield Finding("zip-mismatch", "there is other data before or after the central directory")
    stream.seek(end)
    stated = _END.unpack(stream.read(_END.size))
    limits = (0xFFFF, _LARGE, _LARGE)  # these refer to the ZIP64 record
    real = (len(entries), size, archive.start_dir)
    if any(number not in pair for number, *pair in zip(stated, real, limits, strict=True)):
        text = "its end record has another number, size or place of the entries"
        yield Finding("zip-mismatch", text)


def _raw_name(entry: zipfile.ZipInfo) -> bytes:
    encoding = "utf-8" if entry.flag_bits & _FLAG_UTF8 else "cp437"
    return entry.orig_filename.encode(encoding, "replace")


def _read_local(stream: BinaryIO, entry: zipfile.ZipInfo) -> tuple[int, str]:
    """Where an entry's data ends, and how its local header differs."""
    stream.seek(entry.header_offset)
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(_LOCAL_HEADER):
        return 0, "no local header"
    _, flags, method, packed, size, name_size, extra_size = _LOCAL.unpack(head)
    name, extra = stream.read(name_size), stream.read(extra_size)
    if max(extra_size, len(entry.extra)) > _MAX_EXTRA:
        return 0, f"over {_MAX_EXTRA} bytes of extra fields"
    fields = dict(_extra_fields(extra))
    if _UNICODE_PATH_EXTRA in {*fields, *dict(_extra_fields(entry.extra))}:
        return 0, "a second name in a Unicode Path field"
    wide, is_streamed = fields.get(_ZIP64_EXTRA, b""), flags & _FLAG_DESCRIPTOR
    large = iter(struct.unpack_from(f"<{len(wide) // 8}Q", wide))
    sizes = [next(large, n) if n == _LARGE else n for n in (size, packed)]
    pairs = {
        "name": (name, _raw_name(entry)),
        "compression method": (method, entry.compress_type),
        "encryption flag": (flags & _FLAG_ENCRYPTED, entry.flag_bits & _FLAG_ENCRYPTED),
        "size": (sizes, sizes if is_streamed else [entry.file_size, entry.compress_size]),
    }
    differences = (f"{what} in its local header: {a!r}" for what, (a, b) in pairs.items() if a != b)
    end = stream.tell() + entry.compress_size + (16 if is_streamed else 0)
    return end, "".join(f"another {difference}" for difference in islice(differences, 1))


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        yield kind, extra[position + 4 : position + 4 + size]
        position += 4 + size


#: The rows of RECORD: path -> hash and size, as they are spelled there.
Rows = dict[str, tuple[str, str]]


class Content(NamedTuple):
    """A file in the wheel, and what is wrong with its hash or size in RECORD, or "".

    `program` is open until the next file is read; None unless native and within the limits.
    """

    entry: zipfile.ZipInfo
    path: str
    wrong: str
    is_native: bool
    program: BinaryIO | None


def read_contents(archive: zipfile.ZipFile, rows: Rows) -> Iterator[Content]:
    """Each file of the wheel, folders left out. Raises WheelError for one that is broken."""
    programs = 0
    for entry in archive.infolist():
        if (path := path_of(entry)).endswith("/"):
            continue
        spec, stated = rows.get(_spelled(path), (None, ""))
        algorithm = (spec or "").partition("=")[0]
        hasher = hashlib.new(algorithm if algorithm in _ALGORITHMS else "sha256")
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            with reading(f"{path!r} can't be read"), archive.open(entry) as file:
                chunk, size = file.read(_CHUNK), 0
                is_native = is_program(chunk) or (is_command(path) and not chunk.startswith(b"#!"))
                is_small = entry.file_size <= MAX_INSPECTED and programs < MAX_PROGRAMS
                while chunk:
                    size += len(chunk)
                    hasher.update(chunk)
                    if is_native and is_small:
                        spool.write(chunk)
                    chunk = file.read(_CHUNK)
            if size != entry.file_size:
                raise WheelError(f"{path!r} is not as long as its header says")
            programs += is_native
            wrong = "" if spec is None else _wrong_row(spec, stated, hasher.digest(), size)
            program = cast("BinaryIO", spool) if is_native and is_small else None
            yield Content(entry, path, wrong, is_native, program)


def _wrong_row(spec: str, stated: str, digest: bytes, size: int) -> str:
    """How a file's hash or size differs from those in RECORD ("sha256=…", "123")."""
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
    algorithm = spec.partition("=")[0]
    if not spec:
        return "is missing"
    if algorithm not in _ALGORITHMS:
        return f"is {algorithm!r}; only sha256 and better are allowed"
    if re.fullmatch(r"\w+=[0-9a-fA-F]{64,128}", spec):
        return f"is a hexadecimal {algorithm}, not urlsafe base64"
    is_right = spec == f"{algorithm}={encoded}" and stated in ("", str(size))
    return "" if is_right else f"is not the file's: {spec[:100]},{stated[:30]}"


def read_text(archive: zipfile.ZipFile, path: str, limit: int) -> bytes | None:
    """The bytes of a text, None where there is none.

    Raises WheelError when it is over `limit`, or can't be read.
    """
    with suppress(KeyError):
        entry = archive.getinfo(path)
        if entry.file_size > limit:
            raise WheelError(f"{path!r} has {entry.file_size} bytes; the limit is {limit}")
        with reading(f"{path!r} can't be read"):
            return archive.read(entry)
    return None


def read_record(archive: zipfile.ZipFile, folder: str, rows: Rows) -> Findings:
    """Put the rows of RECORD into `rows`; the findings are about rows, and files without one."""
    text = read_text(archive, f"{folder}/RECORD", _MAX_RECORD)
    if text is None:
        yield fault("record-missing", folder)
        return
    try:
        lines = io.TextIOWrapper(io.BytesIO(text), "utf-8", newline="")
        found = list(islice(csv.reader(lines), MAX_ROWS + 1))
    except (UnicodeDecodeError, csv.Error) as error:
        yield Finding("record-invalid", f"RECORD can't be read: {error}")
        return
    if len(found) > MAX_ROWS:
        yield Finding("record-invalid", f"RECORD has more than {MAX_ROWS} lines")
    for row in found[:MAX_ROWS]:
        path = _spelled(row[0]) if row else ""
        if len(row) != 3 or path in rows:
            why = "this path is listed again" if len(row) == 3 else "not three columns"
            yield fault("record-invalid", ",".join(row)[:200], why)
        else:
            rows[path] = (row[1], row[2])
    own = {f"{folder}/RECORD{suffix}" for suffix in ("", ".jws", ".p7s")}
    paths = (_spelled(path_of(entry)) for entry in archive.infolist())
    files = {path for path in paths if not path.endswith("/")} - own
    for path in own:
        rows.pop(path, None)
    yield from (fault("record-unlisted", path) for path in sorted(files - rows.keys()))
    yield from (fault("record-absent", path) for path in sorted(rows.keys() - files))


def _spelled(path: str) -> str:
    """A path as RECORD should have it; tools on Windows write backslashes."""
    return path.replace("\\", "/")

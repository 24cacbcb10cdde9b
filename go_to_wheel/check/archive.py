"""Checks a wheel's zip archive: safe to read, unambiguous, and in agreement with RECORD.

Files are read one at a time, in chunks of a megabyte; native files go to a temporary file, because
their parsers seek. Paths are `orig_filename`: `filename` ends at a NUL, and on Windows its
backslashes are slashes. Sources: PKWARE's APPNOTE.TXT, and the code of PyPI and uv.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from typing import BinaryIO, cast

from go_to_wheel.binary.read import is_program
from go_to_wheel.check.filename import is_command
from go_to_wheel.check.report import RULES, Finding, Findings, catch_errors, findings_about
from go_to_wheel.errors import WheelError

MIB = 1 << 20
MAX_FILE = 100 * MIB
BOMB_SIZE, BOMB_RATIO = 64 * MIB, 50
#: The largest wheels have some ten thousand entries.
MAX_DIRECTORY, MAX_ENTRIES = 8 * MIB, 100_000

_END_64_SIZE, _LOCATOR_SIZE, _CENTRAL_SIZE = 56, 20, 46
_END = struct.Struct("<10xHIIxx")
_LOCAL = struct.Struct("<4s2xHHxxxxxxxxIIHH")
_FLAG_ENCRYPTED, _FLAG_DESCRIPTOR, _FLAG_UTF8 = 0x1, 0x8, 0x800
_LARGE = 0xFFFFFFFF
#: Extra fields of one entry: dates, owners and sizes take some hundred bytes.
_MAX_EXTRA = 256
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 1, 0x7075
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
#: Findings after which no entry is read.
FATAL = frozenset({"zip-broken", "zip-bomb", "zip-encrypted"})
_CHUNK, _IN_MEMORY = 1 << 20, 8 << 20
#: Larger files, and further native files, are hashed but not inspected.
MAX_INSPECTED, MAX_PROGRAMS = 512 << 20, 2_000
#: RECORD has a row for each entry.
_MAX_RECORD, MAX_ROWS = 16 << 20, MAX_ENTRIES
#: The specification allows sha256 or better; these are always available.
_ALGORITHMS = ("sha256", "sha384", "sha512")


class _LimitedStream:
    """Limits the directory that zipfile reads into memory when it opens an archive."""

    def __init__(self, stream: BinaryIO) -> None:
        self.limit, self._read = MAX_DIRECTORY, stream.read
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self.limit:
            raise WheelError(f"its directory claims {size} bytes; the limit is {self.limit}")
        return self._read(size)


def open_archive(stream: BinaryIO) -> zipfile.ZipFile:
    """Open a zip archive. Raises WheelError when it can't be read as one."""
    limited = _LimitedStream(stream)
    with as_wheel_error("it can't be read as a zip archive"):
        archive = zipfile.ZipFile(cast("BinaryIO", limited))
        limited.limit = sys.maxsize
        if (count := len(archive.infolist())) > MAX_ENTRIES:
            raise WheelError(f"it has {count} entries; the limit is {MAX_ENTRIES}")
        return archive


@contextmanager
def as_wheel_error(message: str) -> Iterator[None]:
    """Turn whatever zipfile and zlib raise for broken data into a WheelError."""
    try:
        yield
    except WheelError:
        raise
    except Exception as error:
        raise WheelError(f"{message}: {error}") from error


def check_archive(archive: zipfile.ZipFile, stream: BinaryIO) -> Findings:
    """Findings about the archive, apart from its entries' paths."""
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
        kind_name = "a link" if kind == stat.S_IFLNK else "neither file nor folder"
        problems = {
            "zip-unsafe-name": not (entry.orig_filename.isascii() or flags & _FLAG_UTF8),
            "zip-link": kind not in (0, stat.S_IFREG, stat.S_IFDIR) and f"it is {kind_name}",
            "zip-compression": entry.compress_type not in _METHODS
            and f"it is compressed by method {entry.compress_type}",
            "zip-date": _date_problem(entry.date_time),
            "zip-encrypted": flags & _FLAG_ENCRYPTED,
            "zip-data-descriptor": flags & _FLAG_DESCRIPTOR,
        }
        yield from findings_about(entry.orig_filename, problems)
    if text := _find_mismatch(archive, stream, length):
        yield Finding("zip-mismatch", text)


def _date_problem(parts: tuple[int, int, int, int, int, int]) -> str:
    with suppress(ValueError):
        datetime(*parts)
        return ""
    return "its date is {}-{:02}-{:02} {:02}:{:02}:{:02}".format(*parts)


def _find_mismatch(archive: zipfile.ZipFile, stream: BinaryIO, length: int) -> str:
    """The first contradiction between local headers, central directory and file size, or ""."""
    entries, end = archive.infolist(), length - len(archive.comment) - _END.size
    expected = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        name, gap = entry.orig_filename, entry.header_offset - expected
        if gap:
            problem = "entries overlap" if gap < 0 else f"{gap} bytes that belong to no entry lie"
            return f"{problem} before {name!r}"
        if name.endswith("/") and entry.file_size:
            return f"the folder {name!r} has data of its own"
        expected, reason = _read_local(stream, entry)
        if reason:
            return f"{name!r}: {reason}"
    varying = (len(_encoded_name(entry) + entry.extra + entry.comment) for entry in entries)
    size = _CENTRAL_SIZE * len(entries) + sum(varying)
    is_tight = end - archive.start_dir - size in (0, _END_64_SIZE + _LOCATOR_SIZE)
    if expected != archive.start_dir or not is_tight:
        return "there is other data before or after the central directory"
    stream.seek(end)
    recorded = _END.unpack(stream.read(_END.size))
    limits = (0xFFFF, _LARGE, _LARGE)  # these refer to the ZIP64 record
    real = (len(entries), size, archive.start_dir)
    if any(number not in valid for number, *valid in zip(recorded, real, limits, strict=True)):
        return "its end record has another number, size or place of the entries"
    return ""


def _encoded_name(entry: zipfile.ZipInfo) -> bytes:
    encoding = "utf-8" if entry.flag_bits & _FLAG_UTF8 else "cp437"
    return entry.orig_filename.encode(encoding, "replace")


def _read_local(stream: BinaryIO, entry: zipfile.ZipInfo) -> tuple[int, str]:
    """Where an entry's data ends, and how its local header differs."""
    stream.seek(entry.header_offset)
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
        return 0, "no local header"
    _, flags, method, packed, size, name_size, extra_size = _LOCAL.unpack(head)
    name, extra = stream.read(name_size), stream.read(extra_size)
    if max(extra_size, len(entry.extra)) > _MAX_EXTRA:
        return 0, f"over {_MAX_EXTRA} bytes of extra fields"
    extra_fields = _parse_extra(extra)
    if _UNICODE_PATH_EXTRA in extra_fields.keys() | _parse_extra(entry.extra).keys():
        return 0, "a second name in a Unicode Path field"
    wide, is_streamed = extra_fields.get(_ZIP64_EXTRA, b""), flags & _FLAG_DESCRIPTOR
    large = iter(struct.unpack_from(f"<{len(wide) // 8}Q", wide))
    sizes = [next(large, n) if n == _LARGE else n for n in (size, packed)]
    fields = {
        "name": (name, _encoded_name(entry)),
        "compression method": (method, entry.compress_type),
        "encryption flag": (flags & _FLAG_ENCRYPTED, entry.flag_bits & _FLAG_ENCRYPTED),
        "size": (sizes, sizes if is_streamed else [entry.file_size, entry.compress_size]),
    }
    end = stream.tell() + entry.compress_size + (16 if is_streamed else 0)
    for field, (local, central) in fields.items():
        if local != central:
            return end, f"another {field} in its local header: {local!r}"
    return end, ""


def _parse_extra(extra: bytes) -> dict[int, bytes]:
    fields = {}
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        fields[kind], extra = extra[4 : 4 + size], extra[4 + size :]
    return fields


def check_files(
    archive: zipfile.ZipFile,
    folder: str,
    check_native: Callable[[zipfile.ZipInfo, BinaryIO | None], Findings],
) -> Findings:
    """Findings about RECORD in `folder`, each file's hash and size, and native files.

    `check_native` gets the entry of each native file and an open stream, None if the file is
    beyond the limits. Raises WheelError for a file that can't be read.
    """
    rows: dict[str, tuple[str, str]] = {}
    yield from _read_record(archive, folder, rows)
    native_files = 0
    for entry in archive.infolist():
        if (path := entry.orig_filename).endswith("/"):
            continue
        row = rows.get(path.replace("\\", "/"))
        algorithm = row[0].partition("=")[0] if row else ""
        hasher = hashlib.new(algorithm if algorithm in _ALGORITHMS else "sha256")
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            with as_wheel_error(f"{path!r} can't be read"), archive.open(entry) as file:
                chunk, size = file.read(_CHUNK), 0
                is_native = is_program(chunk) or (is_command(path) and not chunk.startswith(b"#!"))
                is_small = entry.file_size <= MAX_INSPECTED and native_files < MAX_PROGRAMS
                while chunk:
                    size += len(chunk)
                    hasher.update(chunk)
                    if is_native and is_small:
                        spool.write(chunk)
                    chunk = file.read(_CHUNK)
            if size != entry.file_size:
                raise WheelError(f"{path!r} is not as long as its header says")
            native_files += is_native
            if row and (problem := _record_problem(*row, hasher.digest(), size)):
                yield Finding.about("record-hash", path, f"its hash or size in RECORD {problem}")
            if is_native:
                findings = check_native(entry, cast("BinaryIO", spool) if is_small else None)
                yield from catch_errors(repr(path), findings)


def _record_problem(spec: str, length: str, digest: bytes, size: int) -> str:
    """How a file differs from its hash and size in RECORD ("sha256=…", "123"), or ""."""
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
    algorithm = spec.partition("=")[0]
    if not spec:
        return "is missing"
    if algorithm not in _ALGORITHMS:
        return f"is {algorithm!r}; only sha256 and better are allowed"
    if spec == f"{algorithm}={encoded}" and length in ("", str(size)):
        return ""
    if re.fullmatch(r"\w+=[0-9a-fA-F]{64,128}", spec):
        return f"is a hexadecimal {algorithm}, not urlsafe base64"
    return f"is not the file's: {spec[:100]},{length[:30]}"


def read_text(archive: zipfile.ZipFile, path: str, limit: int) -> bytes | None:
    """A text's bytes, None without one; raises WheelError if over `limit` bytes or unreadable."""
    with suppress(KeyError):
        entry = archive.getinfo(path)
        if entry.file_size > limit:
            raise WheelError(f"{path!r} has {entry.file_size} bytes; the limit is {limit}")
        with as_wheel_error(f"{path!r} can't be read"):
            return archive.read(entry)
    return None


def _read_record(
    archive: zipfile.ZipFile, folder: str, rows: dict[str, tuple[str, str]]
) -> Findings:
    """Fill `rows` from RECORD: path -> hash and size as written there.

    Tools on Windows write paths with backslashes.
    """
    text = read_text(archive, f"{folder}/RECORD", _MAX_RECORD)
    if text is None:
        yield Finding.about("record-missing", folder)
        return
    try:
        lines = io.TextIOWrapper(io.BytesIO(text), "utf-8", newline="")
        listed = list(islice(csv.reader(lines), MAX_ROWS + 1))
    except (UnicodeDecodeError, csv.Error) as error:
        yield Finding("record-invalid", f"RECORD can't be read: {error}")
        return
    if len(listed) > MAX_ROWS:
        yield Finding("record-invalid", f"RECORD has more than {MAX_ROWS} lines")
    for row in listed[:MAX_ROWS]:
        path = row[0].replace("\\", "/") if row else ""
        if len(row) != 3 or path in rows:
            problem = "this path is listed again" if len(row) == 3 else "not three columns"
            yield Finding.about("record-invalid", ",".join(row)[:200], problem)
        else:
            rows[path] = (row[1], row[2])
    paths = {entry.orig_filename.replace("\\", "/") for entry in archive.infolist()}
    files = {path for path in paths if not path.endswith("/")}
    for path in (f"{folder}/RECORD{suffix}" for suffix in ("", ".jws", ".p7s")):  # never hashed
        files.discard(path)
        rows.pop(path, None)
    yield from (Finding.about("record-unlisted", path) for path in sorted(files - rows.keys()))
    yield from (Finding.about("record-absent", path) for path in sorted(rows.keys() - files))

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
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from typing import BinaryIO, NamedTuple, cast

from go_to_wheel.check.filename import is_command, path_of
from go_to_wheel.check.report import RULES, Finding, Findings, fault
from go_to_wheel.errors import WheelError

MIB = 1 << 20
MAX_FILE = 100 * MIB
BOMB_SIZE, BOMB_RATIO = 64 * MIB, 50
#: The largest wheels have some ten thousand entries.
MAX_DIRECTORY, MAX_ENTRIES = 16 * MIB, 100_000

_CENTRAL, _LOCAL_HEADER = b"PK\x01\x02", b"PK\x03\x04"
_END_SIZE, _END_64_SIZE, _LOCATOR_SIZE, _CENTRAL_SIZE = 22, 56, 20, 46
_END = struct.Struct("<10xHII")
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
_MACHO = ("cffaedfe", "cefaedfe", "feedface", "feedfacf", "cafebabe", "cafebabf")
_MAGICS = (b"\x7fELF", b"MZ", b"!<arch>\n", *map(bytes.fromhex, _MACHO))


class _Guard:
    """The stream while zipfile opens it: what the end records claim stays within limits."""

    def __init__(self, stream: BinaryIO) -> None:
        self.is_open = False
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable
        self._read = stream.read

    def read(self, size: int = -1) -> bytes:
        if self.is_open:
            return self._read(size)
        if size > MAX_DIRECTORY:
            raise WheelError(f"its directory claims {size} bytes; the limit is {MAX_DIRECTORY}")
        data = self._read(size)
        if (count := data.count(_CENTRAL)) > MAX_ENTRIES:
            raise WheelError(f"it has {count} entries; the limit is {MAX_ENTRIES}")
        return data


def open_archive(stream: BinaryIO) -> zipfile.ZipFile:
    """A zip archive for reading. Raises WheelError for what can't be read as one."""
    guard = _Guard(stream)
    with reading("it can't be read as a zip archive"):
        archive = zipfile.ZipFile(cast("BinaryIO", guard))
    guard.is_open = True
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
        for code, why in wrong.items():
            if why:
                yield fault(code, path_of(entry), why if isinstance(why, str) else "")
    if reason := _find_mismatch(archive, stream, length):
        yield Finding("zip-mismatch", reason)


def _wrong_date(parts: tuple[int, int, int, int, int, int]) -> str:
    with suppress(ValueError):
        datetime(*parts)
        return ""
    return "its date is {}-{:02}-{:02} {:02}:{:02}:{:02}".format(*parts)


def _find_mismatch(archive: zipfile.ZipFile, stream: BinaryIO, length: int) -> str:
    """The first disagreement between local headers, central directory and the file's size."""
    entries, expected = archive.infolist(), 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        name = path_of(entry)
        if gap := entry.header_offset - expected:
            what = "entries overlap" if gap < 0 else f"{gap} bytes that belong to no entry lie"
            return f"{what} before {name!r}"
        if name.endswith("/") and entry.file_size:
            return f"the folder {name!r} has data of its own"
        expected, reason = _read_local(stream, entry)
        if reason:
            return f"{name!r} has {reason}"
    if expected != archive.start_dir:
        return "there is other data before the central directory"
    varying = (len(_raw_name(entry) + entry.extra + entry.comment) for entry in entries)
    size = _CENTRAL_SIZE * len(entries) + sum(varying)
    end = length - len(archive.comment) - _END_SIZE
    if end - archive.start_dir - size not in (0, _END_64_SIZE + _LOCATOR_SIZE):
        return "there is other data after the central directory"
    stream.seek(end)
    stated = _END.unpack(stream.read(_END.size))
    limits = (0xFFFF, _LARGE, _LARGE)  # these refer to the ZIP64 record
    real = (len(entries), size, archive.start_dir)
    if any(number not in pair for number, *pair in zip(stated, real, limits, strict=True)):
        return "its end record has another number, size or place of the entries"
    return ""


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
    end = entry.header_offset + _LOCAL.size + name_size + extra_size + entry.compress_size
    if max(extra_size, len(entry.extra)) > _MAX_EXTRA:
        return 0, f"over {_MAX_EXTRA} bytes of extra fields"
    fields, others = dict(_extra_fields(extra)), dict(_extra_fields(entry.extra))
    wide = fields.get(_ZIP64_EXTRA, b"")
    large = iter(struct.unpack_from(f"<{len(wide) // 8}Q", wide))
    sizes = [next(large, n) if n == _LARGE else n for n in (size, packed)]
    differences = {
        f"another name in its local header: {name!r}": name != _raw_name(entry),
        "a second name in a Unicode Path field": _UNICODE_PATH_EXTRA in fields | others,
        "another compression method in its local header": method != entry.compress_type,
        "another encryption flag in its local header": (flags ^ entry.flag_bits) & _FLAG_ENCRYPTED,
        "another size in its local header": not flags & _FLAG_DESCRIPTOR
        and sizes != [entry.file_size, entry.compress_size],
    }
    end += 16 if flags & _FLAG_DESCRIPTOR else 0
    return end, next((text for text, differs in differences.items() if differs), "")


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        yield kind, extra[position + 4 : position + 4 + size]
        position += 4 + size


class Content(NamedTuple):
    """A file in the wheel, with its hash as RECORD spells it.

    `program` is open until the next file is read; None unless native and within the limits.
    """

    entry: zipfile.ZipInfo
    path: str
    digest: str
    is_native: bool
    program: BinaryIO | None


def read_contents(
    archive: zipfile.ZipFile, algorithm_of: Callable[[str], str]
) -> Iterator[Content]:
    """Each file of the wheel, folders left out. Raises WheelError for one that is broken."""
    programs = 0
    for entry in archive.infolist():
        if (path := path_of(entry)).endswith("/"):
            continue
        hasher, size = hashlib.new(algorithm_of(path)), 0
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            with reading(f"{path!r} can't be read"), archive.open(entry) as file:
                chunk = file.read(_CHUNK)
                is_program = is_command(path) and not chunk.startswith(b"#!")
                is_native = chunk.startswith(_MAGICS) or is_program
                is_stored = (
                    is_native and entry.file_size <= MAX_INSPECTED and programs < MAX_PROGRAMS
                )
                while chunk:
                    size += len(chunk)
                    hasher.update(chunk)
                    if is_stored:
                        spool.write(chunk)
                    chunk = file.read(_CHUNK)
            if size != entry.file_size:
                raise WheelError(f"{path!r} is not as long as its header says")
            programs += is_native
            encoded = base64.urlsafe_b64encode(hasher.digest()).rstrip(b"=").decode("ascii")
            program = cast("BinaryIO", spool) if is_stored else None
            yield Content(entry, path, f"{hasher.name}={encoded}", is_native, program)


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


class Record:
    """The rows of a RECORD by path: `read` it, `check` each file, then see the `rest`."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._rows: dict[str, tuple[str, str]] = {}
        self._seen = {f"{folder}/RECORD{suffix}" for suffix in ("", ".jws", ".p7s")}
        self._readable = False

    def read(self, archive: zipfile.ZipFile) -> Findings:
        """Take in the rows; the findings are about the rows themselves."""
        text = read_text(archive, f"{self._folder}/RECORD", _MAX_RECORD)
        if text is None:
            yield fault("record-missing", self._folder)
            return
        try:
            lines = io.TextIOWrapper(io.BytesIO(text), "utf-8", newline="")
            rows = list(islice(csv.reader(lines), MAX_ROWS + 1))
        except (UnicodeDecodeError, csv.Error) as error:
            yield Finding("record-invalid", f"RECORD can't be read: {error}")
            return
        self._readable = True
        if len(rows) > MAX_ROWS:
            yield Finding("record-invalid", f"RECORD has more than {MAX_ROWS} lines")
        for row in rows[:MAX_ROWS]:
            path = row[0].replace("\\", "/") if row else ""
            if len(row) != 3 or path in self._rows:
                why = "this path is listed again" if len(row) == 3 else "not three columns"
                yield fault("record-invalid", ",".join(row)[:200], why)
            else:
                self._rows[path] = (row[1], row[2])

    def algorithm_of(self, path: str) -> str:
        """The hash algorithm to compute for a file."""
        algorithm = self._rows.get(path.replace("\\", "/"), ("", ""))[0].partition("=")[0]
        return algorithm if algorithm in _ALGORITHMS else "sha256"

    def check(self, content: Content) -> Findings:
        """Compare a file with its row."""
        path = content.path.replace("\\", "/")  # as written by tools on Windows
        if path in self._seen or not self._readable:
            return
        self._seen.add(path)
        if path not in self._rows:
            yield fault("record-unlisted", path)
            return
        spec, size = self._rows[path]
        algorithm, why = spec.partition("=")[0], ""
        if algorithm not in _ALGORITHMS:
            what = f"is {algorithm!r}; only sha256 and better are allowed"
            why = what if spec else "is missing"
        elif re.fullmatch(r"\w+=[0-9a-fA-F]{64,128}", spec):
            why = f"is a hexadecimal {algorithm}, not urlsafe base64"
        elif spec != content.digest or (size and size != str(content.entry.file_size)):
            why = f"is not the file's: {spec[:100]},{size[:30]}"
        if why:
            yield fault("record-hash", path, f"its hash or size in RECORD {why}")

    def rest(self) -> Findings:
        """The rows without a file, after all files were compared."""
        for path in sorted(self._rows.keys() - self._seen) if self._readable else ():
            yield fault("record-absent", path)

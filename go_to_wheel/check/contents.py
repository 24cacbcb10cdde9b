"""The entries' contents, one at a time and straight from the archive, compared with RECORD.

Nothing is held in memory but one megabyte and the few texts that are parsed; a native
file goes to a temporary file, because its headers point anywhere.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, cast

from go_to_wheel.check.archive import MAX_ENTRIES, reading
from go_to_wheel.check.paths import is_command, path_of
from go_to_wheel.check.report import Finding, Findings, fault
from go_to_wheel.errors import WheelError

_CHUNK = 1 << 20
_IN_MEMORY = 8 << 20
#: Larger files are hashed, not inspected.
MAX_INSPECTED = 512 << 20
#: So are all native files after so many.
MAX_PROGRAMS = 2_000
#: RECORD has a row for each entry.
_MAX_RECORD, MAX_ROWS = 16 << 20, MAX_ENTRIES
#: The specification allows sha256 or better; these are always available.
_ALGORITHMS = ("sha256", "sha384", "sha512")
_MACHO = ("cffaedfe", "cefaedfe", "feedface", "feedfacf", "cafebabe", "cafebabf")
_MAGICS = (b"\x7fELF", b"MZ", b"!<arch>\n", *map(bytes.fromhex, _MACHO))


@dataclass(frozen=True)
class Content:
    """A file in the wheel.

    `digest` is spelled as RECORD does. `program` is open until the next file is read, and
    None unless the file is native and within the limits.
    """

    entry: zipfile.ZipInfo
    path: str
    size: int
    digest: str
    is_native: bool
    program: BinaryIO | None


def read_contents(
    archive: zipfile.ZipFile, algorithm_of: Callable[[str], str]
) -> Iterator[Content]:
    """Each file of the wheel, folders left out. Raises WheelError for one that is broken."""
    programs = 0
    for entry in archive.infolist():
        path = path_of(entry)
        if path.endswith("/"):
            continue
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            store = cast("BinaryIO", spool) if programs < MAX_PROGRAMS else None
            with reading(f"{path!r} can't be read"):
                content = _read(archive, entry, algorithm_of(path), store)
            programs += content.is_native
            yield content


def _read(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, algorithm: str, store: BinaryIO | None
) -> Content:
    hasher, size, path = hashlib.new(algorithm), 0, path_of(entry)
    with archive.open(entry) as file:
        chunk = file.read(_CHUNK)
        is_other = is_command(path) and not chunk.startswith(b"#!")
        is_native = chunk.startswith(_MAGICS) or is_other
        if not is_native or entry.file_size > MAX_INSPECTED:
            store = None
        while chunk:
            size += len(chunk)
            hasher.update(chunk)
            if store:
                store.write(chunk)
            chunk = file.read(_CHUNK)
    if size != entry.file_size:
        raise WheelError(f"{path!r} is not as long as its header says")
    encoded = base64.urlsafe_b64encode(hasher.digest()).rstrip(b"=").decode("ascii")
    return Content(entry, path, size, f"{algorithm}={encoded}", is_native, store)


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
            for row in islice(csv.reader(lines), MAX_ROWS):
                path = _slashes(row[0]) if row else ""
                if len(row) == 3 and path not in self._rows:
                    self._rows[path] = (row[1], row[2])
                    continue
                why = "this path is listed again" if len(row) == 3 else "not three columns"
                yield fault("record-invalid", ",".join(row)[:200], why)
            if lines.read(1):
                yield Finding("record-invalid", f"RECORD has more than {MAX_ROWS} lines")
            self._readable = True
        except (UnicodeDecodeError, csv.Error) as error:
            yield Finding("record-invalid", f"RECORD can't be read: {error}")

    def algorithm_of(self, path: str) -> str:
        """The hash algorithm to compute for a file."""
        algorithm = self._rows.get(_slashes(path), ("", ""))[0].partition("=")[0]
        return algorithm if algorithm in _ALGORITHMS else "sha256"

    def check(self, content: Content) -> Findings:
        """Compare a file with its row."""
        path = _slashes(content.path)
        if path in self._seen or not self._readable:
            return
        self._seen.add(path)
        if row := self._rows.get(path):
            if why := _compare(content, *row):
                yield fault("record-hash", path, f"its hash or size in RECORD {why}")
        else:
            yield fault("record-unlisted", path)

    def rest(self) -> Findings:
        """The rows without a file, after all files were compared."""
        for path in sorted(self._rows.keys() - self._seen) if self._readable else ():
            yield fault("record-absent", path)


def _slashes(path: str) -> str:
    """Tools on Windows write backslashes; zip entries with them are a finding of their own."""
    return path.replace("\\", "/")


def _compare(content: Content, spec: str, size: str) -> str:
    """What is wrong with a file's row, "" if nothing."""
    algorithm = spec.partition("=")[0]
    if algorithm not in _ALGORITHMS:
        return f"is {algorithm!r}; only sha256 and better are allowed" if spec else "is missing"
    if re.fullmatch(r"\w+=[0-9a-fA-F]{64,128}", spec):
        return f"is a hexadecimal {algorithm}, not urlsafe base64"
    if spec != content.digest or (size and size != str(content.size)):
        return f"is not the file's: {spec[:100]},{size[:30]}"
    return ""

"""RECORD: every file listed once, with its own hash and size."""

from __future__ import annotations

import csv
import io
import re
from itertools import islice

from go_to_wheel.check.archive import MAX_ENTRIES
from go_to_wheel.check.contents import Content
from go_to_wheel.check.report import MAX_OF_A_CODE, Fault, Faults

#: RECORD has a row for each entry.
MAX_RECORD, MAX_ROWS = 16 << 20, MAX_ENTRIES
#: The specification allows sha256 or better; these are always available.
_ALGORITHMS = ("sha256", "sha384", "sha512")


class Record:
    """The rows of a RECORD by path, compared with one file after the other.

    `faults` are those of the rows themselves.
    """

    def __init__(self, text: bytes, dist_info: str) -> None:
        self.faults: list[Fault] = []
        self._rows: dict[str, tuple[str, str]] = {}
        self._exempt = {f"{dist_info}/RECORD{suffix}" for suffix in ("", ".jws", ".p7s")}
        self._seen: set[str] = set()
        self._readable = True
        try:
            lines = io.TextIOWrapper(io.BytesIO(text), "utf-8", newline="")
            for row in islice(csv.reader(lines), MAX_ROWS):
                self._add(row)
            if lines.read(1):
                self._fault(f"RECORD has more than {MAX_ROWS} lines")
        except (UnicodeDecodeError, csv.Error) as error:
            self._fault(f"RECORD can't be read: {error}")
            self._readable = False

    def _add(self, row: list[str]) -> None:
        path = _slashes(row[0]) if row else ""
        if len(row) != 3:
            self._fault(f"the line {','.join(row)[:200]!r} has not three columns")
        elif path in self._rows:
            self._fault(f"the line {','.join(row)[:200]!r} lists a path again")
        else:
            self._rows[path] = (row[1], row[2])

    def _fault(self, message: str) -> None:
        if len(self.faults) < MAX_OF_A_CODE:
            self.faults.append(Fault("record-invalid", message))

    def algorithm_of(self, path: str) -> str:
        """The hash algorithm to compute for a file."""
        algorithm = self._rows.get(_slashes(path), ("", ""))[0].partition("=")[0]
        return algorithm if algorithm in _ALGORITHMS else "sha256"

    def check(self, content: Content) -> Faults:
        """Compare a file with its row."""
        path = _slashes(content.path)
        self._seen.add(path)
        if path in self._exempt or not self._readable:
            return
        row = self._rows.get(path)
        if row is None:
            yield Fault("record-unlisted", f"{path!r} is not in RECORD")
        elif fault := _compare(content, *row):
            yield fault

    def rest(self) -> Faults:
        """The rows without a file, after all files were compared."""
        if not self._readable:
            return
        for path in sorted(self._rows.keys() - self._seen - self._exempt):
            yield Fault("record-absent", f"{path!r} is in RECORD, but not in the wheel")


def _slashes(path: str) -> str:
    """Tools on Windows write backslashes; zip entries with them are a finding of their own."""
    return path.replace("\\", "/")


def _compare(content: Content, spec: str, size: str) -> Fault | None:
    path, algorithm = content.path, spec.partition("=")[0]
    if not spec:
        return Fault("record-hash", f"{path!r} has no hash in RECORD")
    if algorithm not in _ALGORITHMS:
        text = f"the hash of {path!r} is {algorithm!r}; only sha256 and better are allowed"
        return Fault("record-hash", text)
    if spec != content.digest:
        if re.fullmatch(r"\w+=[0-9a-fA-F]{64,128}", spec):
            text = f"the {algorithm} of {path!r} is hexadecimal in RECORD, not urlsafe base64"
            return Fault("record-hash", text)
        return Fault("record-hash", f"the {algorithm} of {path!r} is not the one in RECORD")
    if size and size != str(content.size):
        text = f"{path!r} has {content.size} bytes, but RECORD says {size[:30]}"
        return Fault("record-hash", text)
    return None

"""RECORD: every file listed once, with its own hash and size."""

from __future__ import annotations

import csv
import io
import re
from itertools import islice

from go_to_wheel.check.archive import MAX_ENTRIES
from go_to_wheel.check.contents import Content
from go_to_wheel.check.report import Finding, Findings

#: RECORD has a row for each entry.
MAX_RECORD, MAX_ROWS = 16 << 20, MAX_ENTRIES
#: The specification allows sha256 or better; these are always available.
_ALGORITHMS = ("sha256", "sha384", "sha512")


class Record:
    """The rows of a RECORD by path: `read` it, `check` each file, then see the `rest`."""

    def __init__(self, folder: str) -> None:
        self._rows: dict[str, tuple[str, str]] = {}
        self._seen = {f"{folder}/RECORD{suffix}" for suffix in ("", ".jws", ".p7s")}
        self._readable = False

    def read(self, text: bytes) -> Findings:
        """Take in the rows; the findings are about the rows themselves."""
        try:
            lines = io.TextIOWrapper(io.BytesIO(text), "utf-8", newline="")
            for row in islice(csv.reader(lines), MAX_ROWS):
                path = _slashes(row[0]) if row else ""
                if len(row) == 3 and path not in self._rows:
                    self._rows[path] = (row[1], row[2])
                    continue
                why = "lists a path again" if len(row) == 3 else "has not three columns"
                yield Finding("record-invalid", f"the line {','.join(row)[:200]!r} {why}")
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
                yield Finding("record-hash", f"the hash or size of {path!r} in RECORD {why}")
        else:
            yield Finding("record-unlisted", f"{path!r} is not in RECORD")

    def rest(self) -> Findings:
        """The rows without a file, after all files were compared."""
        for path in sorted(self._rows.keys() - self._seen) if self._readable else ():
            yield Finding("record-absent", f"{path!r} is in RECORD, but not in the wheel")


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

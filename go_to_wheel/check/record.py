"""RECORD: every file listed once, with its own hash and size."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from go_to_wheel.check.report import Fault, Faults

#: What the specification allows: sha256 or better, and always available.
_ALGORITHMS = ("sha256", "sha384", "sha512")


@dataclass(frozen=True)
class Digest:
    """What RECORD may say of a file, computed from its content; `hashes` by algorithm."""

    size: int
    hashes: Mapping[str, str]


def algorithms_in(text: bytes) -> tuple[str, ...]:
    """The allowed hash algorithms that a RECORD uses."""
    return tuple(name for name in _ALGORITHMS if f",{name}=".encode() in text)


def spell_hash(raw: bytes) -> str:
    """A digest in RECORD's spelling."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def check_record(text: bytes, dist_info: str, digests: Mapping[str, Digest]) -> Faults:
    """RECORD's content against the files' digests, folders left out."""
    try:
        rows = list(csv.reader(io.StringIO(text.decode("utf-8"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        yield Fault("record-invalid", f"RECORD can't be read: {error}")
        return
    exempt = {f"{dist_info}/RECORD{suffix}" for suffix in ("", ".jws", ".p7s")}
    listed: set[str] = set()
    for row in rows:
        if len(row) != 3 or row[0] in listed:
            why = "is there twice" if row and row[0] in listed else "has not three columns"
            yield Fault("record-invalid", f"the line {','.join(row)!r} {why}")
            continue
        listed.add(row[0])
        if row[0] not in exempt:
            yield from _check_row(row, digests)
    for path in sorted(digests.keys() - listed - exempt):
        yield Fault("record-unlisted", f"{path!r} is not in RECORD")


def _check_row(row: list[str], digests: Mapping[str, Digest]) -> Faults:
    path, spec, size = row
    digest = digests.get(path)
    algorithm, _, value = spec.partition("=")
    if digest is None:
        yield Fault("record-absent", f"{path!r} is in RECORD and not in the wheel")
    elif not spec:
        yield Fault("record-hash", f"{path!r} has no hash")
    elif algorithm not in _ALGORITHMS:
        yield Fault("record-hash", f"the hash of {path!r} is {algorithm!r}, not sha256 or better")
    elif value != digest.hashes[algorithm]:
        yield Fault(
            "record-hash",
            f"the {algorithm} of {path!r} is not what RECORD says",
            "the file was changed after the wheel was made; build it again",
        )
    elif size and size != str(digest.size):
        yield Fault("record-hash", f"{path!r} has {digest.size} bytes, RECORD says {size}")

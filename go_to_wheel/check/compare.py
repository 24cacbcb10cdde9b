"""Two wheels: identical, or where they first differ."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.read import read_facts
from go_to_wheel.check.archive import open_archive
from go_to_wheel.errors import BinaryError, WheelError

_CONTEXT = 8
_MAX_LINE = 500


@dataclass(frozen=True)
class Difference:
    """Where two wheels differ: `place` is a path in them, `details` are lines for people."""

    place: str
    details: tuple[str, ...]


def compare_wheels(first: bytes, second: bytes) -> Difference | None:
    """The first difference between two wheels, None when they are the same bytes.

    Contents come before the way they are stored. Raises WheelError when a wheel can't be read.
    """
    if first == second:
        return None
    with open_archive(io.BytesIO(first)) as left, open_archive(io.BytesIO(second)) as right:
        found = next(_differences(left, right), None)
    return found or Difference("the archive", ("same files, stored in another way",))


def _differences(left: zipfile.ZipFile, right: zipfile.ZipFile) -> Iterator[Difference]:
    names, others = left.namelist(), right.namelist()
    for name in sorted(set(names) ^ set(others)):
        where = "the wheel" if name in names else "the rebuilt wheel"
        yield Difference(name, (f"only in {where}",))
    ordered = sorted(names, key=lambda name: name.endswith("/RECORD"))  # it follows from the rest
    for name in ordered:
        data, rebuilt = _read(left, name), _read(right, name)
        if data != rebuilt:
            yield Difference(name, tuple(_explain(data, rebuilt)))
    for entry, other in zip(left.infolist(), right.infolist(), strict=False):
        for aspect, now, then in _changes(_storage(entry), _storage(other)):
            text = f"same content, but {aspect} is {now} in the wheel and {then} in the rebuilt one"
            yield Difference(entry.filename, (text,))


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except Exception as error:  # zlib and zipfile raise anything for broken data
        raise WheelError(f"{name!r} can't be read: {error}", "download the wheel again") from error


def _explain(left: bytes, right: bytes) -> Iterator[str]:
    """What differs between two files' contents."""
    facts, others = _facts(left), _facts(right)
    if facts and others:
        for name, now, then in _changes(_build(facts), _build(others)):
            yield f"{name}: {now} in the wheel, {then} in the rebuilt one"[:_MAX_LINE]
    elif (lines := _lines(left)) is not None and (other_lines := _lines(right)) is not None:
        yield from _explain_texts(lines, other_lines)
        return
    offset = next(
        (at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b),
        min(len(left), len(right)),
    )
    yield f"first different byte at {offset:#x} of {len(left)} and {len(right)}"
    start = max(0, offset - _CONTEXT)
    yield f"wheel  {left[start : offset + _CONTEXT].hex(' ')}"
    yield f"built  {right[start : offset + _CONTEXT].hex(' ')}"


def _facts(data: bytes) -> BinaryFacts | None:
    try:
        return read_facts(io.BytesIO(data))
    except BinaryError:
        return None


def _build(facts: BinaryFacts) -> dict[str, str]:
    """What Go recorded about the build, by a name for people."""
    if facts.go is None:
        return {}
    recorded = {"Go": facts.go.version, "package": facts.go.path, "module": str(facts.go.main)}
    recorded |= facts.go.settings
    return recorded | {module.path: str(module) for module in facts.go.deps}


def _changes(
    left: Mapping[str, object], right: Mapping[str, object]
) -> Iterator[tuple[str, object, object]]:
    for name in dict.fromkeys((*left, *right)):
        now, then = left.get(name) or "unset", right.get(name) or "unset"
        if now != then:
            yield name, now, then


def _lines(data: bytes) -> list[str] | None:
    try:
        return data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return None


def _explain_texts(left: list[str], right: list[str]) -> Iterator[str]:
    pairs = enumerate(zip_longest(left, right, fillvalue=""), 1)
    number, (line, other) = next((row for row in pairs if row[1][0] != row[1][1]), (0, ("", "")))
    yield f"line {number}" if number else "their line ends"
    if number:
        yield f"wheel  {line[:_MAX_LINE]}"
        yield f"built  {other[:_MAX_LINE]}"


def _storage(entry: zipfile.ZipInfo) -> dict[str, object]:
    return {
        "its place": entry.filename,
        "its date": entry.date_time,
        "its mode": entry.external_attr,
        "its compression": entry.compress_type,
        "its compressed size": entry.compress_size,
    }

"""Two wheels: identical, or where they first differ."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from go_to_wheel.binary import BinaryFacts, read_facts
from go_to_wheel.check.archive import open_archive
from go_to_wheel.errors import BinaryError, WheelError

_CONTEXT = 8


@dataclass(frozen=True)
class Difference:
    """Where two wheels differ: `place` is a path in them, `details` are lines for people."""

    place: str
    details: tuple[str, ...]


def compare_wheels(first: bytes, second: bytes) -> Difference | None:
    """The first difference between two wheels, None when they are the same bytes.

    What an entry holds comes before how it is stored. Raises WheelError when one of them
    can't be read.
    """
    if first == second:
        return None
    with open_archive(io.BytesIO(first)) as one, open_archive(io.BytesIO(second)) as other:
        found = next(_differences(one, other), None)
    return found or Difference("the archive", ("same files, stored in another way",))


def _differences(one: zipfile.ZipFile, other: zipfile.ZipFile) -> Iterator[Difference]:
    names, others = one.namelist(), other.namelist()
    for name in sorted(set(names) ^ set(others)):
        where = "the wheel" if name in names else "the one built now"
        yield Difference(name, (f"only in {where}",))
    ordered = sorted(names, key=lambda name: name.endswith("/RECORD"))  # it follows from the rest
    for name in ordered:
        left, right = _read(one, name), _read(other, name)
        if left != right:
            yield Difference(name, tuple(_explain(left, right)))
    for left_info, right_info in zip(one.infolist(), other.infolist(), strict=False):
        if details := tuple(_storage(left_info, right_info)):
            yield Difference(left_info.filename, details)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except Exception as error:  # zlib and zipfile raise what broken data makes them
        raise WheelError(f"{name!r} can't be read: {error}") from error


def _explain(left: bytes, right: bytes) -> Iterator[str]:
    """What differs between two files' contents."""
    facts, others = _facts(left), _facts(right)
    if facts and others:
        yield from _explain_programs(facts, others)
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


def _explain_programs(left: BinaryFacts, right: BinaryFacts) -> Iterator[str]:
    """What Go says that it built differently."""
    if left.go is None or right.go is None:
        return
    told = {
        "Go": (left.go.version, right.go.version),
        "package": (left.go.path, right.go.path),
        "module": (str(left.go.main), str(right.go.main)),
    }
    for name in sorted({*left.go.settings, *right.go.settings}):
        told[name] = (left.setting(name), right.setting(name))
    modules = {module.path: str(module) for module in left.go.deps}
    others = {module.path: str(module) for module in right.go.deps}
    for path in sorted({*modules, *others}):
        told[path] = (modules.get(path, "absent"), others.get(path, "absent"))
    for name, (one, other) in told.items():
        if one != other:
            yield f"{name}: {one or 'unset'} in the wheel, {other or 'unset'} now"


def _lines(data: bytes) -> list[str] | None:
    try:
        return data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return None


def _explain_texts(left: list[str], right: list[str]) -> Iterator[str]:
    pairs = enumerate(zip_longest(left, right, fillvalue=""), 1)
    number, (one, other) = next((row for row in pairs if row[1][0] != row[1][1]), (0, ("", "")))
    yield f"line {number}" if number else "their line ends"
    if number:
        yield f"wheel  {one}"
        yield f"built  {other}"


def _storage(left: zipfile.ZipInfo, right: zipfile.ZipInfo) -> Iterator[str]:
    """Same content, stored in another way."""
    told = {
        "its place": (left.filename, right.filename),
        "its date": (left.date_time, right.date_time),
        "its mode": (left.external_attr, right.external_attr),
        "its compression": (left.compress_type, right.compress_type),
        "its compressed size": (left.compress_size, right.compress_size),
    }
    for name, (one, other) in told.items():
        if one != other:
            yield f"same content, but {name} is {one} in the wheel and {other} now"

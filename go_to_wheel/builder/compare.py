"""Two wheels: identical, or where they first differ."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from go_to_wheel.binary.read import read_facts
from go_to_wheel.check.archive import open_archive, reading
from go_to_wheel.errors import BinaryError

_MAX_LINE = 500
#: Larger texts are compared by byte, not by line.
_MAX_TEXT = 1 << 20
_STORAGE = ("filename", "date_time", "external_attr", "compress_type", "compress_size")


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
    for name in sorted(names, key=lambda name: name.endswith("/RECORD")):  # follows from the rest
        with reading(f"{name!r} can't be read"):
            data, rebuilt = left.read(name), right.read(name)
        if data != rebuilt:
            yield Difference(name, tuple(_explain(data, rebuilt)))
    for entry, other in zip(left.infolist(), right.infolist(), strict=False):
        now, then = ({key: getattr(zipped, key) for key in _STORAGE} for zipped in (entry, other))
        for change in _changes(now, then):
            yield Difference(entry.filename, (f"same content, but {change}",))


def _explain(left: bytes, right: bytes) -> Iterator[str]:
    """What differs between two files' contents: Go's settings, the first line, the first byte."""
    yield from _changes(_recorded(left), _recorded(right))
    if line := next(_changes(_lines(left), _lines(right)), ""):
        yield line
        return
    pairs = enumerate(zip(left, right, strict=False))
    offset = next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))
    yield f"first different byte at {offset:#x} of {len(left)} and {len(right)}"


def _recorded(data: bytes) -> dict[str, object]:
    """What Go recorded about the build, by a name for people."""
    with suppress(BinaryError):
        if go := read_facts(io.BytesIO(data)).go:
            modules = {module.path: module for module in go.deps}
            return {
                "Go": go.version,
                "package": go.path,
                "module": go.main,
                **go.settings,
                **modules,
            }
    return {}


def _lines(data: bytes) -> dict[str, str]:
    with suppress(UnicodeDecodeError):
        lines = data.decode("utf-8").splitlines() if len(data) < _MAX_TEXT else []
        return {f"line {number}": repr(line) for number, line in enumerate(lines, 1)}
    return {}


def _changes(left: Mapping[str, object], right: Mapping[str, object]) -> Iterator[str]:
    for name in dict.fromkeys((*left, *right)):
        now, then = left.get(name) or "unset", right.get(name) or "unset"
        if now != then:
            yield f"{name} is {now} in the wheel, {then} in the rebuilt one"[:_MAX_LINE]

"""Write-ahead logs: copying what is committed in one into a private copy of its database.

Every frame is checked before it is applied: a log that was copied while its writer went on
shows itself by its salts or checksums. The format:
https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from operator import mul
from typing import BinaryIO, NamedTuple

from .journal import page_size_of

HEADER_SIZE = 32
_FRAME_HEADER = 24
_MAGIC = 0x377F0682  # with the last bit set, checksums are of big-endian words
_VERSION = 3007000
_WORD = 0xFFFFFFFF


class LogError(Exception):
    """The log cannot be applied. The text says why."""


class Log(NamedTuple):
    """The committed pages of a log: the position of each page's newest content."""

    page_size: int
    pages: int  # of the database after the last commit; 0 when nothing is committed
    frames: dict[int, int]  # page → offset in the log


@functools.cache
def _weights(words: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How much each word adds to the two halves of the checksum, modulo 2**32.

    The checksum is linear in the words (``s0 += x0 + s1; s1 += x1 + s0``), so it is a sum of
    products, which Python makes many times faster than the loop. The last two weights are
    those of the checksum so far.
    """
    halves = []
    for first, second in ((1, 0), (0, 1)):
        weights = []
        for _ in range(words // 2):
            weights += [second, (first + second) & _WORD]
            first, second = (first + second) & _WORD, (first + 2 * second) & _WORD
        halves.append((*reversed(weights), first, second))
    return halves[0], halves[1]


def checksum(data: bytes, big_endian: bool, before: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """The log's checksum of ``data``, a multiple of eight bytes, continued from ``before``."""
    words = struct.unpack(f"{'>' if big_endian else '<'}{len(data) // 4}I", data) + before
    first, second = _weights(len(data) // 4)
    return sum(map(mul, words, first)) & _WORD, sum(map(mul, words, second)) & _WORD


def read_log(log: BinaryIO, check_deadline: Callable[[], object]) -> Log:
    """Every committed frame. Raises LogError when the header is of another kind.

    A header or frame whose checksum is wrong ends the log there, as it does for SQLite.
    ``check_deadline`` is called from time to time and may raise.
    """
    log.seek(0)
    header = log.read(HEADER_SIZE)
    nothing = Log(0, 0, {})
    if len(header) < HEADER_SIZE:
        return nothing
    magic, version, page_size = struct.unpack(">3I", header[:12])
    big_endian = bool(magic & 1)
    running = checksum(header[:24], big_endian)
    if magic & ~1 != _MAGIC or running != struct.unpack(">2I", header[24:]):
        return nothing
    if version != _VERSION:
        raise LogError(f"its format is {version}")
    if not 512 <= page_size <= 65536 or page_size & (page_size - 1):
        return nothing
    return _read_frames(log, page_size, header[16:24], running, big_endian, check_deadline)


def _read_frames(
    log: BinaryIO,
    page_size: int,
    salts: bytes,
    running: tuple[int, int],
    big_endian: bool,
    check_deadline: Callable[[], object],
) -> Log:
    pages, committed, open_frames = 0, dict[int, int](), dict[int, int]()
    offset = HEADER_SIZE
    while len(frame := log.read(_FRAME_HEADER + page_size)) == _FRAME_HEADER + page_size:
        page, size = struct.unpack(">2I", frame[:8])
        running = checksum(frame[:8] + frame[_FRAME_HEADER:], big_endian, running)
        if not page or frame[8:16] != salts or struct.unpack(">2I", frame[16:24]) != running:
            break
        open_frames[page] = offset + _FRAME_HEADER
        if size:
            pages = size
            committed.update(open_frames)
            open_frames.clear()
        offset += len(frame)
        check_deadline()
    return Log(page_size, pages, committed)


def apply_log(
    log: BinaryIO, database: BinaryIO, max_bytes: int, check_deadline: Callable[[], object]
) -> bool:
    """Bring ``database`` to the state of the last commit in ``log``. Both are private copies.

    False when nothing is committed there. Raises LogError when the log is not this
    database's or claims more than ``max_bytes``.
    """
    found = read_log(log, check_deadline)
    if not found.pages:
        return False
    if found.pages * found.page_size > max_bytes:
        raise LogError(f"it says that the database has {found.pages * found.page_size:,} bytes")
    if page_size_of(database) not in (0, found.page_size):
        raise LogError("it belongs to another database")
    for page, offset in sorted(found.frames.items()):
        if page <= found.pages:
            log.seek(offset)
            database.seek((page - 1) * found.page_size)
            database.write(log.read(found.page_size))
    database.truncate(found.pages * found.page_size)
    return True

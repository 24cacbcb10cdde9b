"""Rollback journals: which transaction one belongs to, and undoing it in a private copy.

A journal comes with the database file, so it is untrusted input. SQLite acts on it: it
deletes a file that the journal names (the super-journal), and makes the database as long as
the journal says. Therefore SQLite never sees one. It is read here, and what it says is
applied by this module, to a copy.

The format: https://www.sqlite.org/fileformat2.html#the_rollback_journal. Where that page
leaves something open, this does what pager.c does in ``pager_playback``.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

MAGIC = bytes.fromhex("d9d505f920a163d7")
MAX_PAGE_SIZE = 65536
_LOCK_BYTE = 0x40000000  # the page that holds it is never written
_FIRST_SECTOR = 512  # SQLite ignores a shorter journal
_TO_THE_END = 0xFFFFFFFF  # as number of records: as many as there are
_MAX_NAME_LENGTH = 512  # SQLite's MAX_PATHNAME: a longer name is none


class JournalError(Exception):
    """The journal cannot be applied. The text says why."""


class Header(NamedTuple):
    """The fields of one segment's header, in the order of the file."""

    records: int
    nonce: int
    initial_pages: int
    sector_size: int
    page_size: int


def super_journal(journal: BinaryIO) -> bytes:
    """The name of the super-journal at the end of a journal, b"" if there is none.

    Ends at the first NUL, as SQLite's name does. Any length counts, though SQLite itself
    reads no more than 512 bytes.
    """
    size = journal.seek(0, os.SEEK_END)
    if size < 16:
        return b""
    journal.seek(size - 16)
    length, checksum, magic = struct.unpack(">II8s", journal.read(16))
    if magic != MAGIC or not 0 < length <= size - 16:
        return b""
    if length > MAX_PAGE_SIZE:
        raise JournalError(f"it names a super-journal with {length} bytes")
    journal.seek(size - 16 - length)
    name = journal.read(length)
    signed = sum(byte - 256 if byte > 127 else byte for byte in name)
    return name.split(b"\0")[0] if signed & 0xFFFFFFFF == checksum else b""


def super_journal_exists(name: bytes, database: bytes) -> bool:
    """Whether a journal that names ``name`` still counts: whether that file exists.

    It is never opened. Raises JournalError where the check is not safe or
    proves nothing: SQLite writes absolute paths, on Windows also of other machines.
    """
    shown = name.decode("utf-8", "backslashreplace")
    if len(name) > _MAX_NAME_LENGTH or not os.path.isabs(name):
        raise JournalError(f"it names the super-journal {shown!r}, which is not a full path")
    if os.path.splitdrive(name)[0] != os.path.splitdrive(os.path.abspath(database))[0]:
        raise JournalError(f"it names the super-journal {shown!r} on another drive")
    try:
        found = os.stat(name)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise JournalError(f"its super-journal {shown!r} cannot be seen") from error
    # SQLite takes an empty file for none.
    return found.st_size > 0 or not stat.S_ISREG(found.st_mode)


def read_header(journal: BinaryIO, size: int) -> Header | None:
    """The first header, or None if nothing can be undone. Raises JournalError for a false one."""
    if size < _FIRST_SECTOR:
        return None
    journal.seek(0)
    magic, *fields = struct.unpack(">8s5I", journal.read(28))
    if magic != MAGIC:
        return None
    header = Header(*fields)
    for name, value, minimum in (
        ("page size", header.page_size, 512),
        ("sector size", header.sector_size, 32),
    ):
        if not minimum <= value <= MAX_PAGE_SIZE or value & (value - 1):
            raise JournalError(f"its {name} is {value}")
    return header


def read_records(journal: BinaryIO, header: Header, size: int) -> Iterator[tuple[int, bytes]]:
    """Every whole record of every segment, up to the first that is torn.

    A record is a page's number, from 1 on, and its content before the transaction.
    """
    offset = 0
    current: Header | None = header
    while current is not None:
        offset += header.sector_size
        count = current.records
        while count:
            record = _read_record(journal, offset, header, current.nonce)
            if record is None:
                return
            yield record
            offset += header.page_size + 8
            count -= count != _TO_THE_END
        offset = -(-offset // header.sector_size) * header.sector_size
        current = _next_header(journal, offset, header, size)


def _next_header(journal: BinaryIO, offset: int, first: Header, size: int) -> Header | None:
    """A later segment's header; its sizes are those of the first."""
    if offset + first.sector_size > size:
        return None
    journal.seek(offset)
    raw = journal.read(20)
    if len(raw) < 20 or not raw.startswith(MAGIC):
        return None
    records, nonce, pages = struct.unpack(">3I", raw[8:])
    return Header(records, nonce, pages, first.sector_size, first.page_size)


def _read_record(
    journal: BinaryIO, offset: int, first: Header, nonce: int
) -> tuple[int, bytes] | None:
    page_size = first.page_size
    journal.seek(offset)
    raw = journal.read(page_size + 8)
    if len(raw) < page_size + 8:
        return None
    page, content, checksum = struct.unpack(f">I{page_size}sI", raw)
    if page in (0, _LOCK_BYTE // page_size + 1):
        return None
    # SQLite passes over a page beyond the end before it checks the checksum.
    expected = nonce + sum(content[i] for i in range(page_size - 200, 0, -200))
    is_torn = page <= first.initial_pages and expected & 0xFFFFFFFF != checksum
    return None if is_torn else (page, content)


def page_size_of(database: BinaryIO) -> int:
    """The page size in a database's header."""
    database.seek(16)
    size = int.from_bytes(database.read(2), "big")
    return MAX_PAGE_SIZE if size == 1 else size


def roll_back(
    journal: BinaryIO, database: BinaryIO, max_bytes: int, check_deadline: Callable[[], object]
) -> None:
    """Undo in ``database`` what the transaction of ``journal`` did. Both are private copies.

    Raises JournalError when the journal is not this database's or claims that it was longer
    than ``max_bytes``; the copy is then of no use. ``check_deadline`` is called from time to
    time and may raise.
    """
    size = journal.seek(0, os.SEEK_END)
    header = read_header(journal, size)
    if header is None:
        return
    length = header.initial_pages * header.page_size
    if length > max_bytes:
        raise JournalError(f"it says that the database had {length:,} bytes")
    database.truncate(length)
    if not length:
        return  # the transaction made the database
    for number, (page, content) in enumerate(read_records(journal, header, size)):
        if page <= header.initial_pages:
            database.seek((page - 1) * header.page_size)
            database.write(content)
        if number % 256 == 0:
            check_deadline()
    if page_size_of(database) != header.page_size:
        raise JournalError("it belongs to another database")

"""Databases and journals that a stranger could have made to do harm. Shared by tests."""

from __future__ import annotations

import itertools
import os
import sqlite3
import struct
from pathlib import Path

JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


def super_journal_record(name: bytes, checksum: int | None = None) -> bytes:
    """The end of a rollback journal that is part of a transaction over several files."""
    signed = sum(b - 256 if b > 127 else b for b in name) & 0xFFFFFFFF
    found = signed if checksum is None else checksum
    return name + struct.pack(">II", len(name), found) + JOURNAL_MAGIC


def journal_header(
    records: int = 0, initial_pages: int = 1, sector_size: int = 512, page_size: int = 4096
) -> bytes:
    """The first sector of a rollback journal."""
    fields = struct.pack(">5I", records, 0, initial_pages, sector_size, page_size)
    return (JOURNAL_MAGIC + fields).ljust(max(512, min(sector_size, 65536)), b"\0")


def journal_of(database: bytes, page_size: int = 4096) -> bytes:
    """A journal that takes a database back to these bytes."""
    pages = len(database) // page_size
    journal = journal_header(pages, pages, page_size=page_size)
    for number in range(pages):
        content = database[number * page_size : (number + 1) * page_size]
        checksum = sum(content[i] for i in range(page_size - 200, 0, -200))
        journal += struct.pack(">I", number + 1) + content + struct.pack(">I", checksum)
    return journal


def doubling_views(path: Path, families: int = 60, depth: int = 24) -> Path:
    """94 KB whose views name columns so often that looking at one takes gigabytes.

    The last of each family is named as if it were a virtual table.
    """
    connection = sqlite3.connect(path)
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE t (a, b)")
    for family in range(families):
        below = "t"
        for level in range(depth):
            name = f"v{family}_{level}" if level < depth - 1 else f"VIRTUAL_{family}"
            connection.execute(
                f"CREATE VIEW {name} AS SELECT a + b AS a, a - b AS b FROM {below} /* USING foo */"
            )
            below = name
    connection.commit()
    connection.close()
    return path


def many_constraints(path: Path, count: int = 20_000) -> Path:
    """One CREATE TABLE that takes SQLite seconds: it compares each constraint with all others."""
    columns = [f"c{i}" for i in range(400)]
    pairs = itertools.islice(itertools.permutations(columns, 2), count)
    unique = ",".join(f"UNIQUE({first},{second})" for first, second in pairs)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute(
        "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 2, ?)",
        [f"CREATE TABLE x({','.join(columns)},{unique})"],
    )
    connection.commit()
    connection.close()
    return path


def add_to_schema(path: Path, name: str, rootpage: int, sql: str) -> Path:
    """A table that SQLite would not have created so."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute(
        "INSERT INTO sqlite_master VALUES ('table', ?, ?, ?, ?)", [name, name, rootpage, sql]
    )
    connection.commit()
    connection.close()
    return path


def store_as_blob(path: Path, column: str, kind: str) -> Path:
    """Blobs instead of text in the schema's rows for tables or indexes, which SQLite reads."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute(
        f"UPDATE sqlite_master SET {column} = CAST({column} AS BLOB) WHERE type = ?", [kind]
    )
    connection.commit()
    connection.close()
    return path


def bait(folder: Path, count: int = 20) -> dict[Path, tuple[bytes, int, int]]:
    """Files that nobody may touch, and what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"bait{number}").write_bytes(os.urandom(64))
    return state(folder)


def state(folder: Path) -> dict[Path, tuple[bytes, int, int]]:
    """Content and times of every file below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        stat = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[path] = (content, stat.st_mtime_ns, stat.st_ctime_ns)
    return found

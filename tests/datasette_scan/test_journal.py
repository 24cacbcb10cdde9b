"""Rollback journals and logs of strangers: undone by our own code, or not at all."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from datasette_scan.errors import RecoveryError
from datasette_scan.opening import Limits, Mode, Opener, SnapshotStore, journal, wal
from hostile import JOURNAL_MAGIC, bait, journal_header, journal_of, state, super_journal_record
from sites import make_database, run_sql
from test_opening import count, settle

WRITE_AND_DIE = """
import os, random, sqlite3, sys
path, seed, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
rng = random.Random(seed)
c = sqlite3.connect(path, isolation_level=None)
c.execute(f"PRAGMA page_size={rng.choice([512, 1024, 4096, 65536])}")
c.execute(f"PRAGMA auto_vacuum={rng.choice([0, 1, 2])}")
c.execute(f"PRAGMA journal_mode={mode}")
c.execute(f"PRAGMA synchronous={rng.choice(['off', 'normal', 'full'])}")
c.execute("PRAGMA cache_size=2")
c.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b)")
c.execute("CREATE INDEX i ON t(b)")
for _ in range(rng.randrange(1, 40)):
    c.execute("INSERT INTO t(b) VALUES (?)", (rng.randbytes(rng.randrange(2000)),))
c.execute("BEGIN")
for _ in range(rng.randrange(5, 60)):
    kind = rng.random()
    if kind < 0.3:
        c.execute("DELETE FROM t WHERE a % 7 = ?", (rng.randrange(7),))
    elif kind < 0.7:
        c.execute("INSERT INTO t(b) VALUES (?)", (rng.randbytes(rng.randrange(3000)),))
    elif kind < 0.8:
        c.execute("SAVEPOINT s")
        c.execute("UPDATE t SET b = b || 'x'")
        c.execute(rng.choice(["RELEASE s", "ROLLBACK TO s"]))
    elif kind < 0.9:
        c.execute("COMMIT")
        c.execute("BEGIN")
    else:
        c.execute("UPDATE t SET b = zeroblob(200) WHERE a % 3 = 0")
os._exit(0)
"""


@pytest.fixture
def opener() -> Opener:
    return Opener(Limits(busy_seconds=2), SnapshotStore(64 << 20))


@pytest.mark.parametrize("mode", ["delete", "persist", "truncate", "wal"])
@pytest.mark.parametrize("seed", range(6))
def test_same_bytes_as_sqlite_recovers(seed: int, mode: str, tmp_path: Path) -> None:
    """Writers that die in all ways: SQLite's recovery and ours make the same file."""
    path, mine = tmp_path / "a.db", tmp_path / "mine.db"
    subprocess.run([sys.executable, "-c", WRITE_AND_DIE, path, str(seed), mode], check=True)
    shutil.copyfile(path, mine)
    old, log = tmp_path / "a.db-journal", tmp_path / "a.db-wal"
    with mine.open("r+b") as database:
        if old.exists() and old.read_bytes()[:1] not in (b"", b"\0"):
            with old.open("rb") as file:
                journal.roll_back(file, database, 1 << 30, lambda: None)
        if log.exists():
            with log.open("rb") as file:
                assert wal.apply_log(file, database, 1 << 30, lambda: None)
    connection = sqlite3.connect(path)
    connection.execute("SELECT count(*) FROM t").fetchone()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.close()
    assert mine.read_bytes() == path.read_bytes()


def test_pages_beyond_the_end_are_passed_over(tmp_path: Path) -> None:
    """SQLite does not look at their checksums: what follows them counts."""
    path, mine = make_database(tmp_path / "a.db"), tmp_path / "mine.db"
    whole = path.read_bytes()
    pages = len(whole) // 4096
    beyond = struct.pack(">I", pages + 1) + b"x" * 4096 + b"torn"
    header = journal_header(pages + 1, pages)
    made = header + beyond + journal_of(whole)[len(header) :]
    path.write_bytes(whole[:4096] + b"y" * (len(whole) - 4096))
    shutil.copyfile(path, mine)
    with mine.open("r+b") as database:
        journal.roll_back(BytesIO(made), database, 1 << 20, lambda: None)
    (tmp_path / "a.db-journal").write_bytes(made)
    run_sql(path, "SELECT 1 FROM sqlite_master")
    assert mine.read_bytes() == path.read_bytes() == whole


NAMES = [
    b"bait0",  # as it is: the path of a bait file
    b"bait0\0anything after it",
    b"bait0" + b"\0" * 300,
    b"./../bait/bait0",
]


@pytest.mark.parametrize("tail", NAMES, ids=repr)
@pytest.mark.parametrize(
    "head",
    [
        b"",  # the whole journal is a name
        b"x" * 100,
        journal_header(),
        journal_header(sector_size=65536),
        journal_header(sector_size=1),
        journal_header(records=0xFFFFFFFF, initial_pages=0xFFFFFFFF),
        journal_header() + b"y" * 9000,
    ],
    ids=range(7),
)
def test_named_super_journal_is_never_touched(
    head: bytes, tail: bytes, root: Path, tmp_path: Path, opener: Opener
) -> None:
    """SQLite deletes the file that such a journal names, and itself the journal."""
    before = bait(tmp_path / "bait")
    path = make_database(root / "a.db")
    name = os.fsencode(tmp_path / "bait") + b"/" + tail
    (root / "a.db-journal").write_bytes(head + super_journal_record(name))
    settle(path)
    disk = state(root)
    with pytest.raises(RecoveryError, match=r"a transaction over several files: .*bait0"):
        count(opener, path)
    opener.close()
    assert state(tmp_path / "bait") == before
    assert state(root) == disk


def test_sqlite_deletes_what_a_journal_names(root: Path, tmp_path: Path) -> None:
    """What the tests above would see if SQLite were given the journal."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious" * 20)
    path = make_database(root / "a.db")
    (root / "a.db-journal").write_bytes(b"x" * 100 + super_journal_record(os.fsencode(victim)))
    run_sql(path, "SELECT * FROM t")
    assert not victim.exists()


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (b"", 3),  # no name: the transaction is undone
        (b"/nowhere/at/all-mj01234567", 4),  # finished: it was committed by deleting that file
    ],
)
def test_a_transaction_without_its_super_journal_counts(
    name: bytes, rows: int, root: Path, opener: Opener
) -> None:
    path = make_database(root / "a.db")
    before = path.read_bytes()
    run_sql(path, "INSERT INTO t(name) VALUES ('in the transaction')")
    beside = root / "a.db-journal"
    beside.write_bytes(journal_of(before) + (super_journal_record(name) if name else b""))
    settle(path)
    assert count(opener, path) == (rows, Mode.COPY)
    opener.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (b"relative/name", "not a full path"),
        (b"/" + b"x" * 600, "not a full path"),
        (b"/dev/null", "several files"),  # exists, and is no regular file
    ],
)
def test_super_journal_that_cannot_be_judged(
    name: bytes, said: str, root: Path, opener: Opener
) -> None:
    path = make_database(root / "a.db")
    journal_bytes = journal_of(path.read_bytes()) + super_journal_record(name)
    (root / "a.db-journal").write_bytes(journal_bytes)
    settle(path)
    with pytest.raises(RecoveryError, match=said):
        count(opener, path)
    opener.close()


def test_empty_super_journal_is_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert not journal.super_journal_exists(os.fsencode(empty), b"/d/a.db")
    empty.write_bytes(b"x")
    assert journal.super_journal_exists(os.fsencode(empty), b"/d/a.db")


@pytest.mark.parametrize(
    "content",
    [
        super_journal_record(b"/name", checksum=1),
        super_journal_record(b"/name")[:-1],
        super_journal_record(b""),
        struct.pack(">II", 4000, 0) + JOURNAL_MAGIC,
        b"",
    ],
)
def test_no_super_journal(content: bytes) -> None:
    assert journal.super_journal(BytesIO(content)) == b""


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (journal_header(initial_pages=1 << 20, page_size=65536), "68,719,476,736 bytes"),
        (journal_header(initial_pages=0xFFFFFFFF), "17,592,186,040,320 bytes"),
        (journal_header(page_size=1000), "page size is 1000"),
        (journal_header(page_size=131072), "page size is 131072"),
        (journal_header(sector_size=48), "sector size is 48"),
        (journal_header(page_size=8192), "belongs to another database"),
    ],
)
def test_journals_that_lie(header: bytes, said: str, root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    (root / "a.db-journal").write_bytes(header)
    settle(path)
    before = state(root)
    with pytest.raises(RecoveryError, match=said):
        count(opener, path)
    opener.close()
    assert state(root) == before


def test_text_in_place_of_journal_undoes_nothing(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    (root / "a.db-journal").write_text("not a journal\n" * 100)
    settle(path)
    assert count(opener, path) == (3, Mode.COPY)
    opener.close()


def test_finished_giant_beside_it_costs_nothing(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    with (root / "a.db-journal").open("wb") as file:
        file.truncate(1 << 40)
    settle(path)
    assert count(opener, path)[0] == 3
    opener.close()


@pytest.mark.parametrize("suffix", ["-journal", "-wal"])
def test_giant_beside_it_is_not_copied(suffix: str, root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db", journal="wal" if suffix == "-wal" else "delete")
    with (root / f"a.db{suffix}").open("wb") as file:
        file.write(JOURNAL_MAGIC)
        file.truncate(1 << 40)
    settle(path)
    with pytest.raises(RecoveryError, match="would take 1,099,511"):
        count(opener, path)
    opener.close()


def test_log_of_another_database(root: Path, opener: Opener, tmp_path: Path) -> None:
    path = make_database(root / "a.db", journal="wal")
    other = tmp_path / "other.db"
    run_sql(other, "PRAGMA page_size=8192")
    connection = sqlite3.connect(other)
    connection.execute("PRAGMA page_size=8192")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE x (y)")
    connection.commit()
    shutil.copyfile(f"{other}-wal", root / "a.db-wal")
    connection.close()
    settle(path)
    with pytest.raises(RecoveryError, match="belongs to another database"):
        count(opener, path)
    opener.close()


def test_log_checksum() -> None:
    """The sum of products is the format's loop."""
    rng = random.Random(1)
    for size in (8, 24, 4104):
        data = rng.randbytes(size)
        for big_endian in (False, True):
            order = ">" if big_endian else "<"
            words = struct.unpack(f"{order}{size // 4}I", data)
            first, second = 7, 0xFFFFFFFF
            for i in range(0, len(words), 2):
                first = (first + words[i] + second) & 0xFFFFFFFF
                second = (second + words[i + 1] + first) & 0xFFFFFFFF
            assert wal.checksum(data, big_endian, (7, 0xFFFFFFFF)) == (first, second)

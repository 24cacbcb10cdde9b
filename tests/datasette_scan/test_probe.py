"""What a look into a file finds out: what is missing, and who has it open."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from datasette_scan.errors import BusyError
from datasette_scan.finder import Match
from datasette_scan.opening import Limits, Mode, Opener, SnapshotStore, attempt, locks
from datasette_scan.probe import probe_file
from sites import READS_WITHOUT_TOKENIZER, child_python, end, make_database, run_sql
from test_opening import HOLD_OPEN, LEAVE, count, settle


@pytest.fixture(autouse=True)
def not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "_is_root", lambda: False)


@pytest.fixture
def opener() -> Any:
    made = Opener(Limits(busy_seconds=0.3), SnapshotStore(64 << 20))
    yield made
    made.close()


def look(opener: Opener, path: Path) -> Any:
    return probe_file(opener, Match(os.fsencode(path), 0, 0, 0, True, "", "", 0))


def as_another_program_left_it(path: Path, table: str, sql: str) -> None:
    """Write a table's SQL as it is, which a SQLite without its parts refuses to run."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", [sql, table])
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("module", "sql", "needs"),
    [
        ("fts5", "USING fts5(a, tokenize='icu_2')", "tokenizer icu_2"),
        ("fts4", "USING fts4(a, tokenize=mozporter)", "tokenizer mozporter"),
        ("fts5", "USING vec0(a)", "extension sqlite-vec"),
    ],
)
def test_missing_parts_are_named(
    module: str, sql: str, needs: str, root: Path, opener: Opener
) -> None:
    path = make_database(root / "a.db")
    run_sql(path, f"CREATE VIRTUAL TABLE x USING {module}(a)")
    as_another_program_left_it(path, "x", f"CREATE VIRTUAL TABLE x {sql}")
    facts = look(opener, path)
    if READS_WITHOUT_TOKENIZER and "fts5" in sql:  # the table itself can be read
        assert (facts.status, facts.missing) == ("ready", ())
        return
    assert (facts.status, facts.detail) == ("partly readable", f"needs {needs}")
    assert facts.missing == ("x",)


def test_names_are_cut_whole(root: Path, opener: Opener) -> None:
    names = [f"t{number}_{'x' * 90}" for number in range(60)]
    run_sql(root / "a.db", *(f"CREATE TABLE {name} (a)" for name in names))
    found = look(opener, root / "a.db").tables.split("\n")
    assert 30 < len(found) < 60 and found == names[: len(found)]


def test_a_missing_collation_is_named(root: Path, opener: Opener) -> None:
    """As Anki and Apple's applications have them; the table can be read all the same."""
    path = make_database(root / "a.db")
    connection = sqlite3.connect(path)
    connection.create_collation("unicase", lambda a, b: (a > b) - (a < b))
    connection.execute("CREATE TABLE notes (a TEXT COLLATE unicase, b COLLATE NOCASE)")
    connection.commit()
    connection.close()
    facts = look(opener, path)
    assert (facts.status, facts.detail) == ("partly readable", "needs collation unicase")
    assert facts.missing == ()


def test_message_that_is_not_utf8_is_damage(root: Path, opener: Opener) -> None:
    """SQLite quotes the schema in its message, and Python fails to decode that."""
    path = make_database(root / "a.db")
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE t", b"CREATE\xe3TABLE t"))
    settle(path)
    facts = look(opener, path)
    assert facts.status == "corrupt"
    assert "malformed database schema (t)" in facts.detail


def test_log_of_a_program_that_is_gone(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db", journal="wal")
    child = child_python(LEAVE, str(path), "INSERT INTO t(name) VALUES ('only in the log')")
    child.wait()
    end(child)
    assert look(opener, path).status == "not closed cleanly"
    (root / "a.db-shm").unlink()
    settle(path)
    assert look(opener, path).status == "not closed cleanly"
    assert count(opener, path) == (4, Mode.COPY)


@pytest.mark.skipif(sys.platform == "win32", reason="SQLite's locks are seen on POSIX")
def test_live_while_a_program_has_it_open(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db", journal="wal")
    child = child_python(HOLD_OPEN, str(path), "INSERT INTO t(name) VALUES ('in the log')")
    try:
        assert look(opener, path).status == "live"
    finally:
        end(child)
    assert look(opener, path).status == "not closed cleanly"


def test_exclusive_log_is_read_in_a_copy(root: Path, opener: Opener) -> None:
    """Firefox and Chromium have their databases open in this way."""
    path = make_database(root / "a.db", journal="wal")
    statements = ["PRAGMA locking_mode=EXCLUSIVE", "INSERT INTO t(name) VALUES ('in the log')"]
    child = child_python(HOLD_OPEN, str(path), *statements)
    try:
        assert not (root / "a.db-shm").exists()
        assert count(opener, path) == (4, Mode.COPY)
        assert look(opener, path).status == "snapshot"
    finally:
        end(child)


@pytest.mark.skipif(sys.platform != "linux", reason="names of programs are looked up on Linux")
def test_busy_names_the_program(root: Path, opener: Opener) -> None:
    path = make_database(root / "a.db")
    child = child_python(HOLD_OPEN, str(path), "BEGIN EXCLUSIVE")
    try:
        with pytest.raises(BusyError, match=r"is busy: python\S* has locked it"):
            count(opener, path)
    finally:
        end(child)


@pytest.mark.skipif(sys.platform == "win32", reason="SQLite's locks are seen on POSIX")
@pytest.mark.parametrize(
    ("statements", "writer", "user"),
    [
        ([], False, False),
        (["BEGIN", "SELECT * FROM t"], False, False),  # a statement that has ended
        (["BEGIN IMMEDIATE"], True, True),
        (["BEGIN EXCLUSIVE"], True, True),
    ],
)
def test_locks_that_sqlite_takes_are_found(
    statements: list[str], writer: bool, user: bool, root: Path
) -> None:
    """The packed ``struct flock`` has this system's layout."""
    path = make_database(root / "a.db")
    child = child_python(HOLD_OPEN, str(path), *statements)
    fd = os.open(path, os.O_RDONLY)
    try:
        found = locks.find_writer(fd)
        assert (found is not None) is writer
        if "SELECT * FROM t" not in statements:
            assert (locks.find_lock_holder(fd) is not None) is user
        if found is not None:
            assert found == child.pid
        taken = locks.take_shared(fd)
        exclusive = "BEGIN EXCLUSIVE" in statements
        assert taken is not exclusive
        locks.release_shared(fd)
    finally:
        os.close(fd)
        end(child)

"""Right or nothing, while another process writes. See writer.py for what every read must be."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import writer
from sites import end
from datasette_scan.errors import UnavailableError
from datasette_scan.opening import Limits, Opener, SnapshotStore, attempt


READS = 20_000
READS_AS_ROOT = 2_000
THREADS = 8
COMMITS = 20  # at least, while they read


@contextmanager
def writing(manner: str, folder: Path) -> Iterator[tuple[Path, writer.Counter]]:
    database, number = folder / "disk" / "live.db", folder / "counter"
    database.parent.mkdir(exist_ok=True)
    writer.create(
        str(database),
        "wal" if manner.startswith(("wal", "checkpoint")) else "delete",
    )
    counter = writer.Counter(str(number))
    child = subprocess.Popen(
        [sys.executable, writer.__file__, manner, str(database), str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "writing\n"
    try:
        yield database, counter
        assert child.poll() is None, "the writer ended early"
    finally:
        end(child)


QUERY = "SELECT count(*), min(v), max(v), sum(amount), sum(length(filler)) FROM account"


def is_right(row: tuple[int, ...], before: int, after: int) -> bool:
    """One state, and not older than what was committed when the read began."""
    whole = row[0] == writer.ROWS and row[3] == writer.TOTAL and row[4] == writer.ROWS * 900
    return whole and row[1] == row[2] and before <= row[1] <= after + 1


@dataclass
class Readers:
    """Threads that read the same file at once through one opener, until ``enough``.

    How often a reader meets which state of the file is the scheduler's business, so they
    count what they met instead of reading for a time.
    """

    opener: Opener
    path: bytes
    counter: writer.Counter
    enough: Callable[[Readers], bool]
    modes: Tally[str] = field(default_factory=Tally)
    refused: Tally[str] = field(default_factory=Tally)
    wrong: list[object] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    failures: list[BaseException] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return sum(self.modes.values())

    def run(self) -> None:
        threads = [threading.Thread(target=self._read, daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.failures == []

    def _read(self) -> None:
        try:
            while not (self.wrong or self.failures or self.enough(self)):
                self._read_once()
        except BaseException as error:  # noqa: BLE001 (a thread's failure would pass unseen)
            self.failures.append(error)

    def _read_once(self) -> None:
        before = self.counter.get()
        try:
            row, info = self.opener.read(self.path, lambda c: c.execute(QUERY).fetchone())
        except UnavailableError as error:
            with self.lock:
                self.refused[type(error).__name__] += 1
            return
        after = self.counter.get()
        with self.lock:
            self.modes[info.mode.value] += 1
            if not is_right(tuple(row), before, after):
                self.wrong.append((info.mode.value, before, tuple(row), after))


def readers(
    path: Path, counter: writer.Counter, enough: Callable[[Readers], bool], busy: float = 1.0
) -> Readers:
    opener = Opener(Limits(busy_seconds=busy), SnapshotStore(1 << 30))
    return Readers(opener, os.fsencode(path), counter, enough)


@pytest.mark.parametrize(
    ("manner", "modes"),
    [
        ("rollback", {"direct"}),
        ("pausing", {"direct", "unlocked"}),
        ("wal", {"live"}),
        ("checkpoint", {"immutable", "live"}),
        ("exclusive", {"copy"}),
        ("convert", {"direct", "live"}),
    ],
)
def test_twenty_thousand_reads_none_wrong(
    manner: str, modes: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "_is_root", lambda: False)
    check_reads(manner, modes, tmp_path, READS)


@pytest.mark.parametrize(
    ("manner", "modes"),
    [
        ("rollback", {"direct"}),
        ("pausing", {"direct", "unlocked"}),
        ("wal", {"copy"}),
        ("checkpoint", {"copy"}),
        ("convert", {"copy"}),
    ],
)
def test_reads_as_root_none_wrong(
    manner: str, modes: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Private copies of a database and a log that is written to, checkpointed and restarted."""
    monkeypatch.setattr(attempt, "_is_root", lambda: True)
    check_reads(manner, modes, tmp_path, READS_AS_ROOT)


def test_reads_of_an_exclusive_log_none_wrong(tmp_path: Path) -> None:
    """As Firefox holds its databases: locked, in log mode, committing and checkpointing."""
    check_reads("wal exclusive", {"copy"}, tmp_path, READS_AS_ROOT)


def check_reads(manner: str, modes: set[str], tmp_path: Path, reads: int) -> None:
    def enough(group: Readers) -> bool:
        commits = counter.get() - began
        return group.answered >= reads and modes <= set(group.modes) and commits >= COMMITS

    with writing(manner, tmp_path) as (path, counter):
        began = counter.get()
        group = readers(path, counter, enough)
        group.run()
        group.opener.close()
        written = counter.get() - began
    print(f"{manner}: {dict(group.modes)} refused {dict(group.refused)}, {written} commits")
    assert group.wrong == []
    assert group.answered >= reads


def test_files_are_closed_beside_readers_without_harm(tmp_path: Path) -> None:
    """One place in the pool and two files: closing one's descriptors drops no lock."""
    with writing("rollback", tmp_path) as (path, counter):
        other, twin = tmp_path / "disk" / "other.db", tmp_path / "disk" / "twin.db"
        writer.create(str(other))
        os.link(path, twin)
        opener = Opener(Limits(connections=1, busy_seconds=60), SnapshotStore(1 << 30))
        groups = [
            Readers(opener, os.fsencode(p), counter, lambda g: g.answered >= 2000)
            for p in (path, twin)
        ]
        threads = [threading.Thread(target=group.run) for group in groups]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            opener.read(os.fsencode(other), lambda c: c.execute(QUERY).fetchone())
        opener.close()
    assert groups[0].wrong == groups[1].wrong == []
    assert groups[0].failures == groups[1].failures == []
    assert groups[0].modes["direct"] and groups[1].modes["direct"]


def test_a_journal_in_memory_is_never_guessed(tmp_path: Path) -> None:
    """Locked exclusively with no journal on the disk: half a transaction looks like a whole."""
    with writing("memory", tmp_path) as (path, counter):
        while counter.get() < 3:
            time.sleep(0.01)
        group = readers(path, counter, lambda g: g.refused["BusyError"] >= 60, busy=0.1)
        group.run()
        group.opener.close()
    assert group.wrong == []


def test_the_measure_finds_wrong_answers(tmp_path: Path) -> None:
    """``nolock=1``, which other tools use, fails it: so passing it means something."""
    wrong = 0
    with writing("rollback", tmp_path) as (path, counter):
        while wrong < 3:
            before = counter.get()
            connection = sqlite3.connect(f"file:{path}?mode=ro&nolock=1", uri=True)
            try:
                row = connection.execute(QUERY).fetchone()
                wrong += not is_right(row, before, counter.get())
            except sqlite3.DatabaseError:
                wrong += 1
            finally:
                connection.close()

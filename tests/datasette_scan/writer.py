"""A program that writes to a database without pause, in one of several manners.

Run in a child process: ``python writer.py MANNER DATABASE COUNTER``; it ends when its
standard input does, and with it when the process that started it is gone. After each
commit the committed version goes to COUNTER (8 bytes, mapped), so a reader knows what must
be visible by then. Every transaction rewrites all rows, which lie on many pages:

* each row's ``v`` is the version, so all must be equal;
* ``amount`` is moved between rows, so the sum stays what it was.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sqlite3
import struct
import sys
import threading
import time

ROWS = 40
TOTAL = ROWS * 100


def create(path: str, journal: str = "delete") -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, v, amount, filler)")
    connection.executemany(
        "INSERT INTO account VALUES (?, 0, 100, ?)", [(i, "x" * 900) for i in range(ROWS)]
    )
    connection.commit()
    connection.close()


class Counter:
    """The number of the last transaction that is committed."""

    def __init__(self, path: str) -> None:
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(bytes(8))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    def get(self) -> int:
        return struct.unpack("<q", self._map[:])[0]

    def set(self, value: int) -> None:
        self._map[:] = struct.pack("<q", value)


def change(connection: sqlite3.Connection, version: int) -> None:
    """One transaction's statements, not committed."""
    connection.execute("UPDATE account SET v = ?", [version])
    one, other = version % ROWS, (version * 7 + 1) % ROWS
    connection.execute("UPDATE account SET amount = amount - 5 WHERE id = ?", [one])
    connection.execute("UPDATE account SET amount = amount + 5 WHERE id = ?", [other])


def connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=2, isolation_level=None)
    insist(connection, "PRAGMA synchronous=OFF")
    return connection


def insist(connection: sqlite3.Connection, sql: str) -> None:
    """Readers may hold a writer up; they must not end it."""
    while True:
        try:
            connection.execute(sql)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
        else:
            return


def write(manner: str, path: str, counter: Counter) -> None:
    version = counter.get()
    connection = connect(path)
    if manner in ("exclusive", "memory", "wal exclusive"):
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    if manner == "memory":
        connection.execute("PRAGMA journal_mode=MEMORY")
    if manner in ("memory", "pausing"):
        connection.execute("PRAGMA cache_size=5")  # spills into the file before the commit
    if manner in ("wal", "wal exclusive"):
        connection.execute("PRAGMA wal_autocheckpoint=60")
    while True:
        version += 1
        insist(connection, "BEGIN IMMEDIATE")
        change(connection, version)
        if manner in ("exclusive", "memory", "pausing") and version % 12 == 0:
            time.sleep(0.15)  # long enough for a copy to be tried half-way
        insist(connection, "COMMIT")
        counter.set(version)
        connection = between(manner, path, connection, version)


def between(
    manner: str, path: str, connection: sqlite3.Connection, version: int
) -> sqlite3.Connection:
    """What each manner does between two transactions."""
    if manner == "checkpoint":
        if version % 3 == 0:
            connection.close()  # the last connection: -wal and -shm are removed
            time.sleep(0.1 if version % 12 == 0 else 0.002)
            return connect(path)
        insist(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    elif manner == "convert":
        if version % 5 == 0:
            to = "WAL" if version % 2 else "DELETE"
            for _ in range(300):
                with contextlib.suppress(sqlite3.OperationalError):  # a reader was in the way
                    if connection.execute(f"PRAGMA journal_mode={to}").fetchone()[0] == to.lower():
                        break
                time.sleep(0.0003)
            if version % 10 == 0:
                time.sleep(0.1)
    elif manner in ("exclusive", "memory", "pausing"):
        time.sleep(0.35 if version % 8 == 0 else 0.001)
    else:
        time.sleep(0.0005)
    return connection


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    manner, path, counter = sys.argv[1:]
    threading.Thread(target=end_with_input, daemon=True).start()
    sys.stdout.write("writing\n")
    sys.stdout.flush()
    write(manner, path, Counter(counter))


if __name__ == "__main__":
    main()

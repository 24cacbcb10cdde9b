"""A thread that ends opens of files that would block for ever."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from ..sqlite import sqlite3

T = TypeVar("T")

_OPENING_SECONDS = 1.0  # after which an open is taken to wait at a pipe


class Watchdog:
    """Ends an open that blocks: on a pipe that replaced a checked file, or in a schema.

    Opening a pipe for reading blocks until somebody opens it for writing. The watchdog does
    that, which changes nothing, and SQLite finds that the pipe is not a database. A signal
    interrupts the wait at a pipe that has no name any more: SQLite opens again by name. The
    first open starts the thread, which sleeps while there is none and ends with the process.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[int, tuple[float, bytes]] = {}  # thread → due, path
        self._parsing: dict[int, tuple[Callable[[], bool], sqlite3.Connection]] = {}
        self._thread: threading.Thread | None = None

    def install_signal_handler(self) -> None:
        """Make SIGURG, which is ignored otherwise, interrupt system calls. Main thread only."""
        if (
            hasattr(signal, "SIGURG")
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGURG) == signal.SIG_DFL
        ):
            signal.signal(signal.SIGURG, lambda *_: None)

    @contextlib.contextmanager
    def opening(self, path: bytes) -> Iterator[None]:
        """While SQLite opens a database, its journal and its log."""
        if not hasattr(os, "mkfifo"):
            yield
            return
        with self._watched(self._waiting, (time.monotonic() + _OPENING_SECONDS, path)):
            yield

    def parsing(
        self, connection: sqlite3.Connection, is_over: Callable[[], bool]
    ) -> contextlib.AbstractContextManager[None]:
        """While SQLite reads a schema. It fails after ``is_over``, and the connection is of no use.

        That may happen without an error: call ``is_over`` once more.
        """
        return self._watched(self._parsing, (is_over, connection))

    @contextlib.contextmanager
    def _watched(self, registry: dict[int, T], item: T) -> Iterator[None]:
        thread = threading.get_ident()
        with self._changed:
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._thread = threading.Thread(target=self._run, name="scan-watchdog", daemon=True)
                self._thread.start()
            registry[thread] = item
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del registry[thread]

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._parsing):
                    self._changed.wait()
                for thread, (due, path) in self._waiting.items():
                    if due <= time.monotonic():
                        _unblock(thread, path)
                for is_over, connection in self._parsing.values():
                    if is_over():
                        _abort_parsing(connection)
            time.sleep(_OPENING_SECONDS / 4)


def _abort_parsing(connection: sqlite3.Connection) -> None:
    """Make the statement that is being parsed fail, from another thread.

    SQLite's parser checks for an interrupt only at blanks, and one long CREATE TABLE without
    any can keep it busy for a minute. But at each step it checks these limits.
    """
    for limit in ("COLUMN", "SQL_LENGTH", "EXPR_DEPTH", "VDBE_OP"):
        connection.setlimit(getattr(sqlite3, f"SQLITE_LIMIT_{limit}"), 1)


def _unblock(thread: int, path: bytes) -> None:
    for suffix in (b"", b"-wal", b"-journal", b"-shm"):
        with contextlib.suppress(OSError):
            if stat.S_ISFIFO(os.lstat(path + suffix).st_mode):
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW
                os.close(os.open(path + suffix, flags))
    if signal.getsignal(signal.SIGURG) not in (signal.SIG_DFL, signal.SIG_IGN, None):
        signal.pthread_kill(thread, signal.SIGURG)


watchdog = Watchdog()

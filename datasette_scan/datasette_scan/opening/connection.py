"""Opening SQLite connections to files that may be hostile.

What a file or a query can do is limited here, per connection; memory is limited for the
whole process by ``limit_memory``. See https://www.sqlite.org/security.html, and the
threat model in the documentation, which goes through that page line by line.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote_from_bytes

from ..sqlite import sqlite3
from . import windows

T = TypeVar("T")
Prepare = Callable[[sqlite3.Connection], None]

HEAP_BYTES = 256 << 20
_OPENING_SECONDS = 1.0  # after which an open is taken to wait at a pipe
_WAITING = 5  # times the time of the processor
_CHECK_EVERY = 1000  # SQLite's virtual machine instructions between two looks at the clock

_POWERFUL = frozenset(
    {"edit", "fts3_tokenizer", "fsdir", "load_extension", "readfile", "writefile"}
)
# Pragmas that only read, or that Datasette and its libraries use. All others do nothing:
# hard_heap_limit, for one, would hold for the whole process.
_PRAGMAS = frozenset(
    """application_id auto_vacuum collation_list compile_options data_version database_list
    encoding foreign_key_check foreign_key_list foreign_keys freelist_count function_list
    index_info index_list index_xinfo integrity_check journal_mode module_list page_count
    page_size pragma_list quick_check recursive_triggers schema_version table_info table_list
    table_xinfo user_version""".split()
)
_READ_ONLY = frozenset({"application_id", "journal_mode", "schema_version", "user_version"})
_LIMITS = {  # SQLite's defaults are in brackets
    "SQLITE_LIMIT_LENGTH": 128 << 20,  # (10**9)
    "SQLITE_LIMIT_SQL_LENGTH": 1_000_000,  # (10**9)
    "SQLITE_LIMIT_COMPOUND_SELECT": 200,  # (500)
    "SQLITE_LIMIT_VDBE_OP": 1_000_000,  # (250,000,000)
    "SQLITE_LIMIT_LIKE_PATTERN_LENGTH": 5_000,  # (50,000)
    "SQLITE_LIMIT_TRIGGER_DEPTH": 10,  # (1,000)
    "SQLITE_LIMIT_WORKER_THREADS": 0,  # (0)
}
_PARSER_LIMITS = [
    f"SQLITE_LIMIT_{what}" for what in ("COLUMN", "SQL_LENGTH", "EXPR_DEPTH", "VDBE_OP")
]
_CONFIG = {  # Python 3.12
    "SQLITE_DBCONFIG_DEFENSIVE": True,
    "SQLITE_DBCONFIG_TRUSTED_SCHEMA": False,
    "SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER": False,
    "SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION": False,
    "SQLITE_DBCONFIG_ENABLE_TRIGGER": False,
}


def file_uri(path: bytes, flags: str) -> str:
    """A SQLite URI that names exactly these bytes: nothing in a name is taken as syntax."""
    if os.name == "nt":
        return windows.format_uri(path if os.path.isabs(path) else os.path.abspath(path), flags)
    return f"file:{quote_from_bytes(os.path.abspath(path), safe='/')}?{flags}"


def limit_memory(most: int = HEAP_BYTES) -> None:
    """Let SQLite use at most this much memory, in all connections of this process together.

    What needs more fails with MemoryError. It can be lowered later and not raised. Older
    SQLite than 3.31 has no such limit.
    """
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"PRAGMA hard_heap_limit={int(most)}").fetchone()
    finally:
        connection.close()


# -- limits of one connection


def allow(seconds: float) -> Callable[[], bool]:
    """What says whether this thread has used that much time since now.

    Time of the processor, so that a file is not too complex because the machine is busy; or
    a few times as much by the clock, for a file system that does not answer.
    """
    clock: Callable[[], float] = time.thread_time
    if hasattr(time, "pthread_getcpuclockid"):  # this thread's clock, whoever asks
        number = time.pthread_getcpuclockid(threading.get_ident())
        clock = functools.partial(time.clock_gettime, number)
    used, began = clock(), time.monotonic()
    return lambda: clock() - used > seconds or time.monotonic() - began > _WAITING * seconds


@dataclass
class Budget:
    """How long statements may still be prepared, and whether they may see paths.

    Before 3.41 SQLite cannot be interrupted while it prepares a statement, and ``PRAGMA
    table_list`` prepares one for each view. But it calls the authorizer, which refuses what
    is asked for too late: then each of them fails at once.
    """

    is_late: Callable[[], bool] = lambda: False
    stopping: threading.Event = field(default_factory=threading.Event)
    hide_paths: bool = False
    exceeded: bool = False

    def begin(self, is_late: Callable[[], bool], stopping: threading.Event) -> None:
        """The next read begins."""
        self.is_late, self.stopping, self.exceeded = is_late, stopping, False

    def is_over(self) -> bool:
        """Whether the time is over."""
        if self.stopping.is_set() or self.is_late():
            self.exceeded = True
        return self.exceeded


class Connection(sqlite3.Connection):
    """A connection and its budget."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.budget = Budget()


def restrict(connection: sqlite3.Connection, attached: int = 0) -> None:
    """Take from a connection what reading does not need, as far as this Python can."""
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.execute("PRAGMA mmap_size=0").fetchone()
    _limit(connection, {**_LIMITS, "SQLITE_LIMIT_ATTACHED": attached})
    if hasattr(connection, "setconfig"):
        for name, value in _CONFIG.items():
            with contextlib.suppress(sqlite3.OperationalError):  # SQLite is older than Python
                connection.setconfig(getattr(sqlite3, name), value)


def _limit(connection: sqlite3.Connection, limits: dict[str, int]) -> None:
    for name, most in limits.items():
        connection.setlimit(getattr(sqlite3, name), most)


def guard(connection: Connection, hide_paths: bool = False) -> None:
    """Refuse functions, pragmas and statements with power, and what takes too long.

    With ``hide_paths`` SQL cannot find out where files are either.
    """
    connection.budget.hide_paths = hide_paths
    connection.set_authorizer(functools.partial(_authorize, connection.budget))


def unguard(connection: sqlite3.Connection) -> None:
    """Undo ``guard``: the next statements are ours."""
    connection.set_authorizer(None)


def _authorize(
    budget: Budget, action: int, first: str | None, second: str | None, *_: str | None
) -> int:
    if budget.is_over():
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if _is_harmless(budget, first, second) else sqlite3.SQLITE_IGNORE
    if action == sqlite3.SQLITE_FUNCTION:
        allowed = (second or "").lower() not in _POWERFUL
    else:
        allowed = action not in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _is_harmless(budget: Budget, name: str | None, value: str | None) -> bool:
    pragma = (name or "").lower()
    if pragma == "database_list":
        return not budget.hide_paths
    return pragma in _PRAGMAS and not (value is not None and pragma in _READ_ONLY)


def _cripple(connection: sqlite3.Connection) -> None:
    """Make what is being parsed fail, from another thread.

    SQLite's parser looks for an interrupt only at blanks, and one long CREATE TABLE without
    any can keep it busy for a minute. But at each step it looks at these limits.
    """
    _limit(connection, dict.fromkeys(_PARSER_LIMITS, 1))


# -- opening


def connect(path: bytes, flags: str, prepare: Prepare | None) -> Connection:
    """A hardened connection. Raises what SQLite raises."""
    connection = sqlite3.connect(
        file_uri(path, flags), uri=True, check_same_thread=False, timeout=0, factory=Connection
    )
    try:
        if prepare is not None:
            prepare(connection)
        restrict(connection)
        guard(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def opened_file(connection: Connection) -> bytes:
    """The path that SQLite opened, with every link resolved that it followed."""
    unguard(connection)
    try:
        row = connection.execute(
            "SELECT CAST(file AS BLOB) FROM pragma_database_list WHERE name = 'main'"
        ).fetchone()
    finally:
        guard(connection)
    return bytes(row[0])


@contextlib.contextmanager
def interrupted_when(
    connection: sqlite3.Connection, is_over: Callable[[], bool], every: int = _CHECK_EVERY
) -> Iterator[None]:
    """Interrupt what a connection does as soon as ``is_over`` says so.

    It is asked after each ``every`` instructions of SQLite's virtual machine.
    """
    connection.set_progress_handler(lambda: int(is_over()), every)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


class _Watch:
    """Ends what holds SQLite up while it opens a file: a pipe, or a schema.

    The pipe was put there since the look.

    A pipe for which nobody writes blocks its reader for ever. Opening it for writing ends
    the wait, changes nothing, and SQLite then finds that it is not a database. If the pipe
    has no name any more, a signal ends the wait: SQLite opens again by name. The thread is
    started by the first open, waits while there is none, and ends with the process.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[int, tuple[float, bytes]] = {}  # thread → due, path
        self._parsing: dict[int, tuple[Callable[[], bool], sqlite3.Connection]] = {}
        self._thread: threading.Thread | None = None

    def take_signal(self) -> None:
        """Make SIGURG, which is ignored otherwise, interrupt system calls. Main thread only."""
        if (
            hasattr(signal, "SIGURG")
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGURG) == signal.SIG_DFL
        ):
            signal.signal(signal.SIGURG, lambda *_: None)

    @contextlib.contextmanager
    def opening(self, path: bytes) -> Iterator[None]:
        """While SQLite opens a database and what lies beside it."""
        if not hasattr(os, "mkfifo"):
            yield
            return
        with self._watched(self._waiting, (time.monotonic() + _OPENING_SECONDS, path)):
            yield

    def parsing(
        self, connection: sqlite3.Connection, is_over: Callable[[], bool]
    ) -> contextlib.AbstractContextManager[None]:
        """While SQLite reads a schema. It fails after ``is_over``, and the connection is of no use.

        That may be so without an error: ask ``is_over`` once more.
        """
        return self._watched(self._parsing, (is_over, connection))

    @contextlib.contextmanager
    def _watched(self, where: dict[int, T], what: T) -> Iterator[None]:
        thread = threading.get_ident()
        with self._changed:
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._thread = threading.Thread(target=self._run, name="scan-watch", daemon=True)
                self._thread.start()
            where[thread] = what
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del where[thread]

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._parsing):
                    self._changed.wait()
                for thread, (due, path) in self._waiting.items():
                    if due <= time.monotonic():
                        _release(thread, path)
                for is_over, connection in self._parsing.values():
                    if is_over():
                        _cripple(connection)
            time.sleep(_OPENING_SECONDS / 4)


def _release(thread: int, path: bytes) -> None:
    for suffix in (b"", b"-wal", b"-journal", b"-shm"):
        with contextlib.suppress(OSError):
            if stat.S_ISFIFO(os.lstat(path + suffix).st_mode):
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW
                os.close(os.open(path + suffix, flags))
    if signal.getsignal(signal.SIGURG) not in (signal.SIG_DFL, signal.SIG_IGN, None):
        signal.pthread_kill(thread, signal.SIGURG)


watch = _Watch()

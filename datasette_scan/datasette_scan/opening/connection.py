"""Opening SQLite connections to files that may be hostile.

What a file or a query can do is limited here, per connection; memory is limited for the
whole process by ``limit_memory``. See https://www.sqlite.org/security.html, and the
threat model in the documentation, which goes through that page line by line.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote_from_bytes

from . import windows

Prepare = Callable[[sqlite3.Connection], None]

HEAP_BYTES = 256 << 20
_OPENING_SECONDS = 1.0  # after which an open is taken to wait at a pipe
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
    sqlite3.SQLITE_LIMIT_LENGTH: 128 << 20,  # (10**9)
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1_000_000,  # (10**9)
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 200,  # (500)
    sqlite3.SQLITE_LIMIT_VDBE_OP: 1_000_000,  # (250,000,000)
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 5_000,  # (50,000)
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 10,  # (1,000)
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,  # (0)
}
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


def restrict(connection: sqlite3.Connection, attached: int = 0) -> None:
    """Take from a connection what reading does not need, as far as this Python can."""
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.execute("PRAGMA mmap_size=0").fetchone()
    for category, most in _LIMITS.items():
        connection.setlimit(category, most)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, attached)
    if hasattr(connection, "setconfig"):
        for name, value in _CONFIG.items():
            with contextlib.suppress(sqlite3.OperationalError):  # SQLite is older than Python
                connection.setconfig(getattr(sqlite3, name), value)


def guard(connection: sqlite3.Connection, hide_paths: bool = False) -> None:
    """Refuse functions, pragmas and statements with power. Call with nothing being read.

    With ``hide_paths`` SQL cannot find out where files are either.
    """
    connection.set_authorizer(_authorize_without_paths if hide_paths else _authorize)


def unguard(connection: sqlite3.Connection) -> None:
    """Undo ``guard``: the next statements are ours."""
    connection.set_authorizer(None)


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action == sqlite3.SQLITE_PRAGMA:
        name = (first or "").lower()
        allowed = name in _PRAGMAS and not (second is not None and name in _READ_ONLY)
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_IGNORE
    if action == sqlite3.SQLITE_FUNCTION:
        allowed = (second or "").lower() not in _POWERFUL
    else:
        allowed = action not in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _authorize_without_paths(
    action: int, first: str | None, second: str | None, *rest: str | None
) -> int:
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() == "database_list":
        return sqlite3.SQLITE_IGNORE
    return _authorize(action, first, second, *rest)


# -- opening


def connect(path: bytes, flags: str, prepare: Prepare | None) -> sqlite3.Connection:
    """A hardened connection. Raises what SQLite raises."""
    connection = sqlite3.connect(
        file_uri(path, flags), uri=True, check_same_thread=False, timeout=0
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


def opened_file(connection: sqlite3.Connection) -> bytes:
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
def interrupted_when(connection: sqlite3.Connection, is_over: Callable[[], bool]) -> Iterator[None]:
    """Interrupt what a connection does as soon as ``is_over`` says so."""
    connection.set_progress_handler(lambda: int(is_over()), _CHECK_EVERY)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


class _PipeWatch:
    """Ends an ``open`` of SQLite's that waits at a named pipe, put there since the look.

    A pipe for which nobody writes blocks its reader for ever. Opening it for writing ends
    the wait, changes nothing, and SQLite then finds that it is not a database. The thread is
    started by the first open, waits while there is none, and ends with the process.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[int, tuple[float, bytes]] = {}
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def opening(self, path: bytes) -> Iterator[None]:
        """While SQLite opens a database and what lies beside it."""
        if not hasattr(os, "mkfifo"):
            yield
            return
        number = next(self._numbers)
        with self._changed:
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._thread = threading.Thread(target=self._run, name="scan-pipes", daemon=True)
                self._thread.start()
            idle = not self._waiting
            self._waiting[number] = (time.monotonic() + _OPENING_SECONDS, path)
            if idle:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._waiting[number]

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                now = time.monotonic()
                late = [path for due, path in self._waiting.values() if due <= now]
            for path in late:
                for suffix in (b"", b"-wal", b"-journal", b"-shm"):
                    _release_reader(path + suffix)
            time.sleep(_OPENING_SECONDS / 4)


def _release_reader(path: bytes) -> None:
    with contextlib.suppress(OSError):
        if stat.S_ISFIFO(os.lstat(path).st_mode):
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW))


pipes = _PipeWatch()

"""Opening SQLite connections to files that may be hostile.

What a file or a query can do is limited here, per connection; memory is limited for the
whole process by ``limit_memory``. See https://www.sqlite.org/security.html, and the
threat model in the documentation, which goes through that page line by line.
"""

from __future__ import annotations

import contextlib
import functools
import os
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
_WALL_TIME_FACTOR = 5  # wall time per CPU time
_CHECK_EVERY = 1000  # SQLite's virtual machine instructions between two checks of the clock

_DANGEROUS = frozenset(
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


def limit_memory(limit: int = HEAP_BYTES) -> None:
    """Let SQLite use at most this much memory, in all connections of this process together.

    What needs more fails with MemoryError. It can be lowered later and not raised. Older
    SQLite than 3.31 has no such limit.
    """
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"PRAGMA hard_heap_limit={int(limit)}").fetchone()
    finally:
        connection.close()


# -- limits of one connection


def time_limit(seconds: float) -> Callable[[], bool]:
    """A function that returns whether this thread has used that much time since now.

    It measures CPU time, so that a busy machine makes no file too complex, and five times as
    much wall time, for a file system that does not respond.
    """
    clock: Callable[[], float] = time.thread_time
    if hasattr(time, "pthread_getcpuclockid"):  # this thread's clock, from any thread
        number = time.pthread_getcpuclockid(threading.get_ident())
        clock = functools.partial(time.clock_gettime, number)
    used, began = clock(), time.monotonic()
    return lambda: (
        clock() - used > seconds or time.monotonic() - began > _WALL_TIME_FACTOR * seconds
    )


@dataclass
class Budget:
    """How long statements may still be prepared, and whether they may see paths.

    Before 3.41 SQLite cannot be interrupted while it prepares a statement, and ``PRAGMA
    table_list`` prepares one for each view. But it calls the authorizer, which refuses what
    is prepared too late: then each of them fails at once.
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
    """A connection, its budget, the URI with which it was opened, and the file behind it."""

    uri = ""
    file = b""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.budget = Budget()


def restrict(connection: sqlite3.Connection, attached: int = 0) -> None:
    """Disable what reading does not need, as far as this Python supports it."""
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.execute("PRAGMA mmap_size=0").fetchone()
    for name, limit in {**_LIMITS, "SQLITE_LIMIT_ATTACHED": attached}.items():
        connection.setlimit(getattr(sqlite3, name), limit)
    if hasattr(connection, "setconfig"):
        for name, value in _CONFIG.items():
            with contextlib.suppress(sqlite3.OperationalError):  # SQLite is older than Python
                connection.setconfig(getattr(sqlite3, name), value)


def guard(connection: Connection, hide_paths: bool = False) -> None:
    """Refuse dangerous functions, pragmas and statements, and statements after the deadline.

    With ``hide_paths`` SQL cannot read the paths of files either.
    """
    connection.budget.hide_paths = hide_paths
    connection.set_authorizer(functools.partial(_authorize, connection.budget))


def unguard(connection: sqlite3.Connection) -> None:
    """Undo ``guard``, for this plugin's own statements."""
    connection.set_authorizer(None)


def _authorize(
    budget: Budget, action: int, first: str | None, second: str | None, *_: str | None
) -> int:
    if budget.is_over():
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if _is_harmless(budget, first, second) else sqlite3.SQLITE_IGNORE
    if action == sqlite3.SQLITE_FUNCTION:
        allowed = (second or "").lower() not in _DANGEROUS
    else:
        allowed = action not in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _is_harmless(budget: Budget, name: str | None, value: str | None) -> bool:
    pragma = (name or "").lower()
    if pragma == "database_list":
        return not budget.hide_paths
    return pragma in _PRAGMAS and not (value is not None and pragma in _READ_ONLY)


# -- opening


def connect(path: bytes, flags: str, prepare: Prepare | None) -> Connection:
    """A hardened connection. Raises what SQLite raises."""
    uri = file_uri(path, flags)
    connection = sqlite3.connect(
        uri, uri=True, check_same_thread=False, timeout=0, factory=Connection
    )
    connection.uri = uri
    try:
        if prepare is not None:
            prepare(connection)
        restrict(connection)
        connection.file = opened_files(connection)[b"main"]
        guard(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def opened_files(connection: sqlite3.Connection) -> dict[bytes, bytes]:
    """The path that SQLite opened for each schema, with links resolved. Before ``guard``.

    By the statement, since a table of the file may be named ``pragma_database_list``.
    """
    cursor = connection.cursor()
    cursor.row_factory = None
    text, connection.text_factory = connection.text_factory, bytes
    try:
        rows = cursor.execute("PRAGMA database_list").fetchall()
    finally:
        connection.text_factory = text
    return {name: path or b"" for _, name, path in rows}


@contextlib.contextmanager
def interrupted_when(
    connection: sqlite3.Connection, is_over: Callable[[], bool], every: int = _CHECK_EVERY
) -> Iterator[None]:
    """Interrupt what a connection does as soon as ``is_over`` says so.

    It is called after each ``every`` instructions of SQLite's virtual machine.
    """
    connection.set_progress_handler(lambda: int(is_over()), every)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)

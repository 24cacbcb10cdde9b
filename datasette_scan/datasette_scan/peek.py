"""A short look into an open database: its tables, how many rows they have, the first of one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .errors import is_damage
from .opening.connection import interrupted_when
from .schema import Table, quoted, read_columns
from .sqlite import sqlite3

FIRST_ROWS = 5
MOST_TABLES = 200
SECONDS = 2.0  # of the processor, that one look may take
_MOST_COLUMNS = 30
_LONGEST_TEXT = 200
_COUNT_SECONDS = 0.05  # for one table
_ALL_COUNTS_SECONDS = 0.3
_ROWS_SECONDS = 1.0


@dataclass(slots=True)
class TableLook:
    """One table. ``rows`` is None where nobody knows in so short a time."""

    name: str
    kind: str  # "table", "view", "full-text" or "virtual"
    columns: list[str] = field(default_factory=list)
    rows: int | None = None
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """A value: its type as SQLite has it, and its text, cut; a blob's is its size in bytes."""

    type: str
    text: str


@dataclass(slots=True)
class RowsLook:
    """The first rows of one table; ``error`` says why there are none."""

    table: str
    columns: list[str] = field(default_factory=list)
    more_columns: int = 0
    rows: list[list[Cell]] = field(default_factory=list)
    error: str = ""


@dataclass(slots=True)
class Look:
    """What is in a database."""

    tables: list[TableLook]
    first: RowsLook | None


def look(
    connection: sqlite3.Connection, tables: Sequence[Table], chosen: str, by: str = ""
) -> Look:
    """Look at these tables, and at the rows of the chosen one, or of the largest.

    ``by`` is "NOT INDEXED" where indexes are in doubt.
    Raises sqlite3.DatabaseError where the file is damaged.
    """
    ends = time.monotonic() + _ALL_COUNTS_SECONDS
    looks = [_look_at(connection, table, ends, by) for table in tables[:MOST_TABLES]]
    known = {each.name for each in looks}
    name = chosen if chosen in known else _largest(looks)
    return Look(looks, _first_rows(connection, name) if name else None)


def _kind(table: Table) -> str:
    if table.is_view:
        return "view"
    return "full-text" if table.is_full_text else "virtual" if table.module else "table"


def _look_at(connection: sqlite3.Connection, table: Table, ends: float, by: str) -> TableLook:
    """Its columns and rows; nothing more of a view, which may take as long as it likes."""
    result = TableLook(table.name, _kind(table))
    if table.is_view:
        return result
    with _passing_over_errors():
        result.columns = [column.name for column in read_columns(connection, table.name)]
        until = min(ends, time.monotonic() + _COUNT_SECONDS)
        result.rows = _count(connection, f"{quoted(table.name)} {by}", until)
        if result.rows is None:
            result.is_exact = False
            result.rows = _estimate(connection, table)
    return result


def _count(connection: sqlite3.Connection, source: str, until: float) -> int | None:
    # Without the limit SQLite counts by pages, which nothing interrupts.
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {source} LIMIT {1 << 60})"
    with interrupted_when(connection, lambda: time.monotonic() > until):
        try:
            [count] = connection.execute(sql).fetchone()
        except sqlite3.OperationalError:
            return None
    return int(count)


def _estimate(connection: sqlite3.Connection, table: Table) -> int | None:
    """What ANALYZE last counted, else the largest rowid of a table that SQLite finds at once."""
    with contextlib.suppress(sqlite3.OperationalError, ValueError):
        row = connection.execute(
            "SELECT stat FROM sqlite_stat1 WHERE tbl = ? AND stat IS NOT NULL", [table.name]
        ).fetchone()
        if row:
            return int(str(row[0]).split()[0])
    if table.module:
        return None
    with contextlib.suppress(sqlite3.OperationalError):
        [largest] = connection.execute(f"SELECT max(rowid) FROM {quoted(table.name)}").fetchone()
        return largest if isinstance(largest, int) else None
    return None


def _largest(looks: list[TableLook]) -> str:
    """The table that is worth a look first; an index of texts is not."""
    ordinary = [each for each in looks if each.kind == "table"] or looks
    return max(ordinary, key=lambda each: each.rows or 0).name if ordinary else ""


def _first_rows(connection: sqlite3.Connection, table: str) -> RowsLook:
    result = RowsLook(table)
    until = time.monotonic() + _ROWS_SECONDS
    with interrupted_when(connection, lambda: time.monotonic() > until):
        try:
            names = [column.name for column in read_columns(connection, table)]
            result.columns = names[:_MOST_COLUMNS]
            result.more_columns = len(names) - len(result.columns)
            cells = ", ".join(_cell_sql(quoted(name)) for name in result.columns)
            rows = connection.execute(f"SELECT {cells} FROM {quoted(table)} LIMIT {FIRST_ROWS}")
            for row in rows:
                pairs = zip(row[::2], row[1::2], strict=True)
                result.rows.append([Cell(kind, _shown(value)) for kind, value in pairs])
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise
            late = time.monotonic() > until
            result.error = "it takes too long" if late else str(error)
    return result


def _cell_sql(name: str) -> str:
    """The type, and a value that is never big."""
    return (
        f"typeof({name}), CASE typeof({name}) WHEN 'blob' THEN length({name}) "
        f"WHEN 'text' THEN substr({name}, 1, {_LONGEST_TEXT + 1}) ELSE {name} END"
    )


def _shown(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"


@contextlib.contextmanager
def _passing_over_errors() -> Iterator[None]:
    """A table that cannot be read has nothing to show; damage is another matter."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise

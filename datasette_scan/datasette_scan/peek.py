"""A preview of an open database: its tables, how many rows they have, the first rows of one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from .errors import is_damage
from .opening.connection import interrupted_when
from .schema import Table, read_columns
from .sqlite import quote_name, sqlite3

FIRST_ROWS = 5
MAX_TABLES = 200
SECONDS = 2.0  # of processor time for one preview
_MAX_COLUMNS = 30
_MAX_TEXT_LENGTH = 200
_COUNT_SECONDS = 0.05  # for one table
_ALL_COUNTS_SECONDS = 0.3
_ROWS_SECONDS = 1.0


@dataclass(slots=True)
class TableSummary:
    """One table. ``rows`` is None where counting takes too long."""

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
class FirstRows:
    """The first rows of one table; ``error`` says why there are none."""

    table: str
    columns: list[str] = field(default_factory=list)
    more_columns: int = 0
    rows: list[list[Cell]] = field(default_factory=list)
    error: str = ""


def read_preview(
    connection: sqlite3.Connection, tables: Sequence[Table], chosen: str, use_indexes: bool
) -> tuple[list[TableSummary], FirstRows | None]:
    """Summaries of tables, and the first rows of the chosen table or the largest.

    Raises sqlite3.DatabaseError where the file is damaged.
    """
    ends = time.monotonic() + _ALL_COUNTS_SECONDS
    summaries = [_summarize(connection, table, ends, use_indexes) for table in tables[:MAX_TABLES]]
    known = {table.name for table in summaries}
    name = chosen if chosen in known else _largest(summaries)
    return summaries, _first_rows(connection, name) if name else None


def _summarize(
    connection: sqlite3.Connection, table: Table, ends: float, use_indexes: bool
) -> TableSummary:
    """The columns and rows of a table; not of a view, which may take arbitrarily long."""
    result = TableSummary(table.name, table.kind)
    if table.is_view:
        return result
    try:
        result.columns = [column.name for column in read_columns(connection, table.name)]
        until = min(ends, time.monotonic() + _COUNT_SECONDS)
        source = quote_name(table.name) + ("" if use_indexes else " NOT INDEXED")
        result.rows = _count(connection, source, until)
        if result.rows is None:
            result.is_exact = False
            result.rows = _estimate(connection, table)
    except sqlite3.DatabaseError as error:
        if is_damage(error):  # one that can't be read has nothing to show
            raise
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
    """The count of the last ANALYZE, else the largest rowid, which SQLite finds at once."""
    with contextlib.suppress(sqlite3.OperationalError):
        # The number that a text begins with; a partial index counts its own rows only.
        [most] = connection.execute(
            "SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = ?", [table.name]
        ).fetchone()
        if most and most > 0:
            return int(most)
    if table.module:
        return None
    with contextlib.suppress(sqlite3.OperationalError):
        [largest] = connection.execute(
            f"SELECT max(rowid) FROM {quote_name(table.name)}"
        ).fetchone()
        return largest if isinstance(largest, int) else None
    return None


def _largest(summaries: list[TableSummary]) -> str:
    """The largest table, preferably an ordinary one."""
    ordinary = [table for table in summaries if table.kind == "table"] or summaries
    return max(ordinary, key=lambda table: table.rows or 0).name if ordinary else ""


def _first_rows(connection: sqlite3.Connection, table: str) -> FirstRows:
    result = FirstRows(table)
    until = time.monotonic() + _ROWS_SECONDS
    with interrupted_when(connection, lambda: time.monotonic() > until):
        try:
            names = [column.name for column in read_columns(connection, table)]
            result.columns = names[:_MAX_COLUMNS]
            result.more_columns = len(names) - len(result.columns)
            cells = ", ".join(_cell_sql(quote_name(name)) for name in result.columns)
            rows = connection.execute(f"SELECT {cells} FROM {quote_name(table)} LIMIT {FIRST_ROWS}")
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
    """SQL for a value's type and the value, truncated."""
    return (
        f"typeof({name}), CASE typeof({name}) WHEN 'blob' THEN length({name}) "
        f"WHEN 'text' THEN substr({name}, 1, {_MAX_TEXT_LENGTH + 1}) ELSE {name} END"
    )


def _shown(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= _MAX_TEXT_LENGTH else text[:_MAX_TEXT_LENGTH] + "…"

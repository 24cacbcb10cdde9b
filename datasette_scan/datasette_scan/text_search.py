"""Searches the text in one open database, table by table, each bounded in time.

Substrings are matched as by SQLite's LIKE, which ignores the case of A to Z only. All values
of type text are searched, whatever the declared type of their column, and blobs in text
columns. Views are left out: they show data of tables.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .errors import UsageError
from .opening.connection import interrupted_when, time_limit
from .schema import Column, Table, read_columns, read_tables
from .sqlite import quote_name, sqlite3

MAX_TEXT_LENGTH = 1000  # characters; SQLite's limit for a pattern here is 5,000 bytes
MAX_ROWS = 1000  # of a table, after which it is not searched further
MAX_QUOTATIONS = 3  # matches of a table that are quoted
TABLE_SECONDS = 2.0
_CHUNK_SECONDS = 0.4  # after which a file is released, and its results are shown
_COLUMNS = 50  # that one statement searches
_CHECK_EVERY = 20_000  # instructions of SQLite's virtual machine, some milliseconds
_BEFORE, _AFTER = 60, 160  # characters of a quotation
_SEARCHED_MODULES = frozenset({"", "fts3", "fts4", "fts5", "rtree"})  # others may never end
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Quotation:
    """One match: its column, its row's primary key, and the text around it."""

    column: str
    key: tuple[str | int, ...]  # empty where a row has no address
    parts: tuple[str, ...]  # every second one is a match


@dataclass(slots=True)
class TableMatches:
    """A table's matches by column, the first of them quoted.

    ``complete`` is False after a time-out, and when more than ``MAX_ROWS`` rows match.
    """

    table: str
    columns: dict[str, int] = field(default_factory=dict)
    quotations: list[Quotation] = field(default_factory=list)
    complete: bool = True

    @property
    def matches(self) -> int:
        """How many values match."""
        return sum(self.columns.values())


@dataclass(frozen=True, slots=True)
class Chunk:
    """The matches of one read of a file, and the tables that it has finished."""

    found: list[TableMatches]
    unsearched: list[tuple[str, str]]  # (table, why)
    done: frozenset[str]
    is_last: bool


class SearchStoppedError(Exception):
    """The search was stopped."""


def check_text(text: str) -> None:
    """Raise UsageError for a text that SQLite can't find."""
    if len(text) > MAX_TEXT_LENGTH:
        raise UsageError(
            f"the text has {len(text):,} characters; at most {MAX_TEXT_LENGTH:,} can be searched"
        )
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise UsageError(f"the text {text!r} contains a character that no text holds")


def like_pattern(text: str) -> str:
    """A LIKE pattern for a substring, with \\ as its escape character."""
    escaped = re.sub(r"([\\%_])", r"\\\1", text)
    return f"%{escaped}%"


def fold_ascii(text: str) -> str:
    """Text as LIKE compares it: A to Z in lower case."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def search_chunk(
    connection: sqlite3.Connection,
    text: str,
    done: frozenset[str],
    on_table: Callable[[str], None],
    is_stopped: Callable[[], bool],
    missing: frozenset[str] = frozenset(),
) -> Chunk:
    """Search tables that are not done for 0.4 s; call ``on_table`` with each name first.

    Raises SearchStoppedError, and sqlite3.Error where the schema cannot be read.
    """
    ends = time.monotonic() + _CHUNK_SECONDS
    found: list[TableMatches] = []
    unsearched: list[tuple[str, str]] = []
    finished = set(done)
    for table in _to_search(connection, missing):
        if table.name in finished:
            continue
        if time.monotonic() > ends and len(finished) > len(done):
            return Chunk(found, unsearched, frozenset(finished), False)
        on_table(table.name)
        finished.add(table.name)
        result = TableMatches(table.name)
        reason = _search_table(connection, table, text, result, is_stopped)
        if result.matches:
            found.append(result)
        if reason:
            unsearched.append((table.name, reason))
    return Chunk(found, unsearched, frozenset(finished), True)


def _to_search(connection: sqlite3.Connection, missing: frozenset[str]) -> Iterator[Table]:
    for table in read_tables(connection):
        left_out = table.is_view or table.is_shadow or not table.has_content
        if not left_out and table.module in _SEARCHED_MODULES and table.name not in missing:
            yield table


def _search_table(
    connection: sqlite3.Connection,
    table: Table,
    text: str,
    result: TableMatches,
    is_stopped: Callable[[], bool],
) -> str:
    """Fill ``result``; return why the search is incomplete, or ""."""
    is_late = time_limit(TABLE_SECONDS)
    try:
        with interrupted_when(connection, lambda: is_stopped() or is_late(), _CHECK_EVERY):
            columns = read_columns(connection, table.name)
            searched = [c for c in columns if not c.is_rowid]
            for start in range(0, len(searched), _COLUMNS):
                some = searched[start : start + _COLUMNS]
                _search_columns(connection, table, _key_columns(columns), some, text, result)
    except sqlite3.Error as error:
        result.complete = False
        if is_stopped():
            raise SearchStoppedError from error
        if is_late():
            return f"it takes more than {TABLE_SECONDS:g} s"
        return str(error)
    return ""


def _search_columns(
    connection: sqlite3.Connection,
    table: Table,
    keys: list[str],
    columns: list[Column],
    text: str,
    result: TableMatches,
) -> None:
    pattern, folded = like_pattern(text), fold_ascii(text)
    escape = " ESCAPE '\\'" if "\\" in pattern else ""  # which costs a tenth
    tests = [_condition(column, escape) for column in columns]
    quotations = [
        f"CASE WHEN {test} THEN substr(CAST({quote_name(c.name)} AS TEXT), "
        f"max(1, instr(lower({quote_name(c.name)}), ?2) - {_BEFORE}), "
        f"{_BEFORE + len(text) + _AFTER}) END"
        for c, test in zip(columns, tests, strict=True)
    ]
    rows = connection.execute(
        f"SELECT {', '.join([*keys, *quotations])} FROM {quote_name(table.name)} NOT INDEXED "
        f"WHERE {' OR '.join(tests)} LIMIT {MAX_ROWS + 1}",
        [pattern, folded],
    )
    for count, row in enumerate(rows, 1):
        if count > MAX_ROWS:
            result.complete = False
            break
        key = _row_key(row[: len(keys)])
        for column, found in zip(columns, row[len(keys) :], strict=True):
            if found is None:
                continue
            result.columns[column.name] = result.columns.get(column.name, 0) + 1
            if len(result.quotations) < MAX_QUOTATIONS:
                parts = split_matches(str(found), folded)
                result.quotations.append(Quotation(column.name, key, parts))


def _condition(column: Column, escape: str) -> str:
    name = quote_name(column.name)
    like = f"{name} LIKE ?1{escape}"
    if column.is_text:
        return like
    # Numbers, the usual values of such a column, sort before any text: a fast test.
    return f"({name} COLLATE BINARY >= '' AND typeof({name}) = 'text' AND {like})"


def _key_columns(columns: list[Column]) -> list[str]:
    """The columns in the URL of a row's page, as in Datasette."""
    keys = sorted((c for c in columns if c.key), key=lambda c: c.key)
    if keys:
        return [quote_name(c.name) for c in keys]
    if any(c.name.lower() == "rowid" for c in columns):
        return []
    return ["rowid"]


def _row_key(values: tuple[object, ...]) -> tuple[str | int, ...]:
    key = tuple(v for v in values if isinstance(v, (str, int)))
    return key if len(key) == len(values) else ()


def split_matches(text: str, folded: str) -> tuple[str, ...]:
    """Split a quotation at the matches of a folded text: every second part is a match."""
    haystack = fold_ascii(text)
    parts, position = [], 0
    while folded and (start := haystack.find(folded, position)) >= 0:
        end = start + len(folded)
        parts += [text[position:start], text[start:end]]
        position = end
    parts.append(text[position:])
    return tuple(_BLANKS.sub(" ", part) for part in parts)

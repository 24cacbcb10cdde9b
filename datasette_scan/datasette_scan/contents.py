"""Searches the text in one open database, table by table, each bounded in time.

Text is found as SQLite's LIKE finds a substring: wherever it stands, A to Z like a to z, all
else exactly. Every value that is text is looked at, whatever its column was declared as, and
blobs too in columns of text. Views show what tables hold, and are left out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .errors import UsageError
from .opening.connection import allow, interrupted_when
from .schema import Column, Table, quoted, read_columns, read_tables
from .sqlite import sqlite3

LONGEST_TEXT = 1000  # characters; SQLite's limit for a pattern here is 5,000 bytes
MOST_ROWS = 1000  # of a table, after which it is not searched further
SHOWN = 3  # matches of a table that are quoted
TABLE_SECONDS = 2.0
_CHUNK_SECONDS = 0.4  # after which a file is let go of, and its results are shown
_COLUMNS = 50  # that one statement looks at
_CHECK_EVERY = 20_000  # instructions of SQLite's virtual machine, some milliseconds
_BEFORE, _AFTER = 60, 160  # characters of a quotation
_SEARCHED_MODULES = frozenset({"", "fts3", "fts4", "fts5", "rtree"})  # others may never end
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A text to look for."""

    text: str

    @property
    def pattern(self) -> str:
        """The same for LIKE, with \\ as its escape character."""
        escaped = re.sub(r"([\\%_])", r"\\\1", self.text)
        return f"%{escaped}%"

    @property
    def folded(self) -> str:
        """With A to Z as LIKE compares them."""
        return fold_ascii(self.text)


@dataclass(frozen=True, slots=True)
class Quotation:
    """One match: its column, its row's primary key, and the text around it."""

    column: str
    key: tuple[str | int, ...]  # empty where a row has no address
    parts: tuple[str, ...]  # every second one is a match


@dataclass(slots=True)
class Found:
    """What a table holds: matches by column, the first of them quoted.

    ``complete`` is False when the time was over or more than ``MOST_ROWS`` rows match.
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
    """What one read of a file found, and the tables that it is done with."""

    found: list[Found]
    unsearched: list[tuple[str, str]]  # (table, why)
    done: frozenset[str]
    is_last: bool


class StoppedError(Exception):
    """Nobody wants to know any more."""


def parse_text(text: str) -> Wanted:
    """What was typed. Raises UsageError for what SQLite can't look for."""
    if len(text) > LONGEST_TEXT:
        raise UsageError(
            f"the text has {len(text):,} characters; at most {LONGEST_TEXT:,} can be searched"
        )
    if "\0" in text or not _is_unicode(text):
        raise UsageError(f"the text {text!r} contains a character that no text holds")
    return Wanted(text)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def fold_ascii(text: str) -> str:
    """Text as LIKE compares it: only A to Z are like a to z."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def search_chunk(
    connection: sqlite3.Connection,
    wanted: Wanted,
    done: frozenset[str],
    at: Callable[[str], None],
    is_stopped: Callable[[], bool],
    missing: frozenset[str] = frozenset(),
) -> Chunk:
    """Search the tables that are not done, for a moment. ``at`` is called with each name first.

    Raises StoppedError, and sqlite3.Error where the schema cannot be read.
    """
    ends = time.monotonic() + _CHUNK_SECONDS
    found: list[Found] = []
    unsearched: list[tuple[str, str]] = []
    finished = set(done)
    for table in _to_search(connection, missing):
        if table.name in finished:
            continue
        if time.monotonic() > ends and len(finished) > len(done):
            return Chunk(found, unsearched, frozenset(finished), False)
        at(table.name)
        finished.add(table.name)
        result = Found(table.name)
        reason = _search_table(connection, table, wanted, result, is_stopped)
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
    wanted: Wanted,
    result: Found,
    is_stopped: Callable[[], bool],
) -> str:
    """Fill ``result``; why the table could not be searched to its end, or ""."""
    is_late = allow(TABLE_SECONDS)
    try:
        with interrupted_when(connection, lambda: is_stopped() or is_late(), _CHECK_EVERY):
            columns = read_columns(connection, table.name)
            texts = [c for c in columns if not c.is_rowid]
            for start in range(0, len(texts), _COLUMNS):
                _search_columns(
                    connection, table, columns, texts[start : start + _COLUMNS], wanted, result
                )
    except sqlite3.Error as error:
        result.complete = False
        if is_stopped():
            raise StoppedError from error
        if is_late():
            return f"it takes more than {TABLE_SECONDS:g} s"
        return str(error)
    return ""


def _search_columns(
    connection: sqlite3.Connection,
    table: Table,
    columns: list[Column],
    texts: list[Column],
    wanted: Wanted,
    result: Found,
) -> None:
    keys = _key_columns(table, columns)
    escape = " ESCAPE '\\'" if "\\" in wanted.pattern else ""  # which costs a tenth
    tests = [_condition(column, escape) for column in texts]
    quotations = [
        f"CASE WHEN {test} THEN substr({quoted(c.name)}, "
        f"max(1, instr(lower({quoted(c.name)}), ?2) - {_BEFORE}), "
        f"{_BEFORE + len(wanted.text) + _AFTER}) END"
        for c, test in zip(texts, tests, strict=True)
    ]
    rows = connection.execute(
        f"SELECT {', '.join([*keys, *quotations])} FROM {quoted(table.name)} NOT INDEXED "
        f"WHERE {' OR '.join(tests)} LIMIT {MOST_ROWS + 1}",
        [wanted.pattern, wanted.folded],
    )
    for count, row in enumerate(rows, 1):
        if count > MOST_ROWS:
            result.complete = False
            break
        key = _row_key(row[: len(keys)])
        for column, text in zip(texts, row[len(keys) :], strict=True):
            if text is None:
                continue
            result.columns[column.name] = result.columns.get(column.name, 0) + 1
            if len(result.quotations) < SHOWN:
                parts = split_matches(str(text), wanted)
                result.quotations.append(Quotation(column.name, key, parts))


def _condition(column: Column, escape: str) -> str:
    name = quoted(column.name)
    like = f"{name} LIKE ?1{escape}"
    if column.is_text:
        return like
    # numbers, most values of such a column, are less than any text: that is soon known
    return f"({name} COLLATE BINARY >= '' AND typeof({name}) = 'text' AND {like})"


def _key_columns(table: Table, columns: list[Column]) -> list[str]:
    """What a row's page is addressed by, as Datasette does it."""
    keys = sorted((c for c in columns if c.key), key=lambda c: c.key)
    if keys:
        return [quoted(c.name) for c in keys]
    if any(c.name.lower() == "rowid" for c in columns):
        return []
    return ["rowid"]


def _row_key(values: tuple[object, ...]) -> tuple[str | int, ...]:
    key = tuple(v for v in values if isinstance(v, (str, int)))
    return key if len(key) == len(values) else ()


def split_matches(text: str, wanted: Wanted) -> tuple[str, ...]:
    """A quotation, cut at its matches: every second part is one."""
    folded, needle = fold_ascii(text), wanted.folded
    parts, position = [], 0
    while needle and (start := folded.find(needle, position)) >= 0:
        parts += [text[position:start], text[start : start + len(needle)]]
        position = start + len(needle)
    parts.append(text[position:])
    return tuple(_BLANKS.sub(" ", part) for part in parts)

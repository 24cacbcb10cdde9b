"""The tables of an open database, as sqlite_master lists them; views are not opened."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .sqlite import quote_name, sqlite3

_GAP = r"(?>\s|--[^\n]*|/\*.*?\*/)"  # a blank or a comment
VIRTUAL = re.compile(
    rf"{_GAP}*+CREATE{_GAP}++VIRTUAL{_GAP}++TABLE\b.*?\bUSING\b{_GAP}*+[\"'\[`]?(\w+)",
    re.IGNORECASE | re.DOTALL,
)
_FULL_TEXT = frozenset({"fts3", "fts4", "fts5"})
_CONTENT_ELSEWHERE = re.compile(r"[(,]\s*[\"'`]?content[\"'`]?\s*=", re.IGNORECASE)
# Suffixes of the tables in which SQLite's own modules store a virtual table.
_SHADOWS = "content config data docsize idx node parent rowid segdir segments stat".split()
_MAX_SQL_LENGTH = 4000  # characters that are read
_MAX_TABLES = 5000


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view; ``module`` is a virtual table's, in lower case."""

    name: str
    is_view: bool = False
    module: str = ""
    is_shadow: bool = False
    has_content: bool = True  # False: a full-text index of what another table holds

    @property
    def kind(self) -> str:
        """One of "view", "full-text", "virtual" and "table"."""
        if self.is_view:
            return "view"
        return "full-text" if self.module in _FULL_TEXT else "virtual" if self.module else "table"


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``key`` is its place in the primary key from 1 on, or 0."""

    name: str
    type: str
    key: int

    @property
    def is_text(self) -> bool:
        """Whether it has TEXT affinity: https://www.sqlite.org/datatype3.html."""
        declared = self.type.upper()
        return "INT" not in declared and any(t in declared for t in ("CHAR", "CLOB", "TEXT"))

    @property
    def is_rowid(self) -> bool:
        """Whether it may be the rowid, which is always a number."""
        return self.key == 1 and self.type.upper() == "INTEGER"


def read_tables(connection: sqlite3.Connection) -> list[Table]:
    """The first tables and views, SQLite's own left out. Raises sqlite3.Error."""
    rows = connection.execute(
        "SELECT CAST(name AS TEXT), type, substr(sql, 1, ?) FROM sqlite_master "
        "WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "ORDER BY rowid LIMIT ?",
        [_MAX_SQL_LENGTH, _MAX_TABLES],
    ).fetchall()
    modules: dict[str, tuple[str, str]] = {}
    for name, kind, sql in rows:
        found = VIRTUAL.match(sql) if kind == "table" and isinstance(sql, str) else None
        if found:
            modules[name] = (found.group(1).lower(), sql[found.end() :])
    shadows = {f"{name}_{end}" for name in modules for end in _SHADOWS}
    tables = []
    for name, kind, _ in rows:
        module, arguments = modules.get(name, ("", ""))
        elsewhere = bool(_CONTENT_ELSEWHERE.search(arguments))
        is_shadow = name in shadows and not module
        tables.append(Table(name, kind == "view", module, is_shadow, not elsewhere))
    return tables


def read_columns(connection: sqlite3.Connection, table: str) -> list[Column]:
    """A table's columns, generated ones too, hidden ones of virtual tables not."""
    rows = connection.execute(f"PRAGMA table_xinfo({quote_name(table)})").fetchall()
    return [Column(row[1], row[2] or "", row[5]) for row in rows if row[6] != 1]

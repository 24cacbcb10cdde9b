"""The tables of an open database, as sqlite_master lists them; no view is looked into."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .sqlite import sqlite3

VIRTUAL = re.compile(
    r"\s*CREATE\s+VIRTUAL\s+TABLE\b.*?\bUSING\s+[\"'\[`]?(\w+)", re.IGNORECASE | re.DOTALL
)
_FULL_TEXT = re.compile(r"fts[345]$", re.IGNORECASE)
_CONTENT_ELSEWHERE = re.compile(r"[(,]\s*[\"'`]?content[\"'`]?\s*=", re.IGNORECASE)
# What SQLite's own modules add to the name of a virtual table for the tables they store in.
_SHADOWS = "content config data docsize idx node parent rowid segdir segments stat".split()
_LONGEST_SQL = 4000  # characters that are looked at
_MOST_TABLES = 5000


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view; ``module`` is a virtual table's, in lower case."""

    name: str
    is_view: bool = False
    module: str = ""
    is_shadow: bool = False
    has_content: bool = True  # False: a full-text index of what another table holds

    @property
    def is_full_text(self) -> bool:
        """Whether it is a full-text table."""
        return bool(_FULL_TEXT.match(self.module))


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``key`` is its place in the primary key from 1 on, or 0."""

    name: str
    type: str
    key: int

    @property
    def is_text(self) -> bool:
        """Whether what is stored in it becomes text: https://www.sqlite.org/datatype3.html."""
        declared = self.type.upper()
        return "INT" not in declared and any(t in declared for t in ("CHAR", "CLOB", "TEXT"))

    @property
    def is_rowid(self) -> bool:
        """Whether it may be the rowid, which is a number in any case."""
        return self.key == 1 and self.type.upper() == "INTEGER"


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def read_tables(connection: sqlite3.Connection) -> list[Table]:
    """The first tables and views, SQLite's own left out. Raises sqlite3.Error."""
    rows = connection.execute(
        "SELECT CAST(name AS TEXT), type, substr(sql, 1, ?) FROM sqlite_master "
        "WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "ORDER BY rowid LIMIT ?",
        [_LONGEST_SQL, _MOST_TABLES],
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
    rows = connection.execute(f"PRAGMA table_xinfo({quoted(table)})").fetchall()
    return [Column(row[1], row[2] or "", row[5]) for row in rows if row[6] != 1]

"""The SQLite library that Datasette uses, which is ``pysqlite3``'s where that is installed.

Two SQLite libraries in one process must not open the same file: closing it in one drops the
locks of the other. See https://www.sqlite.org/howtocorrupt.html, section 2.2.1. Only this
module imports a library, and Datasette's rows and errors are of its kind too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
else:
    from datasette.utils.sqlite import sqlite3

__all__ = ["quote_name", "sqlite3"]


def quote_name(name: str) -> str:
    """A table's, column's or database's name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'

"""What the tests of the scanner share."""

from __future__ import annotations

import sqlite3
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MAGIC = b"SQLite format 3\0"
NOBODY = 65534  # a user and group without privileges


def make_database(path: Path, *statements: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in (*statements, "create table t(a)", "insert into t values (1)"):
        connection.execute(statement)
    connection.close()
    return path

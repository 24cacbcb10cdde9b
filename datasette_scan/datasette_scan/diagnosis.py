"""Why a file that begins as a SQLite database cannot be read, and the remedy. Pure.

See https://www.sqlite.org/fileformat2.html, section 1.3, for the header.
"""

from __future__ import annotations

import math
from collections import Counter

from .sqlite import sqlite3

START = 4096  # bytes that are read
_HEADER = 100
_PAGE_TYPES = frozenset({2, 5, 10, 13})
_NEWEST_VERSION = 2
_NEWEST_SCHEMA = 4


def diagnose(start: bytes, size: int) -> tuple[str, str] | None:
    """(reason, advice), from a file's first ``START`` bytes and its size; None for plain damage."""
    if _is_text(start[16:]):
        return (
            "a text that begins as a database does",
            "Nothing is lost: it is no database. Leave it out with --exclude.",
        )
    if len(start) <= _HEADER:
        return None
    page_size = int.from_bytes(start[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    if start[21:24] == bytes((64, 32, 32)):
        version, schema = start[19], int.from_bytes(start[44:48], "big")
        if _NEWEST_VERSION < version < 32 or _NEWEST_SCHEMA < schema < 32:
            return (
                f"a file format newer than SQLite {sqlite3.sqlite_version} reads",
                "Open it with the program that made it, or run Datasette with a newer SQLite.",
            )
    if start[_HEADER] not in _PAGE_TYPES and _is_random(start[_HEADER:]):
        return (
            "encrypted, as it seems: its content is random",
            "Only the program that made it can open it, with its key or password.",
        )
    pages = int.from_bytes(start[28:32], "big")
    if page_size >= 512 and 0 < size < pages * page_size:
        return (
            f"cut off: {size:,} of {pages * page_size:,} bytes are there",
            "Copy or download it again. The sqlite3 shell's .recover command saves what is there.",
        )
    return None


def _is_text(body: bytes) -> bool:
    """Whether bytes are printable UTF-8, perhaps cut within a character."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        if not body or error.start < len(body) - 3:
            return False
        text = body[: error.start].decode("utf-8")
    return bool(text) and all(c.isprintable() or c in "\t\n\r\f" for c in text)


def _is_random(body: bytes) -> bool:
    """Whether bytes have the entropy of encrypted data; damaged data has runs and zeros."""
    total = len(body)
    entropy = -sum(n / total * math.log2(n / total) for n in Counter(body).values())
    return entropy > (7.8 if total > 3000 else 6.9 if total > 380 else 8)

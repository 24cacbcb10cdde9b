"""Formats text for pages and terminals; escapes control and bidirectional characters."""

from __future__ import annotations

import os
import unicodedata

# Categories that a terminal or browser acts on instead of drawing: control, format
# (bidi overrides, zero-width), surrogate (bytes that are not UTF-8), private use and
# unassigned, line and paragraph separators.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

_FORMULA_STARTS = frozenset("=+-@\N{MINUS SIGN}")


def is_plain(character: str) -> bool:
    """Whether a character can be shown as it is."""
    return unicodedata.category(character) not in _UNSEEN


def visible(text: str) -> str:
    """Text with every unseen character written as an escape, for pages and terminals."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if is_plain(c) else _escape(c) for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # PEP 383: one byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible_path(path: bytes) -> str:
    """A path's bytes as text that is safe to show."""
    return visible(os.fsdecode(path))


def fold(text: str) -> str:
    """Text for comparison: case and the encoding of accents (macOS decomposes) don't count."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may take a cell for a formula.

    That is what begins with ``=``, ``+``, ``-`` or ``@``, in the full-width and small forms too
    (which Excel reads alike in some languages), after blanks, tabs and whatever is not seen.
    """
    for character in text:
        if not character.isspace() and is_plain(character):
            return unicodedata.normalize("NFKC", character)[:1] in _FORMULA_STARTS
    return False


def format_count(count: int, word: str, words: str = "") -> str:
    """A number and what it counts: 1 file, 1,200 files. ``words`` is an irregular plural."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {words or word + 's'}"


def format_size(size: int) -> str:
    """A size in bytes as people read it: 12 bytes, 3.4 KB, 1.2 GB."""
    if size < 1024:
        return f"{size} bytes"
    value = float(size)
    for unit in ("KB", "MB", "GB"):
        value /= 1024
        if value < 1024:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:.1f} TB"


def format_ago(seconds: float) -> str:
    """How long ago something was, in one unit: 8 s ago, 2 hours ago, yesterday, 3 weeks ago."""
    if seconds < 1:
        return "just now"
    if seconds < 60:
        return f"{seconds:.0f} s ago"
    size, word = next((size, word) for size, most, word in _UNITS if seconds < size * most)
    count = int(seconds // size)
    return "yesterday" if (count, word) == (1, "day") else f"{format_count(count, word)} ago"


_UNITS = (
    (60, 60, "minute"),
    (3600, 24, "hour"),
    (86400, 14, "day"),
    (604800, 9, "week"),
    (2629800, 24, "month"),
    (31557600, float("inf"), "year"),
)


def parse_size(text: str) -> int:
    """``10MB`` → bytes. Raises ValueError for anything else."""
    units = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    compact = text.strip().upper().replace(" ", "").replace("IB", "B")
    number = compact.rstrip("BKMGT")
    unit = compact[len(number) :]
    if len(unit) > 1:
        unit = unit.removesuffix("B")
    try:
        return int(float(number) * units[unit])
    except (ValueError, KeyError, OverflowError):
        raise ValueError(f"{text!r} is not a size such as 500KB or 2GB") from None

"""Finding byte strings in a stream of any size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

_CHUNK = 1 << 20


def contains(stream: BinaryIO, needles: Iterable[bytes]) -> set[bytes]:
    """Which of `needles` occur in the stream, read once from its start.

    Memory stays at about one megabyte plus twice the longest needle.
    """
    missing = {needle for needle in needles if needle}
    found: set[bytes] = set()
    overlap = max(map(len, missing), default=1) - 1
    stream.seek(0)
    tail = b""
    while missing and (chunk := stream.read(_CHUNK)):
        window = tail + chunk
        hits = {needle for needle in missing if needle in window}
        found |= hits
        missing -= hits
        tail = window[len(window) - overlap :] if overlap else b""
    return found

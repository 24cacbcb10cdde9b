"""The hash of a file's content, read by the opener, so that no lock on the file is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from .errors import ChangingError, StoppingError
from .opening import Opener
from .opening.fingerprint import take
from .text import visible_path

_PART = 4 << 20  # bytes


def digest(opener: Opener, path: bytes, is_stopped: Callable[[], bool] = lambda: False) -> str:
    """SHA-256 of a file that holds still, in hexadecimal digits.

    Raises StoppingError; ChangingError for one that changes, or whose newest rows are in a
    write-ahead log; and what ``Opener.read`` raises.
    """
    before = take(path)
    if before.wal is not None and before.wal.size:
        raise ChangingError(f"{visible_path(path)} has a write-ahead log")
    found = hashlib.sha256()
    for offset in range(0, before.main.size, _PART):
        if is_stopped() or opener.is_stopping:
            raise StoppingError("the comparison was stopped")
        part = opener.read_start(path, min(_PART, before.main.size - offset), offset)
        if not part:
            break
        found.update(part)
    if take(path).main != before.main:
        raise ChangingError(f"{visible_path(path)} is being written to")
    return found.hexdigest()

"""Temporary folders that no build sees."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def workshop(source: Path | None = None) -> Iterator[Path]:
    """A temporary folder outside the source, gone at the end.

    Where it had to be in a checkout after all, that checkout's status does not show it.
    """
    place = _outside(source) if source else None
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-", dir=place) as folder:
        work = Path(folder)
        (work / ".gitignore").write_text("*\n")
        yield work


def _outside(source: Path) -> str | None:
    """A folder for temporary files that is not in the source; None for the usual one."""
    usual = Path(tempfile.gettempdir()).resolve()
    if not usual.is_relative_to(source.resolve()):
        return None
    candidates = ["/tmp", "/var/tmp", str(source.resolve().parent)]  # noqa: S108
    writable = (one for one in candidates if os.access(one, os.W_OK | os.X_OK))
    return next((one for one in writable if not Path(one).is_relative_to(source)), None)

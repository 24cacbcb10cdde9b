"""Temporary directories that no build picks up as part of its source."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_folder(source: Path | None = None) -> Iterator[Path]:
    """A temporary directory outside the source, removed at the end.

    If it has to be inside a checkout after all, git ignores it.
    """
    place = _outside(source) if source else None
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-", dir=place) as folder:
        work = Path(folder)
        (work / ".gitignore").write_text("*\n")
        yield work


def _outside(source: Path) -> str | None:
    """A directory for temporary files that is not in the source; None for the usual one."""
    usual = Path(tempfile.gettempdir()).resolve()
    if not usual.is_relative_to(source.resolve()):
        return None
    candidates = ["/tmp", "/var/tmp", str(source.resolve().parent)]  # noqa: S108
    writable = (path for path in candidates if os.access(path, os.W_OK | os.X_OK))
    return next((path for path in writable if not Path(path).is_relative_to(source)), None)

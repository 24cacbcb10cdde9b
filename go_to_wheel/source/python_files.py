"""A mixed project's own Python files (`python-source`), for the wheel's root."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from go_to_wheel.errors import MissingPathError, SourceError

#: The launcher's folder in the project's own package; written by editable installs.
LAUNCHER_FOLDER = "_launcher"
_LEFT_OUT_FOLDERS = frozenset(("__pycache__", LAUNCHER_FOLDER))
_LEFT_OUT_SUFFIXES = frozenset((".pyc", ".pyo", ".egg-info", ".dist-info"))


def read_python_files(folder: Path) -> tuple[tuple[str, bytes], ...]:
    """Every file below `folder` as (path, bytes), sorted; caches and hidden files left out.

    Raises MissingPathError when there is no such folder, SourceError when it is empty.
    """
    if not folder.is_dir():
        raise MissingPathError(
            f"python-source: no folder {str(folder)!r}",
            "name the folder that holds the Python package",
        )
    files = tuple((path, (folder / path).read_bytes()) for path in sorted(_walk(folder, "")))
    if not files:
        raise SourceError(f"python-source: {str(folder)!r} has no files")
    return files


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.suffix in _LEFT_OUT_SUFFIXES:
            continue
        if entry.is_dir():
            if entry.name not in _LEFT_OUT_FOLDERS:
                yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.is_file():
            yield f"{prefix}{entry.name}"

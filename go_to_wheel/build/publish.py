"""Finished wheels -> the output folder, all or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from go_to_wheel.errors import OutputError
from go_to_wheel.source import in_repository


def publish(wheels: Sequence[Path], folder: Path) -> list[Path]:
    """Copy the wheels to `folder` under temporary names, then rename; return the new paths.

    Raises OutputError, with no temporary file left, when one can't be written.
    """
    hidden = [folder / f".{wheel.name}.{os.getpid()}.tmp" for wheel in wheels]
    final = [folder / wheel.name for wheel in wheels]
    try:
        _make_folder(folder)
        for wheel, copy in zip(wheels, hidden, strict=True):
            shutil.copyfile(wheel, copy)
        for copy, path in zip(hidden, final, strict=True):
            os.replace(copy, path)
    except OSError as error:
        raise OutputError(
            f"can't write to the output folder {str(folder)!r}: {error.strerror}",
            "choose another with --output-dir",
        ) from None
    finally:
        _remove(hidden)
    return final


def _make_folder(folder: Path) -> None:
    """Create the folder; a new one inside a checkout ignores itself.

    Otherwise the wheels would be untracked files, and the next build's binaries would be
    stamped as made from a modified source.
    """
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    if in_repository(folder):
        (folder / ".gitignore").write_text("*\n")


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            continue  # the folder is gone or not ours: nothing of ours can be in it


def list_neighbours(folder: Path, made: Sequence[Path]) -> list[str]:
    """What to say about other wheels of the same project in the output folder."""
    own = {path.name for path in made}
    names = {_project(name) for name in own}
    others = sorted(
        path.name
        for path in folder.glob("*.whl")
        if path.name not in own and _project(path.name) in names
    )
    if not others:
        return []
    listed = ", ".join(others)
    return [f"{folder} also holds other wheels of this project, left alone: {listed}"]


def _project(wheel_name: str) -> str | None:
    try:
        return str(parse_wheel_filename(wheel_name)[0])
    except InvalidWheelFilename:
        return None

"""Finished wheels -> the output folder, all or none."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from go_to_wheel.errors import OutputError
from go_to_wheel.process import hold_signals
from go_to_wheel.sources.files import repository_root


def check_folder(folder: Path) -> None:
    """Refuse an output folder that can't be written, before anything is compiled.

    Raises OutputError. Looks only; nothing is created.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise _cannot_write(folder, f"{existing} is not a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise _cannot_write(folder, "Permission denied")


def publish(wheels: Sequence[Path], folder: Path) -> list[Path]:
    """Copy the wheels to `folder` under temporary names, then rename; return the new paths.

    Raises OutputError when one can't be written. Then, and on an interrupt, the folder is
    as it was: no new wheel, replaced ones restored, no temporary file.
    """
    final = [folder / wheel.name for wheel in wheels]
    try:
        with ExitStack() as undo:
            _make_folder(folder, undo)
            hidden = [_copy(wheel, folder, undo) for wheel in wheels]
            with hold_signals() as came:
                pairs = zip(hidden, final, strict=True)
                backups = [_move_in(copy, path, undo) for copy, path in pairs]
                undo.pop_all()
                for backup in backups:
                    _remove(backup)
                came.clear()  # it is done: the build ends well
    except OSError as error:
        raise _cannot_write(folder, error.strerror or str(error)) from None
    return final


def _cannot_write(folder: Path, reason: str) -> OutputError:
    return OutputError(
        f"can't write to the output folder {str(folder)!r}: {reason}",
        "choose another: --output-dir DIR",
    )


def _make_folder(folder: Path, undo: ExitStack) -> None:
    """Create the folder; a new one inside a checkout ignores itself.

    Otherwise the wheels would be untracked files, and the next build's binaries would be
    stamped as made from a modified source.
    """
    if folder.is_dir():
        return
    for path in reversed([folder, *folder.parents]):
        if not path.exists():
            undo.callback(_remove_folder, path)
            path.mkdir(exist_ok=True)
    if repository_root(folder.resolve()):
        undo.callback(_remove, folder / ".gitignore")
        (folder / ".gitignore").write_text("*\n")


def _copy(wheel: Path, folder: Path, undo: ExitStack) -> Path:
    hidden = folder / f".{os.getpid()}.{len(wheel.name)}.{wheel.stem[-40:]}.tmp"
    undo.callback(_remove, hidden)
    shutil.copyfile(wheel, hidden)
    return hidden


def _move_in(copy: Path, path: Path, undo: ExitStack) -> Path:
    """Rename the copy to its wheel's name; a wheel that was there is moved aside and returned."""
    backup = copy.with_suffix(".old")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder")
    existed = path.exists()
    undo.callback(_move_back, path, backup, existed)
    if existed:
        os.replace(path, backup)
    os.replace(copy, path)
    return backup


def _move_back(path: Path, backup: Path, existed: bool) -> None:
    if backup.exists():
        os.replace(backup, path)
    elif not existed:
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # the folder is gone or not ours: nothing of ours can be in it
        path.unlink(missing_ok=True)


def _remove_folder(path: Path) -> None:
    with suppress(OSError):  # somebody else put something there meanwhile
        path.rmdir()


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

"""Puts finished files into the output folder, all or none."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from go_to_wheel.errors import OutputError
from go_to_wheel.process import defer_signals
from go_to_wheel.sources.files import find_repository_root

_OTHER_FOLDER = "choose another: --output-dir DIR"


def require_writable(folder: Path) -> None:
    """Raise OutputError for an output folder that can't be written to; create nothing."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        reason = "Permission denied" if existing.is_dir() else f"{existing} is not a folder"
        raise _cannot_write(folder, reason, _OTHER_FOLDER)


def publish(wheels: Sequence[Path], folder: Path) -> list[Path]:
    """Copy the wheels to `folder`, all or none; return the new paths.

    A new folder inside a checkout gets a .gitignore: untracked wheels would make Go stamp the
    next build as modified.
    """
    files: dict[Path, Path | bytes] = {folder / wheel.name: wheel for wheel in wheels}
    published = list(files)
    if not folder.is_dir() and find_repository_root(folder.resolve()):
        files[folder / ".gitignore"] = b"*\n"
    with replaced_files(files, _OTHER_FOLDER):
        return published


@contextmanager
def replaced_files(
    files: Mapping[Path, Path | bytes], hint: str, mode: int | None = None
) -> Iterator[None]:
    """Write files, from paths or bytes, and new folders for them.

    Raises OutputError with the hint when one can't be written. In that case, and when the block
    raises or is interrupted, new files and folders are removed and replaced files restored.
    """
    with ExitStack() as undo:
        try:
            for path, content in files.items():
                _write_staged(path, content, mode, undo)
            with defer_signals():
                for path in files:
                    _move_into_place(path, undo)
        except OSError as error:
            raise _cannot_write(path.parent, error.strerror or str(error), hint) from None
        yield
        with defer_signals() as came:
            undo.pop_all()
            for path in files:
                _ignore_errors(_hidden_path(path, "old").unlink)
            came.clear()  # too late to interrupt


def _cannot_write(folder: Path, reason: str, hint: str) -> OutputError:
    noun = "output folder" if hint == _OTHER_FOLDER else "folder"
    return OutputError(f"can't write to the {noun} {str(folder)!r}: {reason}", hint)


def _hidden_path(path: Path, suffix: str) -> Path:
    digest = sha256(os.fsencode(path.name)).hexdigest()[:16]  # a whole name may leave no space
    return path.with_name(f".{os.getpid()}.{digest}.{suffix}")


def _write_staged(path: Path, content: Path | bytes, mode: int | None, undo: ExitStack) -> None:
    """Write a file under a temporary name in its folder."""
    for folder in reversed([path.parent, *path.parent.parents]):
        if not folder.exists():
            undo.callback(_ignore_errors, folder.rmdir)
            folder.mkdir(exist_ok=True)
    hidden = _hidden_path(path, "tmp")
    undo.callback(_ignore_errors, hidden.unlink)
    if isinstance(content, Path):
        shutil.copyfile(content, hidden)
    else:
        hidden.write_bytes(content)
    if mode is not None:
        hidden.chmod(mode)


def _move_into_place(path: Path, undo: ExitStack) -> None:
    """Rename the staged file to its name; an existing file is moved aside."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder")
    if path.exists():
        os.replace(path, _hidden_path(path, "old"))
        undo.callback(os.replace, _hidden_path(path, "old"), path)
    else:
        undo.callback(_ignore_errors, path.unlink)
    os.replace(_hidden_path(path, "tmp"), path)


def _ignore_errors(remove: Callable[[], None]) -> None:
    with suppress(OSError):  # already removed, or a folder with another process's files
        remove()

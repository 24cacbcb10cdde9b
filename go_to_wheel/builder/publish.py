"""Finished files -> their places, all or none."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from go_to_wheel.errors import OutputError
from go_to_wheel.process import hold_signals
from go_to_wheel.sources.files import repository_root

_OTHER = "choose another: --output-dir DIR"


def check_folder(folder: Path) -> None:
    """Refuse an output folder that can't be written, before anything is compiled.

    Raises OutputError. Looks only; nothing is created.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        reason = "Permission denied" if existing.is_dir() else f"{existing} is not a folder"
        raise _cannot_write(folder, reason, _OTHER)


def publish(wheels: Sequence[Path], folder: Path) -> list[Path]:
    """Put the wheels into `folder`, all or none; return the new paths.

    A new folder inside a checkout ignores itself: otherwise the wheels would be untracked
    files, and the next build's binaries would be stamped as made from a modified source.
    """
    files: dict[Path, Path | bytes] = {folder / wheel.name: wheel for wheel in wheels}
    published = list(files)
    if not folder.is_dir() and repository_root(folder.resolve()):
        files[folder / ".gitignore"] = b"*\n"
    with replaced_files(files, _OTHER):
        return published


@contextmanager
def replaced_files(
    files: Mapping[Path, Path | bytes], hint: str, mode: int | None = None
) -> Iterator[None]:
    """Put files, copied or from bytes, into their places, which may need new folders.

    Raises OutputError with the hint when one can't be written. Then, and when the block or an
    interrupt raises something, everything is as it was: no new file or folder, replaced ones
    restored.
    """
    with ExitStack() as undo:
        try:
            for path, content in files.items():
                _stage(path, content, mode, undo)
            with hold_signals():
                for path in files:
                    _move_in(path, undo)
        except OSError as error:
            raise _cannot_write(path.parent, error.strerror or str(error), hint) from None
        yield
        with hold_signals() as came:
            undo.pop_all()
            for path in files:
                _quietly(_beside(path, "old").unlink)
            came.clear()  # it is done: the build ends well


def _cannot_write(folder: Path, reason: str, hint: str) -> OutputError:
    whose = "output folder" if hint == _OTHER else "folder"
    return OutputError(f"can't write to the {whose} {str(folder)!r}: {reason}", hint)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f".{os.getpid()}.{len(path.name)}.{path.name[-40:]}.{suffix}")


def _stage(path: Path, content: Path | bytes, mode: int | None, undo: ExitStack) -> None:
    """Write a file under a temporary name in its folder."""
    for folder in reversed([path.parent, *path.parent.parents]):
        if not folder.exists():
            undo.callback(_quietly, folder.rmdir)
            folder.mkdir(exist_ok=True)
    hidden = _beside(path, "tmp")
    undo.callback(_quietly, hidden.unlink)
    if isinstance(content, Path):
        shutil.copyfile(content, hidden)
    else:
        hidden.write_bytes(content)
    if mode is not None:
        hidden.chmod(mode)


def _move_in(path: Path, undo: ExitStack) -> None:
    """Rename the staged file to its name; one that was there is moved aside."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder")
    if path.exists():
        os.replace(path, _beside(path, "old"))
        undo.callback(os.replace, _beside(path, "old"), path)
    else:
        undo.callback(_quietly, path.unlink)
    os.replace(_beside(path, "tmp"), path)


def _quietly(remove: Callable[[], None]) -> None:
    with suppress(OSError):  # gone already, or a folder where somebody else put something
        remove()

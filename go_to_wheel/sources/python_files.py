"""A mixed project's own Python files (`python-source`), for the wheel's root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path, PurePosixPath

from go_to_wheel.errors import MissingPathError, SourceError
from go_to_wheel.sources.files import read_file, read_text_file, refuse_odd_name, refuse_outside

#: The launcher's folder in the project's own package; written by editable installs.
LAUNCHER_FOLDER = "_launcher"
_LEFT_OUT_FOLDERS = frozenset(("__pycache__", LAUNCHER_FOLDER))
_LEFT_OUT_SUFFIXES = frozenset((".pyc", ".pyo", ".egg-info", ".dist-info"))


def read_python_files(project: Path, named: str) -> tuple[tuple[str, bytes], ...]:
    """Every file below a folder of the project as (path, bytes), sorted.

    Caches and hidden files are left out. Raises MissingPathError when there is no such
    folder, SourceError when it is empty, not in the project, or has links that leave it.
    """
    folder = project / named
    if not folder.is_dir():
        raise MissingPathError(
            f"python-source: no folder {str(folder)!r}",
            "name the folder that holds the Python package",
        )
    real, home = folder.resolve(), project.resolve()
    if real == home or not real.is_relative_to(home):
        raise SourceError(
            f"python-source: {named!r} is not a folder inside the project",
            "everything in it goes into the wheel: name a folder with nothing but the Python "
            "package, such as 'python'",
        )
    paths = sorted(_walk(folder, "", (real,), project))
    if not paths:
        raise SourceError(f"python-source: {str(folder)!r} has no files")
    for path in paths:
        refuse_odd_name(path)
    return tuple((path, _read(folder / path, project)) for path in paths)


def find_data_files(project: Path, table: Mapping[str, Sequence[str]]) -> dict[str, Path]:
    """The files of `data-files`: where each goes below the environment's root, and its path.

    Raises MissingPathError for a pattern that nothing matches, SourceError for folders and
    patterns that lead elsewhere.
    """
    found: dict[str, Path] = {}
    for folder, patterns in table.items():
        for pattern in patterns:
            parts = (*PurePosixPath(folder).parts, *PurePosixPath(pattern).parts)
            if ".." in parts or "\\" in f"{folder}{pattern}" or pattern.startswith("/"):
                raise SourceError(f"data-files: {folder!r} = {pattern!r} leads out of its folder")
            files = (path for path in project.glob(pattern) if path.is_file())
            paths = sorted(files, key=attrgetter("parts"))
            if not paths:
                raise MissingPathError(
                    f"data-files: no file {pattern!r} in {str(project)!r}",
                    "if it is generated, generate it first",
                )
            for path in paths:
                refuse_odd_name(path.name)
                place = f"{PurePosixPath(folder)}/{path.name}"
                if found.setdefault(place, path) != path:
                    raise SourceError(
                        f"data-files: two files for {place!r}: {path}, {found[place]}"
                    )
        if not folder.startswith(("share/", "etc/")):
            raise SourceError(
                f"data-files: {folder!r} is not below share or etc",
                'write, for example, "share/man/man1" = ["man/*.1"]',
            )
    return found


def _read(path: Path, project: Path) -> bytes:
    """A file's bytes; line ends of Python code, which mean the same, as everywhere else."""
    is_code = path.suffix in (".py", ".pyi")
    return read_text_file(path, project) if is_code else read_file(path, project)


def _walk(folder: Path, prefix: str, above: tuple[Path, ...], project: Path) -> Iterator[str]:
    """Relative paths; `above` are the real folders that hold this one, itself included."""
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.suffix in _LEFT_OUT_SUFFIXES:
            continue
        if entry.is_symlink():
            refuse_outside(entry, project)
        if entry.is_dir():
            if entry.name not in _LEFT_OUT_FOLDERS:
                real = entry.resolve()
                if any(folder.is_relative_to(real) for folder in above):
                    raise SourceError(f"python-source: {str(entry)!r} is a link to what holds it")
                yield from _walk(entry, f"{prefix}{entry.name}/", (*above, real), project)
        else:
            yield f"{prefix}{entry.name}"

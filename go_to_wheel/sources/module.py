"""A folder in a Go module on disk: what to build there, and the texts beside it.

Or a module to fetch, written as for Go's own commands: "example.com/tool/cmd/x@v1.2.3".
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from go_to_wheel.errors import MissingPathError, SourceError
from go_to_wheel.sources.files import (
    FILE_LIMIT,
    TEXT_LIMIT,
    find_readme,
    open_file,
    read_file,
    read_license_files,
    read_readme,
    repository_root,
)
from go_to_wheel.sources.readme import ProjectFiles

#: `module PATH`, or the same in a block; the path may be quoted, a comment may follow.
_MODULE_LINE = re.compile(
    r"^[ \t]*module(?:[ \t]+|[ \t]*\(\s*)(?P<path>\"[^\"\n]+\"|`[^`]+`|(?!//)[^\s()\"`]+?)"
    r"(?=[ \t\r]*(?://|\)|$))",
    re.MULTILINE,
)

#: A word of go.mod or go.work that is a folder: `replace a => ../a`, `use ./b`.
_FOLDER = re.compile(
    r"(?:^|(?<=[\s\"`(]))(?:\.{1,2}(?:/[^\s\"`)]*)?|/(?!/)[^\s\"`)]*)(?=[\s\"`)]|$)"
)
_READ_FILES = frozenset(("go.mod", "go.sum", "go.work", "go.work.sum", "modules.txt"))
_GO_SUFFIXES = tuple(
    f".{name}"
    for name in "go s S sx c cc cpp cxx m f F for f90 h hh hpp hxx swig swigcxx syso".split()
)

_QUERY = re.compile(r"(?P<path>[^@\s]+)@(?P<version>[^@\s]+)")


@dataclass(frozen=True)
class ModuleSource:
    """Packages of a Go module on disk.

    `root` is where Go is run (it holds go.mod), `packages` the packages to build there
    (".", "./cmd/x", or import paths), `module_path` the module's own name. `home` holds the
    README and licence, where that is not `root`; `version` is the module's, where it came
    from the module proxy.
    """

    root: Path
    packages: tuple[str, ...]
    module_path: str
    home: Path | None = None
    version: str | None = None

    @property
    def package_paths(self) -> tuple[str, ...]:
        """The import paths of the packages, derived from their folders."""
        return tuple(
            f"{self.module_path}/{package[2:]}".rstrip("/") if package[0] == "." else package
            for package in self.packages
        )


def open_source(source: str, package: str | Sequence[str] | None = None) -> ModuleSource:
    """A folder in a Go module -> what to build there.

    Packages, one or several, are relative to `source` ("./cmd/x"). A folder below the
    module's root builds that folder's package. Raises MissingPathError and SourceError.
    """
    folder = Path(source).resolve()
    if not folder.exists():
        raise MissingPathError(
            f"Go directory not found: {source}",
            "name a folder that holds a go.mod, or a module with its version: "
            "example.com/tool@latest",
        )
    if not folder.is_dir():
        raise SourceError(f"{source} is not a folder", "name the folder that holds go.mod")
    root = module_root(folder)
    if root is None:
        raise SourceError(
            f"Not a Go module: {source} (no go.mod file found there or above)",
            f"name the folder that holds go.mod, or create one: cd {source} && go mod init "
            "example.com/NAME",
        )
    packages = [package] if isinstance(package, str) else package
    below = tuple(_package_below(root, folder / name, name) for name in packages or ["."])
    try:
        path = parse_module_path(read_file(root / "go.mod", root, TEXT_LIMIT).decode())
    except UnicodeDecodeError as error:
        raise SourceError(f"can't read {root / 'go.mod'}: {error}", "save it as UTF-8") from None
    if path is None:
        raise SourceError(
            f"{root / 'go.mod'} has no module line", "add one: module example.com/name"
        )
    for home in (root, *_local_folders(root)):
        refuse_irregular_sources(home)
    return ModuleSource(root, below, path)


def refuse_irregular_sources(root: Path) -> None:
    """Raise SourceError for what Go would read, or wait for, outside the module's own files.

    Go follows a link named `x.go` wherever it leads, and waits for a named pipe's writer. It
    skips links to folders, and folders that can't be read, unless a package is there.
    """
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != "testdata" and name[0] != "."]
        for name in names:
            if name in _READ_FILES or (name.endswith(_GO_SUFFIXES) and name[0] not in "._"):
                path = Path(place, name)
                found = path.lstat()
                if not stat.S_ISREG(found.st_mode) or found.st_size > FILE_LIMIT:
                    with open_file(path, root):
                        pass


def find_above(folder: Path, name: str) -> Path | None:
    """The nearest file of this name, in the folder or above it: a go.mod or go.work."""
    paths = (place / name for place in (folder, *folder.parents))
    return next((path for path in paths if os.path.lexists(path) and not path.is_dir()), None)


def _local_folders(root: Path) -> Iterator[Path]:
    """The folders that go.mod and the nearest go.work name: other modules' sources."""
    work = find_above(root, "go.work")
    for name in ("go.work.sum", "vendor/modules.txt") if work else ():
        if work and os.path.lexists(work.parent / name):
            with open_file(work.parent / name, None):
                pass
    for path, project in ((root / "go.mod", root), (work, None)):
        if path:
            text = read_file(path, project, TEXT_LIMIT).decode(errors="replace")
            lines = (line.partition("//")[0] for line in text.splitlines())
            folders = (path.parent / name for line in lines for name in _FOLDER.findall(line))
            yield from (folder for folder in folders if folder.is_dir())


def module_root(folder: Path) -> Path | None:
    """The folder with the go.mod that governs this one, None when there is none."""
    file = find_above(folder, "go.mod")
    return file.parent if file else None


def _package_below(root: Path, target: Path, package: str) -> str:
    resolved = target.resolve()
    if not resolved.is_relative_to(root):
        raise SourceError(f"package {package!r} is outside the module", f"the module is {root}")
    below = resolved.relative_to(root).as_posix()
    if not resolved.is_dir():
        raise SourceError(
            f"package {package!r}: there is no folder {below!r} in the module",
            "--package takes a folder of the module, for example ./cmd/x",
        )
    return "." if below == "." else f"./{below}"


def parse_module_path(go_mod: str) -> str | None:
    """The module path in a go.mod's text, None when there is no module line."""
    found = _MODULE_LINE.search(go_mod)
    return found["path"].strip('"`') if found else None


def read_files(source: ModuleSource, readme: str | None = None) -> ProjectFiles:
    """The texts that go into the wheel: the README (the one named, or found) and licences.

    Raises MissingPathError for a named README that isn't there, SourceError for texts
    that can't be read.
    """
    home = source.home or source.root
    folders = [home]
    if len(source.packages) == 1:
        below = source.package_paths[0].removeprefix(source.module_path).strip("/")
        folders.insert(0, home / below)
    path = Path(readme) if readme else find_readme(folders)
    text = read_readme(path, None if readme else home) if path else None
    if text and not text.text.strip():
        text = path = None  # an empty file describes nothing
    licenses = read_license_files(home, repository_root(home) if source.version is None else None)
    place = (path.name, str(path.parent)) if path else ("", None)
    return ProjectFiles(text, licenses, *place)


def names_commit(version: str) -> bool:
    """Whether a version is that of one commit, tagged or not: a hash or a pseudo-version."""
    return bool(re.search(r"\d{14}-[0-9a-f]{12}$|^[0-9a-f]{7,40}$", version))


def parse_query(source: str) -> tuple[str, str] | None:
    """The parts of "path@version": a package's path, and a version, "latest", commit or branch.

    None when it isn't one. Raises SourceError for something with an @ that Go would not
    understand.
    """
    if "@" not in source or source.startswith((".", "/", "~")):
        return None
    found = _QUERY.fullmatch(source)
    if not found or "." not in found["path"].split("/", 1)[0]:
        raise SourceError(
            f"{source!r} is neither a folder nor a package with its version",
            "write it like github.com/owner/tool/cmd/x@v1.2.3, or …@latest",
        )
    return found["path"].rstrip("/"), found["version"]

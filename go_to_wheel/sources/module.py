"""A folder in a Go module on disk: what to build there, and the texts beside it.

Or a module to fetch, written as for Go's own commands: "example.com/tool/cmd/x@v1.2.3".
"""

from __future__ import annotations

import os
import re
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
#: What Go reads, and git when Go starts it.
_READ_FILES = frozenset(
    ("go.mod", "go.sum", "go.work", "go.work.sum", "modules.txt", ".gitattributes", ".gitignore")
)
_GO_SUFFIXES = tuple(
    f".{name}"
    for name in "go s S sx c cc cpp cxx m f F for f90 h hh hpp hxx swig swigcxx syso".split()
)

_QUERY = re.compile(r"(?P<path>[^@\s]+)@(?P<version>[^@\s]+)")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


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
        below = [package.removeprefix(".").strip("/") for package in self.packages]
        return tuple(
            name if not package.startswith(".") else f"{self.module_path}/{name}".rstrip("/")
            for package, name in zip(self.packages, below, strict=True)
        )

    @property
    def text_folders(self) -> tuple[Path, ...]:
        """Where to look for a README: the packages' folders, then the module's."""
        home = self.home or self.root
        folders = [home]
        if len(self.packages) == 1:
            below = self.package_paths[0].removeprefix(self.module_path).strip("/")
            folders.insert(0, home / below)
        return tuple(dict.fromkeys(folders))


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

    Go follows a link named `x.go` wherever it leads, and waits for a named pipe's writer.
    """
    folders = [root]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                entries = list(found)
        except OSError:  # a database's folder, say: if it has a package, Go says so
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "testdata" and not entry.name.startswith("."):
                    folders.append(Path(entry.path))
            elif _is_read_by_go(entry.name) and not _is_plain(entry):
                with open_file(Path(entry.path), root):
                    pass


def _is_read_by_go(name: str) -> bool:
    """Whether Go or git looks into a file of this name to learn what there is."""
    return name in _READ_FILES or (name.endswith(_GO_SUFFIXES) and not name.startswith((".", "_")))


def _is_plain(entry: os.DirEntry[str]) -> bool:
    """Whether it needs no closer look; Go skips folders, and links to them, of these names."""
    if entry.is_file(follow_symlinks=False):
        return entry.stat(follow_symlinks=False).st_size <= FILE_LIMIT
    return Path(entry.path).is_dir()


def find_workspace(root: Path) -> Path:
    """The nearest go.work, which may not be there."""
    places = (place / "go.work" for place in (root, *root.parents))
    return next(filter(os.path.lexists, places), root / "go.work")


def _local_folders(root: Path) -> Iterator[Path]:
    """The folders that go.mod and the nearest go.work name: other modules' sources."""
    for path, project in ((root / "go.mod", root), (find_workspace(root), None)):
        if os.path.lexists(path) and not path.is_dir():
            text = read_file(path, project, TEXT_LIMIT).decode(errors="replace")
            lines = (line.partition("//")[0] for line in text.splitlines())
            folders = (path.parent / name for line in lines for name in _FOLDER.findall(line))
            yield from (folder for folder in folders if folder.is_dir())


def module_root(folder: Path) -> Path | None:
    """The folder with the go.mod that governs this one, None when there is none."""
    files = (place / "go.mod" for place in (folder, *folder.parents))
    return next(
        (file.parent for file in files if os.path.lexists(file) and not file.is_dir()), None
    )


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
    path = Path(readme) if readme else find_readme(source.text_folders)
    text = read_readme(path, None if readme else home) if path else None
    if text and not text.text.strip():
        text = path = None  # an empty file describes nothing
    licenses = read_license_files(home, repository_root(home) if source.version is None else None)
    place = (path.name, str(path.parent)) if path else ("", None)
    return ProjectFiles(text, licenses, *place)


@dataclass(frozen=True)
class ModuleQuery:
    """A package path and what Go should look for: a version, "latest", a commit, a branch."""

    path: str
    version: str

    def __str__(self) -> str:
        return f"{self.path}@{self.version}"

    @property
    def names_commit(self) -> bool:
        """Whether the user asked for one commit, tagged or not."""
        pseudo = re.search(r"\d{14}-[0-9a-f]{12}$", self.version)
        return bool(pseudo or _COMMIT.fullmatch(self.version))


def parse_query(source: str) -> ModuleQuery | None:
    """The query in a source argument; None when it isn't one.

    Raises SourceError for something with an @ that Go would not understand.
    """
    if "@" not in source or source.startswith((".", "/", "~")):
        return None
    found = _QUERY.fullmatch(source)
    first = source.split("/", 1)[0]
    if not found or "." not in first.split("@")[0]:
        raise SourceError(
            f"{source!r} is neither a folder nor a package with its version",
            "write it like github.com/owner/tool/cmd/x@v1.2.3, or …@latest",
        )
    return ModuleQuery(found["path"].rstrip("/"), found["version"])

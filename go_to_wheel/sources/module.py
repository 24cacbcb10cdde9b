"""Go modules: a folder on disk with its packages, README and licence files; or "path@version"."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from go_to_wheel.errors import MissingPathError, SourceError
from go_to_wheel.process import quote_path
from go_to_wheel.sources.files import (
    TEXT_LIMIT,
    find_readme,
    find_repository_root,
    read_file,
    read_license_texts,
    read_readme,
    read_text_file,
    require_regular_file,
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
_GO_FILES = frozenset(("go.mod", "go.sum", "go.work", "go.work.sum", "modules.txt"))
_GO_SUFFIXES = tuple(
    f".{name}"
    for name in "go s S sx c cc cpp cxx m f F for f90 h hh hpp hxx swig swigcxx syso".split()
)

#: A module's path or web address, without a version.
_ADDRESS = re.compile(r"(https?://)?(?P<path>[\w-]+(\.[\w-]+)+/[^@\s]+?)(\.git)?/?")
_QUERY = re.compile(r"(?P<path>[^-@\s][^@\s]*)@(?P<version>[^@\s]+)")


@dataclass(frozen=True)
class ModuleSource:
    """Packages of a Go module on disk.

    Go runs in `root`, which has a go.mod; `packages` are the packages to build there (".",
    "./cmd/x", or import paths). Of a module from the module proxy, `module_folder` has the
    sources, README and licence, and `version` is the version. `folder` is the one that was named,
    to which the user's packages are relative.
    """

    root: Path
    packages: tuple[str, ...]
    module_path: str
    module_folder: Path | None = None
    version: str | None = None
    folder: Path | None = None

    @property
    def package_paths(self) -> tuple[str, ...]:
        """The import paths of the packages, derived from their folders."""
        return tuple(
            f"{self.module_path}/{package[2:]}".rstrip("/") if package.startswith(".") else package
            for package in self.packages
        )


def open_module(source: str, packages: Sequence[str]) -> ModuleSource:
    """Find the module of the folder `source`, and check the packages to build.

    `packages` are relative to `source` ("./cmd/x"), by default itself. Raises
    MissingPathError and SourceError.
    """
    folder = Path(source).resolve()
    if not folder.exists():
        address = _ADDRESS.fullmatch(source)
        hint = "name a folder that holds a go.mod, or a module with its version: "
        hint += f"{address['path'] if address else 'example.com/tool'}@latest"
        raise MissingPathError(f"Go directory not found: {source}", hint)
    if not folder.is_dir():
        parent = quote_path(Path(source).parent)
        raise SourceError(f"{source} is not a folder", f"name its folder: go-to-wheel {parent}")
    root = find_module_root(folder)
    if root is None:
        hint = f"name the folder that holds go.mod, or create one: cd {quote_path(source)} && "
        hint += "go mod init example.com/NAME"
        raise SourceError(f"Not a Go module: {source} (no go.mod file found there or above)", hint)
    names = packages or ["."]
    package_folders = tuple(_locate_package(root, folder / name, name) for name in names)
    try:
        path = parse_module_path(read_file(root / "go.mod", root, TEXT_LIMIT).decode())
    except UnicodeDecodeError as error:
        raise SourceError(f"can't read {root / 'go.mod'}: {error}", "save it as UTF-8") from None
    if path is None:
        hint = "add one: module example.com/name"
        raise SourceError(f"{root / 'go.mod'} has no module line", hint)
    for place in (root, *_local_folders(root)):
        _require_regular_go_files(place)
    return ModuleSource(root, package_folders, path, folder=folder)


def _require_regular_go_files(root: Path) -> None:
    """Raise SourceError for links out of the project, named pipes … that Go would read."""
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != "testdata" and name[0] != "."]
        for name in names:
            if name in _GO_FILES or (name.endswith(_GO_SUFFIXES) and name[0] not in "._"):
                require_regular_file(Path(place, name), root)


def find_above(folder: Path, name: str) -> Path | None:
    """The nearest file of this name, in the folder or above it: a go.mod or go.work."""
    paths = (parent / name for parent in (folder, *folder.parents))
    return next((path for path in paths if os.path.lexists(path) and not path.is_dir()), None)


def _local_folders(root: Path) -> Iterator[Path]:
    """The folders of other modules that go.mod and the nearest go.work name."""
    workspace = find_above(root, "go.work")
    named_in = [root / "go.mod"]
    if workspace:
        named_in.append(workspace)
        for name in ("go.work.sum", "vendor/modules.txt"):
            if os.path.lexists(path := workspace.parent / name):
                require_regular_file(path, None)
    for path in named_in:
        text = read_file(path, None, TEXT_LIMIT).decode(errors="replace")
        lines = (line.partition("//")[0] for line in text.splitlines())
        folders = (path.parent / name for line in lines for name in _FOLDER.findall(line))
        yield from filter(Path.is_dir, folders)


def find_module_root(folder: Path) -> Path | None:
    """The folder of the nearest go.mod, here or above; None if there is none."""
    file = find_above(folder, "go.mod")
    return file.parent if file else None


def _locate_package(root: Path, folder: Path, package: str) -> str:
    resolved, hint = folder.resolve(), "name a folder by its path from SOURCE: --package ./cmd/x"
    if not resolved.is_relative_to(root):
        raise SourceError(f"package {package!r} is outside the module in {root}", hint)
    relative = resolved.relative_to(root).as_posix()
    if not resolved.is_dir():
        problem = f"package {package!r}: there is no folder {relative!r} in the module"
        raise SourceError(problem, hint)
    return "." if relative == "." else f"./{relative}"


def parse_module_path(go_mod: str) -> str | None:
    """The module path in a go.mod's text, None when there is no module line."""
    match = _MODULE_LINE.search(go_mod)
    return match["path"].strip('"`') if match else None


def read_project_files(source: ModuleSource, readme: str | None) -> ProjectFiles:
    """Read the README, the given one or the project's, and the licence files.

    If the module has no licence file, the LICENSE of its repository counts. Raises
    MissingPathError for a `readme` that doesn't exist, SourceError for files that can't be read.
    """
    root = source.module_folder or source.root
    folders = [root]
    if len(source.packages) == 1:
        package_folder = source.package_paths[0].removeprefix(source.module_path).strip("/")
        folders.insert(0, root / package_folder)
    path = Path(readme) if readme else find_readme(folders)
    text = read_readme(path, None if readme else root) if path else None
    if text and not text.text.strip():
        text = path = None
    licenses = read_license_texts(root, [root])
    if not licenses and source.version is None:  # as for Go's module proxy
        repository_license = (find_repository_root(root) or root) / "LICENSE"
        if repository_license.exists() and not repository_license.is_dir():
            licenses = (("LICENSE", read_text_file(repository_license, root)),)
    name_and_folder = (path.name, str(path.parent)) if path else ("", None)
    return ProjectFiles(text, licenses, *name_and_folder)


def is_commit_version(version: str) -> bool:
    """Whether a version names a commit: a hash or a pseudo-version."""
    return bool(re.search(r"\d{14}-[0-9a-f]{12}$|^[0-9a-f]{7,40}$", version))


def parse_query(source: str) -> tuple[str, str] | None:
    """Split "path@version" (a version, "latest", a commit or a branch); None for a folder.

    Raises SourceError for an @ in anything else.
    """
    if "@" not in source or source.startswith((".", "/", "~")):
        return None
    match = _QUERY.fullmatch(source)
    if not match or "." not in match["path"].split("/", 1)[0]:
        hint = "write it like github.com/owner/tool/cmd/x@v1.2.3, or …@latest"
        raise SourceError(f"{source!r} is neither a folder nor a package with its version", hint)
    return match["path"].rstrip("/"), match["version"]

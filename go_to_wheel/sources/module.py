"""A folder in a Go module on disk: what to build there, and the texts beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from go_to_wheel.errors import MissingPathError, SourceError
from go_to_wheel.sources.readme import ProjectFiles, Readme, content_type_of

#: `module PATH`, or the same in a block; the path may be quoted, a comment may follow.
_MODULE_LINE = re.compile(
    r"^[ \t]*module(?:[ \t]+|[ \t]*\(\s*)(?P<path>\"[^\"\n]+\"|`[^`]+`|(?!//)[^\s()\"`]+?)"
    r"(?=[ \t\r]*(?://|\)|$))",
    re.MULTILINE,
)
_README_SUFFIXES = (".md", ".markdown", ".mkd", ".mdown", ".rst", ".txt", "")
_README_NAMES = tuple(f"readme{suffix}" for suffix in _README_SUFFIXES)
_LICENSE_NAME = re.compile(r"((?:UN)?LICEN[CS]E|COPYING|NOTICE)([-._].*)?", re.IGNORECASE)
_CODE_SUFFIXES = frozenset((".c", ".go", ".h", ".html", ".json", ".py", ".sh", ".tmpl"))


@dataclass(frozen=True)
class ModuleSource:
    """Packages of a Go module on disk.

    `root` is where Go is run (it holds go.mod), `packages` what Go is asked to build there
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
    def package(self) -> str:
        """The first package."""
        return self.packages[0]

    @property
    def package_paths(self) -> tuple[str, ...]:
        """The import paths of the packages, as far as the folders tell."""
        return tuple(self._import_path(package) for package in self.packages)

    @property
    def package_path(self) -> str:
        """The first package's import path."""
        return self.package_paths[0]

    @property
    def text_folders(self) -> tuple[Path, ...]:
        """Where to look for a README: the packages' folders, then the module's."""
        home = self.home or self.root
        folders = [
            home / path.removeprefix(self.module_path).strip("/") for path in self.package_paths
        ]
        nearest = folders[:1] if len(folders) == 1 else []
        return tuple(dict.fromkeys((*nearest, home)))

    def _import_path(self, package: str) -> str:
        if not package.startswith("."):
            return package
        below = package.removeprefix(".").strip("/")
        return f"{self.module_path}/{below}" if below else self.module_path


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
            "run 'go mod init' there, or name the folder that holds go.mod",
        )
    packages = [package] if isinstance(package, str) else package
    below = tuple(_package_below(root, folder / one, one) for one in packages or ["."])
    return ModuleSource(root, below, _module_path(root / "go.mod"))


def module_root(folder: Path) -> Path | None:
    """The folder with the go.mod that governs this one, None when there is none."""
    for candidate in (folder, *folder.parents):
        if (candidate / "go.mod").is_file():
            return candidate
    return None


def _package_below(root: Path, target: Path, package: str) -> str:
    resolved = target.resolve()
    if not resolved.is_relative_to(root):
        raise SourceError(f"package {package!r} is outside the module", f"the module is {root}")
    if not resolved.is_dir():
        raise SourceError(
            f"package {package!r}: there is no folder {resolved.relative_to(root).as_posix()!r} "
            "in the module",
            "--package takes a folder of the module, for example ./cmd/x",
        )
    below = resolved.relative_to(root).as_posix()
    return "." if below == "." else f"./{below}"


def _module_path(go_mod: Path) -> str:
    try:
        text = go_mod.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"can't read {go_mod}: {error}") from None
    path = parse_module_path(text)
    if path is None:
        raise SourceError(f"{go_mod} has no module line", "add one: module example.com/name")
    return path


def parse_module_path(go_mod: str) -> str | None:
    """The module path in a go.mod's text, None when there is no module line."""
    found = _MODULE_LINE.search(go_mod)
    return found["path"].strip('"`') if found else None


def _find_readme(source: ModuleSource) -> Path | None:
    """The package's README, else the module's, whatever its letters' case."""
    for folder in source.text_folders:
        if not folder.is_dir():
            continue
        by_name = {path.name.lower(): path for path in sorted(folder.iterdir(), reverse=True)}
        for name in _README_NAMES:
            if name in by_name and by_name[name].is_file():
                return by_name[name]
    return None


def read_files(source: ModuleSource, readme: str | None = None) -> ProjectFiles:
    """The texts that go into the wheel: the README (the one named, or found) and licences.

    Raises MissingPathError for a named README that isn't there, SourceError for texts
    that can't be read.
    """
    path = readme or _find_readme(source)
    text = read_readme(path) if path else None
    if text and not text.text.strip():
        text = path = None  # an empty file describes nothing
    licenses = tuple((path.name, _read_bytes(path)) for path in _find_license_files(source))
    return ProjectFiles(text, licenses, Path(path).name if path else "")


def read_readme(named: str | Path) -> Readme:
    """A README file; raises MissingPathError and SourceError."""
    path = Path(named)
    if not path.is_file():
        raise MissingPathError(f"README file not found: {named}", "name an existing file")
    return _read_readme(path)


def _read_readme(path: Path) -> Readme:
    content_type = content_type_of(path.suffix)
    if content_type is None:
        raise SourceError(
            f"README {path}: PyPI does not know files ending in {path.suffix!r}",
            "use .md, .rst or .txt",
        )
    try:
        return Readme(_read_bytes(path).decode("utf-8-sig"), content_type)
    except UnicodeDecodeError:
        raise SourceError(f"README {path} is not UTF-8 text", "save it as UTF-8") from None


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"can't read {path}: {error.strerror}") from None


def _find_license_files(source: ModuleSource) -> list[Path]:
    """The module's licence and notice files, sorted by name.

    When the module is a folder of a repository and has none of its own, the repository's
    LICENSE counts, as it does for Go's module proxy.
    """
    home = source.home or source.root
    found = _license_files_in(home)
    if found:
        return found
    repository = repository_root(home)
    inherited = repository / "LICENSE" if repository else None
    return [inherited] if inherited and inherited.is_file() else []


def _license_files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _is_license_file(path))


def _is_license_file(path: Path) -> bool:
    """LICENSE.md and LICENSE-MIT are, license.go is not."""
    if not _LICENSE_NAME.fullmatch(path.name) or path.suffix.lower() in _CODE_SUFFIXES:
        return False
    return path.is_file()


def repository_root(folder: Path) -> Path | None:
    """The checkout that holds this folder, None when there is none."""
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists():
            return candidate
    return None


def in_repository(folder: Path) -> bool:
    """Whether a version control checkout holds this folder (which need not exist yet)."""
    return repository_root(folder.resolve()) is not None

"""A package at a version -> a temporary module that requires it.

Building there, rather than inside the module cache, keeps the module's version and its h1
sum in the binary; `go install`, which would too, can't choose its output.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass, replace
from pathlib import Path

from go_to_wheel.config import BuildRequest, Said, Told
from go_to_wheel.errors import SourceError
from go_to_wheel.platforms import Target
from go_to_wheel.sources import TEXT_LIMIT, ModuleQuery, ModuleSource, forge_url, read_file
from go_to_wheel.toolchain import Go, Package

#: The oldest language with complete lists of requirements; `go get` raises it as needed.
_GO_MOD = "module build.invalid/wheel\n\ngo 1.17\n"


@dataclass(frozen=True)
class Fetched:
    """A fetched module: where it is built, and what Go and the proxy say about it."""

    source: ModuleSource
    package: Package
    origin: dict[str, str]
    notes: tuple[str, ...] = ()


def make_scratch() -> Path:
    """A temporary folder with an empty module."""
    folder = Path(tempfile.mkdtemp(prefix="go-to-wheel-"))
    (folder / "go.mod").write_text(_GO_MOD)
    return folder


def remove_with(owner: object, folder: Path) -> None:
    """Remove the folder when its owner goes, at the program's end at the latest."""
    weakref.finalize(owner, shutil.rmtree, folder, True)


def fetch(
    go: Go, query: ModuleQuery, request: BuildRequest, folder: Path, target: Target
) -> Fetched:
    """Let Go fetch the module into the one in `folder`. Raises SourceError in Go's words."""
    paths = _package_paths(query, request.packages)
    for path in paths:
        go.get(folder, f"{path}@{query.version}")
    packages = [go.list_package(folder, path, target) for path in paths]
    first = packages[0]
    strangers = [one.import_path for one in packages if one.module_path != first.module_path]
    if strangers:
        raise SourceError(
            f"{strangers[0]} is in another module than {first.import_path}",
            "packages of one wheel come from one module",
        )
    source = ModuleSource(
        root=folder,
        packages=tuple(paths),
        module_path=first.module_path,
        home=Path(first.module_folder),
        version=first.module_version,
    )
    origin = go.read_origin(folder, first.module_path, first.module_version)
    return Fetched(source, first, origin, _replaced_note(source))


def _package_paths(query: ModuleQuery, packages: tuple[str, ...]) -> list[str]:
    below = [package.removeprefix(".").strip("/") for package in packages]
    return [f"{query.path}/{path}" if path else query.path for path in below] or [query.path]


def _replaced_note(source: ModuleSource) -> tuple[str, ...]:
    """Go ignores a dependency's replacements; `go install` refuses such modules."""
    home = source.home or source.root
    go_mod = home / "go.mod"
    text = read_file(go_mod, home, TEXT_LIMIT).decode(errors="replace") if go_mod.exists() else ""
    if not any(line.split("//")[0].strip().startswith("replace") for line in text.splitlines()):
        return ()
    return (
        f"{source.module_path} replaces some of its dependencies; Go does so only in the "
        "module's own folder, so this binary has the plain versions",
    )


def tell_origin(told: Told, fetched: Fetched, query: ModuleQuery) -> Told:
    """Add the address, and whether the version is a release."""
    address = fetched.origin.get("URL")
    url = forge_url(fetched.source.module_path) or (
        forge_url(address, fetched.source.module_path) if address else None
    )
    urls = (("Source", Said(url, "module proxy")),) if url and not told.urls else told.urls
    version = fetched.source.version or ""
    pseudo = ModuleQuery(query.path, version).names_commit
    why = f"{fetched.source.module_path} has no tagged version for {query.version!r}"
    return replace(
        told,
        urls=urls,
        development=why if pseudo and not query.names_commit else "",
        notes=(*told.notes, *fetched.notes),
    )

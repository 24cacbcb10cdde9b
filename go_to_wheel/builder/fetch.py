"""A package at a version -> a temporary module that requires it.

Building there, rather than inside the module cache, keeps the module's version and its h1
sum in the binary; `go install`, which would too, can't choose its output.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from go_to_wheel.config.detected import Identity, Value
from go_to_wheel.errors import SourceError
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import Package, list_package
from go_to_wheel.platforms import Target
from go_to_wheel.sources.files import TEXT_LIMIT, read_file
from go_to_wheel.sources.module import ModuleSource
from go_to_wheel.sources.query import ModuleQuery
from go_to_wheel.sources.texts import forge_url

#: The oldest language with complete lists of requirements; `go get` raises it as needed.
_GO_MOD = "module build.invalid/wheel\n\ngo 1.17\n"


@dataclass(frozen=True)
class Fetched:
    """A fetched module: where it is built, and what Go and the proxy know about it."""

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
    go: Go, query: ModuleQuery, below: Sequence[str], folder: Path, target: Target
) -> Fetched:
    """Let Go fetch the module into the one in `folder`; raises SourceError with Go's message.

    `below` are the packages, as folders of the queried one ("./cmd/x"); empty for itself.
    """
    paths = _package_paths(query, below)
    for path in paths:
        go.query(["get", f"{path}@{query.version}"], folder)
    packages = [list_package(go, folder, path, target) for path in paths]
    first = packages[0]
    strangers = [
        package.import_path for package in packages if package.module_path != first.module_path
    ]
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


def _package_paths(query: ModuleQuery, packages: Sequence[str]) -> list[str]:
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


def identify_module(fetched: Fetched, query: ModuleQuery) -> Identity:
    """What the module proxy knows: the version, whether it is a release, the address."""
    module, version = fetched.source.module_path, fetched.source.version or ""
    address = fetched.origin.get("URL")
    url = forge_url(module)
    urls = (("Source", Value(url, "module path")),) if url else ()
    if not url and (other := forge_url(address, module) if address else None):
        urls = (("Source", Value(other, "module proxy")),)
    untagged = ModuleQuery(query.path, version).names_commit and not query.names_commit
    return Identity(
        version=Value(version, f"module version {version}"),
        development=f"{module} has no tagged version for {query.version!r}" if untagged else "",
        urls=urls,
        stamps=_stamps(fetched),
        place=fetched.origin.get("Subdir", ""),
        notes=fetched.notes,
    )


def _stamps(fetched: Fetched) -> dict[str, str]:
    """The values of --set's placeholders, as far as the proxy has them."""
    stamps = {"tag": fetched.source.version or ""}
    if commit := fetched.origin.get("Hash"):
        stamps |= {"commit": commit, "short-commit": commit[:7]}
    return stamps

"""A package at a version -> a temporary module that requires it.

Building there, rather than inside the module cache, keeps the module's version and its h1
sum in the binary; `go install`, which would too, can't choose its output.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from go_to_wheel.builder.identity import find_urls
from go_to_wheel.config.options import Identity, Value
from go_to_wheel.errors import SourceError
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import download_modules, list_package
from go_to_wheel.platforms import Target
from go_to_wheel.sources.files import TEXT_LIMIT, read_file
from go_to_wheel.sources.module import ModuleQuery, ModuleSource

#: The oldest language with complete lists of requirements; `go get` raises it as needed.
_GO_MOD = "module build.invalid/wheel\n\ngo 1.17\n"


def fetch(
    go: Go, query: ModuleQuery, below: Sequence[str], folder: Path, target: Target
) -> tuple[ModuleSource, Identity]:
    """Let Go fetch a module into a new one in `folder`: its source, and what the proxy knows.

    `below` are the packages, as folders of the queried one ("./cmd/x"); empty for itself.
    Raises SourceError with Go's message.
    """
    (folder / "go.mod").write_text(_GO_MOD)
    names = [package.removeprefix(".").strip("/") for package in below] or [""]
    paths = [f"{query.path}/{name}" if name else query.path for name in names]
    for path in paths:
        go.query(["get", f"{path}@{query.version}"], folder)
    lister = go.with_cgo()  # programs with nothing but C, too
    packages = [list_package(lister, folder, path, target) for path in paths]
    first = packages[0]
    for package in packages:
        if package.module_path != first.module_path:
            raise SourceError(
                f"{package.import_path} is in another module than {first.import_path}",
                "packages of one wheel come from one module",
            )
    source = ModuleSource(
        root=folder,
        packages=tuple(paths),
        module_path=first.module_path,
        home=Path(first.module_folder),
        version=first.module_version,
    )
    (record,) = download_modules(go, folder, [f"{source.module_path}@{source.version}"]).values()
    return source, _identify(source, query, record.get("Origin", {}))


def _identify(source: ModuleSource, query: ModuleQuery, origin: dict[str, str]) -> Identity:
    """What the module proxy knows: the version, whether it is a release, the address."""
    module, version = source.module_path, source.version or ""
    untagged = ModuleQuery(query.path, version).names_commit and not query.names_commit
    commit = origin.get("Hash")
    urls = find_urls(module, origin.get("URL"), "module proxy")
    notes = _replaced_note(source)
    if not urls:
        notes += (f"the module proxy has no address of {module}'s source (set --url)",)
    known = {"commit": commit, "short-commit": commit[:7]} if commit else {}
    return Identity(
        version=Value(version, f"module version {version}"),
        development=f"{module} has no tagged version for {query.version!r}" if untagged else "",
        urls=urls,
        stamps={"tag": version, **known},
        place=origin.get("Subdir", ""),
        notes=notes,
    )


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

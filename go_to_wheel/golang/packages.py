"""`go list` and `go mod edit`, parsed: the packages of a program and of its module."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from go_to_wheel.errors import SourceError
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.messages import error_text
from go_to_wheel.platforms import Target

_PACKAGE_FIELDS = "ImportPath,Name,Dir,Doc,Module,GoFiles,IgnoredGoFiles,DepOnly,Standard"
_PACKAGE_FIELDS += ",CgoFiles,CXXFiles,CgoPkgConfig,CgoLDFLAGS"
#: Files that Go compiles or embeds, and those that it leaves to other systems.
_FILE_FIELDS = "GoFiles CgoFiles CFiles CXXFiles MFiles HFiles SFiles SysoFiles EmbedFiles".split()
_FILE_FIELDS += ["IgnoredGoFiles", "IgnoredOtherFiles"]


@dataclass(frozen=True)
class Package:
    """A package as `go list` describes it for one target.

    `module_version` is the required version, `source_version` that of its replacement, if any
    ("" for a folder). `module_folder` has the sources; it is "" for vendored modules. `ignored`
    are the Go files that are not for this target. `is_dependency` is True for packages that are
    only imported. With cgo, `uses_c` and `uses_cxx` say what has to be compiled, `c_libraries`
    are names for pkg-config and `c_flags` linker flags.
    """

    import_path: str
    name: str
    folder: str
    module_path: str
    go_files: tuple[str, ...] = ()
    doc: str = ""
    module_version: str = ""
    module_folder: str = ""
    source_version: str = ""
    ignored: tuple[str, ...] = ()
    is_dependency: bool = False
    is_standard: bool = False
    errors: tuple[str, ...] = ()
    uses_c: bool = False
    uses_cxx: bool = False
    c_libraries: tuple[str, ...] = ()
    c_flags: tuple[str, ...] = ()


def list_package(go: Go, folder: Path, package: str, target: Target) -> Package:
    """List one package; raises SourceError with Go's message, also for a pattern of several."""
    args = ["list", "-find", "-buildvcs=false", f"-json={_PACKAGE_FIELDS}", package]
    listed = _parse_objects(go.query(args, folder, target, f"package {package!r}: "))
    packages = [_parse_package(data) for data in listed]
    if len(packages) != 1:
        programs = [package.import_path for package in packages if package.name == "main"]
        raise SourceError(
            f"{package!r} is a pattern that matches {len(packages)} packages",
            f"name one of them: {', '.join(programs) or 'a folder with a main package'}",
        )
    return packages[0]


def list_linked(go: Go, folder: Path, packages: Sequence[str], target: Target) -> list[Package]:
    """Every package that is linked into a target's programs, in Go's order.

    Raises SourceError when `go list` fails; a package that can't be loaded is in the `errors` of
    those that import it.
    """
    fields = f"-json={_PACKAGE_FIELDS},Error,DepsErrors"
    args = ["list", "-e", "-deps", "-buildvcs=false", fields, *packages]
    listed = _parse_objects(go.query(args, folder, target))
    return [_parse_package(data) for data in listed if data.get("Dir")]


def list_mains(go: Go, folder: Path, target: Target, pattern: str) -> list[str]:
    """The import paths of the `main` packages that match, sorted; [] if go list fails."""
    form = '{{if eq .Name "main"}}{{.ImportPath}}{{end}}'
    result = go.run(["list", "-e", "-f", form, pattern], folder, target)
    return sorted(line for line in result.stdout.splitlines() if line)


def list_sources(go: Go, folder: Path, targets: Sequence[Target]) -> set[Path]:
    """The module's files that Go compiles or embeds, for these targets or other systems; go.mod.

    With folders that replace modules; without packages that can't be loaded: building them fails.
    """
    args = ["list", "-e", "-deps", f"-json={','.join(['Dir', 'Module', *_FILE_FIELDS])}", "./..."]
    sources: set[Path] = set()
    for target in targets:
        for package in _parse_objects(go.run(args, folder, target).stdout):
            module = package.get("Module", {})
            if module.get("Main") or "Version" not in module.get("Replace", {"Version": ""}):
                files = [file for name in _FILE_FIELDS for file in package.get(name, ())]
                files.append(module.get("GoMod", ""))  # an absolute path; none of vendored ones
                sources.update(Path(package["Dir"], file) for file in files)
    return sources


def download_modules(go: Go, folder: Path, queries: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`go mod download`'s record of each "module@version" ("Dir", "Sum", "Origin" or "Error").

    Those in the module cache need no network.
    """
    result = go.run(["mod", "download", "-json", *queries], folder)
    records = {f"{data['Path']}@{data['Version']}": data for data in _parse_objects(result.stdout)}
    return {query: records.get(query, {"Error": error_text(result)}) for query in queries}


def list_local_replacements(go: Go, folder: Path) -> list[tuple[str, str]]:
    """go.mod's replacements by folders, as (module, folder) pairs."""
    replaced = json.loads(go.query(["mod", "edit", "-json"], folder)).get("Replace") or ()
    return [
        (entry["Old"]["Path"], entry["New"]["Path"])
        for entry in replaced
        if not entry["New"].get("Version")
    ]


def _parse_package(data: dict[str, Any]) -> Package:
    module = data.get("Module", {})
    used = module.get("Replace") or module
    errors = [*([data["Error"]] if "Error" in data else []), *(data.get("DepsErrors") or ())]
    return Package(
        import_path=data["ImportPath"].split(" ")[0],  # "x [m]": x as m's profile makes it
        name=data.get("Name", ""),
        folder=data.get("Dir", ""),
        module_path=module.get("Path", ""),
        go_files=(*data.get("GoFiles", ()), *data.get("CgoFiles", ())),
        doc=data.get("Doc", ""),
        module_version=module.get("Version", ""),
        module_folder=module.get("Dir", ""),
        source_version=used.get("Version", ""),
        ignored=tuple(data.get("IgnoredGoFiles", ())),
        is_dependency=data.get("DepOnly", False),
        is_standard=data.get("Standard", False),
        errors=tuple(": ".join(filter(None, [e.get("Pos"), e["Err"]])) for e in errors),
        uses_c=bool(data.get("CgoFiles")),
        uses_cxx=bool(data.get("CXXFiles")),
        c_libraries=tuple(data.get("CgoPkgConfig", ())),
        c_flags=tuple(data.get("CgoLDFLAGS", ())),
    )


def _parse_objects(text: str) -> Iterator[dict[str, Any]]:
    """JSON objects one after the other, as `go list` prints them."""
    decoder, end = json.JSONDecoder(), 0
    while (start := text.find("{", end)) >= 0:
        value, end = decoder.raw_decode(text, start)
        yield value

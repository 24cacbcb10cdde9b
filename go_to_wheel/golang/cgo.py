"""Packages with C: compiled with --cgo; without it some still work, some are a mere stub."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from go_to_wheel.config.request import MergedRequest
from go_to_wheel.errors import InvalidOptionsError, SourceError
from go_to_wheel.golang.c_compiler import (
    FRAMEWORKS,
    Compiler,
    check_targets,
    find_zig,
    read_macos_imports,
)
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.messages import APPLE, ELSEWHERE
from go_to_wheel.golang.packages import Package, list_linked
from go_to_wheel.platforms import Target
from go_to_wheel.sources.files import open_file
from go_to_wheel.sources.module import ModuleSource

#: Imports are at a file's beginning; some files have megabytes of tables below.
_HEAD = 1 << 16


def use_c(
    go: Go,
    source: ModuleSource,
    request: MergedRequest,
    targets: Sequence[Target],
    environ: Mapping[str, str],
) -> tuple[Go, list[str]]:
    """A Go that compiles C for those targets whose programs have it, and notes.

    zig compiles where neither `--cc` nor CC_linux_arm64 and the like name a compiler. Raises
    InvalidOptionsError for targets that C can't be compiled for and for a folder without an SDK,
    SourceError for packages that need what zig doesn't have, ToolchainError without zig.
    """
    parts = [part for target in targets for part in target.slices]
    listers = {part: go.with_tags(request.tags_for(part)) for part in parts}
    sdk = Path(request.sdk).resolve() if request.sdk else None
    if sdk and any(t.goos == "darwin" for t in parts) and not (sdk / FRAMEWORKS).is_dir():
        raise InvalidOptionsError(
            [f"sdk {str(sdk)!r} is not a folder with Apple's SDK: it has no {FRAMEWORKS}"],
            "name one such as MacOSX.sdk; on a Mac it is what this prints: xcrun --show-sdk-path",
        )
    compilers: dict[object, Compiler | None] = {}
    faults: list[str] = []
    for target in {target.compile_key: target for target in listers}.values():
        linked = list_linked(listers[target], source.root, source.packages, target)
        users = [package for package in linked if package.uses_c and not package.is_standard]
        if users:
            system = f"{target.goos}_{target.goarch}"
            cc, cxx = environ.get(f"CC_{system}") or request.cc, environ.get(f"CXX_{system}", "")
            own = Compiler(cc, cxx, request.oldest_glibc, sdk) if cc else None
            compilers[target.compile_key] = own
            for package in users if own is None else ():
                faults += missing_parts(package, target, go.standard_library, sdk)
    if not compilers:
        without = replace(go, environment={**go.environment, "CGO_ENABLED": "0"})
        return without, ["--cgo: the program has no C, so it is built without cgo"]
    for_zig = [t for t in listers if compilers.get(t.compile_key, go) is None]
    check_targets(for_zig, request.oldest_glibc)
    if faults:
        hint = APPLE if any("Apple's" in fault for fault in faults) else ELSEWHERE
        raise SourceError("\n".join(dict.fromkeys(faults)), hint)
    zig = find_zig(request.oldest_glibc, sdk) if for_zig else None
    found = {key: own or zig for key, own in compilers.items()}
    flags = {part.name: request.cgo_flags_for(part) for part in listers}
    return replace(go, zig=zig, compilers=found, c_flags=flags), []


def missing_parts(
    package: Package, target: Target, standard_library: Path, sdk: Path | None = None
) -> list[str]:
    """What a package wants of the system that it is built on, and zig and the SDK don't have."""
    faults = [
        f"{package.import_path} needs the C library {name!r} (#cgo pkg-config): this machine has "
        "it for itself alone, if at all"
        for name in package.c_libraries
    ]
    flags = package.c_flags if target.goos == "darwin" else ()
    names = [name for flag, name in pairwise(flags) if flag == "-framework"]
    known = {path.rpartition("/")[2] for path in read_macos_imports(standard_library)}
    where = f"which {sdk} does not have" if sdk else "which only Apple's SDK has"
    return faults + [
        f"{package.import_path} needs Apple's framework {name}, {where}"
        for name in names
        if name not in known and not (sdk and (sdk / FRAMEWORKS / f"{name}.framework").is_dir())
    ]


def find_cgo(go: Go, folder: Path, linked: Sequence[Package], target: Target) -> list[str]:
    """The import paths of linked packages whose cgo files are left out for this target.

    A file with "C" may be for another system anyway, or not import it, so Go lists those that
    count among the packages that have such files.
    """
    possible = [
        package.import_path
        for package in linked
        if not package.is_standard and any(_imports_c(package, name) for name in package.ignored)
    ]
    if not possible:
        return []
    form = "{{if .CgoFiles}}{{.ImportPath}}{{end}}"
    args = ["list", "-e", "-buildvcs=false", "-f", form, *possible]
    with_cgo = replace(go.with_cgo(), compilers={})  # which would turn it off for this target
    return with_cgo.run(args, folder, target).stdout.split()


def _imports_c(package: Package, name: str) -> bool:
    path = Path(package.folder, name)
    usual = not name.endswith("_test.go") and path.is_file()
    return usual and _has_import(path, path.stat().st_mtime_ns)


@cache
def _has_import(path: Path, mtime_ns: int) -> bool:
    """Read once for all targets of a build."""
    with open_file(path, None) as stream:
        return b'"C"' in stream.read(_HEAD)


def replacement_for(import_path: str) -> str | None:
    """What to use instead of a stub, "" if nothing is known; None for other packages."""
    text = files("go_to_wheel").joinpath("data", "cgo-stubs.toml").read_text(encoding="utf-8")
    stubs = tomllib.loads(text).items()
    return next((o for stub, o in stubs if f"{import_path}/".startswith(f"{stub}/")), None)

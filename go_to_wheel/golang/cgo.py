"""Packages with C code: configures their compiler, and finds those that don't work without cgo."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from go_to_wheel.config.merge import MergedRequest
from go_to_wheel.errors import InvalidOptionsError, SourceError
from go_to_wheel.golang.c_compiler import (
    FRAMEWORKS,
    Compiler,
    find_zig,
    read_macos_imports,
    require_supported_targets,
)
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.messages import APPLE_SDK_HINT, OTHER_MACHINE_HINT
from go_to_wheel.golang.packages import Package, list_linked
from go_to_wheel.platforms import Target
from go_to_wheel.sources.files import open_file
from go_to_wheel.sources.module import ModuleSource

#: Imports are at a file's beginning; some files have megabytes of tables below.
_HEAD_SIZE = 1 << 16


def configure_cgo(
    go: Go,
    source: ModuleSource,
    request: MergedRequest,
    targets: Sequence[Target],
    environ: Mapping[str, str],
) -> tuple[Go, list[str]]:
    """The Go with a C compiler for each target whose programs have C code, and notes.

    The compiler is zig unless `--cc` or a variable such as CC_linux_arm64 names another. Raises
    InvalidOptionsError for unsupported targets and an invalid SDK folder, SourceError for
    packages that need libraries that zig lacks, ToolchainError without zig.
    """
    parts = [part for target in targets for part in target.slices]
    sdk = Path(request.sdk).resolve() if request.sdk else None
    if sdk and any(t.goos == "darwin" for t in parts) and not (sdk / FRAMEWORKS).is_dir():
        raise InvalidOptionsError(
            [f"sdk {str(sdk)!r} is not a folder with Apple's SDK: it has no {FRAMEWORKS}"],
            "name one such as MacOSX.sdk; on a Mac it is what this prints: xcrun --show-sdk-path",
        )
    compilers: dict[object, Compiler] = {}
    zig_keys: set[object] = set()
    problems: list[str] = []
    for target in {part.compile_key: part for part in parts}.values():
        tagged = go.with_tags(request.build_tags_for(target))
        linked = list_linked(tagged, source.root, source.packages, target)
        users = [package for package in linked if package.uses_c and not package.is_standard]
        system = f"{target.goos}_{target.goarch}"
        cc, cxx = environ.get(f"CC_{system}") or request.cc, environ.get(f"CXX_{system}", "")
        if users and cc:
            compilers[target.compile_key] = Compiler(cc, cxx, request.oldest_glibc, sdk)
        elif users:
            zig_keys.add(target.compile_key)
            for package in users:
                problems += find_missing_libraries(package, target, go.standard_library, sdk)
    if not compilers and not zig_keys:
        without = replace(go, environment={**go.environment, "CGO_ENABLED": "0"})
        return without, ["--cgo: the program has no C, so it is built without cgo"]
    musl = [part for part in parts if part.libc and part.compile_key in compilers]
    with_zig = [part for part in parts if part.compile_key in zig_keys]
    require_supported_targets([*with_zig, *musl], request.oldest_glibc)
    if problems:
        is_apple = any("Apple's" in problem for problem in problems)
        hint = APPLE_SDK_HINT if is_apple else OTHER_MACHINE_HINT
        raise SourceError("\n".join(dict.fromkeys(problems)), hint)
    zig = find_zig(request.oldest_glibc, sdk) if zig_keys else None
    compilers |= dict.fromkeys(zig_keys, zig) if zig else {}
    flags = {part.name: request.cgo_flags_for(part) for part in parts}
    return replace(go, zig=zig, compilers=compilers, c_flags=flags), []


def find_missing_libraries(
    package: Package, target: Target, standard_library: Path, sdk: Path | None
) -> list[str]:
    """Problems with the C libraries that a package needs, and neither zig nor the SDK has."""
    problems = [
        f"{package.import_path} needs the C library {name!r} (#cgo pkg-config), and "
        "pkg-config only finds libraries for this machine"
        for name in package.c_libraries
    ]
    flags = package.c_flags if target.goos == "darwin" else ()
    names = [name for flag, name in pairwise(flags) if flag == "-framework"]
    available = {path.rpartition("/")[2] for path in read_macos_imports(standard_library)}
    where = f"which {sdk} does not have" if sdk else "which only Apple's SDK has"
    return problems + [
        f"{package.import_path} needs Apple's framework {name}, {where}"
        for name in names
        if name not in available and not (sdk and (sdk / FRAMEWORKS / f"{name}.framework").is_dir())
    ]


def list_omitted_cgo(go: Go, folder: Path, linked: Sequence[Package], target: Target) -> list[str]:
    """The import paths of linked packages whose cgo files are left out for this target.

    Candidates have a file with "C" in it; Go lists those that would have cgo files for the target.
    """
    possible = [
        package.import_path
        for package in linked
        if not package.is_standard
        and any(_imports_c(Path(package.folder, name)) for name in package.ignored)
    ]
    if not possible:
        return []
    form = "{{if .CgoFiles}}{{.ImportPath}}{{end}}"
    args = ["list", "-e", "-buildvcs=false", "-f", form, *possible]
    with_cgo = replace(go.with_cgo(), compilers={})  # which would turn it off for this target
    return with_cgo.run(args, folder, target).stdout.split()


def _imports_c(path: Path) -> bool:
    if path.name.endswith("_test.go") or not path.is_file():
        return False
    with open_file(path, None) as stream:
        return b'"C"' in stream.read(_HEAD_SIZE)


def pure_go_replacement(import_path: str) -> str | None:
    """A pure Go package to use instead of one that needs cgo, or ""; None for other packages."""
    text = files("go_to_wheel").joinpath("data", "cgo-stubs.toml").read_text(encoding="utf-8")
    stubs = tomllib.loads(text).items()
    return next((o for stub, o in stubs if f"{import_path}/".startswith(f"{stub}/")), None)

"""Packages that lose files without cgo: some still work, some are nothing but a stub."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import Package, list_cgo_files
from go_to_wheel.platforms import Target
from go_to_wheel.sources.files import open_file

_IMPORT_C = re.compile(rb'^\s*(?:import\s+)?"C"\s*(?://.*)?$', re.MULTILINE)

#: Imports are at a file's beginning; some files have megabytes of tables below.
_HEAD = 1 << 16

#: Packages that can do nothing without their C code -> what to use instead, if there is such.
STUBS = {
    "github.com/DataDog/zstd": "github.com/klauspost/compress/zstd",
    "github.com/confluentinc/confluent-kafka-go": "github.com/twmb/franz-go",
    "github.com/duckdb/duckdb-go": "",
    "github.com/duckdb/duckdb-go-bindings": "",
    "github.com/godror/godror": "github.com/sijms/go-ora",
    "github.com/libgit2/git2go": "github.com/go-git/go-git",
    "github.com/linxGnu/grocksdb": "github.com/cockroachdb/pebble",
    "github.com/marcboeker/go-duckdb": "",
    "github.com/mattn/go-oci8": "github.com/sijms/go-ora",
    "github.com/mattn/go-sqlite3": "modernc.org/sqlite",
    "github.com/mutecomm/go-sqlcipher": "",
    "github.com/pebbe/zmq4": "github.com/go-zeromq/zmq4",
    "github.com/valyala/gozstd": "github.com/klauspost/compress/zstd",
    "github.com/veandco/go-sdl2": "",
    "github.com/xeodou/go-sqlcipher": "",
    "gocv.io/x/gocv": "",
    "rogchap.com/v8go": "github.com/dop251/goja",
}


def find_cgo(go: Go, folder: Path, linked: Sequence[Package], target: Target) -> list[str]:
    """The import paths of linked packages whose cgo files are left out for this target.

    A file that imports "C" may be for another system anyway, so Go is asked about the packages
    that have such files.
    """
    possible = [
        package.import_path
        for package in linked
        if not package.is_standard and any(_imports_c(package, name) for name in package.ignored)
    ]
    return list_cgo_files(go, folder, possible, target) if possible else []


def _imports_c(package: Package, name: str) -> bool:
    if name.endswith("_test.go"):
        return False
    path = Path(package.folder, name)
    about = path.stat()
    return stat.S_ISREG(about.st_mode) and _has_import(path, about.st_mtime_ns)


@cache
def _has_import(path: Path, mtime_ns: int) -> bool:
    """Read once for all targets of a build."""
    with open_file(path, None) as stream:
        head = stream.read(_HEAD)
    return b'"C"' in head and _IMPORT_C.search(head) is not None


def replacement_for(import_path: str) -> str | None:
    """What to use instead of a stub, "" if nothing is known; None for other packages."""
    for stub, other in STUBS.items():
        if import_path == stub or import_path.startswith(f"{stub}/"):
            return other
    return None

"""The licence files of what `go list` says is linked in."""

from __future__ import annotations

from pathlib import Path

import pytest

from go_to_wheel.builder.linked import read_notices
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import Package
from go_to_wheel.process import Runner

GO = Go("go", "go1.26.8", {}, Runner())


def lay(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def linked(path: str, folder: Path, module: str, root: str, version: str = "v1.0.0") -> Package:
    return Package(
        path, "p", str(folder), module, module_folder=root, source_version=version,
        is_dependency=True,
    )  # fmt: skip


def test_texts_from_package_up_to_module(tmp_path: Path) -> None:
    root = lay(tmp_path / "dep", "LICENSE", "a/COPYING", "a/b/NOTICE", "other/LICENSE", "a/b/x.go")
    packages = [linked("m.example/d/a/b", root / "a/b", "m.example/d", str(root))]
    notice, go = read_notices(GO, "m.example/own", packages)
    assert (notice.module, notice.version) == ("m.example/d", "v1.0.0")
    assert [path for path, _ in notice.files] == ["LICENSE", "a/COPYING", "a/b/NOTICE"]
    assert go.module == "std"


@pytest.mark.parametrize("below", ["", "/y"])
def test_a_vendored_module_has_no_own_folder(tmp_path: Path, below: str) -> None:
    root = lay(tmp_path / "vendor/v.example/v", "LICENSE", "y/y.go")
    packages = [linked(f"v.example/v{below}", Path(f"{root}{below}"), "v.example/v", "")]
    notice, _ = read_notices(GO, "m.example/own", packages)
    assert [path for path, _ in notice.files] == ["LICENSE"]


def test_own_module_counts_only_below_its_root(tmp_path: Path) -> None:
    root = lay(tmp_path / "own", "LICENSE", "internal/copied/LICENSE", "internal/copied/c.go")
    packages = [linked("m.example/own", root, "m.example/own", str(root), "")]
    assert [notice.module for notice in read_notices(GO, "m.example/own", packages)] == ["std"]
    copied = root / "internal/copied"
    packages.append(linked("m.example/own/i", copied, "m.example/own", str(root), ""))
    notice, _ = read_notices(GO, "m.example/own", packages)
    assert [path for path, _ in notice.files] == ["internal/copied/LICENSE"]


def test_the_standard_library_has_gos_own_text() -> None:
    packages = [Package("fmt", "fmt", "/goroot/src/fmt", "", is_standard=True)]
    assert [notice.module for notice in read_notices(GO, "m.example/own", packages)] == ["std"]

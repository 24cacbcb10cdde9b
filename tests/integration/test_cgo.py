"""Packages whose cgo files are left out: named, explained, or refused."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest
from support import go_to_wheel, native

STUB = {
    "with.go": 'package dep\n\n/*\nint one(void);\n*/\nimport "C"\n\nfunc Do() int { return 1 }\n',
    "without.go": "//go:build !cgo\n\npackage dep\n\nfunc Do() int { return 0 }\n",
    "other_plan9.go": 'package dep\n\nimport "C"\n',
}


def program(folder: Path, path: str, files: dict[str, str]) -> Path:
    """A program that imports the module `path`, which has these files, from a folder."""
    texts = {
        "go.mod": f"module example.com/tool\n\ngo 1.21\n\nrequire {path} v1.0.0\n\n"
        f"replace {path} => ./dep\n",
        "main.go": f'package main\n\nimport dep "{path}"\n\nfunc main() {{ println(dep.Do()) }}\n',
        "dep/go.mod": f"module {path}\n\ngo 1.21\n",
        **{f"dep/{name}": text for name, text in files.items()},
    }
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def build(source: Path, *options: object) -> tuple[int, str, list[str]]:
    args = (source, "--version", "1", "--platforms", native(), "--json", *options)
    result = go_to_wheel(*args, "--output-dir", source / "dist", check=False)
    notes = json.loads(result.stdout)["notes"] if result.stdout else []
    return result.returncode, result.stderr, notes


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--no-dependency-licenses",)])
def test_left_out_files_are_named(tmp_path: Path, options: tuple[str, ...]) -> None:
    source = program(tmp_path, "example.com/dep", STUB)
    code, _, notes = build(source, "--license", "MIT", *options)
    assert code == 0
    assert [note for note in notes if "need cgo are left out of example.com/dep" in note]


def test_files_for_other_systems_are_no_reason(tmp_path: Path) -> None:
    files = {"dep.go": "package dep\n\nfunc Do() int { return 0 }\n"}
    files["other_plan9.go"] = STUB["other_plan9.go"]
    files["quoted.go"] = '//go:build never\n\npackage dep\n\nvar C = "C"\n'
    code, _, notes = build(program(tmp_path, "example.com/dep", files))
    assert code == 0
    assert not [note for note in notes if "cgo" in note]


def test_a_stub_is_refused(tmp_path: Path) -> None:
    source = program(tmp_path, "github.com/mattn/go-sqlite3", STUB)
    for options in ((), ("--dry-run",)):
        code, stderr, _ = build(source, *options)
        assert code == 1
        assert "github.com/mattn/go-sqlite3 needs cgo" in stderr
        assert "hint: compile its C: go-to-wheel --cgo" in stderr
        assert "or use modernc.org/sqlite instead" in stderr
    assert not (source / "dist").exists()


def test_undefined_names_without_cgo_get_a_hint(tmp_path: Path) -> None:
    files = {"with.go": STUB["with.go"], "use.go": "package dep\n\nvar X = Do()\n"}
    code, stderr, _ = build(program(tmp_path, "example.com/dep", files))
    assert code == 1
    assert "undefined: Do" in stderr
    assert "hint: example.com/dep needs cgo" in stderr


def without_ziglang(folder: Path) -> dict[str, str]:
    """The environment of a Python that has no ziglang."""
    (folder / "hide" / "ziglang-0.dist-info").mkdir(parents=True)
    (folder / "hide" / "ziglang-0.dist-info" / "METADATA").write_text("Name: ziglang\nVersion: 0\n")
    path = os.pathsep.join(filter(None, [str(folder / "hide"), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path}


def test_without_ziglang_error_says_what_to_install(tmp_path: Path) -> None:
    source = program(tmp_path / "a", "example.com/dep", STUB)
    result = go_to_wheel(source, "--cgo", check=False, env=without_ziglang(tmp_path))
    assert result.returncode == 1
    assert "ziglang is not installed" in result.stderr
    assert 'pip install "go-to-wheel[cgo]"' in result.stderr


def test_a_source_archive_needs_no_compiler(tmp_path: Path) -> None:
    source = program(tmp_path / "a", "example.com/dep", {})
    table = '[build-system]\nrequires = ["go-to-wheel"]\nbuild-backend = "go_to_wheel.backend"\n'
    table += '[project]\nname = "tool"\nversion = "1"\n[tool.go-to-wheel]\ncgo = true\n'
    files = {
        "pyproject.toml": table,
        "main.go": 'package main\n\nimport "example.com/tool/build/c"\n\nfunc main() { c.Do() }\n',
        "go.mod": "module example.com/tool\n\ngo 1.21\n",
        "build/c/c.go": 'package c\n\n// void f(void);\nimport "C"\n\nfunc Do() { C.f() }\n',
        "build/c/f.c": "void f(void) {}\n",
    }
    for name, text in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    env = without_ziglang(tmp_path)
    go_to_wheel("sdist", source, "--output-dir", tmp_path / "dist", env=env)
    with tarfile.open(tmp_path / "dist" / "tool-1.tar.gz") as archive:
        assert {"tool-1/build/c/c.go", "tool-1/build/c/f.c"} <= set(archive.getnames())

"""Programs kept beside Go's build cache: used when they are up to date, never otherwise."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import copy_project, go_to_wheel, native, program_bytes, run

MARK = b"a mark behind the program's end"


def kept_folder() -> Path:
    return Path(run("go", "env", "GOCACHE").stdout.strip()) / "go-to-wheel"


def names() -> set[str]:
    return {path.name for path in kept_folder().glob("*-*")} if kept_folder().exists() else set()


def build(source: Path, output: Path) -> Path:
    args = ("--platforms", native(), "--version", "1.0.0", "--output-dir", output, "--json")
    report = json.loads(go_to_wheel(source, *args).stdout)
    return Path(report["wheels"][0]["path"])


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    return copy_project("hello", tmp_path / "hello")


def mark_kept_program(before: set[str]) -> None:
    """Add bytes that no build would, to the program kept since."""
    for name in names() - before:
        path = kept_folder() / name
        data = path.read_bytes()
        if data.startswith((b"\x7fELF", b"\xcf\xfa\xed\xfe", b"MZ")):
            data += MARK
            key = name.rpartition("-")[0]
            path.with_name(f"{key}-{hashlib.sha256(data).hexdigest()}").write_bytes(data)
            path.unlink()


def test_an_unchanged_program_is_not_linked_again(hello: Path, tmp_path: Path) -> None:
    before = names()
    first = program_bytes(build(hello, tmp_path / "first"))
    mark_kept_program(before)
    assert program_bytes(build(hello, tmp_path / "second")) == first + MARK


def test_verify_links_anew(hello: Path, tmp_path: Path) -> None:
    before = names()
    wheel = build(hello, tmp_path / "dist")
    mark_kept_program(before)
    told = go_to_wheel("verify", wheel, "--source", hello)
    assert "identical" in told.stdout


def test_a_changed_program_is_linked(hello: Path, tmp_path: Path) -> None:
    before = names()
    build(hello, tmp_path / "first")
    mark_kept_program(before)
    main = hello / "main.go"
    main.write_text(
        main.read_text().replace("func main() {", 'func main() {\n\tprintln("changed")')
    )
    changed = program_bytes(build(hello, tmp_path / "second"))
    assert MARK not in changed
    program = tmp_path / "program"
    program.write_bytes(changed)
    program.chmod(0o755)
    result = subprocess.run([program], capture_output=True, text=True, check=True)
    assert "changed" in result.stderr


def test_a_damaged_kept_program_changes_nothing(hello: Path, tmp_path: Path) -> None:
    before = names()
    first = build(hello, tmp_path / "first")
    for name in names() - before:
        (kept_folder() / name).write_bytes(b"\x7fELF but not the rest")
    assert build(hello, tmp_path / "second").read_bytes() == first.read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_folder_whose_name_is_not_utf_8(hello: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"b\xffd")
    hello.rename(odd)
    assert build(odd, tmp_path / "dist").exists()


def test_gos_own_error_is_told_without_the_listing(hello: Path, tmp_path: Path) -> None:
    """Where the compiler could list the package, but Go could not go on."""
    go = tmp_path / "go"
    go.write_text(
        "#!/bin/sh\n"
        'case "$*" in *-S*) "$REAL" "$@"; echo "no room in the cache" >&2; exit 1;; esac\n'
        'exec "$REAL" "$@"\n'
    )
    go.chmod(0o755)
    options = ("--set-version-var", "main.version", "--go-binary", go)
    env = {"REAL": str(shutil.which("go"))}
    result = go_to_wheel(hello, *options, "--output-dir", tmp_path / "d", check=False, env=env)
    assert result.returncode == 1
    assert "no room in the cache" in result.stderr
    assert "STEXT" not in result.stderr
    assert len(result.stderr) < 500

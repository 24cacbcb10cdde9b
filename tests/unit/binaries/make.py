"""Builds these executables, or those named: `python tests/unit/binaries/make.py [NAME...]`.

Each is a real program in which all bytes are zero that `read_facts` doesn't read, so that
it takes a few hundred bytes, compressed. Needs Go and gcc.
"""

from __future__ import annotations

import io
import lzma
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from go_to_wheel.binary.read import read_facts

HERE = Path(__file__).parent
GO_MOD = "module example.com/hello\n\ngo 1.26\n"
MAIN = 'package main\n\nfunc main() { println("hello") }\n'
SHARED = 'package main\n\nimport "C"\n\n//export Hello\nfunc Hello() {}\n\nfunc main() {}\n'

#: file name -> (environment, arguments of go build, main.go)
STATIC = {
    f"{goos}-{goarch}": ({"GOOS": goos, "GOARCH": goarch, "CGO_ENABLED": "0"}, (), MAIN)
    for goos, goarches in {
        "linux": ("amd64", "arm64", "386", "arm", "ppc64le", "s390x", "riscv64"),
        "darwin": ("amd64", "arm64"),
        "windows": ("amd64", "arm64", "386"),
        "freebsd": ("amd64",),
        "netbsd": ("amd64",),
        "openbsd": ("amd64",),
        "illumos": ("amd64",),
        "android": ("arm64",),
    }.items()
    for goarch in goarches
}
NO_CGO = {"CGO_ENABLED": "0"}
OTHERS = {
    "linux-amd64-pie": (NO_CGO, ("-buildmode=pie",), MAIN),
    "linux-amd64-v3": ({**NO_CGO, "GOAMD64": "v3"}, (), MAIN),
    "linux-arm6": ({**NO_CGO, "GOARCH": "arm", "GOARM": "6"}, (), MAIN),
    "linux-amd64-race": ({"CGO_ENABLED": "1"}, ("-race",), MAIN),
    "linux-amd64-shared": ({"CGO_ENABLED": "1"}, ("-buildmode=c-shared",), SHARED),
}
#: For all of them, whatever the environment.
LEVELS = {"GOARM": "7", "GOAMD64": "v1", "GOARM64": "v8.0", "GO386": "sse2", "GOFLAGS": ""}
_LARGEST_READ = 4096


class Recorder(io.BytesIO):
    """A stream that remembers which bytes were read, apart from searches through data."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.ranges: list[tuple[int, int]] = []

    def read(self, size: int | None = -1) -> bytes:
        start = self.seek(0, io.SEEK_CUR)
        data = super().read(size)
        if len(data) < _LARGEST_READ:
            self.ranges.append((start, start + len(data)))
        return data


def blank(data: bytes) -> bytes:
    """The program with every unread byte zero; raises if its facts change."""
    recorder = Recorder(data)
    facts = read_facts(recorder)
    blanked = bytearray(len(data))
    for start, end in recorder.ranges:
        blanked[start:end] = data[start:end]
    if read_facts(io.BytesIO(blanked)) != facts:
        raise RuntimeError("the facts changed")
    return bytes(blanked)


def build(environment: dict[str, str], arguments: tuple[str, ...], source: str) -> bytes:
    """The program that Go builds from a source text."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "go.mod").write_text(GO_MOD)
        Path(folder, "main.go").write_text(source)
        command = ["go", "build", "-trimpath", "-ldflags=-s -w", *arguments, "-o", "program", "."]
        subprocess.run(command, cwd=folder, env={**os.environ, **LEVELS, **environment}, check=True)
        return Path(folder, "program").read_bytes()


def main() -> None:
    recipes = STATIC | OTHERS
    for name in sys.argv[1:] or recipes:
        packed = lzma.compress(blank(build(*recipes[name])), preset=9)
        (HERE / f"{name}.xz").write_bytes(packed)
        print(name, len(packed))


if __name__ == "__main__":
    main()

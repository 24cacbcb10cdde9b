"""Makes the executables in this folder: `python tests/unit/binaries/make.py`, with Go and gcc.

Each is a real program, built here and now, of which only the bytes that `read_facts`
looked at are kept; the rest is zero, so that a few hundred bytes hold it, compressed.
"""

from __future__ import annotations

import io
import lzma
import os
import subprocess
import tempfile
from pathlib import Path

from go_to_wheel.binary import read_facts

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
#: What every one is built with, whatever the machine says.
LEVELS = {"GOARM": "7", "GOAMD64": "v1", "GOARM64": "v8.0", "GO386": "sse2", "GOFLAGS": ""}
_LARGEST_KEPT = 4096


class Recorder(io.BytesIO):
    """A stream that remembers which bytes were read, searches through data left out."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.ranges: list[tuple[int, int]] = []

    def read(self, size: int | None = -1) -> bytes:
        start = self.tell()
        data = super().read(size)
        if len(data) < _LARGEST_KEPT:
            self.ranges.append((start, start + len(data)))
        return data


def blank(data: bytes) -> bytes:
    """The program with every byte zero that tells nothing; raises if its facts change."""
    recorder = Recorder(data)
    facts = read_facts(recorder)
    kept = bytearray(len(data))
    for start, end in recorder.ranges:
        kept[start:end] = data[start:end]
    if read_facts(io.BytesIO(kept)) != facts:
        raise RuntimeError("the facts changed")
    return bytes(kept)


def build(environment: dict[str, str], arguments: tuple[str, ...], source: str) -> bytes:
    """The program that Go makes of a source text."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "go.mod").write_text(GO_MOD)
        Path(folder, "main.go").write_text(source)
        command = ["go", "build", "-trimpath", "-ldflags=-s -w", *arguments, "-o", "program", "."]
        subprocess.run(command, cwd=folder, env={**os.environ, **LEVELS, **environment}, check=True)
        return Path(folder, "program").read_bytes()


def main() -> None:
    for name, recipe in (STATIC | OTHERS).items():
        packed = lzma.compress(blank(build(*recipe)), preset=9)
        (HERE / f"{name}.xz").write_bytes(packed)
        print(name, len(packed))


if __name__ == "__main__":
    main()

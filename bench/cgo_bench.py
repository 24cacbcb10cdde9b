"""CPU time of programs with C: go-to-wheel --cgo, without C, and hand-made commands with zig.

    python bench/cgo_bench.py [--rounds N] [--cold]

Builds one program for the six default platforms. The three take turns in each round, with a Go
cache of their own that is filled before and a line of the program changed each time; --cold adds
a round with empty caches of Go and zig. CPU time is that of all child processes, the best of the
rounds, so that other work on the machine says little; wall time is printed beside it. Needs
ziglang and Go.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ziglang

from go_to_wheel.golang.c_compiler import read_macos_imports, write_stubs

ZIG = Path(ziglang.__file__).parent / ("zig.exe" if os.name == "nt" else "zig")
#: Platform -> zig's target, and the flags of the external linker.
TARGETS = {
    "linux-amd64": ("x86_64-linux-musl", "-static -s"),
    "linux-arm64": ("aarch64-linux-musl", "-static -s"),
    "darwin-amd64": ("x86_64-macos.12.0", ""),
    "darwin-arm64": ("aarch64-macos.12.0", ""),
    "windows-amd64": ("x86_64-windows-gnu", "-s"),
    "windows-arm64": ("aarch64-windows-gnu", "-s"),
}
C = '// #include <string.h>\n// static int f(const char *s) { return (int)strlen(s); }\nimport "C"\n'
MAIN = """package main

{c}
import "fmt"

const line = "{line}"

func main() {{ fmt.Println(line, {call}) }}
"""


def write_program(folder: Path, line: str, with_c: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text("module example.com/program\n\ngo 1.21\n")
    values = {"c": C, "call": "C.f(C.CString(line))"} if with_c else {"c": "", "call": "len(line)"}
    (folder / "main.go").write_text(MAIN.format(line=line, **values))


def run_ours(folder: Path, env: dict[str, str], *options: str) -> None:
    command = [sys.executable, "-m", "go_to_wheel", ".", "--version", "1", "--license", "MIT"]
    subprocess.run([*command, *options], cwd=folder, env=env, check=True, capture_output=True)


def run_by_hand(folder: Path, env: dict[str, str]) -> None:
    """Six `go build` commands one after the other, as a release script has them.

    zig alone can't link Go programs for macOS; they get the same stubs of its libraries.
    """
    stubs = folder / "macos"
    if not stubs.exists():
        root = subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True)
        write_stubs(read_macos_imports(Path(root.stdout.strip()) / "src"), stubs)
    for name, (triple, flags) in TARGETS.items():
        system, processor = name.split("-")
        own = {"CGO_ENABLED": "1", "GOOS": system, "GOARCH": processor}
        own |= {"CC": f"{ZIG} cc -target {triple}", "CGO_CFLAGS": "-O2 -g0", "CGO_LDFLAGS": "-O2"}
        flags = flags or f"-L{stubs} -F{stubs}"
        ldflags = f"-s -w -linkmode=external -extldflags '{flags}'"
        if name == "darwin-arm64":
            ldflags += " -s=false"
        args = ["go", "build", "-trimpath", "-ldflags", ldflags, "-o", f"dist/{name}", "."]
        subprocess.run(args, cwd=folder, env={**env, **own}, check=True, capture_output=True)


KINDS = {
    "go-to-wheel --cgo": (True, lambda folder, env: run_ours(folder, env, "--cgo")),
    "go-to-wheel, no C": (False, run_ours),
    "six commands with zig": (True, run_by_hand),
}


def measure(kind: str, folder: Path, line: str, zig_cache: str) -> tuple[float, float]:
    """CPU and wall seconds of one build."""
    with_c, build = KINDS[kind]
    write_program(folder, line, with_c)
    caches = {"GOCACHE": str(folder / "go-cache"), "ZIG_GLOBAL_CACHE_DIR": zig_cache}
    env = {**os.environ, **caches, "GOFLAGS": "-buildvcs=false"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    build(folder, env)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - started
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def show(title: str, found: dict[str, tuple[float, float]]) -> None:
    cpu_of_ours = found["go-to-wheel --cgo"][0]
    for kind, (cpu, wall) in found.items():
        cells = (title, kind, f"{cpu:.2f} s", f"{wall:.1f} s", f"{cpu_of_ours / cpu:.2f}")
        print("|", " | ".join(cells), "|", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", action="store_true")
    given = parser.parse_args()
    print("| What | How | CPU | wall | --cgo's CPU ÷ this |\n| --- | --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folders = {kind: work / f"{index}" / "source" for index, kind in enumerate(KINDS)}
        if given.cold:
            cold = {}
            for kind, folder in folders.items():
                cold[kind] = measure(kind, folder, "cold", str(folder.parent / "zig"))
            show("empty caches", cold)
        usual = os.environ.get("ZIG_GLOBAL_CACHE_DIR", str(Path.home() / ".cache" / "zig"))
        for kind, folder in folders.items():
            measure(kind, folder, "first", usual)
        found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
        for turn in range(given.rounds):
            for kind, folder in folders.items():
                found[kind].append(measure(kind, folder, f"turn {turn}", usual))
        show("a line changed", {kind: min(values) for kind, values in found.items()})
        sizes = [path.stat().st_size for path in (folders["go-to-wheel --cgo"] / "dist").iterdir()]
        plain = [path.stat().st_size for path in (folders["go-to-wheel, no C"] / "dist").iterdir()]
        print(f"\nsix wheels: {sum(sizes) / 1e6:.1f} MB with C, {sum(plain) / 1e6:.1f} MB without")


if __name__ == "__main__":
    main()

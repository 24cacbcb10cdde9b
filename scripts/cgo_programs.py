"""Real programs with C, built for many targets: prints the table of docs/how-to/cgo.md.

    python scripts/cgo_programs.py [--platforms LIST] [NAME ...]

Needs the Go module proxy, ziglang, and minutes of CPU time for each program. A cell is "run"
where the program also starts here (under qemu and wine for other systems), "built" where it
can't be started, else the error's first line.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

DEFAULT = "linux-amd64,linux-arm64,windows-amd64,windows-arm64,darwin-amd64,darwin-arm64"
#: Name -> module with its version, import, and an expression that uses it.
PROGRAMS = {
    "go-sqlite3": ("github.com/mattn/go-sqlite3@v1.14.53", "sqlite3", "sqlite3.Version()"),
    "zstd": ("github.com/DataDog/zstd@v1.5.7", "zstd", "zstd.Compress(nil, []byte{1})"),
    "gozstd": ("github.com/valyala/gozstd@v1.27.0", "gozstd", "gozstd.Compress(nil, []byte{1})"),
    "tree-sitter": (
        "github.com/smacker/go-tree-sitter@v0.0.0-20240827094217-dd81d9e9be82",
        "sitter",
        "sitter.NewParser() != nil",
    ),
    "webp": ("github.com/chai2010/webp@v1.4.0", "webp", "webp.GetInfo(nil)"),
    "hid": (
        "github.com/karalabe/hid@v1.0.1-0.20240306101548-573246063e52",
        "hid",
        "hid.Supported()",
    ),
    "pg_query": ("github.com/pganalyze/pg_query_go/v6@v6.2.5", "pg", 'pg.ParseToJSON("SELECT 1")'),
}
STARTERS = {"linux-amd64": [], "linux-arm64": ["qemu-aarch64"], "windows-amd64": ["wine"]}


def write_program(folder: Path, module: str, name: str, expression: str) -> None:
    """A program that prints the expression."""
    path = module.partition("@")[0]
    (folder / "go.mod").write_text("module example.com/program\n\ngo 1.24\n")
    (folder / "main.go").write_text(
        f'package main\n\nimport (\n\t"fmt"\n\n\t{name} "{path}"\n)\n\n'
        f"func main() {{ fmt.Println({expression}) }}\n"
    )
    for command in (["get", module], ["mod", "tidy"]):
        subprocess.run(["go", *command], cwd=folder, check=True, capture_output=True)


def try_target(folder: Path, target: str) -> str:
    """Build for one target and start the program: a cell of the table."""
    output = folder / target
    command = [sys.executable, "-m", "go_to_wheel", str(folder), "--cgo", "--version", "1"]
    options = ["--platforms", target, "--output-dir", str(output)]
    built = subprocess.run([*command, *options], capture_output=True, text=True)
    if built.returncode:
        first, *rest = built.stderr.splitlines()
        said = next((line for line in rest if "error" in line or "undefined" in line), first)
        return said.strip().removeprefix("go-to-wheel: error: ")
    (wheel,) = output.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if ".data/scripts/" in name)
        program = Path(archive.extract(name, output))
    program.chmod(0o755)
    starter = STARTERS.get(target)
    if starter is None or (starter and not shutil.which(starter[0])):
        return "built"
    ran = subprocess.run([*starter, str(program)], capture_output=True, text=True)
    return "run" if ran.returncode == 0 else f"exit code {ran.returncode}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(PROGRAMS), metavar="NAME")
    parser.add_argument("--platforms", default=DEFAULT, metavar="LIST")
    given = parser.parse_args()
    targets = given.platforms.split(",")
    print("| Program |", " | ".join(targets), "|")
    print("| --- |", " | ".join("---" for _ in targets), "|")
    for name in given.names:
        with tempfile.TemporaryDirectory() as folder:
            write_program(Path(folder), *PROGRAMS[name])
            cells = [try_target(Path(folder), target) for target in targets]
        print(f"| {name} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()

"""The main job, start to end: wheels for every platform, the local one installed and run."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from go_to_wheel.cli import run as go_to_wheel

ROOT = Path(__file__).resolve().parent.parent
WHEELS = ROOT / "dist" / "demo"


def main() -> int:
    say("1. Building the sqlite-scanner wheels for all default platforms")
    shutil.rmtree(WHEELS, ignore_errors=True)
    code = go_to_wheel(
        ["sqlite_scanner", "--version", "1.0.0", "--set-version-var", "main.version"]
        + ["--output-dir", os.path.relpath(WHEELS)]
    )
    if code:
        return code
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        say("2. Installing this machine's wheel into a temporary environment")
        program = install(scratch / "env")
        say("3. Scanning a sample folder")
        make_sample(scratch / "sample")
        subprocess.run([program, "--size", scratch / "sample"], check=True)
    say(f"The wheels are in {os.path.relpath(WHEELS)}")
    return 0


def install(environment: Path) -> Path:
    """Make an environment, install the wheel that fits, return the command."""
    made = [uv(), "venv", "--quiet", "--python", sys.executable, str(environment)]
    subprocess.run(made, check=True)
    folder = environment / ("Scripts" if os.name == "nt" else "bin")
    command = [uv(), "pip", "install", "--quiet", "--no-index", "--find-links", str(WHEELS)]
    python = folder / ("python.exe" if os.name == "nt" else "python")
    subprocess.run([*command, "--python", str(python), "sqlite-scanner"], check=True)
    return folder / ("sqlite-scanner.exe" if os.name == "nt" else "sqlite-scanner")


def uv() -> str:
    return os.environ.get("UV") or shutil.which("uv") or "uv"


def make_sample(folder: Path) -> None:
    """Three databases under honest, misleading and hidden names, among other files."""
    for name in ("notes.db", "photos/index.txt", ".cache/state"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(path) as connection:
            connection.execute("create table t (id integer primary key)")
        connection.close()
    (folder / "readme.md").write_text("not a database\n")
    (folder / "fake.sqlite").write_text("SQLite format 2, long ago\n")


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

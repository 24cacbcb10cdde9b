"""Interrupts builds at random moments and looks for what they leave behind.

    python scripts/interrupt.py [--runs 200] [--seed 1]

Each run is a build, a source archive or a rebuild, ended by SIGINT or SIGTERM after a random
share of the time that it takes. Afterwards the output folder holds all of its files or none,
the temporary folder is empty, and no child process is left. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MARKER = "GO_TO_WHEEL_INTERRUPT_RUN"


@dataclass(frozen=True)
class Job:
    """A command, and how many files it puts into its output folder."""

    args: tuple[str, ...]
    files: int


@dataclass(frozen=True)
class Place:
    """Folders of one run; `seconds` is what each job takes undisturbed."""

    base: Path

    @property
    def output(self) -> Path:
        return self.base / "dist"

    @property
    def temporary(self) -> Path:
        return self.base / "tmp"

    def start(self, job: Job) -> subprocess.Popen[bytes]:
        shutil.rmtree(self.output, ignore_errors=True)
        self.temporary.mkdir(exist_ok=True)
        env = {**os.environ, "TMPDIR": str(self.temporary), MARKER: str(self.base)}
        command = [sys.executable, "-m", "go_to_wheel", *job.args]
        return subprocess.Popen(
            command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip

    def faults(self, job: Job) -> list[str]:
        """What is wrong after a run has ended."""
        found = [f"left in the temporary folder: {path}" for path in self.temporary.rglob("*")]
        found += [f"still running: {line}" for line in children(str(self.base))]
        files = sorted(self.output.iterdir()) if self.output.is_dir() else []
        if files and len(files) != job.files:
            found.append(f"{len(files)} of {job.files} files: {', '.join(map(str, files))}")
        return found + [f"half-written: {path}" for path in files if not is_whole(path)]


def children(marker: str) -> list[str]:
    """The command lines of processes that a run started and that are still there."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if (
                folder.name.isdecimal()
                and f"{MARKER}={marker}\0".encode() in (folder / "environ").read_bytes() + b"\0"
            ):
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return [line for line in found if line]  # a zombie has none


def is_whole(path: Path) -> bool:
    try:
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        with tarfile.open(path) as archive:
            return bool(archive.getnames())
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError):
        return False


def make_jobs(base: Path) -> list[Job]:
    source, dist = base / "packed", str(base / "dist")
    shutil.copytree(ROOT / "tests" / "projects" / "packed", source)
    platforms = "linux-amd64,darwin-arm64,windows-amd64"
    build = ("build", str(source), "--platforms", platforms, "--output-dir")
    subprocess.run(
        [sys.executable, "-m", "go_to_wheel", *build, str(base / "first")],
        cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wheel = next((base / "first").glob("*manylinux*"))
    return [
        Job((*build, dist), 3),
        Job(("sdist", str(source), "--output-dir", dist), 1),
        Job(("verify", str(wheel), "--source", str(source)), 0),
    ]


def interrupt(
    place: Place, job: Job, number: signal.Signals, delay: float
) -> tuple[int, list[str]]:
    """One run, ended after `delay` seconds: its exit code and what is wrong afterwards."""
    process = place.start(job)
    time.sleep(delay)
    process.send_signal(number)
    try:
        output, _ = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return process.returncode, ["it did not end within four minutes"]
    ours = process.returncode == 1 and b"go-to-wheel: " in output  # not Python's own start
    failed = [f"it failed: {output.decode()}"] if ours else []
    return process.returncode, [*failed, *place.faults(job)]


def run(runs: int, seed: int, base: Path) -> list[str]:
    """All runs; the faults, each with the command, signal and moment."""
    chance = random.Random(seed)
    place, jobs = Place(base), make_jobs(base)
    seconds = {}
    for job in jobs:
        started = time.monotonic()
        place.start(job).communicate()
        seconds[job] = time.monotonic() - started
    faults, codes = [], Counter[int]()
    for _ in range(runs):
        job = chance.choice(jobs)
        number = chance.choice((signal.SIGINT, signal.SIGTERM))
        delay = chance.uniform(0, seconds[job])
        code, found = interrupt(place, job, number, delay)
        codes[code] += 1
        faults += [f"{job.args[0]}, {number.name} after {delay:.3f} s: {text}" for text in found]
        for path in place.temporary.iterdir():
            shutil.rmtree(path, ignore_errors=True)
    print(f"{runs} runs, exit codes {dict(sorted(codes.items()))}, {len(faults)} faults")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    with tempfile.TemporaryDirectory(prefix="interrupt-") as base:
        faults = run(args.runs, args.seed, Path(base))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

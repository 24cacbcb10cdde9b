"""Time sqlite-scanner beside other ways to find the same files.

    python bench/scanner/run.py                        # 10,000 and 200,000 files, warm
    python bench/scanner/run.py --files 1000000 --cold

Linux only. Needs Go, a C compiler and pip; takes fd along when it is installed.
All contenders take turns in each round; the table shows medians, and ratios to
the floor: the C program beside this file, which does the least work possible.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from make_tree import make_tree

HERE = Path(__file__).resolve().parent
PEER = "sqlite-scanner==0.1.1"
PYTHON_SCAN = """
import os, sys
found, folders = 0, [sys.argv[1]]
while folders:
    with os.scandir(folders.pop()) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                handle = os.open(entry.path, os.O_RDONLY)
                found += os.read(handle, 16) == b"SQLite format 3\\0"
                os.close(handle)
print("x\\n" * found, end="")
"""


@dataclass(frozen=True)
class Contender:
    name: str
    command: list[str]  # the folder comes last
    misses: int | None = 0  # databases it may miss; None: its lines mean something else


@dataclass(frozen=True)
class Sample:
    wall: float
    cpu: float
    peak: float  # MB


def build_contenders(folder: Path) -> list[Contender]:
    floor, ours = folder / "floor", folder / "sqlite-scanner"
    compiler = ["cc", "-O2", "-pthread", "-o", str(floor), str(HERE / "floor.c")]
    subprocess.run(compiler, check=True)
    source = HERE.parents[1] / "sqlite_scanner"
    build = ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(ours), "."]
    subprocess.run(build, cwd=source, env={**os.environ, "CGO_ENABLED": "0"}, check=True)
    threads = str(os.cpu_count())
    pipeline = 'find "$0" -type f -print0 | xargs -0 head -qc16 | grep -ao "SQLite format 3"'
    contenders = [
        Contender("floor (C)", [str(floor), threads]),
        Contender("floor (C), 16 threads", [str(floor), "16"]),
        Contender("sqlite-scanner", [str(ours)]),
        Contender("sqlite-scanner --quick", [str(ours), "--quick"], misses=1),  # of 16 bytes
        Contender("sqlite-scanner --details", [str(ours), "--details", "--jsonl"]),
        Contender("sqlite-scanner 0.1.1", [fetch_peer(folder)]),
        Contender("Python os.scandir", [sys.executable, "-c", PYTHON_SCAN]),
        Contender("find, xargs head", ["sh", "-c", pipeline], misses=None),
    ]
    if fd := shutil.which("fd") or shutil.which("fdfind"):
        listing = Contender("fd (lists names only)", [fd, "-HI", "-t", "f", "."], misses=None)
        contenders.append(listing)
    return contenders


def fetch_peer(folder: Path) -> str:
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*pip, "-d", str(folder), PEER], check=True)
    (wheel,) = folder.glob("sqlite_scanner-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "peer")
    binary = folder / "peer" / "sqlite_scanner" / "bin" / "sqlite-scanner"
    binary.chmod(0o755)
    return str(binary)


def read_peak(pid: int) -> float:
    """The most memory that a running process has held so far, in MB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def measure(contender: Contender, root: str, expected: int) -> Sample:
    """Run once; check the number of lines where they mean databases."""
    with tempfile.TemporaryFile() as out:
        begun = time.perf_counter()
        child = subprocess.Popen([*contender.command, root], stdout=out, stderr=subprocess.DEVNULL)
        peak, status, usage = 0.0, 0, None
        while usage is None:
            peak = max(peak, read_peak(child.pid))
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            usage = used if pid else None
            time.sleep(0 if pid else 0.002)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        lines = out.read().count(b"\n")
    if child.returncode or contender.misses not in (None, expected - lines):
        raise SystemExit(f"{contender.name}: exit {child.returncode}, {lines} of {expected} found")
    return Sample(wall, usage.ru_utime + usage.ru_stime, peak)


def drop_caches() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def run_rounds(
    contenders: list[Contender], root: str, expected: int, rounds: int, cold: bool
) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for number in range(rounds + (not cold)):
        for contender in contenders:
            if cold:
                drop_caches()
            sample = measure(contender, root, expected)
            if cold or number:  # the first warm round fills the caches
                samples[contender.name].append(sample)
    return samples


def format_table(samples: dict[str, list[Sample]], files: int) -> str:
    floor = next(iter(samples.values()))
    base_wall = statistics.median(s.wall for s in floor)
    base_cpu = statistics.median(s.cpu for s in floor)
    lines = [
        "| | wall s | CPU s | wall ÷ floor | CPU ÷ floor | µs CPU per file | peak MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, runs in samples.items():
        wall = statistics.median(s.wall for s in runs)
        cpu = statistics.median(s.cpu for s in runs)
        peak = max(s.peak for s in runs)
        lines.append(
            f"| {name} | {wall:.3f} | {cpu:.3f} | {wall / base_wall:.2f} | {cpu / base_cpu:.2f} "
            f"| {cpu / files * 1e6:.2f} | {peak:.1f} |"
        )
    return "\n".join(lines)


def bench_size(
    contenders: list[Contender], folder: Path, files: int, args: argparse.Namespace
) -> None:
    root = str(folder / f"tree-{files}")
    expected = len(make_tree(root, files))
    try:
        for cold in [False, True] if args.cold else [False]:
            rounds = args.cold_rounds if cold else args.rounds
            samples = run_rounds(contenders, root, expected, rounds, cold)
            print(f"\n### {files:,} files, {'cold' if cold else 'warm'}, {rounds} rounds\n")
            print(format_table(samples, files), flush=True)
    finally:
        shutil.rmtree(root)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time sqlite-scanner beside other ways.")
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 200_000])
    parser.add_argument("--rounds", type=int, default=7, help="warm rounds")
    parser.add_argument("--cold", action="store_true", help="cold rounds, too (root only)")
    parser.add_argument("--cold-rounds", type=int, default=3)
    parser.add_argument("--folder", help="where to make the trees; default: the temporary folder")
    args = parser.parse_args()
    if args.cold and not os.access("/proc/sys/vm/drop_caches", os.W_OK):
        parser.error("--cold needs the right to drop the system's caches (root)")
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        contenders = build_contenders(Path(name))
        for files in args.files:
            bench_size(contenders, Path(name), files, args)


if __name__ == "__main__":
    main()

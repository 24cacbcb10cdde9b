"""Memory and CPU time of `check` and `inspect` on wheels at their limits.

    python bench/check_bench.py [WHEEL ...]

Without arguments, wheels of up to 100 MiB are built that stress one part each. The aim: 200 MB
of memory, and 15 ms of CPU for each megabyte unpacked beyond the same command's on a tiny wheel.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "unit"))

from binaries import load  # noqa: E402
from wheel_factory import INFO, META, PROGRAM, Recipe, good  # noqa: E402

MIB = 1 << 20
MAX_MB, MAX_MS = 200, 15


def noise(size: int) -> bytes:
    """Data that deflate halves, as it does programs."""
    half = random.Random(size).randbytes(size // 2)
    return half + bytes(size - len(half))


def recipes() -> Iterator[tuple[str, Recipe]]:
    """A wheel for each part that could grow."""
    program = load("linux-amd64")
    yield "tiny", good()
    recipe = good()
    recipe.files[PROGRAM] = program + noise(190 * MIB)
    yield "one program of 190 MiB", recipe
    recipe = good()
    recipe.files[PROGRAM] = program + noise(90 * MIB)
    recipe.methods[PROGRAM] = zipfile.ZIP_STORED
    yield "one program of 90 MiB, stored", recipe
    recipe = good()
    untrimmed = program.replace(b"-trimpath=true", b"-trimpbth=true")
    recipe.files[PROGRAM] = untrimmed + noise(190 * MIB)
    yield "one program of 190 MiB without -trimpath", recipe
    recipe = good()
    recipe.files |= {f"hello/data{number}": noise(19 * MIB) for number in range(10)}
    yield "ten data files of 19 MiB", recipe
    recipe = good()
    recipe.files |= {f"hello/lib/{n}.so": program + noise(MIB) for n in range(60)}
    yield "sixty libraries", recipe
    recipe = good()
    recipe.files |= {f"hello/{number:05}/__init__.py": b"" for number in range(95_000)}
    yield "95,000 files", recipe
    recipe = good()
    recipe.files[META] += b"long line of a README\n" * 45_000
    yield "METADATA of 1 MB", recipe
    recipe = good()
    parts = [
        {"name": f"example.com/m{n}", "licenses": [{"expression": "MIT"}]} for n in range(20_000)
    ]
    recipe.files[f"{INFO}/sboms/a.cdx.json"] = json.dumps({"components": parts}).encode()
    yield "an SBOM of 20,000 modules", recipe


#: A process of its own: a child's peak starts from that of the process that forked it.
MEASURE = """\
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
usage = os.wait4(child.pid, 0)[2]
print(usage.ru_maxrss / 1000, usage.ru_utime + usage.ru_stime)
"""


def measure(command: str, wheel: Path) -> tuple[float, float]:
    """Peak memory in MB and CPU time in seconds."""
    options = ["--expect", "none"] if command == "check" else []
    line = [sys.executable, "-m", "go_to_wheel", command, *options, "--json", str(wheel)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *line], capture_output=True, text=True, check=True
    )
    memory, seconds = map(float, done.stdout.split())
    return memory, seconds


def report(name: str, wheel: Path, tiny: dict[str, float]) -> bool:
    with zipfile.ZipFile(wheel) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist()) / 1e6
    good_enough = True
    for command in ("check", "inspect"):
        memory, seconds = measure(command, wheel)
        tiny.setdefault(command, seconds)
        each = (seconds - tiny[command]) * 1000 / unpacked
        good_enough &= memory <= MAX_MB and (each <= MAX_MS or unpacked < 50)
        rate = f"{each:8.1f}" if unpacked >= 50 else "       -"
        print(
            f"{name:<42} {wheel.stat().st_size / 1e6:7.1f} {unpacked:9.1f} {command:<8}"
            f"{memory:8.0f} {seconds:8.2f} {rate}"
        )
    return good_enough


def main() -> None:
    print(
        f"{'wheel':<42} {'MB':>7} {'unpacked':>9} {'command':<8}{'peak MB':>8} {'CPU s':>8} {'ms/MB':>8}"
    )
    tiny: dict[str, float] = {}
    if sys.argv[1:]:
        results = [report(Path(name).name[:42], Path(name), tiny) for name in sys.argv[1:]]
        sys.exit(not all(results))
    folder = Path(tempfile.mkdtemp(prefix="check-bench-"))
    try:
        results = []
        for name, recipe in recipes():
            wheel = folder / recipe.file
            wheel.write_bytes(recipe.build())
            results.append(report(name, wheel, tiny))
        sys.exit(not all(results))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

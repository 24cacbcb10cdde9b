"""go-to-wheel beside the released 0.2: same Go, same module, same run; prints ratios.

    python bench/build_bench.py [--rounds N] [--module DIR]

The peer comes from PyPI into a throwaway environment. Both build their default platforms
(six wheels here, eight there). Cold means an empty GOCACHE for every build; warm means a
cache that the same tool has just filled. The two take turns; medians are compared.
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
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEER = "go-to-wheel==0.2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="builds of each kind and tool")
    parser.add_argument("--module", type=Path, default=ROOT / "sqlite_scanner")
    parser.add_argument("--name", default="sqlite-scanner")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        base = Path(folder)
        peer = install_peer(base / "peer")
        ours = [sys.executable, "-m", "go_to_wheel"]
        tools = {"ours": ours, "0.2": [str(peer)]}
        builder = Builder(base, options.module, options.name)
        compare("cold cache, wall seconds", tools, options.rounds, builder.build_cold)
        compare("warm cache, wall seconds", tools, options.rounds, builder.build_warm)
        compare_sizes(tools, builder)
        compare_start(base, builder, options.name)


class Builder:
    """Builds one module with either tool and measures it."""

    def __init__(self, base: Path, module: Path, name: str) -> None:
        self.base, self.module, self.name = base, module, name

    def build(self, tool: str, command: list[str], cache: Path) -> float:
        shutil.rmtree(self.output(tool), ignore_errors=True)
        env = {**os.environ, "GOCACHE": str(cache)}
        args = [self.module, "--name", self.name, "--output-dir", self.output(tool)]
        started = time.perf_counter()
        subprocess.run([*command, *args], env=env, check=True, capture_output=True)
        return time.perf_counter() - started

    def build_cold(self, tool: str, command: list[str]) -> float:
        with tempfile.TemporaryDirectory(prefix="cache-", dir=self.base) as cache:
            return self.build(tool, command, Path(cache))

    def build_warm(self, tool: str, command: list[str]) -> float:
        cache = self.base / f"warm-{tool}"
        if not cache.exists():
            self.build(tool, command, cache)
        return self.build(tool, command, cache)

    def output(self, tool: str) -> Path:
        return self.base / f"dist-{tool}"

    def wheels(self, tool: str) -> list[Path]:
        return sorted(self.output(tool).glob("*.whl"))


def install_peer(folder: Path) -> Path:
    subprocess.run([uv(), "venv", "--quiet", folder], check=True)
    subprocess.run(
        [uv(), "pip", "install", "--quiet", "--python", folder / "bin" / "python", PEER], check=True
    )
    return folder / "bin" / "go-to-wheel"


def uv() -> str:
    return os.environ.get("UV") or shutil.which("uv") or str(Path(sys.executable).parent / "uv")


def compare(
    title: str,
    tools: dict[str, list[str]],
    rounds: int,
    measure: Callable[[str, list[str]], float],
) -> None:
    seconds: dict[str, list[float]] = {tool: [] for tool in tools}
    for _ in range(rounds):
        for tool, command in tools.items():
            seconds[tool].append(measure(tool, command))
    report(title, {tool: statistics.median(values) for tool, values in seconds.items()})


def compare_sizes(tools: dict[str, list[str]], builder: Builder) -> None:
    totals = {tool: sum(w.stat().st_size for w in builder.wheels(tool)) / 1e6 for tool in tools}
    counts = ", ".join(f"{len(builder.wheels(tool))} wheels {tool}" for tool in tools)
    report(f"all wheels, MB ({counts})", totals)


def compare_start(base: Path, builder: Builder, name: str) -> None:
    """Start-up of the installed command beside the bare binary, by turns."""
    commands = {}
    for tool in ("ours", "0.2"):
        env = base / f"env-{tool}"
        subprocess.run([uv(), "venv", "--quiet", env], check=True)
        subprocess.run(
            [uv(), "pip", "install", "--quiet", "--python", env / "bin" / "python", "--no-index",
             "--find-links", builder.output(tool), name],
            check=True,
        )  # fmt: skip
        commands[tool] = str(env / "bin" / name)
    bare = base / "bare"
    shutil.copy(commands["ours"], bare)
    commands["bare"] = str(bare)
    times: dict[str, list[float]] = {tool: [] for tool in commands}
    for _ in range(60):
        for tool, command in commands.items():
            started = time.perf_counter()
            subprocess.run([command, "--version"], stdout=subprocess.DEVNULL, check=True)
            times[tool].append((time.perf_counter() - started) * 1000)
    medians = {tool: statistics.median(values) for tool, values in times.items()}
    report("start-up, ms", {"ours": medians["ours"], "bare binary": medians["bare"]})
    report("start-up, ms", {"ours": medians["ours"], "0.2": medians["0.2"]})


def report(title: str, values: dict[str, float]) -> None:
    (ours, mine), (other, theirs) = values.items()
    print(
        f"{title}: {ours} {mine:.2f}, {other} {theirs:.2f}, ratio {mine / theirs:.2f}", flush=True
    )


if __name__ == "__main__":
    main()

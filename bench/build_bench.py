"""go-to-wheel beside the released 0.2: same Go, same module, same run; prints ratios.

    python bench/build_bench.py [--rounds N] [--module DIR]

Both tools are installed into throwaway environments, this checkout and 0.2 from PyPI, and
build their default platforms (six wheels here, eight there). Cold means an empty GOCACHE
for every build; warm a cache that the same tool has filled, with the source as it was or
with a line of the program changed. The tools take turns; medians are compared. To be run on
a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEER = "go-to-wheel==0.2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="cold builds of each tool")
    parser.add_argument("--warm-rounds", type=int, default=9, help="warm builds of each tool")
    parser.add_argument("--module", type=Path, default=ROOT / "sqlite_scanner")
    parser.add_argument("--name", default="sqlite-scanner")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # whoever uses it twice has bytecode
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        base = Path(folder)
        tools = {"ours": install(base / "tool", str(ROOT)), "0.2": install(base / "peer", PEER)}
        module = base / "module"
        shutil.copytree(options.module, module, ignore=shutil.ignore_patterns("dist", ".*"))
        builder = Builder(base, module, options.name)
        for tool, command in tools.items():
            builder.build_warm(tool, command)  # fills the caches, compiles the bytecode
        compare("warm cache, nothing changed", tools, options.warm_rounds, builder.build_warm)
        compare("warm cache, a line changed", tools, options.warm_rounds, builder.build_changed)
        compare("cold cache", tools, options.rounds, builder.build_cold)
        compare_sizes(tools, builder)
        compare_start(base, builder, options.name)


@dataclass(frozen=True)
class Cost:
    """What one build took, in seconds; `cpu` is the tool's and all its children's."""

    wall: float
    cpu: float


class Builder:
    """Builds one module with either tool and measures it."""

    def __init__(self, base: Path, module: Path, name: str) -> None:
        self.base, self.module, self.name = base, module, name
        self.edits = 0

    def build(self, tool: str, command: Path, cache: Path) -> Cost:
        shutil.rmtree(self.output(tool), ignore_errors=True)
        env = {**os.environ, "GOCACHE": str(cache)}
        args = [self.module, "--name", self.name, "--output-dir", self.output(tool)]
        started, used = time.perf_counter(), children_seconds()
        subprocess.run([command, *args], env=env, check=True, capture_output=True)
        return Cost(time.perf_counter() - started, children_seconds() - used)

    def build_cold(self, tool: str, command: Path) -> Cost:
        with tempfile.TemporaryDirectory(prefix="cache-", dir=self.base) as cache:
            return self.build(tool, command, Path(cache))

    def build_warm(self, tool: str, command: Path) -> Cost:
        return self.build(tool, command, self.base / f"warm-{tool}")

    def build_changed(self, tool: str, command: Path) -> Cost:
        self.edits += 1
        edit = f'package main\n\nfunc init() {{ edit = "{self.edits}" }}\n\nvar edit string\n'
        (self.module / "edit.go").write_text(edit)
        return self.build_warm(tool, command)

    def output(self, tool: str) -> Path:
        return self.base / f"dist-{tool}"

    def wheels(self, tool: str) -> list[Path]:
        return sorted(self.output(tool).glob("*.whl"))


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def install(folder: Path, what: str) -> Path:
    python = folder / "bin" / "python"
    subprocess.run([uv(), "venv", "--quiet", "--python", sys.executable, folder], check=True)
    subprocess.run([uv(), "pip", "install", "--quiet", "--python", python, what], check=True)
    return folder / "bin" / "go-to-wheel"


def uv() -> str:
    return os.environ.get("UV") or shutil.which("uv") or str(Path(sys.executable).parent / "uv")


def compare(
    title: str, tools: dict[str, Path], rounds: int, measure: Callable[[str, Path], Cost]
) -> None:
    costs: dict[str, list[Cost]] = {tool: [] for tool in tools}
    for _ in range(rounds):
        for tool, command in tools.items():
            costs[tool].append(measure(tool, command))
    for kind in ("wall", "cpu"):
        medians = {
            tool: statistics.median(getattr(run, kind) for run in seen)
            for tool, seen in costs.items()
        }
        report(f"{title}, {kind} seconds (median of {rounds})", medians)


def compare_sizes(tools: dict[str, Path], builder: Builder) -> None:
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

"""go-to-wheel beside the released 0.2 and six bare `go build` commands; prints ratios.

    python bench/build_bench.py [--rounds N] [--module DIR]

Both tools are installed into temporary environments, this checkout and 0.2 from PyPI, and
build their default platforms (six wheels here, eight there). The floor compiles our six
platforms with plain `go build -trimpath -ldflags="-s -w"`, two at a time. Cold means an empty
GOCACHE for every build; warm a cache of each one's own, filled before, with a line of the
program changed. All take turns; medians are compared. On a busy machine only the CPU times
mean something.
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from go_to_wheel.platforms import DEFAULT_TARGETS, Target

ROOT = Path(__file__).resolve().parent.parent
PEER = "go-to-wheel==0.2"
FLOOR = "six go build"


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
        runs: dict[str, Callable[[Path], Cost]] = {
            tool: partial(builder.build, tool, command) for tool, command in tools.items()
        }
        runs[FLOOR] = builder.build_floor
        for tool, run in runs.items():
            run(base / f"warm-{tool}")  # fills the caches, compiles the bytecode
        compare("warm cache, a line changed", runs, options.warm_rounds, builder.warm)
        compare("cold cache", runs, options.rounds, builder.cold)
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
        return measure(lambda: run([command, *args], env))

    def build_floor(self, cache: Path) -> Cost:
        def compile_for(target: Target) -> None:
            output = self.base / f"floor-{target.name}"
            output.unlink(missing_ok=True)
            env = {**os.environ, "GOCACHE": str(cache), "CGO_ENABLED": "0"}
            env |= {"GOOS": target.goos, "GOARCH": target.goarch}
            flags = ["-trimpath", "-ldflags=-s -w", "-o", str(output)]
            run(["go", "build", *flags, "."], env, self.module)

        def compile_all() -> None:
            with ThreadPoolExecutor(max_workers=2) as pool:
                list(pool.map(compile_for, DEFAULT_TARGETS))

        return measure(compile_all)

    def cold(self, name: str, build: Callable[[Path], Cost]) -> Cost:
        with tempfile.TemporaryDirectory(prefix="cache-", dir=self.base) as cache:
            return build(Path(cache))

    def warm(self, name: str, build: Callable[[Path], Cost]) -> Cost:
        self.edits += 1
        edit = f'package main\n\nfunc init() {{ edit = "{self.edits}" }}\n\nvar edit string\n'
        (self.module / "edit.go").write_text(edit)
        return build(self.base / f"warm-{name}")

    def output(self, tool: str) -> Path:
        return self.base / f"dist-{tool}"

    def wheels(self, tool: str) -> list[Path]:
        return sorted(self.output(tool).glob("*.whl"))


def run(command: list[object], env: dict[str, str], folder: Path | None = None) -> None:
    subprocess.run([str(word) for word in command], env=env, cwd=folder, check=True,
                   capture_output=True)  # fmt: skip


def measure(work: Callable[[], None]) -> Cost:
    started, used = time.perf_counter(), children_seconds()
    work()
    return Cost(time.perf_counter() - started, children_seconds() - used)


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
    title: str,
    runs: dict[str, Callable[[Path], Cost]],
    rounds: int,
    once: Callable[[str, Callable[[Path], Cost]], Cost],
) -> None:
    costs: dict[str, list[Cost]] = {tool: [] for tool in runs}
    for _ in range(rounds):
        for tool, run_tool in runs.items():
            costs[tool].append(once(tool, run_tool))
    for kind in ("wall", "cpu"):
        medians = {
            tool: statistics.median(getattr(cost, kind) for cost in seen)
            for tool, seen in costs.items()
        }
        ours = medians.pop("ours")
        for other, value in medians.items():
            text = f"{title}, {kind} seconds (median of {rounds})"
            report(text, {"ours": ours, other: value})


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

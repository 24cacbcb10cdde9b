"""Ends scans at random moments and looks for what they leave behind.

``python tests/datasette_scan/interrupts.py 200`` does so 200 times (a seed may follow), prints
what was left and ends with 1 if anything was; the test suite does it a few times.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sites import PATIENCE, free_port, make_database, photograph
from test_opening import hot_journal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WAYS = (["--list"], ["--get", "/-/scan.json"], [])  # the last one serves
SPREAD = 1.5  # times what a whole scan takes: some are ended while they serve


@dataclass(frozen=True)
class Outcome:
    """How one scan ended."""

    way: str
    signal: str
    delay: float
    sent: int
    returncode: int
    left: tuple[str, ...]

    def __str__(self) -> str:
        left = ", ".join(self.left) or "nothing"
        sent = f"{self.sent} x {self.signal} after {self.delay:.3f} s"
        return f"{self.way} {sent}: {self.returncode}, left {left}"


def make_disk(root: Path) -> None:
    """Files of which some need a private copy, which is a temporary folder."""
    for i in range(40):
        make_database(root / f"d{i}" / "one.db", journal="wal" if i % 2 else "delete")
    for i in range(4):
        hot_journal(root / f"hot{i}.db")


def measure(root: Path) -> float:
    """Seconds that a whole scan takes here and now."""
    began = time.monotonic()
    command = [sys.executable, "-m", "datasette", "scan", str(root), "--list"]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    return time.monotonic() - began


def interrupt(root: Path, random_numbers: random.Random, longest: float) -> Outcome:
    """Start a scan and send it a signal at most ``longest`` seconds later."""
    way = random_numbers.choice(WAYS)
    number = random_numbers.choice(SIGNALS)
    delay = random_numbers.uniform(0, longest)
    with tempfile.TemporaryDirectory(prefix="interrupts-") as folder:
        extra = way or ["-p", str(free_port())]
        command = [sys.executable, "-m", "datasette", "scan", str(root), *extra]
        environment = {**os.environ, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        with open(os.devnull, "wb") as nowhere:
            child = subprocess.Popen(
                command,
                env=environment,
                stdout=nowhere,
                stderr=nowhere,
                start_new_session=True,
                preexec_fn=_heed_signals,
            )
        time.sleep(delay)
        code, sent = _end(child, number)
        left = tuple(os.listdir(folder)) + tuple(_session(child.pid))
    return Outcome(" ".join(way) or "serve", number.name, delay, sent, code, left)


def _end(child: subprocess.Popen[bytes], number: signal.Signals) -> tuple[int, int]:
    """Send a signal, and again as a person would: Python may lose one while it imports."""
    for sent in range(1, 20):
        child.send_signal(number)
        try:
            return child.wait(PATIENCE / 10), sent
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(f"{child.args} does not end")


def _heed_signals() -> None:
    """Shells start what they run in the background with SIGINT ignored."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def _session(leader: int) -> list[str]:
    """The living processes of a session; one that is dead and not yet reaped is none."""
    end_at = time.monotonic() + PATIENCE
    while True:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if words[3] == str(leader) and words[0] not in "ZX":
                found.append(f"process {entry.name}")
        if not found or time.monotonic() > end_at:
            return found
        time.sleep(0.05)


def run(count: int, seed: int, show: bool = False) -> list[Outcome]:
    """End ``count`` scans, and check that the disk is as it was."""
    numbers = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="interrupts-") as folder:
        root = Path(folder) / "disk"
        make_disk(root)
        before = photograph(root)
        longest = SPREAD * measure(root)
        outcomes = []
        for _ in range(count):
            outcomes.append(interrupt(root, numbers, longest))
            if show:
                print(outcomes[-1], flush=True)
        assert photograph(root) == before
    return outcomes


def main() -> int:
    count, seed = (*map(int, sys.argv[1:]), 1)[:2]
    outcomes = run(count, seed, show=True)
    print(Counter((outcome.way, outcome.signal, outcome.returncode) for outcome in outcomes))
    left = sum(bool(outcome.left) for outcome in outcomes)
    print(f"{count} scans ended with seed {seed}, {left} left something behind")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())

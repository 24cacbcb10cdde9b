"""What all tests share: golden files, property tests that CI can rely on, what was left out."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import programs
import pytest

try:
    from hypothesis import settings
except ModuleNotFoundError:  # the plugin's environments do without
    pass
else:
    # No deadlines on busy machines; in CI the same examples every time.
    settings.register_profile("patient", deadline=None)
    settings.register_profile("ci", deadline=None, derandomize=True)
    settings.load_profile("ci" if os.environ.get("CI") else "patient")

# A shell that starts the tests in the background makes them, and what they start, ignore Ctrl-C;
# nohup does so with SIGHUP.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Servers of tests are on this machine, whatever proxy is for others.
for name in ("no_proxy", "NO_PROXY"):
    os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost"]))

# A hook of git's names the repository that it runs for; the tests make their own.
for name in ("DIR", "WORK_TREE", "INDEX_FILE", "PREFIX", "COMMON_DIR", "OBJECT_DIRECTORY"):
    os.environ.pop(f"GIT_{name}", None)

# A run starts hundreds of Pythons: what the first compiles, the others find.
if os.name == "posix":
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with a file in tests/golden; UPDATE_GOLDEN=1 writes it instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert text == path.read_bytes().decode("utf-8")

    return compare


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder for every user; on Linux not below /tmp.

    pytest closes the folder of its own temporary ones to others, whenever another run starts.
    """
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=shared) as name:
        Path(name).chmod(0o777)
        yield Path(name)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Property tests are slow, whoever wrote them; `make golden` finds its tests."""
    if "golden" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.golden)
    if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name and count the tests that were left out, by the program that is missing."""
    tests: dict[str, set[str]] = defaultdict(set)
    for report in terminalreporter.getreports("skipped"):
        name = isinstance(report.longrepr, tuple) and programs.name_in(report.longrepr[2])
        if name:
            tests[name].add(report.nodeid)
    if tests:
        terminalreporter.section("left out")
        for line in programs.format_left_out(tests):
            terminalreporter.line(line)
    if shared := os.environ.get(programs.LEFT_OUT):
        with open(shared, "a", encoding="utf-8") as file:
            file.writelines(f"{name}\t{test}\n" for name in tests for test in tests[name])

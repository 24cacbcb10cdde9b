"""Child processes: none outlives its Runner, whatever signal comes when."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import pytest
from systems import needs_signals

from go_to_wheel import process
from go_to_wheel.errors import ToolchainError
from go_to_wheel.process import Runner, defer_signals, quote_path, wait_for


@needs_signals
def test_deferred_signal_is_handled_at_the_end() -> None:
    steps: list[list[int]] = []

    def body() -> None:
        with defer_signals() as came:
            os.kill(os.getpid(), signal.SIGINT)
            steps.append(list(came))

    with pytest.raises(KeyboardInterrupt):
        body()
    assert steps == [[signal.SIGINT]]


@needs_signals
def test_deferred_signal_can_be_dropped() -> None:
    with defer_signals() as came:
        os.kill(os.getpid(), signal.SIGINT)
        came.clear()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_threads_defer_no_signals() -> None:
    def body() -> None:
        with defer_signals() as came:
            seen.append(came)

    seen: list[list[int]] = []
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [[]]


@needs_signals
def test_child_is_stopped_after_the_timeout(tmp_path: Path) -> None:
    place = tmp_path / "pid"
    script = f"echo $$ > '{place}'; exec sleep 600"
    for seconds in (1, 10, 100):  # until the child has come to write its number
        with pytest.raises(ToolchainError, match=f"did not finish within {seconds} seconds"):
            Runner().run(["sh", "-c", script], timeout=seconds)
        if place.exists() and place.read_text():
            break
    with pytest.raises(ProcessLookupError):
        os.kill(int(place.read_text()), 0)


def test_stopped_runner_starts_nothing() -> None:
    runner = Runner()
    runner.stop()
    with pytest.raises(ToolchainError):
        runner.run([sys.executable, "-c", "pass"])


def test_stop_ends_a_child_that_ignores_interrupts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_STOP_SECONDS", 0.2)
    script = (
        "import pathlib, signal, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        " pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"
    )
    ready = tmp_path / "ready"
    command = [sys.executable, "-c", script, str(ready)]
    runner = Runner()
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(runner.run(command).returncode))
    thread.start()
    while not ready.exists():
        time.sleep(0.01)
    runner.stop()
    thread.join(120)
    assert results
    assert results[0] != 0


def test_output_that_is_not_utf8_is_decoded() -> None:
    script = "import sys; sys.stdout.buffer.write(b'\\xff\\xfe ok')"
    assert Runner().run([sys.executable, "-c", script]).stdout.endswith(" ok")


def test_waiting_ends_with_the_first_failure() -> None:
    fine, failed, endless = Future[int](), Future[int](), Future[int]()
    fine.set_result(1)
    failed.set_exception(ValueError("failed"))
    wait_for([fine, failed, endless])
    wait_for([fine])
    assert not endless.done()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    "path", ["a b", "it's", "a\nb: go-to-wheel", "\x1b[2J'\\", "\u202ea", "\udcff1", "-x", "é"]
)
def test_a_quoted_path_is_one_shell_line(path: str) -> None:
    quoted = quote_path(path)
    assert quoted.isprintable()
    shown = subprocess.run(["bash", "-c", f"printf %s {quoted}"], capture_output=True, check=False)
    assert shown.stdout == os.fsencode(path)

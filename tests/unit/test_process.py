"""Child processes: none outlives its Runner, whatever signal comes when."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import pytest
from systems import needs_signals

from go_to_wheel.errors import ToolchainError
from go_to_wheel.process import Runner, hold_signals, wait_for


@needs_signals
def test_a_held_signal_is_handled_at_the_end() -> None:
    steps: list[list[int]] = []

    def body() -> None:
        with hold_signals() as came:
            os.kill(os.getpid(), signal.SIGINT)
            steps.append(list(came))

    with pytest.raises(KeyboardInterrupt):
        body()
    assert steps == [[signal.SIGINT]]


@needs_signals
def test_a_held_signal_can_be_dropped() -> None:
    with hold_signals() as came:
        os.kill(os.getpid(), signal.SIGINT)
        came.clear()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_threads_have_no_signals_to_hold() -> None:
    def body() -> None:
        with hold_signals() as came:
            seen.append(came)

    seen: list[list[int]] = []
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [[]]


@needs_signals
def test_a_child_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    place = str(tmp_path / "pid")
    script = f"import os, time; open({place!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(ToolchainError, match="did not end within 2 seconds"):
        Runner().run([sys.executable, "-c", script], timeout=2)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_stopped_runner_starts_nothing() -> None:
    runner = Runner()
    runner.stop()
    with pytest.raises(ToolchainError):
        runner.run([sys.executable, "-c", "pass"])


def test_stop_ends_a_child_that_ignores_interrupts() -> None:
    script = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
    runner = Runner()
    results: list[int] = []
    thread = threading.Thread(
        target=lambda: results.append(runner.run([sys.executable, "-c", script]).returncode)
    )
    thread.start()
    while not runner._children:
        time.sleep(0.01)
    time.sleep(0.3)
    runner.stop(grace=0.2)
    thread.join(30)
    assert results
    assert results[0] != 0


def test_odd_bytes_of_a_child_do_not_matter() -> None:
    script = "import sys; sys.stdout.buffer.write(b'\\xff\\xfe ok')"
    assert Runner().run([sys.executable, "-c", script]).stdout.endswith(" ok")


def test_waiting_ends_with_the_first_failure() -> None:
    fine, failed, endless = Future[int](), Future[int](), Future[int]()
    fine.set_result(1)
    failed.set_exception(ValueError("failed"))
    wait_for([fine, failed, endless])
    wait_for([fine])
    assert not endless.done()

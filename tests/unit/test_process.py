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
from contextlib import suppress
from pathlib import Path

import pytest
from systems import needs_scripts, needs_signals

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


@needs_signals
def test_ignored_signal_is_not_deferred() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with defer_signals() as came:
            os.kill(os.getpid(), signal.SIGHUP)
            assert came == []
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@needs_signals
def test_nohup_is_respected() -> None:
    code = (
        "import signal; from go_to_wheel import cli; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "try: cli.main(['-V'])\n"
        "finally: signal.raise_signal(signal.SIGHUP)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


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


@needs_signals
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of a process that is left
@pytest.mark.parametrize("leaves_group", [False, True])
@pytest.mark.parametrize("by_timeout", [False, True])
def test_open_pipes_are_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_timeout: bool, leaves_group: bool
) -> None:
    """The child is gone, and its own child, which ignores interrupts, holds its output open."""
    monkeypatch.setattr(process, "_STOP_SECONDS", 0.2)
    grandchild = (
        "import os, pathlib, signal, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        " place = pathlib.Path(sys.argv[1]); new = place.with_suffix('.new');"
        " new.write_text(str(os.getpid())); new.rename(place); time.sleep(600)"
    )
    child = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', *sys.argv[1:3]],"
        f" start_new_session={leaves_group})"
    )
    place = tmp_path / "pid"
    runner = Runner()
    errors: list[str] = []

    def run() -> None:
        for seconds in (1, 10, 100) if by_timeout else (600,):
            try:
                runner.run([sys.executable, "-c", child, grandchild, str(place)], timeout=seconds)
            except ToolchainError as error:
                errors.append(error.message)
            if place.exists():
                return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while not place.exists():
        time.sleep(0.01)
    pid = int(place.read_text())
    try:
        if not by_timeout:
            runner.stop()
        thread.join(120)
        assert not thread.is_alive()
        end = "seconds" if by_timeout else "did not finish before it was stopped"
        assert errors[-1].endswith(end) if by_timeout or leaves_group else not errors
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@needs_signals
def test_a_second_interrupt_kills_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import pathlib, signal, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        " pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"
    )
    ready = tmp_path / "ready"
    runner = Runner()
    codes: list[int] = []
    command = [sys.executable, "-c", script, str(ready)]
    thread = threading.Thread(target=lambda: codes.append(runner.run(command).returncode))
    thread.start()
    while not ready.exists():
        time.sleep(0.01)
    real, waits = subprocess.Popen.wait, []

    def wait(child: subprocess.Popen[str], timeout: float | None = None) -> int:
        if threading.current_thread() is threading.main_thread() and not waits:
            waits.append(timeout)
            raise KeyboardInterrupt
        return real(child, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        runner.stop()
    thread.join(120)
    assert codes == [-signal.SIGKILL]


@needs_scripts  # which have links
def test_the_folder_is_no_link(tmp_path: Path) -> None:
    """Go takes PWD for its folder, if it leads there, and prints paths below it."""
    real, link = (tmp_path / "real").resolve(), tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    for env in (None, {**os.environ, "PWD": str(link)}):
        script = "import os; print(os.environ['PWD'])"
        assert Runner().run([sys.executable, "-c", script], link, env).stdout == f"{real}\n"


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

"""Runs child processes, watches them and stops them: the only place that starts one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from go_to_wheel.errors import ToolchainError

#: How a child ended: exit code and output as text.
Result = subprocess.CompletedProcess[str]

_STOP_SECONDS = 5.0
_WAIT_SECONDS = 0.2
#: What -v shows of a command's variables: the target.
_SHOWN = ("GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOARM", "GO386", "GOPPC64", "GORISCV64")
#: Signals that ask the program to end.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
#: Where child processes look: POSIX, then Windows.
_VARIABLES = ("TMPDIR", "TEMP", "TMP")


class Runner:
    """Runs child processes from several threads; `stop` ends all of them.

    Each child gets a process group of its own, so that a terminal's Ctrl-C reaches it
    only through `stop`, which also takes Go's compilers and linkers down and waits.
    """

    def __init__(self, echo: Callable[[str], None] | None = None) -> None:
        self._echo = echo
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(
        self,
        args: Sequence[str],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Result:
        """Run to the end and return output and exit code, whatever it is.

        Raises OSError when the program can't be started, ToolchainError after `stop`, or when
        it has not ended after `timeout` seconds.
        """
        if self._echo:
            settings = [f"{name}={env[name]}" for name in _SHOWN if env and env.get(name)]
            self._echo(" ".join([*settings, *args]))
        children: list[subprocess.Popen[str]] = []
        try:
            with hold_signals():  # a child that nobody knows of would go on
                children.append(self._start(args, cwd, env))
            (child,) = children
            stdout, stderr = child.communicate(timeout=timeout)
        except BaseException as error:
            _end(children, _STOP_SECONDS)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            child.communicate()
            problem = f"{' '.join(args)}: did not end within {timeout:.0f} seconds"
            raise ToolchainError(problem, "run it yourself to see what it waits for") from None
        finally:
            with self._lock:
                self._children.difference_update(children)
        return Result(list(args), child.returncode, stdout, stderr)

    def stop(self, grace: float = _STOP_SECONDS) -> None:
        """Interrupt every running child and its own children; return when they are gone.

        SIGINT (on Windows Ctrl-Break, the one that reaches a group), because Go removes its
        work folder on that one only; SIGKILL for what is still there `grace` seconds later.
        """
        with self._lock:
            self._stopped = True
            children = list(self._children)
        _end(children, grace)

    def _start(
        self, args: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None
    ) -> subprocess.Popen[str]:
        options: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        with self._lock:
            if self._stopped:
                raise ToolchainError("stopped")
            child = subprocess.Popen(
                args,
                cwd=cwd,
                env=None if env is None else dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                **options,
            )
            self._children.add(child)
        return child


@contextmanager
def hold_signals() -> Iterator[list[int]]:
    """Let no signal interrupt what is inside; one that comes is handled at the end.

    Gives the list of those that came; what is removed from it is not handled.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came  # signals interrupt the main thread only
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def private_temporary_folder() -> Iterator[None]:
    """Put the temporary files of this process and its children into one folder, then remove it.

    Go leaves its work folder behind when it is interrupted, and an interrupted
    TemporaryDirectory leaves its own; a signal during the removal changes nothing.
    """
    before = dict(os.environ)
    folder = None
    try:
        # without a folder, the command that needs one fails with a message
        with hold_signals(), suppress(OSError):
            tempfile.tempdir = folder = tempfile.mkdtemp(prefix="go-to-wheel-")
            os.environ.update(dict.fromkeys(_VARIABLES, folder))
        yield
    finally:
        with hold_signals() as came:
            if folder:
                tempfile.tempdir = None
                shutil.rmtree(folder, ignore_errors=True)
                os.environ.clear()
                os.environ.update(before)
            came.clear()  # it ends anyway


def _end(children: Sequence[subprocess.Popen[str]], grace: float) -> None:
    for child in children:
        _signal_group(child, kill=False)
    for child in children:
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            _signal_group(child, kill=True)
            child.wait()


def _signal_group(child: subprocess.Popen[str], *, kill: bool) -> None:
    try:
        if sys.platform != "win32":
            os.killpg(child.pid, signal.SIGKILL if kill else signal.SIGINT)
        elif kill:
            _kill_tree(child)
        else:
            child.send_signal(signal.CTRL_BREAK_EVENT)
    except OSError:  # it is gone, or another user's by now; on Windows, a process without a console
        _kill_tree(child)


def _kill_tree(child: subprocess.Popen[str]) -> None:
    """End a child; on Windows its children too, which have no group to be killed by."""
    if sys.platform == "win32":
        command = ["taskkill", "/T", "/F", "/PID", str(child.pid)]
        subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    child.kill()


def wait_for(futures: Sequence[Future[Any]]) -> None:
    """Return when all are done, or one has failed.

    In short steps, because Ctrl-C does not interrupt a wait on Windows.
    """
    while True:
        done, left = wait(futures, timeout=_WAIT_SECONDS, return_when=FIRST_EXCEPTION)
        if not left or any(future.exception() for future in done):
            return


def usable_cpus() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

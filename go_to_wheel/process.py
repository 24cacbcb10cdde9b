"""Runs child processes, watches them and stops them: the only place that starts one."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from go_to_wheel.errors import ShortageError, ToolchainError, shortage_hint

#: How a child ended: exit code and output as text.
Result = subprocess.CompletedProcess[str]

_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.2
#: The variables, of the target, that -v shows with a command.
_ECHOED = tuple("GOOS GOARCH GOAMD64 GOARM64 GOARM GO386 GOPPC64 GORISCV64".split())
_TERMINATION_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
#: Where child processes look for a temporary folder: POSIX, then Windows.
_TEMPORARY_VARIABLES = ("TMPDIR", "TEMP", "TMP")


class Runner:
    """Runs child processes from several threads; `stop` ends all of them.

    Each child gets its own process group, so that Ctrl-C in a terminal interrupts it only through
    `stop`, which also ends Go's compilers and linkers.
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
        timeout: float = math.inf,
    ) -> Result:
        """Run a program to its end and return its output and exit code.

        Raises OSError when the program can't be started, ShortageError when a system resource is
        exhausted, ToolchainError after `stop` or `timeout` seconds.
        """
        if self._echo:
            settings = [f"{name}={env[name]}" for name in _ECHOED if env and env.get(name)]
            self._echo(" ".join([*settings, *args]))
        children: list[subprocess.Popen[str]] = []
        try:
            with defer_signals():  # else an unregistered child would not be stopped
                children.append(self._start(args, cwd, env))
            (child,) = children
            stdout, stderr = self._communicate(child, time.monotonic() + timeout)
        except BaseException as error:
            _stop_children(children)
            if isinstance(error, OSError) and shortage_hint(error):
                raise ShortageError(f"can't start {args[0]!r}: {error.strerror}") from None
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            with suppress(subprocess.TimeoutExpired):  # closes the pipes
                child.communicate(timeout=_POLL_SECONDS)
            limit = "before it was stopped" if self._stopped else f"within {timeout:.0f} seconds"
            problem = f"{' '.join(args)}: did not finish {limit}"
            raise ToolchainError(problem, "run it yourself to see what it waits for") from None
        finally:
            with self._lock:
                self._children.difference_update(children)
        return Result(list(args), child.returncode, stdout, stderr)

    def stop(self) -> None:
        """Interrupt every running child and its own children; return when the children have ended.

        By SIGINT (on Windows Ctrl-Break, which reaches a group), the only signal on which Go
        removes its work folder; by SIGKILL when the children have ended, or five seconds later.
        """
        with self._lock:
            self._stopped = True
            children = list(self._children)
        _stop_children(children)

    def _start(
        self, args: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None
    ) -> subprocess.Popen[str]:
        options: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        place = {"PWD": os.path.realpath(cwd)} if cwd else {}  # not a link, which Go would print
        with self._lock:
            if self._stopped:
                raise ToolchainError("stopped")
            child = subprocess.Popen(
                args,
                cwd=cwd,
                env={**(os.environ if env is None else env), **place},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                **options,
            )
            self._children.add(child)
        return child

    def _communicate(self, child: subprocess.Popen[str], end: float) -> tuple[str, str]:
        """Read a child's output, in short steps for Ctrl-C on Windows; raises TimeoutExpired."""
        while True:
            try:
                return child.communicate(timeout=min(_POLL_SECONDS, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                # its pipes may be open in a process that left its group, and so was not stopped
                if time.monotonic() >= end or (self._stopped and child.poll() is not None):
                    raise


@dataclass(frozen=True)
class Host:
    """Where a build runs: the environment, and the runner of its child processes."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    runner: Runner = field(default_factory=Runner)

    def with_environ(self, environ: Mapping[str, str]) -> Host:
        """The same host with more variables."""
        return Host({**self.environ, **environ}, self.runner)


@contextmanager
def defer_signals() -> Iterator[list[int]]:
    """Handle termination signals at the end of the block; yields the list of those received.

    Signals that are removed from the list are not handled.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # signals interrupt the main thread only
        return
    before = {number: signal.getsignal(number) for number in _TERMINATION_SIGNALS}
    for number in [n for n in before if before[n] is not signal.SIG_IGN]:  # as under nohup
        signal.signal(number, lambda number, frame: received.append(number))
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if received:
            signal.raise_signal(received[0])


@contextmanager
def private_temporary_folder() -> Iterator[None]:
    """Put the temporary files of this process and its children into one folder, then remove it.

    An interrupted Go leaves its work folder behind, and so does an interrupted TemporaryDirectory.
    """
    before = dict(os.environ)
    folder = None
    try:
        # without a folder, the command that needs one fails with a message
        with defer_signals(), suppress(OSError):
            tempfile.tempdir = folder = tempfile.mkdtemp(prefix="go-to-wheel-")
            os.environ.update(dict.fromkeys(_TEMPORARY_VARIABLES, folder))
        yield
    finally:
        with defer_signals() as received:
            if folder:
                tempfile.tempdir = None
                shutil.rmtree(folder, ignore_errors=True)
                os.environ.clear()
                os.environ.update(before)
            received.clear()  # the program ends anyway


def _stop_children(children: Sequence[subprocess.Popen[str]]) -> None:
    for child in children:
        _signal_group(child, kill=False)
    try:
        with suppress(subprocess.TimeoutExpired):
            for child in children:
                child.wait(_STOP_SECONDS)
    finally:  # a second interrupt included
        for child in children:
            _signal_group(child, kill=True)
            with suppress(subprocess.TimeoutExpired):
                child.wait(_STOP_SECONDS)


def _signal_group(child: subprocess.Popen[str], *, kill: bool) -> None:
    """Interrupt or kill a child and its children, which on Windows only taskkill can."""
    with suppress(OSError):  # it is gone, or another user's by now; on Windows, has no console
        if sys.platform != "win32":
            os.killpg(child.pid, signal.SIGKILL if kill else signal.SIGINT)
        elif not kill:
            child.send_signal(signal.CTRL_BREAK_EVENT)
        elif child.poll() is None:
            command = ["taskkill", "/T", "/F", "/PID", str(child.pid)]
            subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
            child.kill()


def wait_for(futures: Sequence[Future[Any]]) -> None:
    """Wait until all are done or one has failed, in short steps for Ctrl-C on Windows."""
    while True:
        done, pending = wait(futures, timeout=_POLL_SECONDS, return_when=FIRST_EXCEPTION)
        if not pending or any(future.exception() for future in done):
            return


def usable_cpus() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quote_path(path: str | os.PathLike[str]) -> str:
    """The path as an argument for a shell, on one line even where its name has line breaks."""
    text = os.fspath(path)
    if text.isprintable():
        return shlex.quote(text)
    escaped = os.fsencode(text).decode("latin-1").encode("unicode_escape").decode("ascii")
    return "$'" + escaped.replace("'", "\\'") + "'"  # bash, zsh, POSIX.1-2024

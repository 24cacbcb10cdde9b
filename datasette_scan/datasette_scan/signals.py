"""Signals interrupt SQLite, so that the process can end.

SQLite before 3.41 cannot be interrupted while it prepares a statement, for which a hostile
file can take arbitrarily long. Without memory the preparation fails at once, so the ending
process lowers SQLite's memory limit.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from .opening import Opener
from .opening.connection import limit_memory

_GRACE_SECONDS = 0.5  # in which interrupted reads end
_MIN_HEAP_BYTES = 1 << 16

Handler = Callable[[int, FrameType | None], Any] | int | None


class StopSignals:
    """Ends an opener's reads when the process receives SIGTERM or SIGINT.

    ``install`` puts a signal handler before the present ones, ``uninstall`` removes it. Both do
    nothing outside of the main thread.
    """

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._before: dict[int, Handler] = {}
        self._handler = self._handle  # one object, to be recognised by

    def install(self) -> None:
        """Install the handler, once; after the server has set its own handlers."""
        if threading.current_thread() is not threading.main_thread() or self._before:
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is signal.SIG_IGN:  # as a shell starts background jobs
                continue
            self._before[number] = signal.signal(number, self._handler)

    def uninstall(self) -> None:
        """Put back what was there, unless it was replaced meanwhile."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number, before in self._before.items():
            if signal.getsignal(number) == self._handler:
                signal.signal(number, before)
        self._before.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._opener.is_stopping:
            threading.Thread(target=end_reads, args=[self._opener], daemon=True).start()
        before = self._before.get(number)
        if callable(before):
            before(number, frame)
        elif before == signal.SIG_DFL:
            raise SystemExit(128 + number)


def end_reads(opener: Opener) -> None:
    """Interrupt every read; fail those that continue by lowering the memory limit."""
    opener.interrupt()
    until = time.monotonic() + _GRACE_SECONDS
    while opener.is_reading:
        time.sleep(0.02)
        if time.monotonic() > until:
            with contextlib.suppress(MemoryError):  # those who have it are about to fail, too
                limit_memory(_MIN_HEAP_BYTES)

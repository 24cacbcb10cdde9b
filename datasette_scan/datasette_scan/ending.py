"""The end of the process: what SQLite is doing must not hold it up.

A query is interrupted. SQLite before 3.41 cannot be interrupted while it prepares one, which
takes as long as a hostile file wants; what ends that is memory: with nothing left to have,
the preparation fails at once. So that is taken away, from a process that is about to end.
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

_PATIENCE = 0.5  # seconds in which interrupted reads end
_ALMOST_NOTHING = 1 << 16

Handler = Callable[[int, FrameType | None], Any] | int | None


class Ending:
    """Ends an opener's reads when the process receives a signal to stop.

    ``watch`` puts a signal handler before the present ones, of SIGTERM and SIGINT;
    ``unwatch`` takes it away. Both do nothing outside of the main thread.
    """

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._before: dict[int, Handler] = {}
        self._handler = self._end  # one object, to be recognised by

    def watch(self) -> None:
        """Begin, once; after the server has set its own handlers."""
        if threading.current_thread() is not threading.main_thread() or self._before:
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._handler)

    def unwatch(self) -> None:
        """Put back what was there, unless it was replaced meanwhile."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number, before in self._before.items():
            if signal.getsignal(number) == self._handler:
                signal.signal(number, before)
        self._before.clear()

    def _end(self, number: int, frame: FrameType | None) -> None:
        if not self._opener.is_stopping:
            threading.Thread(target=end_reads, args=[self._opener], daemon=True).start()
        before = self._before.get(number)
        if callable(before):
            before(number, frame)
        elif before == signal.SIG_DFL:
            raise SystemExit(128 + number)


def end_reads(opener: Opener) -> None:
    """Interrupt every read; what goes on gets no more memory, nor does anything else."""
    opener.interrupt()
    until = time.monotonic() + _PATIENCE
    while opener.is_reading:
        time.sleep(0.02)
        if time.monotonic() > until:
            with contextlib.suppress(MemoryError):  # those who have it are about to fail, too
                limit_memory(_ALMOST_NOTHING)

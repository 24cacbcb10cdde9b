"""The opener, and the threads that read scanned files instead of Datasette's."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .opening import Limits, Opener, SnapshotStore, sweep
from .opening.connection import HEAP_BYTES, limit_memory
from .signals import StopSignals
from .system_limits import count_free_descriptors

T = TypeVar("T")


def connection_limit(descriptors: int) -> int:
    """How many files may be open at once when the process may open so many descriptors.

    One file needs up to five: ours, SQLite's, its log, that log's index and a journal.
    """
    return max(2, min(12, (descriptors - 64) // 8))


class ThreadPool:
    """Threads that functions run in; with a ``count`` of 0 they run in the caller's."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name) if count else None

    async def run(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call ``fn`` in a thread, with the context variables of the caller."""
        if self._pool is None:
            return fn(*args, **kwargs)
        call = functools.partial(contextvars.copy_context().run, fn, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def start(self, fn: Callable[[], object]) -> None:
        """Call ``fn`` in a thread without waiting for it."""
        if self._pool is None:
            fn()
        else:
            self._pool.submit(fn)

    def close(self) -> None:
        """Wait for running calls; drop queued ones."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


class Reader:
    """The opener and its threads. ``close`` stops them and closes all files.

    Three pools, so that pages never wait for the probes of a scan or for content searches.
    With ``threads`` of 0 it reads in the caller's thread, for systems without threads.
    """

    def __init__(
        self,
        snapshot_bytes: int,
        threads: int = 4,
        roots: tuple[bytes, ...] = (),
        memory_bytes: int = HEAP_BYTES,
    ) -> None:
        limit_memory(memory_bytes)
        limits = Limits(connection_limit(count_free_descriptors()), snapshot_bytes=snapshot_bytes)
        self.opener = Opener(limits, SnapshotStore(total=4 * snapshot_bytes), roots)
        self.signals = StopSignals(self.opener)
        self.search_threads = max(1, min(threads, os.cpu_count() or 1))
        self.pages = ThreadPool(threads, "scan-page")
        self.probes = ThreadPool(min(threads, 2), "scan-probe")
        self.searches = ThreadPool(self.search_threads if threads else 0, "scan-search")
        self.probes.start(sweep)

    def close(self) -> None:
        """Stop the threads, interrupting the reads that are under way."""
        self.opener.interrupt()
        for threads in (self.probes, self.searches, self.pages):
            threads.close()
        self.opener.close()
        self.signals.uninstall()

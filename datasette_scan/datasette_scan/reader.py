"""The plugin's own threads: scanned files are read there, never in Datasette's."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .digests import digest
from .ending import Ending
from .opening import Limits, Opener, Prepare, ReadInfo, SnapshotStore, sweep
from .opening.connection import HEAP_BYTES, limit_memory
from .sqlite import sqlite3

if sys.platform != "win32":
    import resource

T = TypeVar("T")


def connection_limit(handles: int) -> int:
    """How many files may be open at once when the process may have ``handles`` descriptors.

    One file needs up to five: ours, SQLite's, its log, that log's index and a journal.
    """
    return max(2, min(12, (handles - 64) // 8))


def handle_limit() -> int:
    """The soft limit of open descriptors of this process."""
    if sys.platform == "win32":
        return 512
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 16 if soft == resource.RLIM_INFINITY else soft


class Reader:
    """Runs reads in threads of its own. ``close`` stops the threads and lets go of all files.

    Three pools: pages never queue behind the looks that a scan takes into files, nor behind a
    search in contents. ``threads`` of 0 reads in the caller's thread, for systems without threads.
    """

    def __init__(
        self,
        snapshot_bytes: int,
        threads: int = 4,
        roots: tuple[bytes, ...] = (),
        memory_bytes: int = HEAP_BYTES,
    ) -> None:
        limit_memory(memory_bytes)
        limits = Limits(connection_limit(handle_limit()), snapshot_bytes=snapshot_bytes)
        self.opener = Opener(limits, SnapshotStore(total=4 * snapshot_bytes), roots)
        self.ending = Ending(self.opener)
        self._pages = _pool(threads, "scan-read")
        self._checks = _pool(min(threads, 2), "scan-check")
        self.search_threads = max(1, min(threads, os.cpu_count() or 1))
        self._searches = _pool(self.search_threads if threads else 0, "scan-search")
        if self._checks is not None:
            self._checks.submit(sweep)
        else:
            sweep()

    async def read(
        self,
        path: bytes,
        fn: Callable[[sqlite3.Connection], T],
        prepare: Prepare,
        seconds: float | None = None,
    ) -> tuple[T, ReadInfo]:
        """Read one file, for ``seconds`` at most. Raises what Opener.read raises."""

        def read() -> tuple[T, ReadInfo]:
            return self.opener.read(path, fn, prepare, seconds=seconds)

        return await self._run(self._pages, read)

    async def call(self, fn: Callable[[], T]) -> T:
        """Call ``fn`` in a thread reserved for pages."""
        return await self._run(self._pages, fn)

    async def check(self, fn: Callable[..., T], *args: Any) -> T:
        """Call ``fn(opener, *args)`` in a thread reserved for looking into files."""
        return await self._run(self._checks, fn, self.opener, *args)

    async def search(
        self, path: bytes, fn: Callable[[sqlite3.Connection], T], prepare: Prepare
    ) -> T:
        """Read one file for a search in contents; nothing stays open."""

        def read() -> T:
            return self.opener.read(path, fn, prepare, keep=False)[0]

        return await self._run(self._searches, read)

    async def digest(self, path: bytes, is_stopped: Callable[[], bool]) -> str:
        """A file's hash, found out in a thread for searches. Raises what ``digest`` raises."""
        return await self._run(self._searches, digest, self.opener, path, is_stopped)

    @staticmethod
    async def _run(pool: ThreadPoolExecutor | None, fn: Callable[..., T], *args: Any) -> T:
        if pool is None:
            return fn(*args)
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, lambda: context.run(fn, *args))

    def forget(self, path: bytes) -> None:
        """Let go of one file."""
        self.opener.forget(path)

    def close(self) -> None:
        """Stop the threads, interrupting the reads that are under way."""
        self.opener.interrupt()
        for pool in (self._checks, self._searches, self._pages):
            if pool is not None:
                pool.shutdown(wait=True, cancel_futures=True)
        self.opener.close()
        self.ending.unwatch()


def _pool(threads: int, name: str) -> ThreadPoolExecutor | None:
    return ThreadPoolExecutor(threads, thread_name_prefix=name) if threads else None

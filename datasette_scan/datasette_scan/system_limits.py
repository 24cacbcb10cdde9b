"""Limits of the operating system: errors for refused descriptors, threads, memory, disk."""

from __future__ import annotations

import _thread
import contextlib
import errno
import os
import sys
import threading

from .errors import RefusedError, UnavailableError

if sys.platform != "win32":
    import resource

_DESCRIPTORS = 8  # the loop's, the scanner's pipes, one file and what lies beside it
_THREADS = 8  # five are used: a thread takes memory later, too
_BEGIN_SECONDS = 10.0
_NO_THREAD = "can't start new thread"
_SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})
_PROCESSES = "ulimit -u (of a container: --pids-limit)"
_ADVICE = {
    errno.ENFILE: "end some programs",
    errno.EAGAIN: f"end some programs, or raise the limit of processes: {_PROCESSES}",
    errno.ENOMEM: "raise the limits of memory: ulimit -v, ulimit -d",
    errno.EFBIG: "raise the limit of the size of files: ulimit -f",
    errno.ENOSPC: "free some space, or use another disk (TMPDIR=… for private copies)",
    errno.EDQUOT: "free some space, or use another disk (TMPDIR=… for private copies)",
}


def descriptor_limit() -> int:
    """The soft limit of open descriptors of this process."""
    if sys.platform == "win32":
        return 512
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 16 if soft == resource.RLIM_INFINITY else soft


def count_free_descriptors() -> int:
    """The number of descriptors that this process may still open."""
    free = descriptor_limit()
    with contextlib.suppress(OSError):  # Windows, and where /dev/fd shows nothing
        free -= len(os.listdir("/dev/fd"))
    return free


def get_advice(error: BaseException) -> str:
    """Advice for an error of the system, "" for other errors."""
    if isinstance(error, RuntimeError):
        limits = f"raise the limits of processes and memory: {_PROCESSES}, ulimit -v, ulimit -d"
        return limits if _NO_THREAD in str(error) else ""
    if isinstance(error, MemoryError):
        return _ADVICE[errno.ENOMEM]
    if not isinstance(error, OSError):
        return ""
    if error.errno == errno.EMFILE:
        return f"raise the limit of open files: ulimit -n {descriptor_limit() + 256}"
    if "No usable temporary directory" in str(error):
        return "name one that can be written to: TMPDIR=…"
    return _ADVICE.get(error.errno or 0, "")


def describe(error: BaseException) -> str:
    """A message for an error of the system, with advice; "" for other errors."""
    if not isinstance(error, OSError) and not get_advice(error):
        return ""
    reason = str(error) or "out of memory"
    return f"the system refuses: {reason}; {get_advice(error) or 'see its limits: ulimit -a'}"


def unavailable(text: str, error: OSError) -> UnavailableError:
    """The error for a file that could not be read; ``text`` names it."""
    kind = RefusedError if error.errno in _SCARCE else UnavailableError
    advice = get_advice(error)
    return kind(f"{text}: {error.strerror}", f"{advice[:1].upper()}{advice[1:]}." if advice else "")


def check_resources() -> None:
    """Check that the descriptors and threads of a scan are available.

    Without theirs, Python and asyncio would print tracebacks. Raises OSError,
    RuntimeError or MemoryError.
    """
    with contextlib.ExitStack() as stack:
        for _ in range(_DESCRIPTORS // 2):
            for end in os.pipe():
                stack.callback(os.close, end)
        _start_threads(stack)


def _start_threads(stack: contextlib.ExitStack) -> None:
    """Start threads that end with ``stack``. Raises RuntimeError or MemoryError.

    Not with ``threading.Thread``, which waits for ever for one that has no memory to begin.
    """
    begun, done = threading.Semaphore(0), threading.Event()
    stack.callback(done.set)

    def wait() -> None:
        begun.release()
        done.wait()

    for _ in range(_THREADS):
        _thread.start_new_thread(wait, ())
    for _ in range(_THREADS):
        if not begun.acquire(timeout=_BEGIN_SECONDS):
            raise MemoryError

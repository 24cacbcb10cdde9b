"""As root on Linux, SQLite sets the owner of every log and journal that it opens.

The owner stays what it was, but the time of the last status change does not, and nothing
of a scanned file may change. So a thread that is about to let SQLite open files gives up
the right to set owners for that moment. In the kernel rights are each thread's own, and the
C library does not spread what is called here over all threads, as it does with ``setuid``.
See robustFchown() in SQLite's os_unix.c, setfsuid(2) and capabilities(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
from collections.abc import Iterator
from typing import Any

_VERSION_3 = 0x20080522
_CHOWN = 1 << 0
_DAC_OVERRIDE = 1 << 1
_FOWNER = 1 << 3
# Somebody who owns no file: an owner may set the owner to who it is. The second is for
# user namespaces, which know few users.
_STRANGERS = (0x7FFFFFFE, 65534)
_NO_USER = ctypes.c_uint32(0xFFFFFFFF)  # with which setfsuid() only tells who it is

_Header = ctypes.c_uint32 * 2  # version, thread (0: this one)
_Rights = ctypes.c_uint32 * 6  # effective, permitted, inheritable, and the same, higher bits


@functools.cache
def _library() -> Any:
    return ctypes.CDLL(None)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """While SQLite opens files: it cannot set whose they are. Root only, else nothing."""
    before = _Rights()
    if sys.platform != "linux" or os.geteuid() != 0 or not _may_read_all(before):
        yield
        return
    library = _library()
    was = library.setfsuid(_NO_USER)
    during = _Rights(*before)
    during[0] &= ~(_CHOWN | _FOWNER)
    try:
        for stranger in _STRANGERS:
            library.setfsuid(stranger)
            if library.setfsuid(_NO_USER) == stranger:
                break
        library.capset(_Header(_VERSION_3, 0), during)
        yield
    finally:
        library.setfsuid(was)
        library.capset(_Header(_VERSION_3, 0), before)


def _may_read_all(rights: Any) -> bool:
    """Whether this thread reads by right and not by owning, with its rights as they are."""
    failed = _library().capget(_Header(_VERSION_3, 0), rights)
    return not failed and bool(rights[0] & _DAC_OVERRIDE)

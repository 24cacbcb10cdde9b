"""As root on Linux, SQLite sets the owner of every log and journal that it opens.

The owner stays what it was, but the time of the last status change does not, and nothing
of a scanned file may change. So a thread that is about to let SQLite open files gives up
the right to set owners for that moment. In the kernel rights are each thread's own, and the
C library does not spread what is called here over all threads, as it does with ``setuid``.
See robustFchown() in SQLite's os_unix.c, setfsuid(2) and capabilities(7).
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from typing import Any

try:
    import ctypes
except ImportError:  # a Python that was built without libffi
    ctypes = None  # type: ignore[assignment]

_VERSION_3 = 0x20080522
_CHOWN = 1 << 0
_DAC_OVERRIDE = 1 << 1
_FOWNER = 1 << 3
# Somebody who owns no file: an owner may set the owner to who it is. The second is for
# user namespaces, which know few users.
_STRANGERS = (0x7FFFFFFE, 65534)
_NO_USER = -1  # with which setfsuid() only tells who it is


@functools.cache
def _library() -> Any:
    return ctypes.CDLL(None)


def _header() -> Any:
    """Which layout of rights is meant, and whose: this thread's."""
    return (ctypes.c_uint32 * 2)(_VERSION_3, 0)


def _rights(*words: int) -> Any:
    """Effective, permitted, inheritable, and the same for the higher bits."""
    return (ctypes.c_uint32 * 6)(*words)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """While SQLite opens files: it cannot set whose they are. Root only, else nothing."""
    before = _rights_of_root()
    if before is None:
        yield
        return
    library = _library()
    was = library.setfsuid(_NO_USER)
    during = _rights(*before)
    during[0] &= ~(_CHOWN | _FOWNER)
    try:
        for stranger in _STRANGERS:
            library.setfsuid(stranger)
            if library.setfsuid(_NO_USER) == stranger:
                break
        library.capset(_header(), during)
        yield
    finally:
        library.setfsuid(was)
        library.capset(_header(), before)


def _rights_of_root() -> Any:
    """This thread's rights, if it is root's and reads by right, not by owning; else None."""
    if sys.platform != "linux" or ctypes is None or os.geteuid() != 0:
        return None
    rights = _rights()
    if _library().capget(_header(), rights) or not rights[0] & _DAC_OVERRIDE:
        return None
    return rights

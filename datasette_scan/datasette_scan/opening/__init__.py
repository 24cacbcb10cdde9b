"""Reads scanned files consistently or not at all, and writes nothing.

No single SQLite open flag is right for every file, so each read chooses its mode:

* rollback journal, at rest, on a file system with reliable times: ``mode=ro&immutable=1``, the
  file's stamp compared before and after the read. Locks would make other programs' commits fail;
* rollback journal otherwise: ``mode=ro&readonly_shm=1``, in a transaction under SQLite's own locks;
* write-ahead log in use (``-wal`` and ``-shm``): ``mode=ro&readonly_shm=1``. Without
  ``readonly_shm`` SQLite would write read marks into ``-shm``, even in ``mode=ro``;
* write-ahead log mode, not open elsewhere: ``mode=ro&immutable=1``, the file's fingerprint
  compared before and after the read. Plain ``mode=ro`` would create ``-wal`` and ``-shm``;
* anything that needs recovery, or is locked exclusively: a private copy, recovered there by
  this package. SQLite never opens a journal that it would roll back.

``opener.Opener.read`` is the entry point. It calls ``attempt.begin_read`` until the file is
neither changing nor locked. That reads the state of the file (``fingerprint``, ``locks``),
chooses a mode (``modes``) and connects (``connection``; ``watchdog`` ends an open that blocks).
``open_files`` has what is open on each file; ``copying``, ``journal``, ``wal`` and ``snapshots``
make private copies.
"""

from .attempt import Limits
from .connection import Prepare, file_uri
from .modes import Mode, ReadInfo
from .opener import Opener
from .snapshots import SnapshotStore, sweep

__all__ = [
    "Limits",
    "Mode",
    "Opener",
    "Prepare",
    "ReadInfo",
    "SnapshotStore",
    "file_uri",
    "sweep",
]

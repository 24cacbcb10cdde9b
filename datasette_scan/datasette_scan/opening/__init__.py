"""Opens scanned files so that the answer is right or there is none, and nothing is written.

No single SQLite open flag is right for every file, so the way is chosen for each read:

* rollback journal: ``mode=ro``, a read transaction under SQLite's own locks;
* write-ahead log in use (``-wal`` and ``-shm``): ``mode=ro&readonly_shm=1``. Without
  ``readonly_shm`` SQLite would write read marks into ``-shm``, even in ``mode=ro``;
* write-ahead log mode that nobody has open: ``mode=ro&immutable=1``, the file's fingerprint
  compared before and after the read. Plain ``mode=ro`` would create ``-wal`` and ``-shm``;
* anything that needs recovery, or is locked exclusively: a private copy, recovered there by
  this package. SQLite never sees a journal that has something to undo.

``modes`` has the choice, ``opener`` makes it, one ``attempt`` after another; ``locks``,
``fingerprint``, ``journal`` and ``wal`` look at what is there; ``handles`` and ``connection``
hold what is open; ``copying`` and ``snapshots`` make private copies.
"""

from .attempt import Limits
from .connection import Prepare, file_uri
from .handles import Lease
from .modes import Mode, ReadInfo
from .opener import Opener
from .snapshots import SnapshotStore, sweep

__all__ = [
    "Lease",
    "Limits",
    "Mode",
    "Opener",
    "Prepare",
    "ReadInfo",
    "SnapshotStore",
    "file_uri",
    "sweep",
]

"""The statuses of a found database, and their meaning. Pure."""

from __future__ import annotations

import time

# In the order of lists: how the database is read, and what that means.
STATUSES = {
    "ready": (
        "read in place",
        "The file itself is read: without a lock if it is at rest and its file system allows "
        "that, else under SQLite's own locks. You see its latest state.",
    ),
    "live": (
        "read in place while another program has it open",
        "Another program uses it in write-ahead log mode. You always see its latest commit, and "
        "the other program does not wait for you.",
    ),
    "not closed cleanly": (
        "read with the log that its last program left behind",
        "A program that has ended left a write-ahead log. It is read in full, and the files are "
        "not changed.",
    ),
    "snapshot": (
        "read from a private copy",
        "It was locked, or needed recovery, which would have changed it. A copy was made and "
        "recovered. A new copy is made when the file changes, or when you read it again.",
    ),
    "changing": (
        "not read: it changed during every attempt",
        "It is being written right now. Try again in a moment.",
    ),
    "busy": (
        "not read: another program has locked it",
        "Its state cannot be known while the lock lasts. Try again in a moment, or close that "
        "program.",
    ),
    "partly readable": (
        "read as far as this SQLite can",
        "An extension, a tokenizer or a collation is missing here. The tables that need it are "
        "left out, or cannot be sorted; the others are complete.",
    ),
    "needs recovery": (
        "not read: its last writer stopped half-way",
        "A private copy to recover it in would be too big, or its journal is invalid.",
    ),
    "checking": ("not read yet", "The scan has found it and will read it soon."),
    "gone": ("not read: it is no longer there", "It was moved or deleted. Scan again."),
    "unreadable": (
        "not read: it was readable before",
        "The Skipped tab of the catalogue has the reason.",
    ),
}
#: Statuses of databases whose tables are known.
READABLE = frozenset({"ready", "live", "not closed cleanly", "snapshot", "partly readable"})
#: Statuses that need no action.
HEALTHY = frozenset({"ready", "live", "checking"})
#: Statuses that may end soon; the scan task probes again.
TRANSIENT = frozenset({"busy", "changing"})
#: Statuses that hold until the file changes.
STABLE = frozenset({"ready", "partly readable"})


def format_status(status: str, detail: str = "", taken_at: float | None = None) -> str:
    """A status with its reason, or the time of the snapshot: "snapshot 14:30:00"."""
    if status == "partly readable" and detail:
        return f"{status}: {detail}"
    if status == "snapshot" and taken_at:
        return f"{status} {time.strftime('%H:%M:%S', time.localtime(taken_at))}"
    return status

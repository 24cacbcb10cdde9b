"""What the states of a found database mean, in words. Pure."""

from __future__ import annotations

# A word of the catalogue → how the database is read, and what that means.
MEANINGS = {
    "ready": (
        "read in place",
        "The file itself is read, under SQLite's own locks. You see its latest state.",
    ),
    "live": (
        "read in place while another program has it open",
        "Another program uses it in write-ahead log mode. You always see its latest commit, and "
        "the other program does not wait for you.",
    ),
    "not closed cleanly": (
        "read with the log that its last program left behind",
        "A program that is gone left a write-ahead log. It is read in full, nothing is lost, and "
        "the files stay as they are.",
    ),
    "snapshot": (
        "read from a private copy",
        "It was locked, or needed recovery, which would have changed it. So a copy was made, and "
        "recovered there. A new copy is made when the file changes, or when you read it again.",
    ),
    "partly readable": (
        "read as far as this SQLite can",
        "An extension, a tokenizer or a collation is missing here. The tables that need it are "
        "left out, or cannot be sorted; the others are complete.",
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
    "needs recovery": (
        "not read: its last writer stopped half-way",
        "A private copy in which it could be recovered would be too big, or its journal lies.",
    ),
    "checking": ("not looked into yet", "The scan has found it and will look into it soon."),
    "gone": ("not read: it is no longer there", "It was moved or deleted. Scan again."),
    "unreadable": (
        "not read: it was readable before",
        "The Skipped tab of the catalogue has the reason.",
    ),
}


def state_key(status: str) -> str:
    """The word of a status with a time or a reason: "snapshot 14:30:00" → "snapshot"."""
    return next((word for word in MEANINGS if status.startswith(word)), "")


def describe(status: str) -> str:
    """How a database of this status is read."""
    return MEANINGS.get(state_key(status), (status, ""))[0]

"""The error family: what happened to one scanned file, in words a person can act on."""

from __future__ import annotations


class ScanError(Exception):
    """Anything this plugin refuses or cannot do."""


class UsageError(ScanError):
    """A bad option or configuration value."""


class FinderError(ScanError):
    """The scanner program is missing, or said that it was misused."""


class ReadOnlyError(ScanError):
    """Somebody asked for a write to a scanned database."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} was found by a scan: scanned databases are read-only")


class UnavailableError(ScanError):
    """A scanned file that cannot be read rightly at this moment.

    ``status`` is the word shown in the catalogue, ``http_status`` the answer's code.
    """

    status = "unreadable"
    http_status = 503
    advice = "Scan again when the file has been repaired or put back."


class GoneError(UnavailableError):
    """The file is no longer there."""

    status = "gone"
    http_status = 410
    advice = "It was moved or deleted since it was found. Scan again to look for it elsewhere."


class DeniedError(UnavailableError):
    """The operating system does not let this user read the file."""

    status = "denied"
    http_status = 403
    advice = "Give the user that runs Datasette the right to read it, then scan again."


class BusyError(UnavailableError):
    """Another program holds the file in a state that cannot be read rightly."""

    status = "busy"
    advice = "Another program has locked it. Try again in a moment, or close that program."


class ChangingError(UnavailableError):
    """The file changed during every attempt to read it."""

    status = "changing"
    advice = "It is being written right now. Try again in a moment."


class RecoveryError(UnavailableError):
    """An interrupted transaction has to be rolled back or replayed first."""

    status = "needs recovery"
    advice = (
        "Its last writer stopped half-way and the file is too big for a private copy. "
        "Open it once with the program that owns it, or raise snapshot_max_mb."
    )


class CorruptError(UnavailableError):
    """SQLite says that the file is damaged or is not a database."""

    status = "corrupt"
    advice = "Restore it from a backup, or salvage it with the sqlite3 shell's .recover command."

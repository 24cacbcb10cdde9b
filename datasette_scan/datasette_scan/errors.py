"""This plugin's errors: why a scanned file cannot be read, and what to do."""

from __future__ import annotations

from datasette.utils.asgi import Base400

from .sqlite import sqlite3


class ScanError(Exception):
    """Anything this plugin refuses or cannot do."""


class UsageError(ScanError):
    """A bad option or configuration value."""


class FinderError(ScanError):
    """The scanner program is missing, or rejected its arguments."""


class ReadOnlyError(ScanError, Base400):  # type: ignore[misc]  # Base400 has no types
    """A write to a scanned database was refused."""

    word = "read-only"
    status = 403
    retry_seconds = 0
    advice = "Copy the file and serve the copy if you want to change it."

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} was found by a scan: scanned databases are read-only")


class UnavailableError(ScanError, Base400):  # type: ignore[misc]  # Base400 has no types
    """A scanned file that cannot be read consistently now.

    ``word`` is the status in the catalogue, ``status`` the HTTP status code. Datasette reads
    that from subclasses of Base400, and prints no traceback for them.
    """

    word = "unreadable"
    status = 503
    retry_seconds = 0  # when the same request may succeed; 0 for never
    advice = "Scan again when the file has been repaired or put back."

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice or self.advice


class StillScanningError(UnavailableError):
    """No database has this name yet, and a scan is under way."""

    word = "not found yet"
    retry_seconds = 2
    advice = "A scan is under way. This page reloads itself until the scan has ended."


class GoneError(UnavailableError):
    """The file is no longer there."""

    word = "gone"
    status = 410
    advice = "It was moved or deleted since it was found. Scan again to look for it elsewhere."


class DeniedError(UnavailableError):
    """The operating system does not let this user read the file."""

    word = "denied"
    status = 403
    advice = "Give the user that runs Datasette the right to read it, then scan again."


class BusyError(UnavailableError):
    """Another program has locked the file in a state that cannot be read."""

    word = "busy"
    retry_seconds = 2
    advice = "Another program has locked it. Try again in a moment, or close that program."


class ChangingError(UnavailableError):
    """The file changed during every attempt to read it."""

    word = "changing"
    retry_seconds = 2
    advice = "It is being written right now. Try again in a moment."


class StoppingError(UnavailableError):
    """The server is about to end."""

    word = "stopping"
    advice = "Start the server again."


class RefusedError(UnavailableError):
    """The system refused a file descriptor, a thread or memory."""

    retry_seconds = 2


class RecoveryError(UnavailableError):
    """An interrupted transaction cannot be rolled back or replayed."""

    word = "needs recovery"
    advice = (
        "Its last writer stopped half-way and the file is too big for a private copy. "
        "Open it once with the program that owns it, or raise snapshot_max_mb."
    )


class MissingCollationError(sqlite3.OperationalError):
    """A query compares texts by a collation that is not available."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no such collation sequence: {name}")


class MissingPartError(UnavailableError):
    """A table needs an extension or a tokenizer that this Datasette does not have."""

    word = "partly readable"
    status = 400
    advice = "Load the extension with --load-extension, or look at the other tables."


class TooComplexError(UnavailableError):
    """Reading the file would take more time or memory than the limits allow."""

    word = "too complex to look into"
    status = 400
    advice = (
        "Its tables or views need more time or memory than one file may have. "
        "If you trust it, serve it alone with a higher memory_max_mb."
    )


class TooLargeError(UnavailableError):
    """A copy of the database would exceed the limit for private copies."""

    word = "too large to download"
    status = 413
    advice = "Copy the file itself while no program writes to it, or raise snapshot_max_mb."


class CorruptError(UnavailableError):
    """SQLite says that the file is damaged or is not a database."""

    word = "corrupt"
    advice = "Restore it from a backup, or salvage it with the sqlite3 shell's .recover command."


class DamagedError(CorruptError, sqlite3.DatabaseError):
    """SQLite found the damage during a query. Datasette handles it as a DatabaseError.

    The text is SQLite's, since Datasette may show it to anybody.
    """

    status = 500


class QueryTooComplexError(TooComplexError, sqlite3.OperationalError):
    """The same during a query. Datasette shows it as an OperationalError."""

    word = "too complex"
    advice = "Select fewer rows, columns or bytes. If you need them all, raise memory_max_mb."


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether SQLite reports that the file itself is bad, rather than the query or its data."""
    message = str(error)
    return type(error) is sqlite3.DatabaseError and (
        "image is malformed" in message
        or message.startswith("malformed database schema")
        or "not a database" in message
    )

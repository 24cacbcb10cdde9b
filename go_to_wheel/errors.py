"""The error family: everything that go-to-wheel says when it refuses.

Each error has its data; only the command line prints it and exits. A message quotes the value
that was wrong; a hint says what to do next.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable

#: What to do about a failure that says no more.
SHOW_COMMANDS = "show the commands that ran: go-to-wheel --verbose …"
#: What to do when the system has no more of something, by the error's number.
_SHORTAGES = {
    errno.EAGAIN: "allow more processes and threads: ulimit -u 256",
    errno.EMFILE: "allow more open files: ulimit -n 1024",
    errno.ENFILE: "end programs that have many files open",
    errno.ENOMEM: "allow more memory: ulimit -v unlimited",
    errno.ENOSPC: "free some space, or name a folder on another disk: --output-dir, TMPDIR=…",
    errno.EROFS: "name a folder that can be written to: --output-dir, TMPDIR=…",
}


def shortage_hint(error: Exception) -> str:
    """What to do about an OSError that says that something has run out; "" for others."""
    if "No usable temporary directory" in str(error):
        return "name a folder that can be written to: TMPDIR=…"
    return _SHORTAGES.get(getattr(error, "errno", None) or 0, "")


class GoToWheelError(Exception):
    """Base of every error that go-to-wheel raises on purpose.

    `message` is one or more lines for the `error:` part, `hint` (the class's own when none
    is given, which may be empty) is what to do next, `exit_code` is what a command line
    should exit with.
    """

    exit_code = 1
    usual_hint = ""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.usual_hint

    def __str__(self) -> str:  # OSError's own would drop the message
        return self.message


class MissingPathError(GoToWheelError, FileNotFoundError):
    """A file or folder that the user named does not exist."""


class InvalidOptionsError(GoToWheelError, ValueError):
    """One or more option values can't be used; `faults` holds one line for each."""

    usual_hint = "see what each value may be: go-to-wheel --help"

    def __init__(self, faults: Iterable[str], hint: str = "") -> None:
        self.faults = tuple(faults)
        several = [f"{len(self.faults)} values can't be used:"]
        several += [f"- {fault}" for fault in self.faults]
        super().__init__("\n".join(several if len(self.faults) != 1 else self.faults), hint)


class SourceError(GoToWheelError, ValueError):
    """The source is not something that can be built (no go.mod, not package main …)."""

    usual_hint = SHOW_COMMANDS


class BinaryError(GoToWheelError, ValueError):
    """A binary that can't be read, or is not what its target or tag claims."""


class WheelError(GoToWheelError, ValueError):
    """A wheel that can't be written or read."""


class ToolchainError(GoToWheelError, RuntimeError):
    """Go is missing, too old, or failed."""

    usual_hint = SHOW_COMMANDS


class OutputError(GoToWheelError, OSError):
    """The output folder can't be written."""


class BuildFailedError(GoToWheelError, RuntimeError):
    """Some targets could not be built; `failures` maps each target's name to its error."""

    usual_hint = SHOW_COMMANDS

    def __init__(self, failures: dict[str, GoToWheelError], hint: str = "") -> None:
        self.failures = failures
        # one block for each distinct message
        blocks = [
            f"{', '.join(name for name in failures if failures[name].message == text)}: {text}"
            for text in dict.fromkeys(error.message for error in failures.values())
        ]
        hints = dict.fromkeys(error.hint for error in failures.values() if error.hint)
        super().__init__("\n".join(blocks), hint or "\n".join(hints))

"""The exceptions of go-to-wheel, and the messages and hints for other exceptions.

A message quotes the invalid value; a hint is the next thing to do. Only the command line prints
them and exits.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Mapping

#: The hint for failures that have no other.
SHOW_COMMANDS = "show the commands that ran: go-to-wheel --verbose …"
#: Hints for exhausted system resources, by errno.
_SHORTAGES = {
    errno.EAGAIN: "allow more processes and threads: ulimit -u 256",
    errno.EMFILE: "allow more open files: ulimit -n 1024",
    errno.ENFILE: "end programs that have many files open",
    errno.ENOMEM: "allow more memory: ulimit -v unlimited",
    errno.ENOSPC: "free some space, or name a folder on another disk: --output-dir, TMPDIR=…",
    errno.EROFS: "name a folder that can be written to: --output-dir, TMPDIR=…",
}
#: Messages of exceptions without an errno, about memory or threads.
_REFUSED = re.compile("start new thread|failed to map segment|allocate memory")


def shortage_hint(error: BaseException | None) -> str:
    """The hint for an error about an exhausted system resource, or ""."""
    if "No usable temporary directory" in str(error):
        return "name a folder that can be written to: TMPDIR=…"
    return _SHORTAGES.get(getattr(error, "errno", None) or 0, "")


def explain(error: Exception) -> tuple[str, str] | None:
    """The message and hint of an expected error; None for a bug, which needs its traceback."""
    if isinstance(error, GoToWheelError):
        return error.message, error.hint
    if isinstance(error, OSError):  # a full disk behind stdout, say
        named = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{named}", shortage_hint(error)
    if isinstance(error, MemoryError) or _REFUSED.search(str(error)):
        text = str(error) or "out of memory"
        return f"the system refuses: {text}", "raise its limits: ulimit -v, -u"
    return None


class GoToWheelError(Exception):
    """Base class: `message` is one or more lines, `exit_code` the process's exit code."""

    exit_code = 1
    default_hint = ""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self._hint = hint or self.default_hint

    @property
    def hint(self) -> str:
        """What to do next; an exhausted resource that caused the error takes precedence."""
        if getattr(self.__context__, "errno", None) == errno.EROFS:
            return self._hint
        return shortage_hint(self.__context__) or self._hint

    def __str__(self) -> str:  # OSError's own would drop the message
        return self.message


class MissingPathError(GoToWheelError, FileNotFoundError):
    """A file or folder that the user named does not exist."""


class InvalidOptionsError(GoToWheelError, ValueError):
    """One or more option values can't be used; `problems` holds one line for each."""

    default_hint = "see what each value may be: go-to-wheel --help"

    def __init__(self, problems: Iterable[str], hint: str = "") -> None:
        self.problems = tuple(problems)
        several = [f"{len(self.problems)} values can't be used:"]
        several += [f"- {problem}" for problem in self.problems]
        super().__init__("\n".join(several if len(self.problems) != 1 else self.problems), hint)


class SourceError(GoToWheelError, ValueError):
    """The source can't be built (no go.mod, not package main …)."""

    default_hint = SHOW_COMMANDS


class BinaryError(GoToWheelError, ValueError):
    """A binary can't be read, or doesn't match its target or tag."""


class WheelError(GoToWheelError, ValueError):
    """A wheel can't be written or read."""


class ToolchainError(GoToWheelError, RuntimeError):
    """Go is missing, too old, or failed."""

    default_hint = SHOW_COMMANDS


class OutputError(GoToWheelError, OSError):
    """The output folder can't be written to."""


class ShortageError(GoToWheelError, RuntimeError):
    """A program could not be started because a system resource is exhausted."""


class BuildFailedError(GoToWheelError, RuntimeError):
    """Some targets could not be built; `failures` maps each target's name to its error."""

    default_hint = SHOW_COMMANDS

    def __init__(self, failures: Mapping[str, GoToWheelError], hint: str = "") -> None:
        self.failures = failures
        # one block for each distinct message
        blocks = [
            f"{', '.join(name for name in failures if failures[name].message == text)}: {text}"
            for text in dict.fromkeys(error.message for error in failures.values())
        ]
        hints = dict.fromkeys(error.hint for error in failures.values() if error.hint)
        super().__init__("\n".join(blocks), hint or "\n".join(hints))

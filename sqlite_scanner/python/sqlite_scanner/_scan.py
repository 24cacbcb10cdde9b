"""Runs the scanner and yields its records while it scans.

Each iterator owns one process. The first ``next`` starts it; it has ended when the iterator
is exhausted or closed, also by leaving the loop early or by an exception.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, Literal, TypedDict, overload

from ._launcher import get_binary_path
from ._records import Match, Problem, Progress, Record, parse_record

__all__ = [
    "Match",
    "Problem",
    "Progress",
    "Record",
    "ScanError",
    "ScanOptions",
    "ascan",
    "scan",
]

if TYPE_CHECKING:
    from typing_extensions import Unpack  # type checkers have it built in; Python from 3.11 on

Root = str | bytes | os.PathLike[str] | os.PathLike[bytes]

#: The scanner's exit code when it could not scan everything.
_INCOMPLETE = 1
#: Longest line that is read; a path has at most some thousand characters.
_LINE_LIMIT = 2**20
_STOP_SECONDS = 5.0
#: What Go prints when the system refuses it memory or a thread, then a page of its state.
_GO_PANIC = "fatal error: "


class ScanError(Exception):
    """The scan failed, or some of it did.

    `exit_code` is the program's (negative: the signal that ended it), `problems` are the
    entries that could not be looked at, `stderr` is what the program printed there.
    """

    def __init__(self, exit_code: int, problems: tuple[Problem, ...], stderr: str) -> None:
        self.exit_code = exit_code
        self.problems = problems
        self.stderr = stderr
        super().__init__(_describe(exit_code, problems, stderr))


def _describe(exit_code: int, problems: tuple[Problem, ...], stderr: str) -> str:
    if exit_code == _INCOMPLETE and problems:
        first = problems[0]
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        return f"could not scan {first.path}: {first.error}{more}"
    if exit_code < 0:
        return f"the scanner was ended by signal {-exit_code}"
    if _GO_PANIC in stderr:
        reason = stderr.partition(_GO_PANIC)[2].partition("\n")[0]
        return f"the scanner ran out of memory or processes ({reason}): see ulimit -v, ulimit -u"
    return stderr.strip() or f"the scanner ended with exit code {exit_code}"


class ScanOptions(TypedDict, total=False):
    """The program's flags, as keyword arguments call them."""

    exclude: Iterable[str]
    max_depth: int | None
    one_file_system: bool
    no_hidden: bool
    follow: bool
    recall: bool
    quick: bool
    unique: bool
    strict: bool
    workers: int | None


def _arguments(roots: Iterable[Root], options: Mapping[str, Any]) -> list[str | bytes]:
    """Keyword arguments -> the program's own. Raises TypeError for those it doesn't have."""
    arguments: list[str | bytes] = ["--jsonl", "--details", "--events"]
    for name, value in options.items():
        if name not in ScanOptions.__annotations__:
            known = ", ".join([*ScanOptions.__annotations__, "events"])
            raise TypeError(f"unexpected keyword argument {name!r}; there are: {known}")
        flag = f"--{name.replace('_', '-')}"
        if name == "exclude":
            arguments += [f"{flag}={pattern}" for pattern in _patterns(value)]
        elif value is True:
            arguments.append(flag)
        elif value is not None and value is not False:
            arguments.append(f"{flag}={value}")
    return [*arguments, "--", *(os.fspath(root) for root in roots)]


def _patterns(exclude: Iterable[str]) -> Iterable[str]:
    if isinstance(exclude, str):
        raise TypeError(f"exclude must be a list of patterns, not the single text {exclude!r}")
    return exclude


@overload
def scan(
    *roots: Root, events: Literal[False] = ..., **options: Unpack[ScanOptions]
) -> Iterator[Match]: ...
@overload
def scan(
    *roots: Root, events: Literal[True], **options: Unpack[ScanOptions]
) -> Iterator[Record]: ...
def scan(*roots: Root, events: bool = False, **options: Unpack[ScanOptions]) -> Iterator[Record]:
    """Yield each database below the roots (default: the current folder) as it is found.

    The options are the program's flags: `exclude` (a list of patterns), `max_depth`,
    `one_file_system`, `no_hidden`, `follow`, `recall`, `quick`, `unique`, `strict` and
    `workers`. With `events` the iterator yields `Progress` and `Problem` records too.
    Raises ScanError when the program failed; and, unless `events` has reported it already, at
    the end of a scan that was not complete.
    """
    return _scan(_arguments(roots, options), events)


@overload
def ascan(
    *roots: Root, events: Literal[False] = ..., **options: Unpack[ScanOptions]
) -> AsyncIterator[Match]: ...
@overload
def ascan(
    *roots: Root, events: Literal[True], **options: Unpack[ScanOptions]
) -> AsyncIterator[Record]: ...
def ascan(
    *roots: Root, events: bool = False, **options: Unpack[ScanOptions]
) -> AsyncIterator[Record]:
    """The same for `async for`; leaving the loop early ends the program, too.

    Use `contextlib.aclosing` to end the program at a certain point.
    """
    return _ascan(_arguments(roots, options), events)


class _Reader:
    """Lines -> records to yield. Collects problems for the error at the end."""

    def __init__(self, events: bool) -> None:
        self._events = events
        self._problems: list[Problem] = []

    def read(self, line: bytes) -> Record | None:
        """The record of a line, if it is one to yield."""
        try:
            record = parse_record(line)
        except ValueError as error:
            raise ScanError(0, tuple(self._problems), str(error)) from None
        if isinstance(record, Problem):
            self._problems.append(record)
        return record if self._events or isinstance(record, Match) else None

    def check_exit(self, exit_code: int, stderr: IO[bytes]) -> None:
        """Raise ScanError if the scanner failed, or left something out without an event."""
        if exit_code == 0 or (exit_code == _INCOMPLETE and self._events and self._problems):
            return
        stderr.seek(0)
        message = stderr.read().decode(errors="replace")
        raise ScanError(exit_code, tuple(self._problems), message)


def _stderr_file() -> IO[bytes]:
    """An anonymous file. On Linux it may be in memory: containers can be read-only."""
    try:
        return tempfile.TemporaryFile()
    except FileNotFoundError:  # no temporary directory
        if not hasattr(os, "memfd_create"):
            raise
        return os.fdopen(os.memfd_create("stderr"), "w+b")


def _scan(arguments: list[str | bytes], events: bool) -> Iterator[Record]:
    reader = _Reader(events)
    with _stderr_file() as stderr:
        process = subprocess.Popen(
            [get_binary_path(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        try:
            for line in process.stdout or ():
                if (record := reader.read(line)) is not None:
                    yield record
            reader.check_exit(process.wait(), stderr)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and close its pipe."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


async def _ascan(arguments: list[str | bytes], events: bool) -> AsyncIterator[Record]:
    reader = _Reader(events)
    with _stderr_file() as stderr:
        process = await asyncio.create_subprocess_exec(
            get_binary_path(),
            *arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            limit=_LINE_LIMIT,
        )
        try:
            if process.stdout is not None:
                async for line in process.stdout:
                    if (record := reader.read(line)) is not None:
                        yield record
            reader.check_exit(await process.wait(), stderr)
        finally:
            await _aend(process)


async def _aend(process: asyncio.subprocess.Process) -> None:
    """The same, without blocking the loop.

    Reads and drops the rest of the pipe: asyncio closes it only at its end, and stops
    reading while its buffer is full.
    """
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.communicate(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.communicate()

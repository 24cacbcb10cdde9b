"""Runs the scanner and yields its records while it scans.

Each iterator owns one process. It starts with the first record asked for and is gone when
the iterator is: at the end, when the loop is left early, or when an exception passes.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Literal, overload

from ._launcher import get_binary_path
from ._records import Match, Problem, Progress, Record, parse_record

__all__ = ["Match", "Problem", "Progress", "Record", "ScanError", "ascan", "scan"]

Root = str | bytes | os.PathLike[str] | os.PathLike[bytes]

#: The scanner's exit code when it went on past what it could not scan.
_INCOMPLETE = 1
#: Longest line that is read; a path has at most some thousand characters.
_LINE_LIMIT = 2**20
_STOP_SECONDS = 5.0


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
    return stderr.strip() or f"the scanner ended with exit code {exit_code}"


@dataclass(frozen=True)
class _Options:
    """The scanner's flags, as keyword arguments call them."""

    exclude: tuple[str, ...]
    max_depth: int | None
    workers: int | None
    switches: tuple[str, ...]

    def arguments(self, roots: Iterable[Root]) -> list[str | bytes]:
        arguments: list[str | bytes] = ["--jsonl", "--details", "--events"]
        arguments += [f"--exclude={pattern}" for pattern in self.exclude]
        if self.max_depth is not None:
            arguments.append(f"--max-depth={self.max_depth}")
        if self.workers is not None:
            arguments.append(f"--workers={self.workers}")
        paths = [os.fspath(root) for root in roots]
        return [*arguments, *(f"--{name}" for name in self.switches), "--", *paths]


def _options(
    exclude: Iterable[str], max_depth: int | None, workers: int | None, **switches: bool
) -> _Options:
    if isinstance(exclude, str):
        raise TypeError(f"exclude must be a list of patterns, not the single text {exclude!r}")
    names = tuple(name.replace("_", "-") for name, on in switches.items() if on)
    return _Options(tuple(exclude), max_depth, workers, names)


@overload
def scan(
    *roots: Root,
    exclude: Iterable[str] = ...,
    max_depth: int | None = ...,
    one_file_system: bool = ...,
    no_hidden: bool = ...,
    follow: bool = ...,
    recall: bool = ...,
    quick: bool = ...,
    unique: bool = ...,
    strict: bool = ...,
    workers: int | None = ...,
    events: Literal[False] = ...,
) -> Iterator[Match]: ...
@overload
def scan(
    *roots: Root,
    exclude: Iterable[str] = ...,
    max_depth: int | None = ...,
    one_file_system: bool = ...,
    no_hidden: bool = ...,
    follow: bool = ...,
    recall: bool = ...,
    quick: bool = ...,
    unique: bool = ...,
    strict: bool = ...,
    workers: int | None = ...,
    events: Literal[True],
) -> Iterator[Record]: ...
def scan(
    *roots: Root,
    exclude: Iterable[str] = (),
    max_depth: int | None = None,
    one_file_system: bool = False,
    no_hidden: bool = False,
    follow: bool = False,
    recall: bool = False,
    quick: bool = False,
    unique: bool = False,
    strict: bool = False,
    workers: int | None = None,
    events: bool = False,
) -> Iterator[Record]:
    """Yield each database below the roots (default: the current folder) as it is found.

    The options are the program's flags. With `events` the iterator yields `Progress` and
    `Problem` records too. Raises ScanError when the program failed; and, unless `events`
    has told it already, at the end of a scan that could not look at everything.
    """
    options = _options(
        exclude, max_depth, workers, one_file_system=one_file_system, no_hidden=no_hidden,
        follow=follow, recall=recall, quick=quick, unique=unique, strict=strict,
    )  # fmt: skip
    return _scan(options.arguments(roots), events)


@overload
def ascan(
    *roots: Root,
    exclude: Iterable[str] = ...,
    max_depth: int | None = ...,
    one_file_system: bool = ...,
    no_hidden: bool = ...,
    follow: bool = ...,
    recall: bool = ...,
    quick: bool = ...,
    unique: bool = ...,
    strict: bool = ...,
    workers: int | None = ...,
    events: Literal[False] = ...,
) -> AsyncIterator[Match]: ...
@overload
def ascan(
    *roots: Root,
    exclude: Iterable[str] = ...,
    max_depth: int | None = ...,
    one_file_system: bool = ...,
    no_hidden: bool = ...,
    follow: bool = ...,
    recall: bool = ...,
    quick: bool = ...,
    unique: bool = ...,
    strict: bool = ...,
    workers: int | None = ...,
    events: Literal[True],
) -> AsyncIterator[Record]: ...
def ascan(
    *roots: Root,
    exclude: Iterable[str] = (),
    max_depth: int | None = None,
    one_file_system: bool = False,
    no_hidden: bool = False,
    follow: bool = False,
    recall: bool = False,
    quick: bool = False,
    unique: bool = False,
    strict: bool = False,
    workers: int | None = None,
    events: bool = False,
) -> AsyncIterator[Record]:
    """The same for `async for`; leaving the loop early ends the program, too.

    Wrap it in `contextlib.aclosing` where the program must be gone at a certain point.
    """
    options = _options(
        exclude, max_depth, workers, one_file_system=one_file_system, no_hidden=no_hidden,
        follow=follow, recall=recall, quick=quick, unique=unique, strict=strict,
    )  # fmt: skip
    return _ascan(options.arguments(roots), events)


class _Reader:
    """Lines -> records to yield; remembers problems for the verdict at the end."""

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

    def judge(self, exit_code: int, stderr: IO[bytes]) -> None:
        """Raise ScanError for an end that was not a good one."""
        if exit_code == 0 or (exit_code == _INCOMPLETE and self._events and self._problems):
            return
        stderr.seek(0)
        said = stderr.read().decode(errors="replace")
        raise ScanError(exit_code, tuple(self._problems), said)


def _scan(arguments: list[str | bytes], events: bool) -> Iterator[Record]:
    reader = _Reader(events)
    with tempfile.TemporaryFile() as stderr:
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
            reader.judge(process.wait(), stderr)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that the program is gone and its pipe closed."""
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
    with tempfile.TemporaryFile() as stderr:
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
            reader.judge(await process.wait(), stderr)
        finally:
            await _aend(process)


async def _aend(process: asyncio.subprocess.Process) -> None:
    """The same, without blocking the loop; its transport closes the pipe."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()

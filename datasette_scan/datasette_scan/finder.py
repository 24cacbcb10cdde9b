"""Runs sqlite-scanner and parses its output while it runs."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import sqlite_scanner

from .errors import FinderError, UsageError
from .opening import windows
from .system_limits import get_advice
from .text import visible

_LINE_LIMIT = 1 << 20
_STDERR_LIMIT = 4000

# Excluded without --all: copies that programs make for themselves.
DEFAULT_EXCLUDES = (
    ".git/",
    ".hg/",
    "node_modules/",
    "__pycache__/",
    ".cache/",
    "Caches/",
    "Cache/",
    "GPUCache/",
)


# Running scanners: an event loop that Ctrl-C ended does not await them.
_running: set[asyncio.subprocess.Process] = set()


@dataclass(frozen=True, slots=True)
class Match:
    """A file whose first bytes are those of a SQLite database."""

    path: bytes
    size: int
    device: int
    inode: int
    valid: bool
    reason: str
    application: str
    application_id: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The number of files, folders, matches and errors so far."""

    files: int = 0
    folders: int = 0
    matches: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """A file or folder that the scanner could not read."""

    path: bytes
    kind: str
    error: str


Event = Match | Progress | Problem


@dataclass(frozen=True)
class FindOptions:
    """What to scan, and what to exclude."""

    roots: tuple[bytes, ...]
    exclude: tuple[str, ...] = ()
    max_depth: int | None = None
    include_all: bool = False

    def excluded(self) -> tuple[str, ...]:
        """Every excluded pattern."""
        return self.exclude if self.include_all else DEFAULT_EXCLUDES + self.exclude

    def command(self) -> list[bytes | str]:
        """The scanner's command line."""
        words: list[bytes | str] = [scanner_path(), "--jsonl", "--details", "--events"]
        for glob in self.excluded():
            words += ["--exclude", glob]
        if self.max_depth is not None:
            words += ["--max-depth", str(self.max_depth)]
        return [*words, "--", *self.roots]


def scanner_path() -> str:
    """The scanner's path. Raises FinderError when the wheel holds no program."""
    path = str(sqlite_scanner.get_binary_path())
    if not Path(path).is_file():
        raise FinderError(
            f"the sqlite-scanner program is missing: {path}. "
            "Install it again: pip install --force-reinstall sqlite-scanner"
        )
    return path


def check_globs(globs: tuple[str, ...]) -> None:
    """Run the scanner to check patterns. Raises UsageError with its message, FinderError."""
    scanner = scanner_path()
    words = [word for glob in globs for word in ("--exclude", glob)]
    if not words:
        return
    try:
        command = [scanner, *words, "--count", "--", scanner]
        result = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise _start_failure(error) from error
    if result.returncode == 2:
        raise UsageError(_reason(result.stderr.decode("utf-8", "replace").strip()))


def parse_event(line: bytes) -> Event | None:
    """One line of the scanner → an event; None for kinds that are not known here.

    Raises FinderError.
    """
    try:
        fields = json.loads(line)
        kind = fields.get("event")
        if kind == "match":
            return Match(
                path=_path(fields),
                size=int(fields["size"]),
                device=int(fields.get("device", 0)),
                inode=int(fields.get("inode", 0)),
                valid=bool(fields.get("valid", True)),
                reason=str(fields.get("reason", "")),
                application=str(fields.get("application", "")),
                application_id=int(fields.get("application_id", 0)),
            )
        if kind == "progress":
            counts = ("files", "folders", "matches", "errors")
            return Progress(*(int(fields.get(name, 0)) for name in counts))
        if kind == "error":
            kind, error = str(fields.get("kind", "io")), str(fields.get("error", ""))
            return Problem(_path(fields), kind, error)
    except (ValueError, OverflowError, KeyError, TypeError, AttributeError) as error:
        shown = visible(line[:200].decode("utf-8", "replace"))
        raise FinderError(f"sqlite-scanner wrote a line that is not its format: {shown}") from error
    return None


def _path(fields: dict[str, str]) -> bytes:
    exact = fields.get("path_base64")
    path = base64.b64decode(exact) if exact else os.fsencode(fields["path"])
    return windows.extended_path(path) if os.name == "nt" else path


async def find(options: FindOptions) -> AsyncGenerator[Event, None]:
    """Run the scanner; yield its events as its lines arrive.

    Starts the process and always awaits it; kills it first when the caller stops reading or
    is cancelled. Raises FinderError when the scanner cannot start, rejects its arguments, or
    writes an invalid line.
    """
    process = await _start_or_end(options)
    stdout = cast("asyncio.StreamReader", process.stdout)  # both are pipes
    stderr = asyncio.ensure_future(_read_tail(cast("asyncio.StreamReader", process.stderr)))
    began = False
    try:
        while line := await stdout.readline():
            began = True
            event = parse_event(line)
            if event is not None:
                yield event
        code = await process.wait()
        if code not in (0, 1) or not began:
            message = (await stderr).decode("utf-8", "replace").strip()
            raise FinderError(f"sqlite-scanner stopped with exit code {code}: {_reason(message)}")
    finally:
        stderr.cancel()
        await asyncio.wait([stderr])
        await _end(process)


def _reason(message: str) -> str:
    """The scanner's message; one line of Go's panic for lack of memory or threads."""
    _, crashed, reason = message.partition("fatal error: ")
    if crashed:
        return f"no memory or processes ({visible(reason.partition(chr(10))[0])}): ulimit -v, -u"
    message, _, _ = message.removeprefix("sqlite-scanner: error: ").partition("\nsqlite-scanner: ")
    return visible(message)


async def _start_or_end(options: FindOptions) -> asyncio.subprocess.Process:
    """Start the process; kill it if cancelled meanwhile, for which asyncio would wait for ever."""
    starting = asyncio.ensure_future(_start(options))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(FinderError):
            await _end(await starting)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.communicate()  # to the ends of its pipes, so nothing of it stays open
    _running.discard(process)


def kill_scanners() -> None:
    """Kill every scanner, however the command ends."""
    for process in _running:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    _running.clear()


async def _start(options: FindOptions) -> asyncio.subprocess.Process:
    command = options.command()
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
        )
    except OSError as error:
        raise _start_failure(error) from error
    _running.add(process)
    return process


def _start_failure(error: OSError) -> FinderError:
    advice = get_advice(error) or "install it again: pip install --force-reinstall sqlite-scanner"
    return FinderError(f"sqlite-scanner cannot be started: {error}; {advice}")


async def _read_tail(stream: asyncio.StreamReader) -> bytes:
    tail = b""
    while chunk := await stream.read(65536):
        tail = (tail + chunk)[-_STDERR_LIMIT:]
    return tail

"""Runs the sqlite-scanner program and decodes the lines that it writes, as they come."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import sqlite_scanner

from .errors import FinderError
from .opening import windows
from .text import visible

_LINE_LIMIT = 1 << 20
_STDERR_LIMIT = 4000

# Left out unless asked for with --all: copies that programs make for themselves.
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


# Scanners that run. A loop that is left by Ctrl-C without being closed awaits none of them.
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
    """How far the scan is."""

    files: int
    folders: int
    matches: int
    errors: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A file or folder that the scanner could not read."""

    path: bytes
    kind: str
    error: str


Event = Match | Progress | Problem


@dataclass(frozen=True)
class FindOptions:
    """Where to look, and where not."""

    roots: tuple[bytes, ...]
    exclude: tuple[str, ...] = ()
    max_depth: int | None = None
    include_all: bool = False

    def excluded(self) -> tuple[str, ...]:
        """Every pattern that is left out."""
        return self.exclude if self.include_all else DEFAULT_EXCLUDES + self.exclude

    def command(self) -> list[bytes | str]:
        """The scanner's command line."""
        words: list[bytes | str] = [program(), "--jsonl", "--details", "--events"]
        for glob in self.excluded():
            words += ["--exclude", glob]
        if self.max_depth is not None:
            words += ["--max-depth", str(self.max_depth)]
        return [*words, "--", *self.roots]


def program() -> str:
    """The scanner's path. Raises FinderError when the wheel holds no program."""
    path = str(sqlite_scanner.get_binary_path())
    if not Path(path).is_file():
        raise FinderError(
            f"the sqlite-scanner program is missing: {path}. "
            "Install it again: pip install --force-reinstall sqlite-scanner"
        )
    return path


def parse_event(line: bytes) -> Event | None:
    """One line of the scanner → an event; None for kinds that are not known here."""
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
        return Problem(_path(fields), str(fields.get("kind", "io")), str(fields.get("error", "")))
    return None


def _path(fields: dict[str, str]) -> bytes:
    exact = fields.get("path_base64")
    path = base64.b64decode(exact) if exact else os.fsencode(fields["path"])
    return windows.extend(path) if os.name == "nt" else path


async def find(options: FindOptions) -> AsyncGenerator[Event, None]:
    """Run the scanner; yield its events as its lines arrive.

    The process is started here and always awaited here: when the caller stops reading or
    is cancelled, it is killed first. Raises FinderError when it cannot start, is misused,
    or writes something that is not the agreed format.
    """
    process = await _start_whole(options)
    lines, said_wrong = _pipes(process)
    errors = asyncio.ensure_future(_drain(said_wrong))
    began = False
    try:
        while line := await lines.readline():
            began = True
            event = _decode(line)
            if event is not None:
                yield event
        code = await process.wait()
        if code not in (0, 1) or not began:
            said = (await errors).decode("utf-8", "replace").strip()
            raise FinderError(f"sqlite-scanner stopped with exit code {code}: {_reason(said)}")
    finally:
        errors.cancel()
        await asyncio.wait([errors])
        await _end(process)


def _reason(said: str) -> str:
    """What the scanner printed; of the page that Go prints when it is refused memory, a line."""
    _, crashed, reason = said.partition("fatal error: ")
    if crashed:
        return f"no memory or processes ({visible(reason.partition(chr(10))[0])}): ulimit -v, -u"
    return visible(said.removeprefix("sqlite-scanner: error: "))


async def _start_whole(options: FindOptions) -> asyncio.subprocess.Process:
    """Start the process; cancelled meanwhile, end it: asyncio itself would wait for ever."""
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


def end_all() -> None:
    """The command ends, however: no scanner outlives it."""
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
        raise FinderError(f"sqlite-scanner cannot be started: {error}") from error
    _running.add(process)
    return process


def _decode(line: bytes) -> Event | None:
    try:
        return parse_event(line)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        shown = visible(line[:200].decode("utf-8", "replace"))
        raise FinderError(f"sqlite-scanner wrote a line that is not its format: {shown}") from error


def _pipes(
    process: asyncio.subprocess.Process,
) -> tuple[asyncio.StreamReader, asyncio.StreamReader]:
    if process.stdout is None or process.stderr is None:
        raise FinderError("sqlite-scanner was started without pipes")
    return process.stdout, process.stderr


async def _drain(stream: asyncio.StreamReader) -> bytes:
    tail = b""
    while chunk := await stream.read(65536):
        tail = (tail + chunk)[-_STDERR_LIMIT:]
    return tail

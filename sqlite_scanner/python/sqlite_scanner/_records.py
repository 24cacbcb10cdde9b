"""The lines that the scanner prints with `--jsonl --details --events`, as typed records."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Match:
    """A database.

    `path` is absolute; bytes that are no UTF-8 are in it as surrogates, so that `open` and
    `os.fsencode` take it as it is. Sizes are bytes. `valid` says whether the header makes
    sense, `reason` why not. `companions` are the suffixes ("-wal" …) of files beside it;
    `application` is the name of what `application_id` stands for, where that is known.
    """

    path: str
    size: int
    modified: datetime
    device: int
    inode: int
    valid: bool
    reason: str | None
    page_size: int
    page_count: int
    encoding: str
    journal_mode: str
    user_version: int
    application_id: int
    application: str | None
    schema_format: int
    sqlite_version: str
    companions: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """How far the scan is: what was looked at and found so far."""

    files: int
    folders: int
    matches: int
    errors: int


@dataclass(frozen=True)
class Problem:
    """An entry that could not be looked at. `kind` is "denied", "in_use", "vanished" …"""

    path: str
    kind: str
    error: str


Record = Match | Progress | Problem


def parse_record(line: bytes | str) -> Record | None:
    """One line -> its record; None for an event that this version does not know.

    Raises ValueError for what is no such line.
    """
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError(f"not a record: {line!r}")
    reader = _READERS.get(data.get("event", ""))
    try:
        return reader(data) if reader else None
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a complete record ({error}): {line!r}") from None


def _match(data: Mapping[str, Any]) -> Match:
    return Match(
        path=_path(data),
        size=data["size"],
        modified=parse_time(data["modified"]),
        device=data["device"],
        inode=data["inode"],
        valid=data["valid"],
        reason=data.get("reason"),
        page_size=data["page_size"],
        page_count=data["page_count"],
        encoding=data["encoding"],
        journal_mode=data["journal_mode"],
        user_version=data["user_version"],
        application_id=data["application_id"],
        application=data.get("application"),
        schema_format=data["schema_format"],
        sqlite_version=data["sqlite_version"],
        companions=tuple(data["companions"] or ()),
    )


def _progress(data: Mapping[str, Any]) -> Progress:
    return Progress(data["files"], data["folders"], data["matches"], data["errors"])


def _problem(data: Mapping[str, Any]) -> Problem:
    return Problem(_path(data), data["kind"], data["error"])


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Record]] = {
    "match": _match,
    "progress": _progress,
    "error": _problem,
}


def _path(data: Mapping[str, Any]) -> str:
    exact = data.get("path_base64")
    return os.fsdecode(base64.b64decode(exact)) if exact else str(data["path"])


def parse_time(text: str) -> datetime:
    """RFC 3339 in UTC with nanoseconds -> a datetime, which holds microseconds."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    whole = datetime.fromisoformat(seconds).replace(tzinfo=UTC)
    return whole.replace(microsecond=int(f"{fraction:<06}"[:6]))

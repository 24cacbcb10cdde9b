"""The scanner's lines -> records. The module is loaded alone: it needs no program."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from systems import needs_names

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location(
    "sqlite_scanner_records", ROOT / "sqlite_scanner/python/sqlite_scanner/_records.py"
)
assert _SPEC
assert _SPEC.loader
records = importlib.util.module_from_spec(_SPEC)
sys.modules["sqlite_scanner_records"] = records
_SPEC.loader.exec_module(records)

MATCH: dict[str, Any] = {
    "event": "match", "path": "/a/b.db", "size": 8192,
    "modified": "2026-11-22T10:25:52.362790123Z", "device": 1, "inode": 2, "valid": True,
    "page_size": 4096, "page_count": 2, "encoding": "UTF-8", "journal_mode": "wal",
    "user_version": 3, "application_id": 0, "schema_format": 4, "sqlite_version": "3.40.1",
    "companions": ["-wal"],
}  # fmt: skip


def parse(data: dict[str, Any]) -> Any:
    return records.parse_record(json.dumps(data))


def test_match() -> None:
    match = parse(MATCH)
    assert isinstance(match, records.Match)
    assert (match.path, match.size, match.companions) == ("/a/b.db", 8192, ("-wal",))
    assert match.modified == datetime(2026, 11, 22, 10, 25, 52, 362790, UTC)
    assert (match.reason, match.application) == (None, None)


def test_optional_fields_and_fields_of_later_versions() -> None:
    match = parse({**MATCH, "valid": False, "reason": "cut short", "application": "Fossil", "x": 1})
    assert (match.valid, match.reason, match.application) == (False, "cut short", "Fossil")


@needs_names
def test_exact_bytes_of_a_name() -> None:
    raw = b"/a/\xff.db"
    exact = base64.b64encode(raw).decode()
    match = parse({**MATCH, "path": "/a/�.db", "path_base64": exact})
    assert os.fsencode(match.path) == raw


def test_progress_and_problem() -> None:
    line = {"event": "progress", "files": 1, "folders": 2, "matches": 3, "errors": 4}
    assert parse(line) == records.Progress(1, 2, 3, 4)
    line = {"event": "error", "path": "/x", "kind": "denied", "error": "permission denied"}
    assert parse(line) == records.Problem("/x", "denied", "permission denied")


def test_unknown_events_are_skipped() -> None:
    assert parse({"event": "summary", "seconds": 1}) is None
    assert parse({}) is None


@pytest.mark.parametrize("line", ["", "nonsense", "[]", '"x"', '{"event": "progress"}'])
def test_what_is_no_record(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        records.parse_record(line)


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [("2024-01-02T03:04:05Z", 0), ("2024-01-02T03:04:05.5Z", 500000),
     ("2024-01-02T03:04:05.000000999Z", 0)],
)  # fmt: skip
def test_times(text: str, microsecond: int) -> None:
    expected = datetime(2024, 1, 2, 3, 4, 5, microsecond, UTC)
    assert records.parse_time(text) == expected

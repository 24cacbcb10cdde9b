"""What --details prints, held against SQLite itself and the JSON schema."""

from __future__ import annotations

import base64
import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from scanner_support import MAGIC, REPOSITORY, make_database

Scan = Callable[..., "subprocess.CompletedProcess[bytes]"]
SCHEMA = json.loads((REPOSITORY / "docs" / "reference" / "sqlite-scanner.schema.json").read_text())
PRAGMAS = ("page_size", "page_count", "encoding", "user_version", "application_id")


def details(scan: Scan, *arguments: object) -> dict[str, dict[str, object]]:
    done = scan("--jsonl", "--details", *arguments)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {os.path.basename(str(record["path"])): record for record in found}


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_like_the_pragmas(scan: Scan, tree: Path, encoding: str, page_size: int, mode: str) -> None:
    path = make_database(
        tree / "x.db",
        f"pragma page_size={page_size}",
        f"pragma encoding='{encoding}'",
        f"pragma journal_mode={mode}",
        "pragma user_version=-7",
        "pragma application_id=0x47504B47",
    )
    record = details(scan, tree)["x.db"]
    connection = sqlite3.connect(path)
    for pragma in PRAGMAS:
        assert record[pragma] == connection.execute(f"pragma {pragma}").fetchone()[0], pragma
    connection.close()
    assert record["journal_mode"] == ("wal" if mode == "wal" else "rollback")
    assert (record["valid"], record["application"]) == (True, "OGC GeoPackage")
    assert (record["sqlite_version"], record["schema_format"]) == (sqlite3.sqlite_version, 4)


def test_like_stat(scan: Scan, tree: Path) -> None:
    path = make_database(tree / "x.db")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    record, stat = details(scan, tree)["x.db"], path.stat()
    assert (record["size"], record["device"], record["inode"]) == (
        stat.st_size,
        stat.st_dev,
        stat.st_ino,
    )
    when = datetime.fromtimestamp(1_700_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert record["modified"] == f"{when}.123456789Z"


def test_wal_in_use(scan: Scan, tree: Path) -> None:
    path = make_database(tree / "x.db", "pragma journal_mode=wal")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("insert into t values (2)")
    record = details(scan, tree)["x.db"]
    connection.close()
    assert record["companions"] == ["-wal", "-shm"]
    assert record["valid"] is True


def test_empty_databases_are_valid(scan: Scan, tree: Path) -> None:
    """One page, no table: as SQLite writes it."""
    connection = sqlite3.connect(tree / "x.db")
    connection.execute("pragma user_version=1")
    connection.close()
    record = details(scan, tree)["x.db"]
    assert (record["valid"], record["schema_format"], record["page_count"]) == (True, 0, 1)


def test_damage(scan: Scan, tree: Path) -> None:
    whole = make_database(tree / "whole.db").read_bytes()
    (tree / "magic.db").write_bytes(MAGIC)
    (tree / "header.db").write_bytes(whole[:100])
    (tree / "page.db").write_bytes(whole[:4096])
    (tree / "half.db").write_bytes(whole[:6000])
    found = details(scan, tree)
    reasons = {name: record.get("reason") for name, record in found.items()}
    assert reasons == {
        "whole.db": None,
        "magic.db": "file of 16 bytes is shorter than the 100-byte header",
        "header.db": "empty tail: the file ends 100 bytes into its first page of 4096",
        "page.db": "truncated: the header counts 2 pages of 4096, the file holds 1",
        "half.db": "truncated: the header counts 2 pages of 4096, the file holds 1",
    }
    assert all(record["valid"] == ("reason" not in record) for record in found.values())


def check(value: object) -> None:
    errors = [error.message for error in Draft202012Validator(SCHEMA).iter_errors(value)]
    assert not errors, (value, errors)


@pytest.fixture
def mixed(tree: Path) -> Path:
    whole = make_database(tree / "a.db", "pragma application_id=0x0f055111")
    (tree / "cut.db").write_bytes(MAGIC)
    (tree / "a.db-journal").write_bytes(b"")
    Path(os.fsdecode(os.fsencode(tree) + b"/bad\xe9.db")).write_bytes(whole.read_bytes())
    return tree


@pytest.mark.parametrize(
    "flags", ["", "--size", "--details", "--events", "--events --details", "--events --size"]
)
def test_lines_fit_the_schema(scan: Scan, mixed: Path, flags: str) -> None:
    bad = os.fsencode(mixed) + b"/gone\xff"
    done = scan("--jsonl", *flags.split(), "--", mixed, os.fsdecode(bad))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for line in lines:
        check(line)
        Draft202012Validator(
            {"$ref": f"#/$defs/{line.get('event', 'match')}", "$defs": SCHEMA["$defs"]}
        ).validate(line)
    kinds = [line.get("event") for line in lines]
    if "--events" in flags:
        assert (kinds.count("match"), kinds.count("error"), kinds[-1]) == (3, 1, "progress")
        (error,) = (line for line in lines if line["event"] == "error")
        assert base64.b64decode(error["path_base64"]) == bad
    else:
        assert kinds == [None, None, None]
    exact = [
        base64.b64decode(line["path_base64"])
        for line in lines
        if line.get("path", "").endswith("bad\ufffd.db")
    ]
    assert exact == [os.fsencode(mixed) + b"/bad\xe9.db"]


@pytest.mark.parametrize("flags", ["", "--size", "--details", "--details --sort"])
def test_documents_fit_the_schema(scan: Scan, mixed: Path, flags: str) -> None:
    done = scan("--json", *flags.split(), mixed)
    document = json.loads(done.stdout)
    check(document)
    assert len(document["entries"]) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "/x", "valid": True},
        {"path": ""},
        {"path": "/x", "other": 1},
        {"event": "progress", "files": 1},
        {"event": "error", "path": "/x", "kind": "odd", "error": "e"},
        {"entries": [{"event": "match", "path": "/x"}]},
        [],
    ],
)
def test_the_schema_refuses(wrong: object) -> None:
    assert list(Draft202012Validator(SCHEMA).iter_errors(wrong))


def test_the_manual_names_every_flag_and_field(scan: Scan) -> None:
    manual = (REPOSITORY / "docs" / "reference" / "sqlite-scanner.md").read_text()
    text = scan("--help").stdout.decode()
    flags = set(re.findall(r"(?m)^\s+(?:-\w, )?(--[a-z0-9-]+)", text))
    fields = {
        name
        for kind in ("match", "progress", "error")
        for name in SCHEMA["$defs"][kind]["properties"]
    }
    assert len(flags) > 20
    missing = [name for name in sorted(flags | fields) if f"`{name}" not in manual]
    assert not missing
    kinds = SCHEMA["$defs"]["error"]["properties"]["kind"]["enum"]
    assert all(f"`{kind}`" in manual for kind in kinds)

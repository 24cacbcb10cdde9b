"""What sqlite-scanner 0.1.1 does, ours does: both run on the same tree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from scanner_support import MAGIC, make_database

PEER = "sqlite-scanner==0.1.1"


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("peer")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "-d",
        str(folder),
        PEER,
    ]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    binary = folder / "sqlite_scanner" / "bin" / "sqlite-scanner"
    binary.chmod(0o755)
    return str(binary)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    make_database(root / "one.db")
    make_database(root / "sub" / 'two "q" <&>.sqlite')
    make_database(root / "sub" / ".deep" / "er" / "no extension")
    (root / "sub" / "magic-only").write_bytes(MAGIC)
    (root / "sub" / "cut").write_bytes(MAGIC[:-1])
    (root / "empty").write_bytes(b"")
    (root / "none").mkdir()
    (root / "link.db").symlink_to("one.db")
    (root / "sub" / "loop").symlink_to("..")
    (root / "way").symlink_to("sub")
    bad = make_database(root / "bad.db")
    os.rename(bad, os.fsencode(root) + b"/bad\xff.db")
    return root


def run(program: str, arguments: str, folder: Path) -> tuple[int, bytes]:
    done = subprocess.run(
        [program, *arguments.split()], cwd=folder, capture_output=True, timeout=240
    )
    return done.returncode, done.stdout


def records(text: bytes) -> list[str]:
    """JSON lines in an order of their own, without the field that 0.1.1 has not."""
    found = [json.loads(line) for line in text.splitlines()]
    return sorted(
        json.dumps({k: v for k, v in record.items() if k != "path_base64"}) for record in found
    )


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        ".",
        "sub",
        "sub one.db",
        "--path sub",
        "--path sub one.db",
        "sub --size",
        "--size --workers 3 sub",
        "way",
        "none",
        "empty",
    ],
)
def test_text(scanner: str, peer: str, sample: Path, arguments: str) -> None:
    ours, theirs = run(scanner, arguments, sample), run(peer, arguments, sample)
    assert ours[0] == theirs[0] == 0
    assert sorted(ours[1].splitlines()) == sorted(theirs[1].splitlines())


def test_overlapping_roots(scanner: str, peer: str, sample: Path) -> None:
    """The same files; 0.1.1 names some twice."""
    ours, theirs = (run(program, ". sub", sample)[1].splitlines() for program in (scanner, peer))
    assert set(ours) == set(theirs)
    assert len(ours) == len(set(ours)) < len(theirs)


@pytest.mark.parametrize(
    "arguments", ["--jsonl", "--jsonl --size", "sub --jsonl", "--json --jsonl", "none --jsonl"]
)
def test_json_lines(scanner: str, peer: str, sample: Path, arguments: str) -> None:
    ours, theirs = run(scanner, arguments, sample), run(peer, arguments, sample)
    assert ours[0] == theirs[0] == 0
    assert records(ours[1]) == records(theirs[1])


@pytest.mark.parametrize("arguments", ["--json", "--size --json", "sub --json --size"])
def test_json(scanner: str, peer: str, sample: Path, arguments: str) -> None:
    ours, theirs = (json.loads(run(program, arguments, sample)[1]) for program in (scanner, peer))
    assert list(ours) == list(theirs) == ["entries"]
    flat = [
        b"\n".join(json.dumps(entry).encode() for entry in found["entries"])
        for found in (ours, theirs)
    ]
    assert records(flat[0]) == records(flat[1])


@pytest.mark.parametrize("arguments", ["--json one.db", "--json --size one.db", "--json none"])
def test_json_is_laid_out_the_same(scanner: str, peer: str, sample: Path, arguments: str) -> None:
    assert run(scanner, arguments, sample) == run(peer, arguments, sample)


@pytest.mark.parametrize("arguments", ["--workers 0", "--workers -1", "--workers many", "--bogus"])
def test_misuse(scanner: str, peer: str, sample: Path, arguments: str) -> None:
    assert run(scanner, arguments, sample)[0] == run(peer, arguments, sample)[0] == 2


def test_version_and_help(scanner: str, peer: str, sample: Path) -> None:
    assert run(scanner, "--version", sample) == (0, b"1.2.3\n")
    assert run(peer, "--version", sample) == (0, b"0.1.1\n")
    done = subprocess.run([peer, "--help"], capture_output=True, timeout=240)
    theirs = set(re.findall(rb"--[a-z]+", done.stdout + done.stderr)) - {b"--flag", b"--form"}
    assert theirs <= set(re.findall(rb"--[a-z]+", run(scanner, "--help", sample)[1]))
    assert run(scanner, "-h", sample)[0] == run(peer, "-h", sample)[0] == 0

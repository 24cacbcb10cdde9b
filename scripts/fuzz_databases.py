"""Feed mutated journals, logs and databases to datasette-scan; nothing else may change.

    .venv-datasette-1.0/bin/python scripts/fuzz_databases.py [--runs 10000] [--seed 1]

Each run lays a mutated file beside (or in place of) a good one in a folder of bait files, looks
into it as a scan does, and reads a table. A finding is an exception that is not one of the
plugin's errors or SQLite's, a bait file or database that changed, a file that appeared, or a
read of more than ten seconds. Prints one line for each kind of file; exits with 1 on a finding.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from datasette_scan.errors import UnavailableError
from datasette_scan.finder import Match
from datasette_scan.opening import Limits, Opener, SnapshotStore, attempt
from datasette_scan.opening.connection import limit_memory
from datasette_scan.opening.fingerprint import Fingerprint
from datasette_scan.probe import probe_file

KINDS = ("journal", "wal", "database")
SLOW = 10.0
MAGIC = bytes.fromhex("d9d505f920a163d7")
_DIE = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute(f"PRAGMA journal_mode={sys.argv[2]}")
c.execute("PRAGMA cache_size=2")
c.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b)")
c.executemany("INSERT INTO t(b) VALUES (?)", [("x" * 500,)] * 60)
c.execute("CREATE INDEX i ON t(b)")
c.execute("CREATE VIEW v AS SELECT a, b FROM t")
c.execute("CREATE VIRTUAL TABLE f USING fts5(b)")
c.execute("BEGIN")
c.execute("UPDATE t SET b = b || 'y'")
c.execute("INSERT INTO f SELECT b FROM t")
if sys.argv[2] == "wal":
    c.execute("COMMIT")
os._exit(0)
"""


class Seeds:
    """What a crashed writer of each kind left, to be mutated."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, tuple[bytes, bytes]] = {}
        for mode, suffix in (("delete", "-journal"), ("wal", "-wal")):
            path = folder / f"{mode}.db"
            subprocess.run([sys.executable, "-c", _DIE, path, mode], check=True)
            beside = Path(f"{path}{suffix}").read_bytes()
            self.files[suffix[1:]] = (path.read_bytes(), beside)
        connection = sqlite3.connect(folder / "delete.db")
        connection.execute("SELECT count(*) FROM t").fetchone()
        connection.close()
        self.files["database"] = ((folder / "delete.db").read_bytes(), b"")


def super_journal(rng: random.Random, bait: Path) -> bytes:
    """The end of a journal that names a bait file, in one of several ways right or wrong."""
    name = os.fsencode(rng.choice(sorted(bait.iterdir())))
    name = rng.choice([name, name + b"\0" * rng.randrange(600), os.path.relpath(name)])
    signed = sum(b - 256 if b > 127 else b for b in name) & 0xFFFFFFFF
    length = rng.choice([len(name), len(name), len(name) + 1, rng.getrandbits(32)])
    padding = rng.choice([b"", b"", struct.pack(">I", rng.getrandbits(32))])
    return padding + name + struct.pack(">II", length, signed) + MAGIC


def mutate(rng: random.Random, data: bytes) -> bytes:
    """A few changes, most of them where the headers are."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        size = max(1, len(changed))
        place = rng.choice([rng.randrange(size), rng.randrange(min(size, 100))])
        kind = rng.randrange(6)
        if kind == 0:
            changed[place : place + 1] = rng.randbytes(1)
        elif kind == 1:
            word = rng.choice([0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 1 << rng.randrange(32)])
            changed[place - place % 4 : place - place % 4 + 4] = struct.pack(">I", word)
        elif kind == 2:
            del changed[rng.randrange(size) :]
        elif kind == 3:
            changed[place:place] = rng.randbytes(rng.randrange(64))
        elif kind == 4:
            other = rng.randrange(size)
            changed[place : place + 512] = changed[other : other + 512]
        else:
            changed[place : place + 8] = rng.choice([MAGIC, bytes(8), b"SQLite f"])
    return bytes(changed)


def state(folder: Path, status: bool = True) -> dict[str, tuple[bytes, int, int]]:
    """Content and times of every file; without ``status`` not the time of its last change."""
    found = {}
    for path in folder.rglob("*"):
        stat = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (content, stat.st_mtime_ns, stat.st_ctime_ns if status else 0)
    return found


def lay(rng: random.Random, kind: str, seeds: Seeds, disk: Path, bait: Path) -> Path:
    """One database with its mutated part."""
    path = disk / "a.db"
    database, beside = seeds.files[kind]
    if kind == "database":
        path.write_bytes(mutate(rng, database))
    else:
        data = mutate(rng, beside) if rng.random() < 0.9 else beside[: rng.randrange(600)]
        if kind == "journal" and rng.random() < 0.5:
            data += super_journal(rng, bait)
        path.write_bytes(mutate(rng, database) if rng.random() < 0.1 else database)
        Path(f"{path}-{kind}").write_bytes(data)
        if kind == "wal" and rng.random() < 0.5:
            Path(f"{path}-shm").write_bytes(rng.randbytes(rng.choice([0, 100, 32768])))
    return path


def read(path: Path) -> str:
    """Look into a database and read a table; the kind of answer."""
    opener = Opener(Limits(busy_seconds=0, snapshot_bytes=16 << 20), SnapshotStore(32 << 20))
    raw = os.fsencode(path)
    try:
        facts = probe_file(opener, Match(raw, path.stat().st_size, 0, 0, True, "", "", 0))
        if "Error(" in facts.detail and facts.status == "unreadable":
            raise AssertionError(facts.detail)  # an exception that nobody expected
        for query in ("SELECT * FROM t", "SELECT * FROM v", "SELECT * FROM f"):
            opener.read(raw, lambda c, sql=query: c.execute(sql).fetchmany(100))
    except (UnavailableError, sqlite3.Error) as error:
        return type(error).__name__
    finally:
        opener.close()
    return "read"


def fuzz(kind: str, runs: int, seed: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """Run one kind; its answers and its findings."""
    rng = random.Random(f"{kind}{seed}")
    bait, disk, private = folder / "bait", folder / "disk", folder / "private"
    for created in (bait, disk, private):
        created.mkdir()
    for number in range(20):
        (bait / f"bait{number}").write_bytes(rng.randbytes(64))
    tempfile.tempdir = str(private)
    os.chdir(folder)
    seeds = Seeds(private)
    for left in private.iterdir():
        left.unlink()
    answers: Counter[str] = Counter()
    findings = []
    baits = state(bait)
    for number in range(runs):
        path = lay(rng, kind, seeds, disk, bait)
        # Both ways of reading. Where root reads as others do, SQLite sets owners.
        as_root = number % 2 == 0 or os.geteuid() != 0
        attempt._is_root = lambda as_root=as_root: as_root
        before = state(disk, as_root)
        began = time.process_time()
        try:
            answers[read(path)] += 1
        except Exception as error:  # noqa: BLE001 (whatever it is, it is a finding)
            findings.append(f"{kind} {number}: {error!r}")
        if time.process_time() - began > SLOW:
            findings.append(f"{kind} {number}: {time.process_time() - began:.1f} s")
        if state(bait) != baits or state(disk, as_root) != before or any(private.iterdir()):
            findings.append(f"{kind} {number}: a file changed, appeared or was left")
        for left in [*disk.iterdir(), *private.iterdir()]:
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    return answers, findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # Files are at rest as soon as they are written here: nothing else writes to them.
    Fingerprint.is_settled = lambda *_: True
    limit_memory(256 << 20)
    failed = False
    for kind in KINDS:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
            tempfile.tempdir = None
            answers, findings = fuzz(kind, options.runs, options.seed, Path(folder))
            os.chdir("/")
            tempfile.tempdir = None
        shown = ", ".join(f"{name} {count}" for name, count in answers.most_common())
        print(f"{kind}: {options.runs} files: {shown}; {len(findings)} findings", flush=True)
        for finding in findings[:20]:
            print(" ", finding)
        failed = failed or bool(findings)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

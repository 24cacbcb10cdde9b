"""Scans of a folder in which other programs create, replace, rename and remove all the time."""

from __future__ import annotations

import os
import sqlite3
import sys
import textwrap
from pathlib import Path

import pytest
from sites import child_python, end, make_database, scanned

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="open files can't be replaced")

#: Every round makes, fills, replaces, renames and removes databases, links, pipes and folders.
CHURN = textwrap.dedent(
    """
    import os, random, shutil, sqlite3, sys
    root, random_ = sys.argv[1], random.Random(5)
    whole = open(os.path.join(root, "still0.db"), "rb").read()
    print("ready", flush=True)
    while True:
        folder = os.path.join(root, f"folder{random_.randrange(4)}")
        name = os.path.join(folder, f"{random_.randrange(5)}.db")
        try:
            os.makedirs(folder, exist_ok=True)
            match random_.randrange(8):
                case 0: open(name, "wb").write(whole[:random_.randrange(len(whole))])
                case 1: open(name + ".new", "wb").write(whole); os.replace(name + ".new", name)
                case 2: os.rename(folder, folder + "x"); shutil.rmtree(folder + "x")
                case 3: os.unlink(name); os.mkfifo(name)
                case 4: os.unlink(name); os.symlink("/dev/zero", name)
                case 5: os.unlink(name); os.mkdir(name)
                case 6: open(name + "-journal", "wb").write(random_.randbytes(600))
                case 7:
                    db = sqlite3.connect(name, timeout=0)
                    db.execute("PRAGMA journal_mode=wal")
                    db.execute("CREATE TABLE IF NOT EXISTS t (id, name)")
                    db.execute("INSERT INTO t VALUES (1, 'x')"); db.commit(); db.close()
        except (OSError, sqlite3.Error):
            if os.path.isdir(name) and not os.path.islink(name): shutil.rmtree(name, True)
    """
)


async def test_a_folder_that_changes_all_the_time(tmp_path: Path) -> None:
    still = [make_database(tmp_path / f"still{number}.db") for number in range(4)]
    contents = [path.read_bytes() for path in still]
    child = child_python(CHURN, str(tmp_path))
    try:
        site = await scanned(tmp_path)
        for _ in range(12):
            await site.scan()
            names = site.names
            assert {os.fsencode(path) for path in still} <= set(names)
            for path in still:
                assert await site.count(names[os.fsencode(path)]) == 3
            for url in ("/-/scan", "/-/scan?tab=skipped", "/-/scan.csv", "/-/databases.json"):
                assert (await site.get(url)).status_code == 200
        assert child.poll() is None, "nothing changed any more"
    finally:
        end(child)
    await site.scan()
    for entry in site.state.catalog.entries.values():
        path = Path(os.fsdecode(entry.path))
        there = path.is_file() and not path.is_symlink()
        assert there == (entry.status != "gone"), f"{path} is {entry.status}"
    assert [path.read_bytes() for path in still] == contents
    for path in still:
        assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)

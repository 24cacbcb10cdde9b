"""Make a folder tree like somebody's home, the same one for the same arguments.

    python make_tree.py FOLDER --files 200000

Many small folders, a few wide ones, sizes as in source trees; one file in five
hundred is a real database, some files only look like one. Files are sparse
behind their first block, so a million of them take about 4 GB of disk.
FOLDER.expected lists the databases, one path a line, sorted.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

MAGIC = b"SQLite format 3\0"
FRONT = 256  # bytes of content that a plain file really has
DATABASE_EVERY = 500
WORDS = (
    "core",
    "util",
    "main",
    "test",
    "data",
    "view",
    "model",
    "query",
    "photo",
    "notes",
    "cache",
    "index",
)
ENDINGS = (".js", ".py", ".md", ".json", ".html", ".jpg", ".txt", ".map", ".pyc", "")
DATABASE_NAMES = (
    "app.db",
    "History",
    "places.sqlite",
    "map.gpkg",
    "state.bin",
    "Cookies",
    ".hidden.db",
    "notes.txt",
)


def make_databases() -> list[bytes]:
    """Real databases of several kinds."""
    images = []
    for page_size, encoding, wal, application in (
        (4096, "UTF-8", False, 0),
        (512, "UTF-16le", False, 0x47504B47),
        (1024, "UTF-8", True, 0),
        (65536, "UTF-16be", False, 0x4D504258),
    ):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.db")
            connection = sqlite3.connect(path)
            connection.execute(f"pragma page_size={page_size}")
            connection.execute(f"pragma encoding='{encoding}'")
            if wal:
                connection.execute("pragma journal_mode=wal")
            connection.execute(f"pragma application_id={application}")
            connection.execute("create table t(a)")
            connection.commit()
            connection.close()
            images.append(path.read_bytes())
    return images


def pick_size(rnd: random.Random) -> int:
    """A file size: 4 % empty, median a little over a kilobyte, a long tail."""
    if rnd.random() < 0.04:
        return 0
    return 1 + int(rnd.lognormvariate(7.2, 1.7)) % 3_000_000


def plan_folders(rnd: random.Random) -> Iterator[tuple[str, int]]:
    """Folders without end, each with its number of files."""
    project = 0
    while True:
        project += 1
        top = rnd.choice(("src", "work", ".cache", "Documents"))
        base = f"{top}/{project % 40:02d}/project-{project}"
        for part in range(rnd.randrange(20, 120)):
            package = f"{base}/{rnd.choice(WORDS)}-{part}"
            yield package, 1 + int(rnd.expovariate(1 / 6))
            for sub in rnd.sample(WORDS, rnd.randrange(1, 4)):
                yield f"{package}/{sub}", int(rnd.expovariate(1 / 14))
        if project % 25 == 0:
            yield f"{base}/wide", 2000


def write_file(folder: int, name: str, content: bytes, size: int) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=folder)
    try:
        if content:
            os.write(handle, content)
        if size != len(content):
            os.truncate(handle, size)
    finally:
        os.close(handle)


def make_tree(root: str, files: int, seed: int = 1) -> list[str]:
    """Write the tree and return the paths of its databases."""
    rnd = random.Random(seed)
    noise = random.Random(99).randbytes(1 << 16)
    databases = make_databases()
    found: list[str] = []
    written = 0
    for below, count in plan_folders(rnd):
        path = f"{root}/{below}"
        Path(path).mkdir(parents=True, exist_ok=True)
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        for number in range(min(count, files - written)):
            written += 1
            if written % DATABASE_EVERY == 0:
                name = f"{number}-{rnd.choice(DATABASE_NAMES)}"
                image = databases[written // DATABASE_EVERY % len(databases)]
                write_file(folder, name, image, len(image))
                found.append(f"{path}/{name}")
            else:
                size = pick_size(rnd)
                start = rnd.randrange(len(noise) - FRONT)
                front = b"" if size == 0 else noise[start : start + min(size, FRONT)]
                write_file(folder, f"{rnd.choice(WORDS)}{number}{rnd.choice(ENDINGS)}", front, size)
        os.close(folder)
        if written >= files:
            break
    return sorted(found + write_decoys(root, databases[0]))


def write_decoys(root: str, database: bytes) -> list[str]:
    """Files that are nearly databases; only the first one passes the test."""
    folder = f"{root}/decoys"
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in {
        "magic-only.db": MAGIC,
        "magic-cut.db": MAGIC[:-1],
        "magic-late.db": b"\n" + database,
        "text.db": b"SQLite format 3 is what this text is about.\n",
        "empty.db": b"",
    }.items():
        Path(folder, name).write_bytes(content)
    return [f"{folder}/magic-only.db"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a folder tree like somebody's home.")
    parser.add_argument("folder", type=os.path.abspath)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = make_tree(arguments.folder, arguments.files, arguments.seed)
    Path(arguments.folder + ".expected").write_text("".join(f"{path}\n" for path in found))
    print(f"{arguments.files} files, {len(found)} databases below {arguments.folder}")


if __name__ == "__main__":
    main()

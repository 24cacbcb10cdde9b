"""What the Skipped tab says of files that begin as databases do."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from datasette_scan.diagnosis import START, diagnose
from sites import MAGIC, make_database, scanned


def changed(path: Path, *changes: tuple[int, bytes]) -> None:
    content = bytearray(path.read_bytes())
    for offset, new in changes:
        content[offset : offset + len(new)] = new
    path.write_bytes(bytes(content))


def random_bytes(count: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(count)


async def test_the_advice_fits_the_case(root: Path) -> None:
    (root / "text.db").write_bytes(MAGIC + "Notes on the format: größer\n".encode() * 40)
    for name in ("future", "schema", "sqlcipher", "cut", "damaged"):
        make_database(root / f"{name}.db", rows=500)
    changed(root / "future.db", (18, b"\x03\x03"))
    changed(root / "schema.db", (44, b"\x00\x00\x00\x05"))
    size = (root / "sqlcipher.db").stat().st_size
    changed(root / "sqlcipher.db", (32, random_bytes(size - 32)))  # its plain-text header mode
    (root / "cut.db").write_bytes((root / "cut.db").read_bytes()[: size // 2])
    changed(root / "damaged.db", (100, b"\x00" * 300))
    site = await scanned(root)
    body = await site.json("/-/scan.json?tab=skipped")
    found = {Path(each["path"]).stem: each for each in body["skipped_files"]}
    for name, reason, advice in (
        ("text", "a text", "no database"),
        ("future", "newer than SQLite", "newer SQLite"),
        ("schema", "newer than SQLite", "newer SQLite"),
        ("sqlcipher", "encrypted", "key or password"),
        ("cut", "cut off", "again"),
        ("damaged", "malformed", "backup"),
    ):
        assert reason in found[name]["reason"], (name, found[name])
        assert advice in found[name]["advice"], (name, found[name])
    await site.close()


@pytest.mark.parametrize("page_size", [512, 1024, 4096, 65536])
def test_random_pages_and_damaged_ones(page_size: int) -> None:
    header = MAGIC + (1 if page_size == 65536 else page_size).to_bytes(2, "big")
    header += b"\x01\x01\x00\x40\x20\x20" + bytes(76)
    for seed in range(20):
        body = random_bytes(max(0, min(page_size, START) - 100), seed)
        body = b"\x00" + body[1:]
        found = diagnose(header + body, 10 * page_size)
        assert found is not None and "encrypted" in found[0]
        wiped = body[: len(body) // 4] + bytes(len(body) - len(body) // 4)
        assert diagnose(header + wiped, 10 * page_size) is None


@pytest.mark.parametrize("start", [b"", MAGIC, MAGIC + b"\x10\x00", MAGIC + bytes(84)])
def test_short_files_are_no_text(start: bytes) -> None:
    assert diagnose(start, len(start)) is None


def test_a_text_may_end_within_a_character() -> None:
    assert diagnose(MAGIC + "ü".encode()[:1], 17) is None
    assert diagnose(MAGIC + b"a" + "ü".encode()[:1], 18) is not None
    assert diagnose(MAGIC + b"a\x00b", 19) is None

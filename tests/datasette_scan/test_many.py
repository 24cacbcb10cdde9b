"""Many databases: how much a server has open, and that pages come between a scan's steps."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sites import Server, make_database, scanned

from datasette_scan import scanning

MAX_DESCRIPTORS = 80  # promised in docs/benchmarks.md


@pytest.mark.skipif(sys.platform != "linux", reason="counts files in /proc")
def test_few_file_descriptors(root: Path, serve: Callable[..., Server]) -> None:
    """Scanned twice, listed, searched, looked into and read: hundreds of files, few are open."""
    for i in range(300):
        make_database(root / f"f{i % 7}" / f"d{i}.db", journal="wal" if i % 3 else "delete")
    server = serve(str(root)).wait()
    most = 0

    def get(path: str) -> None:
        nonlocal most
        status, text = server.request(path)
        assert status == 200, (path, text[:300])
        most = max(most, len(os.listdir(f"/proc/{server.process.pid}/fd")))

    def is_scanned() -> bool:
        get("/-/scan.json?_size=0")
        body = json.loads(server.request("/-/scan.json?_size=0")[1])
        return body["scans"] > 0 and not body["scanning"]

    server.until(is_scanned)
    get("/-/scan/search.json?q=row+1")
    for i in range(0, 300, 6):
        get(f"/d{i}/t.json")
        get(f"/-/scan/peek.json?name=d{i}")
    get("/-/scan/duplicates.json")
    assert 0 < most <= MAX_DESCRIPTORS


async def test_pages_come_between_steps_of_a_scan(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found is served a part at a time."""
    monkeypatch.setattr(scanning, "_ATTACH_BATCH", 10)
    for i in range(25):
        make_database(root / f"d{i}.db")
    site = await scanned(root)
    for i in range(25):
        make_database(root / f"e{i}.db")
    seen: set[int] = set()
    scan = asyncio.create_task(site.scan())
    while not scan.done():
        seen.add(len(site.state.catalog.attached))
        await asyncio.sleep(0)
    await scan
    assert len(site.state.catalog.attached) == 50
    counts = sorted({25, *seen, 50})
    assert all(more - fewer <= 10 for fewer, more in itertools.pairwise(counts)), counts
    await site.close()

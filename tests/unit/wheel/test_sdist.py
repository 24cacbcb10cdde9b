"""Source archives: one way to write the same entries."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

from go_to_wheel.wheel.archive import write_sdist

ENTRIES = [("b/run.sh", b"#!/bin/sh\n", True), ("a.txt", "ä".encode(), False)]


def test_members(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    write_sdist(path, "my_tool-1.0", ENTRIES, 315532800)
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert [member.name for member in members] == ["my_tool-1.0/a.txt", "my_tool-1.0/b/run.sh"]
        assert [member.mode for member in members] == [0o644, 0o755]
        assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {
            (0, 0, "", "", 315532800)
        }
        stream = archive.extractfile(members[0])
        assert stream is not None
        assert stream.read() == "ä".encode()


def test_the_order_of_entries_does_not_matter(tmp_path: Path) -> None:
    write_sdist(tmp_path / "a.tar.gz", "x-1", ENTRIES, 0)
    write_sdist(tmp_path / "b.tar.gz", "x-1", reversed(ENTRIES), 0)
    first = (tmp_path / "a.tar.gz").read_bytes()
    assert first == (tmp_path / "b.tar.gz").read_bytes()
    assert first[3] == 0  # the gzip header has no file name
    assert first[4:8] == b"\0\0\0\0"  # and no time
    assert gzip.decompress(first)[257:262] == b"ustar"

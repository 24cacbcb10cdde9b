"""Programs of earlier builds: lent whole or not at all, and never in the way."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from go_to_wheel.build.kept import KeptPrograms, make_key

KEY = make_key("folder", ".", "linux-amd64", "-s -w", "go1.26")


@pytest.fixture
def kept(tmp_path: Path) -> KeptPrograms:
    return KeptPrograms(tmp_path / "kept")


def test_lent_as_it_was_kept(kept: KeptPrograms, tmp_path: Path) -> None:
    kept.keep(KEY, b"program")
    output = tmp_path / "out"
    kept.lend(KEY, output)
    assert output.read_bytes() == b"program"
    assert os.access(output, os.X_OK)


def test_what_is_not_kept_is_not_lent(kept: KeptPrograms, tmp_path: Path) -> None:
    kept.lend(KEY, tmp_path / "out")
    kept.keep(make_key("another"), b"program")
    kept.lend(KEY, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", [b"", b"progra", b"programs", b"Program"])
def test_a_damaged_program_is_removed(kept: KeptPrograms, tmp_path: Path, damage: bytes) -> None:
    kept.keep(KEY, b"program")
    (path,) = list((tmp_path / "kept").iterdir())
    path.write_bytes(damage)
    kept.lend(KEY, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not path.exists()


def test_only_the_last_one_is_kept(kept: KeptPrograms, tmp_path: Path) -> None:
    kept.keep(KEY, b"old")
    kept.keep(KEY, b"new")
    kept.keep(KEY, b"new")
    assert kept.read(KEY) == b"new"
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_five_days_unused_and_it_is_gone(kept: KeptPrograms, tmp_path: Path) -> None:
    kept.keep(KEY, b"program")
    kept.remove_unused(now=time.time() + 4 * 24 * 3600)
    assert kept.read(KEY)
    (path,) = list((tmp_path / "kept").iterdir())
    os.utime(path, (0, 0))
    kept.read(KEY)  # use counts, not age
    kept.remove_unused()
    assert kept.read(KEY)
    os.utime(path, (0, 0))
    kept.remove_unused()
    assert kept.read(KEY) is None


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    none = KeptPrograms(None)
    none.keep(KEY, b"program")
    none.remove_unused()
    assert none.read(KEY) is None
    assert none.packing(bytes.upper)(b"a" * (1 << 17)) == b"A" * (1 << 17)


def test_a_folder_that_can_not_be_made_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = KeptPrograms(tmp_path / "file" / "kept")
    blocked.keep(KEY, b"program")
    blocked.remove_unused()
    assert blocked.read(KEY) is None


def test_large_data_is_packed_once(kept: KeptPrograms) -> None:
    packed: list[bytes] = []

    def pack(data: bytes) -> bytes:
        packed.append(data)
        return data[:10]

    large, small = b"x" * (1 << 17), b"y" * 100
    remembering = kept.packing(pack)
    assert [remembering(data) for data in (large, large, small, small)] == [
        *(b"x" * 10, b"x" * 10),
        *(b"y" * 10, b"y" * 10),
    ]
    assert packed == [large, small, small]


def test_keys_tell_their_parts_apart() -> None:
    assert make_key("a", "bc") != make_key("ab", "c")

"""Programs of earlier builds: lent whole or not at all, and never in the way."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from go_to_wheel.builder.kept import Kept, digest_of, make_digest, make_key, open_kept

KEY = make_key("folder", ".", "linux-amd64", "-s -w", "go1.26")


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "kept")


def test_lent_as_it_was_kept(kept: Kept, tmp_path: Path) -> None:
    kept.keep(KEY, b"program")
    output = tmp_path / "out"
    kept.lend(KEY, output)
    assert output.read_bytes() == b"program"
    assert os.access(output, os.X_OK)


def test_what_is_not_kept_is_not_lent(kept: Kept, tmp_path: Path) -> None:
    kept.lend(KEY, tmp_path / "out")
    kept.keep(make_key("another"), b"program")
    kept.lend(KEY, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", [b"", b"progra", b"programs", b"Program"])
def test_a_damaged_program_is_removed(kept: Kept, tmp_path: Path, damage: bytes) -> None:
    kept.keep(KEY, b"program")
    (path,) = list((tmp_path / "kept").iterdir())
    path.write_bytes(damage)
    kept.lend(KEY, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not path.exists()


def test_only_the_last_one_is_kept(kept: Kept, tmp_path: Path) -> None:
    kept.keep(KEY, b"old")
    kept.keep(KEY, b"new")
    kept.keep(KEY, b"new")
    assert kept.read(KEY) == b"new"
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_five_days_unused_and_it_is_gone(kept: Kept, tmp_path: Path) -> None:
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
    none = Kept(None)
    none.keep(KEY, b"program")
    none.remove_unused()
    assert none.read(KEY) is None
    assert none.packing(bytes.upper)(b"a" * (1 << 17)) == b"A" * (1 << 17)


def test_a_folder_that_can_not_be_made_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = Kept(tmp_path / "file" / "kept")
    blocked.keep(KEY, b"program")
    blocked.remove_unused()
    assert blocked.read(KEY) is None


def test_large_data_is_packed_once(kept: Kept) -> None:
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


def test_files_that_are_not_ours_stay(tmp_path: Path) -> None:
    folder = tmp_path / "go-to-wheel"
    folder.mkdir()
    old = [folder / "README.md", folder / "new", folder / f"{KEY}-short"]
    for path in old:
        path.write_text("precious")
        os.utime(path, (0, 0))
    half_written = folder / "new-x7_q"
    half_written.write_text("half")
    os.utime(half_written, (0, 0))
    open_kept(str(tmp_path))
    assert all(path.exists() for path in old)
    assert not half_written.exists()


def test_a_link_to_another_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "cache" / "go-to-wheel").symlink_to(tmp_path / "other")
    kept = open_kept(str(tmp_path / "cache"))
    kept.keep(KEY, b"program")
    assert kept.folder is None
    assert not list((tmp_path / "other").iterdir())


def test_a_folder_that_can_not_be_listed_is_none(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.keep(KEY, b"program")

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    kept.remove_unused()
    kept.lend(KEY, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_cache_keeps_nothing(tmp_path: Path) -> None:
    for cache in (None, "", str(tmp_path / "missing"), "off"):
        assert open_kept(cache).folder is None


def test_the_oldest_go_when_there_is_too_much(kept: Kept, tmp_path: Path) -> None:
    now = time.time()
    for age in range(3):
        kept.keep(make_key(str(age)), bytes([age]) * 100)
        (path,) = (tmp_path / "kept").glob(f"{make_key(str(age))}-*")
        os.utime(path, (now - age, now - age))
    kept.remove_unused(most=250)
    assert [kept.read(make_key(str(age))) is not None for age in range(3)] == [True, True, False]


def test_another_level_is_packed_anew(kept: Kept) -> None:
    data = b"x" * (1 << 17)
    assert kept.packing(lambda data: b"seven", "7")(data) == b"seven"
    assert kept.packing(lambda data: b"nine", "9")(data) == b"nine"
    assert kept.packing(lambda data: b"again", "7")(data) == b"seven"


def test_any_folder_has_a_key() -> None:
    assert len(make_key(os.fsdecode(b"b\xffd"))) == 32


def test_only_the_bytes_that_are_asked_for_are_read(kept: Kept) -> None:
    kept.keep(KEY, b"program")
    assert kept.read(KEY, make_digest(b"program")) == b"program"
    assert kept.read(KEY, make_digest(b"another")) is None
    assert kept.read(KEY) == b"program"


def test_an_answer_is_made_once(kept: Kept) -> None:
    made: list[int] = []

    def make() -> dict[str, str | None]:
        made.append(1)
        return {"MIT": None}

    assert [kept.recall(KEY, make) for _ in range(3)] == [{"MIT": None}] * 3
    assert len(made) == 1
    kept.keep(KEY, b"{not json")
    assert kept.recall(KEY, make) == {"MIT": None}
    assert len(made) == 2
    assert Kept().recall(KEY, make) == {"MIT": None}
    assert len(made) == 3


def test_nothing_is_an_answer_too(kept: Kept) -> None:
    made: list[int] = []
    assert [kept.recall(KEY, lambda: made.append(1)) for _ in range(2)] == [None, None]
    assert len(made) == 1


def test_it_is_empty_until_something_is_kept(kept: Kept) -> None:
    assert kept.is_empty
    kept.keep(KEY, b"")
    assert not kept.is_empty
    assert kept.read(KEY) == b""
    assert Kept().is_empty


@pytest.mark.parametrize("odd", [b"null", b"[1]", b'{"a": 1}', b"[" * 100_000])
def test_an_answer_of_another_shape_is_made_anew(kept: Kept, odd: bytes) -> None:
    kept.keep(KEY, odd)
    assert kept.recall(KEY, lambda: {"a": [1, 2]}, lambda told: max(told["a"])) == 2


def test_an_answer_goes_with_the_code_that_made_it() -> None:
    one, other = "go_to_wheel.licenses.recognise", "go_to_wheel.licenses.notices"
    assert digest_of(one) != digest_of(other)
    assert digest_of(one) != digest_of(one, other)

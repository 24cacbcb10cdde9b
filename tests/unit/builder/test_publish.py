"""Finished wheels on their way into the output folder: all of them or none."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from systems import needs_modes

from go_to_wheel.builder.publish import publish, replaced_files, require_writable
from go_to_wheel.errors import OutputError

A, B = "tool-1.0-py3-none-win32.whl", "tool-1.0-py3-none-win_amd64.whl"
NOBODY = 65534


@pytest.fixture
def made(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "made"
    folder.mkdir()
    for name in (A, B):
        (folder / name).write_bytes(name.encode())
    return [folder / A, folder / B]


@contextmanager
def without_rights() -> Iterator[None]:
    """Permission bits prove nothing to root: act as nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_wheels_get_their_names(tmp_path: Path, made: list[Path]) -> None:
    paths = publish(made, tmp_path / "new" / "dist")
    assert [path.name for path in paths] == [A, B]
    assert sorted(path.name for path in (tmp_path / "new" / "dist").iterdir()) == [A, B]
    assert paths[0].read_bytes() == A.encode()


def test_an_older_wheel_is_replaced(tmp_path: Path, made: list[Path]) -> None:
    (tmp_path / A).write_bytes(b"older")
    publish(made, tmp_path)
    assert (tmp_path / A).read_bytes() == A.encode()


def test_long_names_with_one_end(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}-{'x' * 245}" for name in ("alpha", "gamma")]
    with replaced_files({path: path.name.encode() for path in paths}, ""):
        pass
    assert [path.read_text() for path in paths] == [path.name for path in paths]


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.EROFS, "choose another: --output-dir DIR"), (errno.ENOSPC, "free some space, or ")],
)
def test_hint_for_a_refused_write(
    number: int, hint: str, tmp_path: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(shutil, "copyfile", copy)
    with pytest.raises(OutputError) as caught:
        publish(made, tmp_path / "dist")
    assert caught.value.hint.startswith(hint)


@needs_modes
def test_a_locked_folder_is_named_and_unchanged(shared_folder: Path, made: list[Path]) -> None:
    locked = shared_folder / "locked"
    locked.mkdir(mode=0o555)
    made = [Path(shutil.copy(path, shared_folder)) for path in made]
    with (
        without_rights(),
        pytest.raises(OutputError, match=r"to the output folder .*locked.*: Permission"),
    ):
        publish(made, locked)
    assert list(locked.iterdir()) == []


def test_a_new_folder_gets_a_gitignore(tmp_path: Path, made: list[Path]) -> None:
    (tmp_path / ".git").mkdir()
    publish(made, tmp_path / "dist")
    assert (tmp_path / "dist" / ".gitignore").read_text() == "*\n"


def test_folder_that_was_there_is_not_changed(tmp_path: Path, made: list[Path]) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "dist").mkdir()
    publish(made, tmp_path / "dist")
    assert sorted(path.name for path in (tmp_path / "dist").iterdir()) == [A, B]


def test_a_failing_rename_undoes_the_ones_before(tmp_path: Path, made: list[Path]) -> None:
    """The second wheel's name is taken by a folder: the first must not stay."""
    (tmp_path / A).write_bytes(b"older")
    (tmp_path / B).mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        publish(made, tmp_path)
    assert (tmp_path / A).read_bytes() == b"older"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([A, B, "made"])


def test_an_interrupt_between_two_renames(
    tmp_path: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        if Path(target).name == B:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        publish(made, tmp_path / "a" / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]


def test_an_impossible_folder_is_refused_before_compiling(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "deep")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is not a folder"):
        require_writable(tmp_path / "file" / "below")

"""What git says -> versions, by Go's own rules."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from go_to_wheel.sources import Checkout, read_checkout
from go_to_wheel.sources.git import format_pseudo_version, newest_version

COMMIT = "abcdef0123456789abcdef0123456789abcdef01"


@pytest.mark.parametrize(
    ("tags", "prefix", "newest"),
    [
        ([], "", None),
        (["v1.2.3"], "", "v1.2.3"),
        (["v1.9.0", "v1.10.0", "v1.2.0"], "", "v1.10.0"),
        (["v1.0.0", "v1.0.0-rc.1"], "", "v1.0.0"),
        (["v1.0.0-rc.2", "v1.0.0-rc.10", "v1.0.0-beta"], "", "v1.0.0-rc.10"),
        (["release", "1.2.3", "v1.2", "v01.2.3", "nightly-v2.0.0"], "", None),
        (["v9.0.0", "cmd/x/v1.2.3"], "cmd/x/", "v1.2.3"),
        (["v9.0.0"], "cmd/x/", None),
        (["cmd/x/v1.2.3"], "", None),
    ],
)
def test_newest_version(tags: list[str], prefix: str, newest: str | None) -> None:
    assert newest_version(tags, prefix) == newest


@pytest.mark.parametrize(
    ("base", "pseudo"),
    [
        ("v1.2.3", "v1.2.4-0.20240102030405-abcdef012345"),
        ("v1.2.3-rc.1", "v1.2.3-rc.1.0.20240102030405-abcdef012345"),
    ],
)
def test_pseudo_versions(base: str, pseudo: str) -> None:
    assert format_pseudo_version(base, "20240102030405", COMMIT) == pseudo


def test_pseudo_versions_of_what_is_no_version() -> None:
    with pytest.raises(ValueError, match=r"not a semantic version: '1\.2'"):
        format_pseudo_version("1.2", "20240102030405", COMMIT)


def checkout(**values: object) -> Checkout:
    known = {"tag": None, "base": None, "modified": False, "remote": None, **values}
    return Checkout(COMMIT, 1704164645, **known)  # type: ignore[arg-type]


def test_release_and_pseudo_version() -> None:
    assert checkout(tag="v1.0.0", base="v1.0.0").release == "v1.0.0"
    dirty = checkout(tag="v1.0.0", base="v1.0.0", modified=True)
    assert dirty.release is None
    assert dirty.pseudo_version == "v1.0.1-0.20240102030405-abcdef012345"
    assert checkout(base="v0.9.0").pseudo_version == "v0.9.1-0.20240102030405-abcdef012345"
    assert checkout().pseudo_version is None


ANSWERS = {
    "log": f"{COMMIT} 1704164645\n",
    "rev-parse": "tools/x/\n",
    "tag --points-at": "v3.0.0\ntools/x/v1.2.3\n",
    "tag --merged": "v3.0.0\ntools/x/v1.2.3\ntools/x/v1.2.2\n",
    "status": "",
    "remote": "git@github.com:o/tool.git\n",
}


def answer(args: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    words = " ".join(args[1:3])
    found = next(text for key, text in ANSWERS.items() if words.startswith(key))
    return subprocess.CompletedProcess(args, 0, found, "")


def test_read_checkout() -> None:
    assert read_checkout(Path(), answer) == Checkout(
        COMMIT, 1704164645, "v1.2.3", "v1.2.3", False, "git@github.com:o/tool.git"
    )


def test_no_git_and_no_checkout() -> None:
    def missing(args: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        raise FileNotFoundError("git")

    def refusing(args: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(args, 128, "", "fatal: not a git repository")

    assert read_checkout(Path(), missing) is None
    assert read_checkout(Path(), refusing) is None

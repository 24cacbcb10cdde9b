"""The commit that `git archive` writes into `.git_archival.txt`."""

from __future__ import annotations

from pathlib import Path

import pytest

from go_to_wheel.sources.git import ARCHIVAL_FILE, TagRules, read_archival

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DATE = "2024-01-02T03:04:05+00:00"


def write(
    folder: Path, describe: str = "", refs: str = "", node: str = COMMIT, date: str = DATE
) -> None:
    (folder / ARCHIVAL_FILE).write_text(
        f"node: {node}\nnode-date: {date}\ndescribe-name: {describe}\nref-names: {refs}\n"
    )


@pytest.mark.parametrize(
    ("describe", "refs"),
    [
        ("v1.2.3", ""),
        ("", "HEAD -> main, tag: v1.2.3, origin/main"),
        ("other-v9.0", "tag: other-v9.0, tag: tool-v1.2.3"),
        ("v1.2.3", "tag: v1.2.3"),
    ],
)
def test_tagged_commit_is_a_release(tmp_path: Path, describe: str, refs: str) -> None:
    write(tmp_path, describe, refs)
    found = read_archival(tmp_path, TagRules(names=("tool",)))
    assert found and found.version and found.version.removeprefix("v") == "1.2.3"
    assert (found.commit, found.timestamp) == (COMMIT, 1704164645)


@pytest.mark.parametrize(
    ("describe", "version"),
    [
        ("v1.2.3-4-g0123456", "v1.2.4-0.20240102030405-0123456789ab"),
        ("", "v0.0.0-20240102030405-0123456789ab"),
    ],
)
def test_untagged_commit_is_no_release(tmp_path: Path, describe: str, version: str) -> None:
    write(tmp_path, describe)
    found = read_archival(tmp_path, TagRules())
    assert found and found.why_unreleased
    assert found.version == version


def test_unsubstituted_archival_file_is_ignored(tmp_path: Path) -> None:
    assert read_archival(tmp_path, TagRules()) is None
    write(tmp_path, "$Format:%(describe:tags=true)$", "$Format:%D$", node="$Format:%H$")
    assert read_archival(tmp_path, TagRules()) is None


@pytest.mark.parametrize(
    "date", ["", "soon", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_impossible_dates_are_1970(tmp_path: Path, date: str) -> None:
    write(tmp_path, date=date)
    found = read_archival(tmp_path, TagRules())
    assert found and (found.timestamp, found.version) == (0, "v0.0.0-19700101000000-0123456789ab")


def test_description_of_many_digits_is_no_version(tmp_path: Path) -> None:
    write(tmp_path, f"1.{'9' * 5000}")
    found = read_archival(tmp_path, TagRules())
    assert found and found.version == "v0.0.0-20240102030405-0123456789ab"

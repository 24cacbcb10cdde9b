"""The commit that `git archive` writes into `.git_archival.txt`."""

from __future__ import annotations

from pathlib import Path

import pytest

from go_to_wheel.sources.git import ARCHIVAL as FILE_NAME
from go_to_wheel.sources.git import TagRules, read_archival

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DATE = "2024-01-02T03:04:05+00:00"


def write(folder: Path, describe: str = "", refs: str = "", node: str = COMMIT) -> None:
    (folder / FILE_NAME).write_text(
        f"node: {node}\nnode-date: {DATE}\ndescribe-name: {describe}\nref-names: {refs}\n"
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
def test_a_tagged_commit(tmp_path: Path, describe: str, refs: str) -> None:
    write(tmp_path, describe, refs)
    found = read_archival(tmp_path, TagRules(names=("tool",)))
    assert found and found.release and found.release.removeprefix("v") == "1.2.3"
    assert (found.commit, found.seconds) == (COMMIT, 1704164645)


@pytest.mark.parametrize(
    ("describe", "version"),
    [
        ("v1.2.3-4-g0123456", "v1.2.4-0.20240102030405-0123456789ab"),
        ("", "v0.0.1-0.20240102030405-0123456789ab"),
    ],
)
def test_any_other_commit_is_no_release(tmp_path: Path, describe: str, version: str) -> None:
    write(tmp_path, describe)
    found = read_archival(tmp_path, TagRules())
    assert found and found.release is None and found.development
    assert found.development[0] == version


def test_a_file_that_git_has_not_filled_in(tmp_path: Path) -> None:
    assert read_archival(tmp_path, TagRules()) is None
    write(tmp_path, "$Format:%(describe:tags=true)$", "$Format:%D$", node="$Format:%H$")
    assert read_archival(tmp_path, TagRules()) is None

"""The release that the files of `init` need, and the tags that start their workflow."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from go_to_wheel.builder.scaffold import find_missing_release, format_workflow
from go_to_wheel.check.index import Index

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Known(Index):
    """An index that has the requirement or not."""

    def __init__(self, has: bool) -> None:
        self.answer = has
        self.asked: list[str] = []

    def has(self, requirement: str) -> bool:
        self.asked.append(requirement)
        return self.answer


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The record of where an installed go-to-wheel comes from."""
    info = tmp_path / "go_to_wheel-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: go-to-wheel\nVersion: 1.0.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    return info / "direct_url.json"


def test_release_that_the_index_has(origin: Path) -> None:
    origin.write_text(json.dumps({"url": "file:///src/go-to-wheel"}))
    index = Known(has=True)
    assert find_missing_release(index) == ""
    assert index.asked == ["go-to-wheel>=1.0"]


def test_installed_from_an_index_needs_no_lookup(origin: Path) -> None:
    assert find_missing_release(None) == ""
    origin.write_text(json.dumps({"url": "file:///src/go-to-wheel"}))
    note = find_missing_release(None)
    assert note.startswith("no package index was found for go-to-wheel>=1.0")


@pytest.mark.parametrize(
    ("record", "address"),
    [
        ({"url": "file:///src", "dir_info": {}}, "file:///src"),
        (
            {"url": "https://example.com/owner/go-to-wheel",
             "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"git+https://example.com/owner/go-to-wheel@{COMMIT}",
        ),
    ],
)  # fmt: skip
def test_a_release_that_is_missing(origin: Path, record: dict[str, Any], address: str) -> None:
    origin.write_text(json.dumps(record))
    note = find_missing_release(Known(has=False))
    assert note.startswith("the package index has no go-to-wheel>=1.0, so these files don't work")
    assert f"until then write 'go-to-wheel @ {address}' instead" in note


@pytest.mark.parametrize(
    ("module", "tags"), [(".", "v*"), ("tools/x", "tools/x/v*"), ("libc++", "libc\\+\\+/v*")]
)
def test_the_workflow_starts_on_module_tags(module: str, tags: str) -> None:
    workflow = yaml.safe_load(format_workflow(PurePosixPath(module)))
    assert workflow[True]["push"]["tags"] == [tags]  # YAML 1.1 reads "on" as true

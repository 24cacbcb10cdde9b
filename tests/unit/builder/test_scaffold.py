"""The build requirement that `init` writes."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from go_to_wheel.builder import scaffold
from go_to_wheel.builder.scaffold import find_requirement, format_workflow
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
def origin(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {}
    monkeypatch.setattr(scaffold, "_read_origin", lambda: found)
    return found


def test_release_that_the_index_has(origin: dict[str, Any]) -> None:
    origin["url"] = "file:///src/go-to-wheel"
    index = Known(has=True)
    assert find_requirement(index) == (">=1.0", "")
    assert index.asked == ["go-to-wheel>=1.0"]


def test_installed_from_an_index_needs_no_lookup(origin: dict[str, Any]) -> None:
    assert find_requirement(None) == (">=1.0", "")
    origin["url"] = "file:///src/go-to-wheel"
    assert find_requirement(None)[1].startswith("no package index was found for go-to-wheel>=1.0")


def test_repository_without_a_release(origin: dict[str, Any]) -> None:
    origin |= {
        "url": "https://example.com/owner/go-to-wheel",
        "vcs_info": {"vcs": "git", "commit_id": COMMIT},
    }
    specifier, note = find_requirement(Known(has=False))
    assert specifier == f" @ git+https://example.com/owner/go-to-wheel@{COMMIT}"
    assert note.startswith("the package index has no go-to-wheel>=1.0; the files name git+")
    steps = yaml.safe_load(format_workflow(PurePosixPath("."), specifier))["jobs"]["build"]["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    assert f'"go-to-wheel[check]{specifier}"' in commands


def test_folder_without_a_release(origin: dict[str, Any]) -> None:
    origin["url"] = "file:///src/go-to-wheel"
    specifier, note = find_requirement(Known(has=False))
    assert specifier == ">=1.0"
    assert "until then write 'go-to-wheel @ file:///src/go-to-wheel'" in note


def test_origin_is_read_from_the_installation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    info = tmp_path / "go_to_wheel-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: go-to-wheel\nVersion: 1.0.0\n")
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///src", "dir_info": {}}))
    monkeypatch.syspath_prepend(tmp_path)
    assert "go-to-wheel @ file:///src'" in find_requirement(Known(has=False))[1]


@pytest.mark.parametrize(
    ("module", "tags"), [(".", "v*"), ("tools/x", "tools/x/v*"), ("libc++", "libc\\+\\+/v*")]
)
def test_the_workflow_starts_on_module_tags(module: str, tags: str) -> None:
    workflow = yaml.safe_load(format_workflow(PurePosixPath(module), ">=1.0"))
    assert workflow[True]["push"]["tags"] == [tags]  # YAML 1.1 reads "on" as true

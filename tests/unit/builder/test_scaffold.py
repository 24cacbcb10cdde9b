"""The build requirement that `init` writes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from go_to_wheel.builder import scaffold
from go_to_wheel.builder.scaffold import Requirement, find_requirement, format_workflow
from go_to_wheel.process import Runner

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Index(Runner):
    """An index that has the requirement or not; `missing` are programs that can't be run."""

    def __init__(self, has: bool, missing: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.has = has
        self.missing = missing
        self.asked: list[str] = []

    def run(self, args: Sequence[str], *_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        self.asked.append(args[-1])
        program = "pip" if "-m" in args else "uv"
        if program in self.missing:
            return subprocess.CompletedProcess(args, 1, "", "python: No module named pip")
        return subprocess.CompletedProcess(args, 0 if self.has else 1, "", "")


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {}
    monkeypatch.setattr(scaffold, "_origin", lambda: found)
    return found


def test_release_that_the_index_has(origin: dict[str, Any]) -> None:
    index = Index(has=True)
    assert find_requirement(index) == Requirement(">=1.0")
    assert index.asked == ["go-to-wheel>=1.0"]


def test_uv_is_used_without_pip(origin: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", "/opt/uv")
    index = Index(has=True, missing=("pip",))
    assert find_requirement(index) == Requirement(">=1.0")
    assert len(index.asked) == 2


def test_repository_without_a_release(origin: dict[str, Any]) -> None:
    origin |= {
        "url": "https://example.com/owner/go-to-wheel",
        "vcs_info": {"vcs": "git", "commit_id": COMMIT},
    }
    found = find_requirement(Index(has=False))
    assert found.specifier == f" @ git+https://example.com/owner/go-to-wheel@{COMMIT}"
    assert found.note.startswith("the package index has no go-to-wheel>=1.0; the files name git+")
    steps = yaml.safe_load(format_workflow(PurePosixPath("."), found))["jobs"]["build"]["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    assert f'"go-to-wheel[check]{found.specifier}"' in commands


def test_folder_without_a_release(origin: dict[str, Any]) -> None:
    origin["url"] = "file:///src/go-to-wheel"
    found = find_requirement(Index(has=False))
    assert found.specifier == ">=1.0"
    assert "until then write 'go-to-wheel @ file:///src/go-to-wheel'" in found.note


def test_origin_is_read_from_the_installation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    info = tmp_path / "go_to_wheel-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: go-to-wheel\nVersion: 1.0.0\n")
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///src", "dir_info": {}}))
    monkeypatch.syspath_prepend(tmp_path)
    assert "go-to-wheel @ file:///src'" in find_requirement(Index(has=False)).note

"""`data-files`: which files go where below the environment's root."""

from __future__ import annotations

from pathlib import Path

import pytest

from go_to_wheel.errors import GoToWheelError
from go_to_wheel.sources.listing import find_data_files


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("man/tool.1", "man/tool-x.1", "man/tool.5", "done/tool"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_patterns_match_files(project: Path) -> None:
    table = {"share/man/man1": ["man/*.1"], "share/bash-completion/completions": ["done/tool"]}
    assert find_data_files(project, table) == {
        "share/man/man1/tool-x.1": project / "man/tool-x.1",
        "share/man/man1/tool.1": project / "man/tool.1",
        "share/bash-completion/completions/tool": project / "done/tool",
    }


def test_two_files_with_one_destination_are_refused(project: Path) -> None:
    (project / "other").mkdir()
    (project / "other" / "tool.1").write_text("other")
    assert len(find_data_files(project, {"share/a": ["man/*.1", "man/tool.1"]})) == 2
    with pytest.raises(GoToWheelError, match="two files for"):
        find_data_files(project, {"share/a": ["man/*.1", "other/*"]})


@pytest.mark.parametrize(
    ("folder", "pattern", "said"),
    [
        ("share/man", "man/*.9", "no file 'man/\\*.9'"),
        *(("share/man", odd, "no file") for odd in (".", "./", "man/.", "a**b", "**x", "[")),
        ("share/../bin", "man/*.1", "leads out of its folder"),
        ("share/x", "../man/*.1", "leads out of its folder"),
        ("share/x", "/etc/passwd", "leads out of its folder"),
        ("share\\x", "man/*.1", "leads out of its folder"),
        ("bin", "man/*.1", "is not below share or etc"),
        ("/share/x", "man/*.1", "is not below share or etc"),
    ],
)
def test_invalid_data_files_are_refused(
    project: Path, folder: str, pattern: str, said: str
) -> None:
    with pytest.raises(GoToWheelError, match=said):
        find_data_files(project, {folder: [pattern]})

"""A checkout on Windows has CRLF line ends (core.autocrlf); the wheel is the same."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from windows_paths import EXTENDED

from go_to_wheel.config.pyproject import read_project
from go_to_wheel.sources.files import _extended_path, read_license_texts, read_readme
from go_to_wheel.sources.listing import read_python_files

PYPROJECT = b"""[project]
name = "crlf"
version = "1"
readme = "README.md"
license = "MIT"
license-files = ["LICENSE"]
"""


def make(folder: Path, ends: bytes) -> Path:
    folder.mkdir()
    for name, text in {
        "README.md": b"# Title\n\nText.\n",
        "LICENSE": b"MIT License\n\nPermission is\n",
        "pyproject.toml": PYPROJECT,
    }.items():
        (folder / name).write_bytes(text.replace(b"\n", ends))
    package = folder / "python" / "crlf"
    package.mkdir(parents=True)
    (package / "__init__.py").write_bytes(b'"""Text.\n\nMore."""\n'.replace(b"\n", ends))
    (package / "data.bin").write_bytes(b"\r\n\x00")
    return folder


def test_crlf_gives_the_same_bytes(tmp_path: Path) -> None:
    unix, windows = make(tmp_path / "unix", b"\n"), make(tmp_path / "windows", b"\r\n")
    assert read_readme(windows / "README.md") == read_readme(unix / "README.md")
    assert read_license_texts(windows, [windows]) == read_license_texts(unix, [unix])
    files = dict(read_python_files(windows, "python"))
    assert files == dict(read_python_files(unix, "python"))
    assert files["crlf/data.bin"] == b"\r\n\x00"
    projects = [read_project(folder) for folder in (unix, windows)]
    found = [
        (project.metadata["description"], project.license_files) for project in projects if project
    ]
    assert found[0] == found[1]
    assert found[0][0] is not None


OTHER = {r"C:\x\..\COM1": r"\\?\C:\COM1", "C:/x/y": r"\\?\C:\x\y"}


@pytest.mark.parametrize(("path", "expected"), [*EXTENDED.items(), *OTHER.items()])
def test_extended_paths_for_windows(path: str, expected: str) -> None:
    assert _extended_path(PureWindowsPath(path), windows=True) == expected

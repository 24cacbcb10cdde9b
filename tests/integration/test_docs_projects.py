"""The projects on the pages «before the build» and «hatchling» build and run."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support import git, go_to_wheel, native, run

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
HELPER = (ROOT / "docs" / "tutorials" / "python-library.md").read_text(encoding="utf-8")

WEBBY = {
    "go.mod": "module example.com/webby\n\ngo 1.24\n",
    ".gitignore": "assets\ndist\n",
    "main.go": """\
// Webby serves its assets.
package main

import _ "embed"

//go:generate sh -c "mkdir -p assets && echo hello >assets/app.js"
//go:embed assets/app.js
var app string

func main() { print(app) }
""",
    "pyproject.toml": """\
[build-system]
requires = ["go-to-wheel"]
build-backend = "go_to_wheel.backend"

[project]
name = "webby"
dynamic = ["version"]
""",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def test_generated_files(tmp_path: Path) -> None:
    """Missing: an error that says what to do; there: a clean commit, and an archive with them."""
    page = (HOW_TO / "before-the-build.md").read_text(encoding="utf-8")
    project = tmp_path / "webby"
    write(project, WEBBY)
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "first")
    git(project, "tag", "v1.0.0")
    missing = go_to_wheel(".", "--platforms", "linux-amd64", cwd=project, check=False)
    for line in re.findall(r"^go-to-wheel: .*", page, re.MULTILINE):
        assert line in missing.stderr
    run("go", "generate", "./...", cwd=project)
    go_to_wheel(".", "--platforms", "native", cwd=project)
    go_to_wheel("sdist", cwd=project)
    (wheel,) = (project / "dist").glob("*.whl")
    commit = re.findall(r"^commit .*", go_to_wheel("inspect", wheel).stdout, re.MULTILINE)
    assert len(commit) == 1
    assert "local changes" not in commit[0]
    with tarfile.open(project / "dist" / "webby-1.0.0.tar.gz") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # new in 3.11.4
        archive.extractall(tmp_path)
    again = tmp_path / "webby-1.0.0"
    assert (again / "assets" / "app.js").read_text() == "hello\n"
    go_to_wheel(again, "--platforms", "native", "--output-dir", tmp_path / "again")


@pytest.fixture
def wordy(tmp_path: Path) -> Path:
    """The project with a build hook, as the page has it."""
    page = (HOW_TO / "hatchling.md").read_text(encoding="utf-8").split("## A build hook")[1]
    project = tmp_path / "wordy"
    pattern = r"`([\w./]+)`[^\n]*:\n\n```\w+\n(.*?)```"
    files = dict(re.findall(pattern, page, re.DOTALL))
    assert set(files) == {"pyproject.toml", "hatch_build.py", "wordy/__init__.py"}
    helper = dict(re.findall(r"`wordy/(helper/[\w.]+)`:\n\n```\w+\n(.*?)```", HELPER, re.DOTALL))
    write(project, files | helper)
    return project


def test_hatchling_build_hook(wordy: Path, tmp_path: Path, uv: str) -> None:
    backend = tmp_path / secrets.token_hex(8)  # uv's cache may know a folder of the old name
    run(uv, "build", "--quiet", "--wheel", "--out-dir", backend, ROOT)
    env = {"UV_FIND_LINKS": str(backend), "WORDY_PLATFORM": native()}
    options = ["--quiet", "--wheel", "--python", sys.executable]
    run(uv, "build", *options, wordy, env=env)
    run(uv, "build", *options, wordy, env={**env, "WORDY_PLATFORM": "windows-amd64"})
    wheels = sorted((wordy / "dist").glob("*.whl"))
    assert len(wheels) == 2
    expected = f"{native()},windows-amd64"
    checked = go_to_wheel("check", "--expect", expected, wordy / "dist", check=False)
    assert "no errors" in checked.stdout, checked.stdout
    (ours,) = [wheel for wheel in wheels if "win_amd64" not in wheel.name]
    run(uv, "pip", "install", "--quiet", "--python", sys.executable, "--target",
        tmp_path / "site", ours)  # fmt: skip
    script = "import wordy; print(wordy.count('to be or not to be'))"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path / "site", capture_output=True, text=True
    )
    assert result.stdout == "6\n", result.stderr

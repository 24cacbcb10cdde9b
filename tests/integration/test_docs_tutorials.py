"""README and tutorials work: their files are written, their commands run, their output compared."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import PROJECTS, run

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"
#: A block, with the file's name if the line above is one.
BLOCK = re.compile(r"(?:`([^`\n]+)`[^\n]*:\n\n)?```(\w+)\n(.*?)```", re.DOTALL)
MARK = "=== command "


def write_files(page: str, folder: Path) -> None:
    for name, language, content in BLOCK.findall(page):
        if name and language != "console":
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")


def commands(page: str) -> list[tuple[str, list[str]]]:
    """Each command of the console blocks, with the lines that it should print."""
    found: list[tuple[str, list[str]]] = []
    for _, language, content in BLOCK.findall(page):
        if language != "console":
            continue
        for line in content.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.strip() != "…":
                found[-1][1].append(line)
    return found


def same(written: str, printed: str) -> bool:
    return written.rstrip() == printed.rstrip()


def starts_with(written: str, printed: str) -> bool:
    """Versions and times at the end of a line vary."""
    return printed.startswith(written.rstrip())


def play(
    page: str,
    folder: Path,
    changed: dict[str, str],
    matches: Callable[[str, str], bool] = same,
) -> None:
    """Run the page's commands in one shell; every expected line must be printed, in order."""
    script = "set -e\n"
    expected = commands(page)
    for number, (command, _) in enumerate(expected):
        for old, new in changed.items():
            command = command.replace(old, new)
        script += f"echo '{MARK}{number}'\n{command}\n"
    tools = f"{Path(sys.executable).parent}:{Path(shutil.which('go') or 'go').parent}"
    path = f"{tools}:/usr/bin:/bin"
    result = run("bash", "-c", script, cwd=folder, env={"PATH": path, "NO_COLOR": "1"})
    outputs = re.split(rf"^{MARK}\d+\n", result.stdout, flags=re.MULTILINE)[1:]
    for (command, lines), output in zip(expected, outputs, strict=True):
        rest = iter(output.splitlines())
        for line in lines:
            assert any(matches(line, printed) for printed in rest), f"{command}: {line!r}\n{output}"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy to build from, so that nothing is written into this one."""
    copy = tmp_path / "checkout"
    ignored = shutil.ignore_patterns(
        ".*", "__pycache__", "build", "dist", "docs", "bench", "tests", "uv.lock"
    )
    shutil.copytree(ROOT, copy, ignore=ignored)
    return copy


def test_first_wheel(tmp_path: Path) -> None:
    page = (TUTORIALS / "first-wheel.md").read_text(encoding="utf-8")
    write_files(page, tmp_path)
    play(page, tmp_path, {'uv tool install "path/to/checkout[go]"': ":"})


def test_python_library(tmp_path: Path, checkout: Path) -> None:
    page = (TUTORIALS / "python-library.md").read_text(encoding="utf-8")
    folder = tmp_path / "project"
    folder.mkdir()
    write_files(page, folder)
    play(page, folder, {"path/to/checkout": str(checkout)})


def make_home(home: Path) -> None:
    for name, pragma in (
        (".config/browser/History", "journal_mode=wal"),
        ("Documents/holiday.gpkg", "application_id=0x47504B47"),
    ):
        (home / name).parent.mkdir(parents=True)
        connection = sqlite3.connect(home / name)
        connection.execute(f"pragma {pragma}")
        connection.execute("create table t (a)")
        connection.close()


def test_explore_databases(tmp_path: Path, checkout: Path) -> None:
    home = tmp_path / "home"
    make_home(home)
    with sqlite3.connect(home / "Documents" / "letters.db") as letters:
        letters.execute("create table letters (sender, body)")
        letters.executemany(
            "insert into letters values (?, ?)",
            [
                ("Lakeside Estates", "Dear all, the Lakeside appraisal is attached."),
                ("Ann", "We met again yesterday. " * 20 + "It was at the lakeside."),
            ],
        )
    letters.close()
    page = (TUTORIALS / "explore-databases.md").read_text(encoding="utf-8")
    page = page.replace("/home/me", str(home))
    page = re.sub(r", SQLite .*", "", page)
    changed = {
        "path/to/checkout": str(checkout),
        "datasette scan ~/Documents": f"datasette scan {home}/Documents",
        "datasette scan ~": f"datasette scan {home} --get /-/scan.json",
        "~ --details": f"{home} --details --sort",
    }
    play(page, tmp_path, changed, starts_with)


def test_readme(tmp_path: Path, checkout: Path) -> None:
    make_home(tmp_path / "home")
    shutil.copytree(PROJECTS / "hello", checkout / "tests" / "projects" / "hello")
    write_files((TUTORIALS / "first-wheel.md").read_text(encoding="utf-8"), tmp_path / "mytool")
    module = tmp_path / "mytool" / "go.mod"
    module.write_text("module example.com/mytool\n\ngo 1.24\n", encoding="utf-8")
    (checkout / "build").mkdir()
    run("go", "build", "-o", checkout / "build/tool", ".", cwd=module.parent)
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    changed = {
        "make demo": ":",
        "make test": ":",
        "github.com/owner/tool/cmd/x@v1.2.3": "sqlite_scanner --dry-run",
        "build/tool": "build/tool --output-dir build/single",
        "datasette scan ~": f"datasette scan {tmp_path / 'home'} --get /-/scan.json",
        "~ --details": f"{tmp_path / 'home'} --details",
    }
    play(page, checkout, changed)

"""The pages about sources, configuration and the build backend say what the code does."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from go_to_wheel.backend import SETTINGS
from go_to_wheel.cli import cli
from go_to_wheel.config import read_project
from go_to_wheel.config.pyproject import KEYS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ["how-to/build-backend.md", "how-to/prebuilt-binaries.md"]
PAGES += [f"reference/{name}.md" for name in ("configuration", "sources", "sqlite-scanner-python")]


def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def first_cells(page: str, heading: str) -> list[str]:
    """The code names in the first column of the table with this heading."""
    table = text(page).split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


def test_every_key_of_the_configuration() -> None:
    assert first_cells("reference/configuration.md", "Key") == list(KEYS)


def test_every_config_setting() -> None:
    assert first_cells("how-to/build-backend.md", "Setting") == list(SETTINGS)


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (page, block)
        for page in PAGES
        for block in re.findall(rf"```{language}\n(.*?)```", text(page), re.DOTALL)
    ]


@pytest.mark.parametrize(("page", "block"), blocks("toml"))
def test_every_table_can_be_read(tmp_path: Path, page: str, block: str) -> None:
    (tmp_path / "pyproject.toml").write_text(block, encoding="utf-8")
    assert read_project(tmp_path) is not None


@pytest.mark.parametrize(("page", "block"), blocks("python"))
def test_every_example_is_python(page: str, block: str) -> None:
    ast.parse(block)


def test_every_option_that_is_mentioned_exists() -> None:
    options = {
        name
        for command in cli.commands.values()
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    foreign = {"--config-settings", "--sdist", "--skip"}
    for page in PAGES:
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text(page)))
        assert named - foreign <= options, page


def fields_of(name: str, class_: str) -> list[str]:
    """The annotated names in a class of the sqlite_scanner package."""
    source = (ROOT / "sqlite_scanner/python/sqlite_scanner" / name).read_text(encoding="utf-8")
    found = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == class_
    )
    return [
        node.target.id
        for node in found.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]


def test_every_option_of_scan() -> None:
    written = first_cells("reference/sqlite-scanner-python.md", "Option")
    assert written == [*fields_of("_scan.py", "ScanOptions"), "events"]
    fields = fields_of("_records.py", "Match")
    assert all(f"`{field}`" in text("reference/sqlite-scanner-python.md") for field in fields)

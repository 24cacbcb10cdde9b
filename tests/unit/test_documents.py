"""The documents say what the code does."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import click
import pytest

from go_to_wheel.backend import SETTINGS
from go_to_wheel.cli import cli
from go_to_wheel.config.pyproject import KEYS, read_project
from go_to_wheel.platforms import DEFAULT_TARGETS, TARGETS, platform_tags

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    path.relative_to(DOCS).as_posix()
    for path in DOCS.rglob("*.md")
    if not path.name.startswith(("datasette-scan", "sqlite-scanner."))
)
COMMANDS = {name: cli.get_command(click.Context(cli), name) for name in cli.list_commands(None)}


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
    (tmp_path / "README.md").touch()
    assert read_project(tmp_path) is not None


@pytest.mark.parametrize(("page", "block"), blocks("python"))
def test_every_example_is_python(page: str, block: str) -> None:
    ast.parse(block)


def test_every_command_shows_its_help() -> None:
    shown = re.findall(r"```{command-help} (.+)", text("reference/cli.md"))
    commands = {f"go-to-wheel {name}" for name in COMMANDS if name != "build"}
    assert set(shown) >= {*commands, "go-to-wheel", "sqlite-scanner", "datasette scan"}


def test_every_platform_with_its_tags() -> None:
    expected = [
        f"| `{target.name}` | {'yes' if target in DEFAULT_TARGETS else 'no'} "
        f"| `{'.'.join(platform_tags(target, 'go1.26'))}` |"
        for target in TARGETS
    ]
    rows = [line for line in text("reference/platforms.md").splitlines() if line.startswith("| `")]
    assert rows == expected


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 120


@pytest.mark.parametrize("page", [path.name for path in ROOT.glob("*.md")])
def test_links_of_top_pages_exist(page: str) -> None:
    """Those inside the site are checked by `make docs`."""
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", (ROOT / page).read_text(encoding="utf-8"))
    inside = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in inside if not (ROOT / link).exists()] == []


def command_lines() -> list[tuple[str, str]]:
    """(page, arguments) for every `go-to-wheel …` in a console block, README's too."""
    pages = {page: text(page) for page in PAGES}
    pages["README.md"] = (ROOT / "README.md").read_text(encoding="utf-8")
    return [
        (page, arguments)
        for page, content in pages.items()
        for block in re.findall(r"```console\n(.*?)```", content, re.DOTALL)
        for arguments in re.findall(r"^\s*\$ .*\bgo-to-wheel (.+)", block, re.MULTILINE)
    ]


@pytest.mark.parametrize(("page", "arguments"), command_lines())
def test_every_command_line_has_options_that_exist(page: str, arguments: str) -> None:
    words = shlex.split(arguments, comments=True)
    command = COMMANDS[words[0] if words[0] in COMMANDS else "build"]
    named = {word.split("=")[0] for word in [*words, "--"][: [*words, "--"].index("--")]}
    known = {name for parameter in command.params for name in parameter.opts}
    known |= {name for parameter in command.params for name in parameter.secondary_opts}
    options = {word for word in named if word.startswith("-") and " " not in word}
    assert options <= {*known, "--help", "-V"}


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
    assert all(f"`{field}`" in text("reference/sqlite-scanner.md") for field in fields)


def test_every_module_of_the_plugin() -> None:
    page = text("explanation/architecture.md").partition("## datasette_scan")[2]
    package = ROOT / "datasette_scan" / "datasette_scan"
    modules = {path.relative_to(package).with_suffix("").parts[0] for path in package.rglob("*.py")}
    layers = set(re.findall(r"[a-z_]+", page.split("```")[1]))
    assert layers == modules
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)/?`", "".join(rows))) == modules


def test_explanations_name_tests_that_exist() -> None:
    pages = "".join(text(page) for page in PAGES if page.startswith("explanation/"))
    files = (*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "sqlite_scanner").rglob("*_test.go"))
    code = "".join(path.read_text("utf-8") for path in files)
    names = set(re.findall(r"`((?:test_|Test[A-Z])\w+)`", pages))
    assert len(names) > 10
    assert [name for name in names if not re.search(rf"(def|func) {name}\b", code)] == []


def test_ways_through_the_plugin_exist() -> None:
    package = ROOT / "datasette_scan" / "datasette_scan"
    page = text("explanation/architecture.md").partition("Three ways through the code")[2]
    names = re.findall(r"`([a-z_.]+?)\.((?:[A-Z]\w+\.)?\w+)`", page.partition("\nA module")[0])
    assert len(names) > 9
    for module, name in names:
        code = (package / (module.replace(".", "/") + ".py")).read_text("utf-8")
        for part in name.split("."):
            assert re.search(rf"(def|class) {part}\b", code), (module, name)


def test_contributing_names_what_exists() -> None:
    written = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    names = [name for name in re.findall(r"`([\w.]+(?:/[\w.-]*)+)`", written) if name[0] != "-"]
    assert len(names) > 12
    assert [name for name in names if not (ROOT / name).exists() and name[:4] != ".ven"] == []
    files = (*(ROOT / "go_to_wheel").rglob("*.py"), *(ROOT / "tests/unit").rglob("*.py"))
    code = "\n".join(path.read_text("utf-8") for path in files)
    for name in re.findall(r"`(_?[A-Z]\w+|\w+_\w+)`", written.replace("`Makefile`", "")):
        assert re.search(rf"^(class |def )?{name}\b", code, re.MULTILINE), name
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z-]+)`", written):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target

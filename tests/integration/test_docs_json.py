"""docs/reference/json.md lists exactly the fields that the commands print."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support import Built, go_to_wheel

PAGE = Path(__file__).parents[2] / "docs/reference/json.md"
#: Objects whose keys are data.
MAPS = {"origins", "tags", "settings"}


def documented(heading: str) -> set[str]:
    text = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def fields(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all leaves, as the page writes them."""
    name = path.rpartition(".")[2]
    if isinstance(value, list):
        if not value:
            yield f"{path}[]"
        for element in value:
            yield from fields(element, f"{path}[]")
    elif isinstance(value, dict) and name in MAPS:
        yield f"{path}{{}}"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from fields(inner, f"{path}.{key}" if path else key)
    else:
        yield path


def compare(heading: str, printed: str) -> None:
    found = set(fields(json.loads(printed)))
    listed = documented(heading)
    leaves = {name for name in listed if not any(x.startswith(f"{name}.") for x in listed)}
    assert found - listed == set()
    assert leaves - found == set()


def test_build_report(project: Any) -> None:
    source = project("hello")
    (source / "broken_windows.go").write_text("package main\n\nvar x int = nothing\n")
    printed = go_to_wheel(
        source, "--platforms", "linux-amd64,windows-amd64", "--keep-going", "--json",
        "--output-dir", source.parent / "dist", check=False,
    ).stdout  # fmt: skip
    compare("Build report", printed)


def test_build_plan(project: Any) -> None:
    printed = go_to_wheel(project("hello"), "--dry-run", "--json").stdout
    compare("Build plan", printed)


def test_check_report(hello_all: Built) -> None:
    printed = go_to_wheel(
        "check", hello_all.wheel("linux-amd64-musl"), "--run", "--expect", "windows-amd64",
        "--json", check=False,
    ).stdout  # fmt: skip
    compare("Check report", printed)


def test_wheel_description(hello_all: Built) -> None:
    compare("Wheel description", go_to_wheel("inspect", hello_all.wheels[0], "--json").stdout)


def test_verification(hello_all: Built) -> None:
    source = hello_all.folder.parent / "hello"
    printed = go_to_wheel(
        "verify", hello_all.wheel("windows-386"), "--json", "--source", source,
        "--", "--license", "Apache-2.0", check=False,
    ).stdout  # fmt: skip
    compare("Verification", printed)


def test_platforms() -> None:
    compare("Platforms", go_to_wheel("platforms", "--json").stdout)

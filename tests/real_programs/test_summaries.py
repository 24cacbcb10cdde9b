"""READMEs of real modules, fetched through the Go module proxy: what is taken as the summary.

summaries.tsv has what a packager would write, read off each README by hand. `make programs` reads
all of them, other runs three.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from go_to_wheel.naming import name_from_path
from go_to_wheel.sources.files import find_readme, read_readme
from go_to_wheel.sources.summary import summary_of_readme

pytestmark = pytest.mark.slow

TABLE = Path(__file__).with_name("summaries.tsv")
ROWS = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]]
EVERYWHERE = ("github.com/rakyll/hey", "github.com/akavel/rsrc", "github.com/yuin/goldmark")
ALL = os.environ.get("REAL_PROGRAMS") == "all"


def summary_of(module: str, version: str, folder: Path) -> str | None:
    env = {**os.environ, "GOMODCACHE": str(folder), "GOFLAGS": "-modcacherw", "GOWORK": "off"}
    command = ["go", "mod", "download", "-json", f"{module}@{version}"]
    for _ in range(3):  # a network may fail for a moment, and this cache starts empty
        result = subprocess.run(command, env=env, capture_output=True, text=True)
        if result.returncode == 0:
            break
    assert result.returncode == 0, result.stdout + result.stderr
    path = find_readme([Path(json.loads(result.stdout)["Dir"])])
    found = summary_of_readme(read_readme(path), [name_from_path(module)]) if path else None
    shutil.rmtree(folder)
    return found


def test_the_table_is_large_enough() -> None:
    assert len(ROWS) >= 80
    assert {module for module, _, _ in ROWS} >= set(EVERYWHERE)


def test_summaries_of_real_readmes(tmp_path: Path) -> None:
    chosen = [row for row in ROWS if ALL or row[0] in EVERYWHERE]
    wanted = {module: summary for module, _, summary in chosen}
    found = {module: summary_of(module, version, tmp_path / "m") for module, version, _ in chosen}
    print(format_figures(wanted, found))
    right = [module for module in wanted if found[module] == wanted[module]]
    other = [module for module in wanted if found[module] not in (None, wanted[module])]
    assert len(right) >= 0.9 * len(wanted)
    assert len(other) <= 0.04 * len(wanted)


def format_figures(wanted: Mapping[str, str], found: Mapping[str, str | None]) -> str:
    lines = [
        f"{module}: {found[module]!r} instead of {summary!r}"
        for module, summary in wanted.items()
        if found[module] != summary
    ]
    return "\n".join([*lines, f"{len(wanted) - len(lines)} of {len(wanted)} as by hand"])

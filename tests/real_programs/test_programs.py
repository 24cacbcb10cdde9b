"""Real programs from the Go module proxy: built, installed, run, described as by hand.

programs.tsv has for each what a packager would write, and words that the program prints.
`make programs` takes all of them, other runs three small ones.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TABLE = Path(__file__).with_name("programs.tsv")
with TABLE.open(encoding="utf-8", newline="") as lines:
    ROWS = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
EVERYWHERE = (
    "github.com/rakyll/hey",
    "github.com/akavel/rsrc",
    "github.com/fzipp/gocyclo/cmd/gocyclo",
)
ALL = os.environ.get("REAL_PROGRAMS") == "all"
CHOSEN = [row for row in ROWS if ALL or row["source"].split("@")[0] in EVERYWHERE]


def test_the_table_is_large_enough() -> None:
    assert len(ROWS) >= 40
    assert len({row["source"].split("@")[0] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", CHOSEN, ids=lambda row: row["source"].split("@")[0])
def test_a_real_program(row: dict[str, str], tmp_path: Path) -> None:
    build = [sys.executable, "-m", "go_to_wheel", row["source"], "--platforms", "native", "--json"]
    result = run([*build, "--output-dir", str(tmp_path / "dist")])
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    (wheel,) = report["wheels"]
    assert (report["name"], report["version"]) == (row["name"], row["version"])
    planned = json.loads(run([*build, "--dry-run"]).stdout)
    assert planned["summary"] == row["summary"]
    assert planned["license"] == row["license"]
    unknown = any("has no address of" in note for note in planned["notes"])
    assert planned["urls"] == ([] if unknown else [f"Source, {row['url']}"])
    beside = Path(sys.executable).parent
    uv = shutil.which("uv", path=str(beside)) or shutil.which("uv")
    assert uv, "uv is a test dependency and should be here"
    installed = tmp_path / "installed"
    run([uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", sys.executable,
         "--target", str(installed), wheel["path"]], check=True)  # fmt: skip
    command = installed / "bin" / row["name"]
    said = run([str(command), *row["arguments"].split()], cwd=tmp_path)
    assert row["words"] in said.stdout + said.stderr


def run(
    command: list[str], check: bool = False, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=check, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )

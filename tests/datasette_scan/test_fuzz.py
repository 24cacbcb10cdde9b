"""A small run of ``scripts/fuzz_databases.py``: hostile files change nothing but an answer."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "fuzz_databases.py"


@pytest.mark.skipif(sys.platform == "win32", reason="bait is watched by POSIX times")
def test_mutated_files_touch_no_bait(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--runs", "60", "--seed", "7"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.rpartition("; ")[2] for line in done.stdout.splitlines()] == ["0 findings"] * 3


def test_a_finding_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("fuzz_databases", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def harmful(path: Path) -> str:
        (path.parent.parent / "bait" / "bait3").unlink()
        return "read"

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "read", harmful)
    monkeypatch.setattr(module.tempfile, "tempdir", None)
    monkeypatch.setattr(module.attempt, "_is_root", lambda: True)
    _, findings = module.fuzz("journal", 1, 1, tmp_path)
    assert findings == ["journal 0: a file changed, appeared or was left"]

"""Ctrl-C and SIGTERM at random moments leave nothing behind; two hundred: scripts/interrupt.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support import run

SCRIPT = Path(__file__).parents[2] / "scripts" / "interrupt.py"


@pytest.mark.skipif(sys.platform != "linux", reason="looks for children in /proc")
def test_interrupted_builds_leave_nothing() -> None:
    result = run(sys.executable, SCRIPT, "--runs", "8", "--seed", "5", check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith(" 0 faults\n")

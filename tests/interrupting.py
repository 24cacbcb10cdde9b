"""Ctrl-C, as a terminal sends it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path


def press_ctrl_c(command: Sequence[str | Path], cwd: Path | None = None) -> tuple[int, str, str]:
    """Interrupt the whole process group of a command that has printed "ready".

    Returns its exit code, and what it wrote to standard output and error afterwards. POSIX.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=180)
    return process.returncode, output, errors

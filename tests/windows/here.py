"""Runs the tests of this folder on this system, with its own Python: the workflow does.

python tests/windows/here.py [pytest options]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        made = Path(name).resolve()
        subprocess.run([sys.executable, HERE / "prepare.py", made], check=True)
        environment = {
            **os.environ,
            "INSTALLED_FROM": str(made),
            "PYTHONPATH": str(made / "site-tests"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        environment.pop("VIRTUAL_ENV", None)
        # Not a virtual environment's Python: pip has no --user there.
        python = getattr(sys, "_base_executable", sys.executable)
        tests = [python, "-m", "pytest", "-c", HERE / "pytest.ini", *sys.argv[1:], HERE]
        return subprocess.run(tests, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

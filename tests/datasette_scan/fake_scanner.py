"""Stands in for the sqlite-scanner program where a test needs it to misbehave.

The first line of the file named by FAKE_SCANNER is the exit code, the second how many
seconds to wait at the end; every further line is written as it is.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main() -> int:
    script = Path(os.environ["FAKE_SCANNER"])
    script.with_suffix(".argv").write_text(json.dumps(sys.argv[1:]))
    code, wait, *lines = script.read_text().splitlines()
    for line in lines:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    if code != "0":
        sys.stderr.write("sqlite-scanner: \x1b[31mit broke\n")
    script.with_suffix(".pid").write_text(str(os.getpid()))
    time.sleep(float(wait))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())

"""Draw the terminal picture of the manual from real output.

    python docs/img/make_terminal.py SCANNER      # needs rich

Writes sqlite-scanner.svg beside this file.
"""

from __future__ import annotations

import io
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

DATABASES = {
    "Documents/holiday.gpkg": ("pragma application_id=0x47504B47",),
    "Downloads/tiles.bin": ("pragma page_size=1024", "pragma application_id=0x4D504258"),
    ".config/browser/History": ("pragma journal_mode=wal", "pragma user_version=66"),
    "src/app/test data.db": (),
}


def make_home(home: Path) -> None:
    for name, statements in DATABASES.items():
        path = home / name
        path.parent.mkdir(parents=True)
        connection = sqlite3.connect(path, isolation_level=None)
        for statement in (*statements, "create table t(a)"):
            connection.execute(statement)
        connection.close()
        os.utime(path, (1_790_000_000, 1_790_000_000))
    whole = (home / "src/app/test data.db").read_bytes()
    (home / "Downloads/unfinished").write_bytes(whole[:4096])
    os.utime(home / "Downloads/unfinished", (1_790_000_000, 1_790_000_000))
    for number in range(3000):
        (home / "src" / f"{number}.txt").write_text("plain")


def run(scanner: str, home: Path, arguments: list[str]) -> str:
    done = subprocess.run(
        [scanner, *arguments, str(home)], check=True, text=True, capture_output=True
    )
    return (done.stdout + done.stderr).replace(str(home), "/home/me")


def without_fonts() -> str:
    """Rich's template with the reader's own monospaced font: nothing to download."""
    template = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return re.sub(r"<!--.*?-->\s*", "", template).replace("Fira Code, ", "")


def main() -> None:
    console = Console(record=True, width=116, file=io.StringIO())
    with tempfile.TemporaryDirectory() as name:
        home = Path(name).resolve() / "me"
        make_home(home)
        for arguments in (["--sort", "--size", "--stats"], ["--sort", "--details"]):
            prompt = Text("$ ", style="bold green")
            prompt.append(f"uvx sqlite-scanner {' '.join(arguments)} ~", style="bold")
            console.print(prompt)
            console.print(run(sys.argv[1], home, arguments), markup=False, highlight=False)
    picture = console.export_svg(title="sqlite-scanner", code_format=without_fonts())
    Path(__file__).with_name("sqlite-scanner.svg").write_text(picture)


if __name__ == "__main__":
    main()

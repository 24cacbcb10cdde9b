"""Checks the wheels in docs/reference/checked-wheels.md: downloads each, compares its codes.

    python scripts/real_wheels.py [--write]

Needs a network, unearth and half a gigabyte. `--write` writes the codes that were found into
the page; read the difference before you commit it.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from go_to_wheel.check.index import Index  # noqa: E402
from go_to_wheel.check.report import Report  # noqa: E402
from go_to_wheel.check.run import check_wheels  # noqa: E402
from go_to_wheel.process import Runner  # noqa: E402

PAGE = ROOT / "docs/reference/checked-wheels.md"
_ROW = re.compile(r"^\| `(\S+\.whl)` \| (.*) \| (.*) \|$", re.MULTILINE)


def check(index: Index, file: str, folder: Path) -> Report:
    """The report on one wheel of the index, by its file name."""
    name, version = file.split("-")[:2]
    folder.mkdir()
    packages = index.finder.find_matches(f"{name}=={version}", allow_yanked=True)
    link = next(package.link for package in packages if package.link.filename == file)
    path = index.finder.download(link, folder)
    report = check_wheels([path], expect=[])
    path.unlink()
    return report


def main() -> int:
    """The number of wheels whose codes are others than the page's."""
    text, index, wrong = PAGE.read_text(encoding="utf-8"), Index(None, Runner()), 0
    with tempfile.TemporaryDirectory() as scratch:
        for number, (file, what, stated) in enumerate(_ROW.findall(text)):
            report = check(index, file, Path(scratch, str(number)))
            codes = sorted({finding.code for finding in report.findings})
            found = ", ".join(f"`{code}`" for code in codes) or "none"
            print("same " if found == stated else "OTHER", file, found)
            wrong += found != stated
            row = f"| `{file}` | {what} | {stated} |"
            text = text.replace(row, f"| `{file}` | {what} | {found} |")
    if "--write" in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    return min(wrong, 100)


if __name__ == "__main__":
    sys.exit(main())

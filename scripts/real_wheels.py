"""Checks the wheels in the documentation's tables: downloads each, compares its codes.

    python scripts/real_wheels.py [--write] [--show] [NAME …]

Rows name a wheel (docs/reference/checked-wheels.md), or all of a release
(docs/reference/checked-releases.md). Needs a network, unearth, and room for the downloads of a
few rows; each is removed when it was checked. NAME narrows the run to rows that begin so.
`--show` prints the findings, `--write` writes the codes that were found into the pages: read
the difference before you commit it.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from go_to_wheel.check.index import Index  # noqa: E402
from go_to_wheel.check.report import Report  # noqa: E402
from go_to_wheel.check.run import check_wheels  # noqa: E402
from go_to_wheel.process import Runner  # noqa: E402

PAGES = [ROOT / f"docs/reference/checked-{kind}.md" for kind in ("wheels", "releases")]
_ROW = re.compile(r"^\| `(\S+\.whl|\S+==\S+)` \| (.*) \| (.*) \|$", re.MULTILINE)
_AT_A_TIME = 3


def fetch(index: Index, named: str, folder: Path) -> list[Path]:
    """Download one wheel, or all files of "name==version"."""
    if "==" in named:
        return index.fetch(named, folder)
    name, version = named.split("-")[:2]
    packages = index.finder.find_matches(f"{name}=={version}", allow_yanked=True)
    link = next(package.link for package in packages if package.link.filename == named)
    return [Path(index.finder.download(link, folder))]


def check(index: Index, named: str) -> Report | None:
    """The report on a row; None where it can't be downloaded."""
    with tempfile.TemporaryDirectory(prefix="real-wheels-") as folder:
        try:
            return check_wheels(fetch(index, named, Path(folder)), expect=[])
        except Exception as error:  # noqa: BLE001 (the other rows are checked all the same)
            print(f"{named}: {type(error).__name__}: {error}", file=sys.stderr)
            return None


def codes_of(report: Report | None) -> str:
    """The codes, with the number of wheels that have each where there are several."""
    if report is None:
        return "not checked"
    found = Counter(code for code, _ in {(row.code, row.wheel) for row in report.findings})
    count = (lambda code: f" {found[code]}") if len(report.wheels) > 1 else (lambda code: "")
    return ", ".join(f"`{code}`{count(code)}" for code in sorted(found)) or "none"


def main(arguments: list[str]) -> int:
    """The number of rows whose codes are others than the page's."""
    names = [text for text in arguments if not text.startswith("-")]
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    rows = [row for text in texts.values() for row in _ROW.findall(text)]
    rows = [row for row in rows if not names or row[0].startswith(tuple(names))]
    index, wrong = Index(None, Runner()), 0
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        reports = pool.map(lambda row: check(index, row[0]), rows)
        for (named, what, stated), report in zip(rows, reports, strict=True):
            found = codes_of(report)
            print("same " if found == stated else "OTHER", named, found, flush=True)
            for finding in report.findings if report and "--show" in arguments else ():
                print(f"    {finding.severity} {finding.code}: {finding.message} ({finding.wheel})")
            wrong += found != stated
            old, new = (f"| `{named}` | {what} | {codes} |" for codes in (stated, found))
            texts = {page: text.replace(old, new) for page, text in texts.items()}
    if "--write" in arguments:
        for page, text in texts.items():
            page.write_text(text, encoding="utf-8")
    return min(wrong, 100)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

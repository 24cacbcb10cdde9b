"""Checks the wheels in the documentation's tables: downloads each, compares its codes.

    python scripts/real_wheels.py [--write] [--show] [NAME …]

Rows name a wheel (docs/reference/checked-wheels.tsv), or all of a release
(docs/reference/checked-releases.tsv). Needs a network, unearth, and room for the downloads of a
few rows; each is removed when it was checked. NAME narrows the run to rows that begin so.
`--show` prints the findings, `--write` writes the codes that were found into the tables: read
the difference before you commit it.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from go_to_wheel.check.index import Index  # noqa: E402
from go_to_wheel.check.report import Report  # noqa: E402
from go_to_wheel.check.wheel_set import check_wheels  # noqa: E402
from go_to_wheel.process import Runner  # noqa: E402

TABLES = [ROOT / f"docs/reference/checked-{kind}.tsv" for kind in ("wheels", "releases")]
_AT_A_TIME = 3


def fetch(index: Index, named: str, folder: Path) -> list[Path]:
    """Download one wheel, or all files of "name==version"."""
    if "==" in named:
        return index.fetch(named, folder, (), lambda text: None)
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
    return ", ".join(f"{code}{count(code)}" for code in sorted(found)) or "none"


def main(arguments: list[str]) -> int:
    """The number of rows whose codes are others than the table's."""
    names = tuple(text for text in arguments if not text.startswith("-"))
    tables = {path: path.read_text(encoding="utf-8").splitlines() for path in TABLES}
    places = [(path, number) for path, lines in tables.items() for number in range(1, len(lines))]
    places = [place for place in places if tables[place[0]][place[1]].startswith(names or "")]
    index, wrong = Index(None, Runner()), 0
    named = [tables[path][number].partition("\t")[0] for path, number in places]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        reports = pool.map(lambda name: check(index, name), named)
        for (path, number), name, report in zip(places, named, reports, strict=True):
            head, _, stated = tables[path][number].rpartition("\t")
            found = codes_of(report)
            print("same " if found == stated else "OTHER", name, found, flush=True)
            for finding in report.findings if report and "--show" in arguments else ():
                print(f"    {finding.severity} {finding.code}: {finding.message} ({finding.wheel})")
            wrong += found != stated
            tables[path][number] = f"{head}\t{found}"
    if "--write" in arguments:
        for path, lines in tables.items():
            path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return min(wrong, 100)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

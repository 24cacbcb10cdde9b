"""The catalogue of findings: each code with its severity, meaning and remedy.

Codes are stable: scripts match on them. docs/reference/check.md has the same table; a test
compares the two.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Rule:
    """`severity` is "error" or "warning"; `title` completes "found when …", `fix` is what to do.

    `section` is the heading in the documentation.
    """

    severity: str
    title: str
    fix: str
    section: str


def _read() -> dict[str, Rule]:
    text = files("go_to_wheel").joinpath("data", "check-codes.tsv").read_text(encoding="utf-8")
    _, *rows = csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {code: Rule(severity, title, fix, part) for part, code, severity, title, fix in rows}


RULES = _read()

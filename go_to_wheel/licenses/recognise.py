"""Licence texts -> the SPDX licences that they are, or unknown.

`licenseclassifier`, a port of the program behind pkg.go.dev, finds which parts of a text are
which licence. What is left over decides: a text is a licence when almost nothing else is in
it, and no condition of the author's own.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

#: Share of the words that must be the licence itself, in a file that has one licence.
_ENOUGH = 0.95
#: The same in a collection, where titles and introductions take up to a quarter.
ENOUGH_OF_SEVERAL = 0.75
#: Characters; more than the longest collection that is in use.
_LONGEST = 1_000_000

_LICENSE_NAME = re.compile(r"(LICEN[CS]E|COPYING|UNLICENSE)([-._].*)?", re.IGNORECASE)
_OTHERS = re.compile(r"third.?part|3rd.?part|vendor|depend|[-._]docs?$", re.IGNORECASE)
_COPYRIGHT_LINE = re.compile(
    r"^[^\w\n]*(copyright\b|©|\(c\)|all rights reserved).*$", re.IGNORECASE | re.MULTILINE
)
_WORD = re.compile(r"[a-z0-9]+")
#: Left over beside a licence, these words may change what it allows.
_CONDITION = re.compile(
    r"commons clause|non-?commercial|\b(must|shall|may|can|do|does) ?not\b|prohibit|restrict"
    r"|\bonly\b|provided that|permitted|\bfee\b|licen[sc]ed\s+under",
    re.IGNORECASE,
)
_GNU = re.compile(r"(?P<base>(AGPL|LGPL|GPL|GFDL)-[\d.]+)(-only|-or-later)?")


@dataclass(frozen=True)
class Recognised:
    """What a licence text is: `expression` is None when that is unknown.

    `confidence` is the share of the text's words (0 to 1) that belong to a licence, `reason`
    is a phrase for a note.
    """

    expression: str | None
    confidence: float
    reason: str


def recognise_files(files: Collection[tuple[str, bytes]]) -> Recognised | None:
    """The licence that a project's licence files hold; None when there are no such files.

    Left out are NOTICE files, which name authors, and the licences of documents and of what
    others wrote. Files that differ make it unknown, because they don't state whether both
    apply or one may choose.
    """
    texts = {name: data for name, data in files if _LICENSE_NAME.fullmatch(name.split("/")[-1])}
    texts = {name: texts[name] for name in texts if not _OTHERS.search(name)} or texts
    found = {name: recognise(data.decode(errors="replace")) for name, data in texts.items()}
    if not found:
        return None
    for name, seen in found.items():
        if seen.expression is None:
            return Recognised(None, seen.confidence, f"{name}: {seen.reason}")
    if len({seen.expression for seen in found.values()}) > 1:
        listed = ", ".join(f"{name} is {seen.expression}" for name, seen in found.items())
        return Recognised(None, 0.0, f"the files differ: {listed}")
    name, seen = min(found.items(), key=lambda item: item[1].confidence)
    return Recognised(seen.expression, seen.confidence, f"{name}: {seen.reason}")


def recognise(text: str, enough: float = _ENOUGH) -> Recognised:
    """The licence or licences that make up a text, as one expression ("A AND B").

    A notice that names a licence ("Licensed under the Apache License") counts as that licence.
    """
    from licenseclassifier import identify_license  # takes a moment to load

    if len(text) > _LONGEST:
        return Recognised(None, 0.0, f"{len(text)} characters, longer than any licence")
    regions = identify_license(text, coverage_threshold=0.0)
    names = sorted({region.id for region in regions})
    if not names:
        return Recognised(None, 0.0, "no licence on the SPDX list")
    edges = [0, *(edge for region in regions for edge in (region.start, region.end)), len(text)]
    rest = " ".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
    share = 1 - _count_words(rest) / max(1, _count_words(text))
    listed = " and ".join(names)
    gnu = [found["base"] for name in names if (found := _GNU.fullmatch(name))]
    if share < enough or _CONDITION.search(rest):
        return Recognised(None, share, f"it holds {listed}, and more than that")
    if gnu:  # which of the two is stated in the source files
        choices = f"{gnu[0]}-only or {gnu[0]}-or-later"
        return Recognised(None, share, f"{choices}: the text is the same for both")
    return Recognised(" AND ".join(names), share, f"{listed}, {share:.0%} of the text")


def _count_words(text: str) -> int:
    return len(_WORD.findall(_COPYRIGHT_LINE.sub("", text).lower()))

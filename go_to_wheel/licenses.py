"""Recognises licence texts, and combines the licences of everything in a wheel.

`licenseclassifier`, a port of the program behind pkg.go.dev, finds the licences in a text. The
text counts as these licences if little else is in it, and no further condition.
Source: PEP 639 (License-File, License-Expression). Pure, but for Go's licence in the package data.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from importlib import resources

from packaging.licenses import canonicalize_license_expression

from go_to_wheel.naming import STANDARD_LIBRARY

_GO_LICENSE = "BSD-3-Clause"
_LICENSE_NAME = re.compile(r"(UN)?(LICEN[CS]E|COPYING|NOTICE)([-._].*)?", re.IGNORECASE)
#: Stands in an expression for everything whose licence is unknown (PEP 639).
UNKNOWN = "LicenseRef-Unknown"
#: Names of files with notices, or with the licence of documentation.
_NOT_ABOUT_CODE = re.compile(r"notice|[-._]docs?$", re.IGNORECASE)
_CODE_SUFFIXES = (".c", ".go", ".h", ".html", ".json", ".py", ".sh", ".tmpl", ".yaml", ".yml")
#: Share of a file's words that must belong to its licence.
_MIN_COVERAGE = 0.95
#: The same for a file with several licences, which has titles and introductions too.
MIN_COLLECTION_COVERAGE = 0.75
#: In characters; no known collection of licences is longer.
_MAX_LENGTH = 1_000_000

_LICENSE_FILE = re.compile(r"(LICEN[CS]E|COPYING|UNLICENSE)([-._].*)?", re.IGNORECASE)
_THIRD_PARTY = re.compile(r"third.?part|3rd.?part|vendor|depend|[-._]docs?$", re.IGNORECASE)
_COPYRIGHT_LINE = re.compile(
    r"^[^\w\n]*(copyright\b|©|\(c\)|all rights reserved).*$", re.IGNORECASE | re.MULTILINE
)
_WORD = re.compile(r"[a-z0-9]+")
#: Such as "Copyright (c) 2024 Jane Doe", also with "[year]".
_OWNER_LINE = re.compile(
    r"^[^\w\n]*(copyright\b[^\w\n]*(c[^\w\n]+)?(\d{4}|year|yyyy)|all rights reserved).*$",
    re.IGNORECASE | re.MULTILINE,
)
#: The most frequent texts by a hash of their words without such lines. To load licenseclassifier,
#: which finds all others, takes longer than to link a small program.
_FREQUENT_TEXTS = {
    "Apache-2.0": ("e87dea5078ce2faa",),
    "BSD-2-Clause": ("447686a56472ea2e", "a56fee4b2f66331e"),
    "BSD-3-Clause": (
        "526279aa5ce65fb2",
        "cb1ce31a60c2422f",
        "9b83d3dee0616d07",
        "cc65957a28f15bbc",
    ),
    "MIT": ("6c833965e9ca4cf8", "35a446201226de6b", "0cf21bdfd1964a97", "6ad3654379e72bbd"),
    "MPL-2.0": ("f82071285728ca3e",),
}
#: Words outside a licence's own text that may change what it allows.
_CONDITION = re.compile(
    r"commons clause|non-?commercial|\b(must|shall|may|can|do|does) ?not\b|prohibit|restrict"
    r"|\bonly\b|provided that|permitted|\bfee\b|licen[sc]ed\s+under",
    re.IGNORECASE,
)
_GNU = re.compile(r"(?P<base>(AGPL|LGPL|GPL|GFDL)-[\d.]+)(-only|-or-later)?")


def recognise_files(files: Collection[tuple[str, bytes]]) -> tuple[str | None, str]:
    """The licence of a project by its licence files, and the reason, as `recognise` does.

    The reason is empty when there are no licence files. NOTICE files and the licences of
    documentation and of third parties are ignored. If the files differ the licence is unknown:
    they don't state whether both apply or either may be chosen.
    """
    texts = {path: data for path, data in files if _LICENSE_FILE.fullmatch(path.split("/")[-1])}
    texts = {path: data for path, data in texts.items() if not _THIRD_PARTY.search(path)} or texts
    verdicts = [(path, *recognise(data.decode(errors="replace"))) for path, data in texts.items()]
    if not verdicts:
        return None, ""
    path, expression, reason = min(verdicts, key=lambda verdict: verdict[1] is not None)
    if expression and len({expression for _, expression, _ in verdicts}) > 1:
        listed = ", ".join(f"{path} is {expression}" for path, expression, _ in verdicts)
        return None, f"the files differ: {listed}"
    return expression, f"{path}: {reason}"


def recognise(text: str, min_coverage: float = _MIN_COVERAGE) -> tuple[str | None, str]:
    """The licences in a text as one expression ("A AND B"), and the reason, for a note.

    The expression is None when the text is not recognised. A notice that names a licence
    ("Licensed under the Apache License") counts as that licence.
    """
    if len(text) > _MAX_LENGTH:
        return None, f"{len(text)} characters, longer than any licence"
    body = " ".join(re.findall(r"\w+", _OWNER_LINE.sub("", text).lower()))
    digest = sha256(body.encode()).hexdigest()[:16]
    owners = " ".join(line[0] for line in _OWNER_LINE.finditer(text))
    for name, hashes in _FREQUENT_TEXTS.items():
        if digest in hashes and not _CONDITION.search(owners):
            return name, f"{name}, 100% of the text"
    from licenseclassifier import identify_license

    regions = identify_license(text, coverage_threshold=0.0)
    names = sorted({region.id for region in regions})
    if not names:
        return None, "no licence on the SPDX list"
    edges = [0, *(edge for region in regions for edge in (region.start, region.end)), len(text)]
    rest = " ".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
    other, words = (len(_WORD.findall(_COPYRIGHT_LINE.sub("", t).lower())) for t in (rest, text))
    coverage = 1 - other / max(1, words)
    listed = " and ".join(names)
    gnu = [match["base"] for name in names if (match := _GNU.fullmatch(name))]
    if coverage < min_coverage or _CONDITION.search(rest):
        return None, f"it contains {listed} and other text"
    if gnu:  # the source files state which of the two
        choices = f"{gnu[0]}-only or {gnu[0]}-or-later"
        return None, f"{choices}: the text is the same for both"
    return " AND ".join(names), f"{listed}, {coverage:.0%} of the text"


@dataclass(frozen=True)
class Notice:
    """A linked module and its licence texts, as (path below its root, bytes).

    `expression` is set for C libraries, whose licences are known; `declared` is the licence that
    [tool.go-to-wheel.licenses] has for a module whose texts are not recognised.
    """

    module: str
    version: str
    files: tuple[tuple[str, bytes], ...]
    expression: str = ""
    declared: str = ""

    @property
    def folder(self) -> str:
        """The folder of its texts below `licenses/`."""
        return "go" if self.module == STANDARD_LIBRARY else self.module


@dataclass(frozen=True)
class BundledLicenses:
    """The licence texts of a wheel and the SPDX expression for all of them.

    `expression` has UNKNOWN for what was not recognised; `unknown` has the reasons, by module.
    `by_module` has the expressions that are known.
    """

    expression: str | None
    files: tuple[tuple[str, bytes], ...]
    by_module: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    c_parts: tuple[Notice, ...] = ()


def is_license_name(name: str) -> bool:
    """Whether a file of this name holds a licence: LICENSE.md, COPYING-MIT, but not license.go."""
    return bool(_LICENSE_NAME.fullmatch(name)) and not name.lower().endswith(_CODE_SUFFIXES)


def go_notice(go_version: str, text: bytes | None) -> Notice:
    """The notice of Go's run time; `text` is None where the Go installation has no LICENSE."""
    text = text or resources.files("go_to_wheel").joinpath("data/go-license.txt").read_bytes()
    return Notice(STANDARD_LIBRARY, go_version.removeprefix("go"), (("LICENSE", text),))


@lru_cache(maxsize=256)
def recognise_module(notice: Notice) -> tuple[str, str]:
    """The licence expression for all of a module's files; with UNKNOWN in it also the reason."""
    if notice.expression or notice.module == STANDARD_LIBRARY:
        return notice.expression or _GO_LICENSE, ""
    names: set[str] = set()
    reasons = []
    texts = [(path, data) for path, data in notice.files if not _NOT_ABOUT_CODE.search(path)]
    for path, data in texts:
        expression, reason = recognise(data.decode("utf-8", "replace"), MIN_COLLECTION_COVERAGE)
        if expression:
            names.update(expression.split(" AND "))
        else:
            reasons.append(f"{path}: {reason}")
    if texts and not reasons:
        return " AND ".join(sorted(names)), ""
    if notice.declared:
        return canonicalize_license_expression(notice.declared), ""
    reason = reasons[0] if reasons else "it has no licence file"
    return " AND ".join([*sorted(names), UNKNOWN]), reason


def license_files(notices: Iterable[Notice], max_length: int) -> tuple[tuple[str, bytes], ...]:
    """Every text with its path below `licenses/`; no two paths differ in case alone.

    Paths are shortened to `max_length` characters, with a hash in the middle.
    """
    taken: set[str] = set()
    texts: list[tuple[str, bytes]] = []
    for notice in sorted(notices, key=lambda notice: (notice.folder, notice.version)):
        for path, data in notice.files:
            name = f"{notice.folder}/{path}"
            if len(name) >= max_length:  # leaves one character for the loop below
                folder, _, end = name.rpartition("/")
                digest, end = sha256(name.encode()).hexdigest()[:8], end[-(max_length // 2) :]
                name = f"{folder[: max_length - len(end) - 11].rstrip('/. ')}-{digest}/{end}"
            while name.casefold() in taken:
                name += "_"
            taken.add(name.casefold())
            texts.append((name, data))
    return tuple(texts)


def bundle_licenses(
    module: str,
    license_: str | None,
    project_files: Sequence[tuple[str, bytes]],
    notices: Sequence[Notice],
    complete: bool,
    max_length: int,
) -> BundledLicenses:
    """Combine the licence of the project, which is `module`, with those of the linked modules.

    `complete` is False when the texts of some modules are missing.
    """
    verdicts = {notice.module: recognise_module(notice) for notice in notices}
    known = {name: text for name, (text, _) in verdicts.items()} | {module: license_ or UNKNOWN}
    others = {*(text for text, _ in verdicts.values()), *(() if complete else (UNKNOWN,))}
    parts: dict[str, None] = {}
    for text in (license_, *sorted(others)) if license_ else ():
        flat = re.sub("[()]", "", text)  # they mean nothing without OR
        parts |= dict.fromkeys([f"({text})"] if " OR " in text else flat.split(" AND "))
    expression = (
        canonicalize_license_expression(" AND ".join(parts)) if len(parts) > 1 else license_
    )
    return BundledLicenses(
        expression=expression,
        files=(*project_files, *license_files(notices, max_length)),
        by_module={name: text for name, text in known.items() if text != UNKNOWN},
        unknown={name: reason for name, (_, reason) in verdicts.items() if license_ and reason},
        c_parts=tuple(notice for notice in notices if notice.expression),
    )

"""Licence texts -> the SPDX licences that they are, and which of them a wheel holds.

`licenseclassifier`, a port of the program behind pkg.go.dev, finds which parts of a text are
which licence. What is left over decides: a text is a licence when almost nothing else is in
it, and no condition of the author's own. Sources: PEP 639 (License-File, License-Expression).
Pure: texts come in as values; Go's own licence is package data, because not every Go includes it.
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
#: Texts that name authors, or hold the licence of documents.
_NOT_FOR_CODE = re.compile(r"notice|[-._]docs?$", re.IGNORECASE)
_CODE_SUFFIXES = (".c", ".go", ".h", ".html", ".json", ".py", ".sh", ".tmpl", ".yaml", ".yml")
#: Share of the words that must be the licence itself, in a file that has one licence.
_ENOUGH = 0.95
#: The same in a collection, where titles and introductions take up to a quarter.
ENOUGH_OF_SEVERAL = 0.75
#: Characters; more than the longest collection that is in use.
_LONGEST = 1_000_000

_RECOGNISED_NAME = re.compile(r"(LICEN[CS]E|COPYING|UNLICENSE)([-._].*)?", re.IGNORECASE)
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

    `reason` is a phrase for a note.
    """

    expression: str | None
    reason: str


def recognise_files(files: Collection[tuple[str, bytes]]) -> Recognised | None:
    """The licence that a project's licence files hold; None when there are no such files.

    Left out are NOTICE files, which name authors, and the licences of documents and of what
    others wrote. Files that differ make it unknown, because they don't state whether both
    apply or one may choose.
    """
    texts = {name: data for name, data in files if _RECOGNISED_NAME.fullmatch(name.split("/")[-1])}
    texts = {name: texts[name] for name in texts if not _OTHERS.search(name)} or texts
    found = {name: recognise(data.decode(errors="replace")) for name, data in texts.items()}
    if not found:
        return None
    name, seen = min(found.items(), key=lambda item: item[1].expression is not None)
    if seen.expression and len({each.expression for each in found.values()}) > 1:
        listed = ", ".join(f"{name} is {seen.expression}" for name, seen in found.items())
        return Recognised(None, f"the files differ: {listed}")
    return Recognised(seen.expression, f"{name}: {seen.reason}")


def recognise(text: str, enough: float = _ENOUGH) -> Recognised:
    """The licence or licences that make up a text, as one expression ("A AND B").

    A notice that names a licence ("Licensed under the Apache License") counts as that licence.
    """
    from licenseclassifier import identify_license  # takes a moment to load

    if len(text) > _LONGEST:
        return Recognised(None, f"{len(text)} characters, longer than any licence")
    regions = identify_license(text, coverage_threshold=0.0)
    names = sorted({region.id for region in regions})
    if not names:
        return Recognised(None, "no licence on the SPDX list")
    edges = [0, *(edge for region in regions for edge in (region.start, region.end)), len(text)]
    rest = " ".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
    left, words = (len(_WORD.findall(_COPYRIGHT_LINE.sub("", t).lower())) for t in (rest, text))
    share = 1 - left / max(1, words)
    listed = " and ".join(names)
    gnu = [found["base"] for name in names if (found := _GNU.fullmatch(name))]
    if share < enough or _CONDITION.search(rest):
        return Recognised(None, f"it holds {listed}, and more than that")
    if gnu:  # which of the two is stated in the source files
        choices = f"{gnu[0]}-only or {gnu[0]}-or-later"
        return Recognised(None, f"{choices}: the text is the same for both")
    return Recognised(" AND ".join(names), f"{listed}, {share:.0%} of the text")


@dataclass(frozen=True)
class Notice:
    """A module that is linked in: `files` are its licence texts, by path below its root.

    `expression` is known for what is no Go module, such as a C library; `stated` is the
    project's word, for texts that are not recognised.
    """

    module: str
    version: str
    files: tuple[tuple[str, bytes], ...]
    expression: str = ""
    stated: str = ""

    @property
    def folder(self) -> str:
        """Where its texts go, below `licenses/`; without the version, so that paths are short."""
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
    """LICENSE.md and COPYING-MIT hold a licence, license.go does not."""
    return bool(_LICENSE_NAME.fullmatch(name)) and not name.lower().endswith(_CODE_SUFFIXES)


def go_notice(go_version: str, text: bytes | None) -> Notice:
    """Go's own: every program has its run time in it. `text` is None where Go has no LICENSE."""
    text = text or resources.files("go_to_wheel").joinpath("data/go-license.txt").read_bytes()
    return Notice(STANDARD_LIBRARY, go_version.removeprefix("go"), (("LICENSE", text),))


@lru_cache(maxsize=256)
def judge(notice: Notice) -> tuple[str, str]:
    """The licence that a module's files hold, all of them together; the same for all targets.

    It has UNKNOWN for what was not recognised; then the second text is the reason, else "".
    """
    if notice.expression or notice.module == STANDARD_LIBRARY:
        return notice.expression or _GO_LICENSE, ""
    names: set[str] = set()
    faults = []
    texts = [(path, data) for path, data in notice.files if not _NOT_FOR_CODE.search(path)]
    for path, data in texts:
        seen = recognise(data.decode("utf-8", "replace"), ENOUGH_OF_SEVERAL)
        names |= set(seen.expression.split(" AND ")) if seen.expression else set()
        faults += [] if seen.expression else [f"{path}: {seen.reason}"]
    if texts and not faults:
        return " AND ".join(sorted(names)), ""
    if notice.stated:
        return notice.stated, ""
    reason = faults[0] if faults else "it has no licence file"
    return " AND ".join([*sorted(names), UNKNOWN]), reason


def license_files(notices: Iterable[Notice], room: int = 120) -> tuple[tuple[str, bytes], ...]:
    """Every text with its path below `licenses/`; no two paths differ in case alone.

    Paths have at most `room` characters, a hash in the middle of those that are longer.
    """
    taken: set[str] = set()
    found: list[tuple[str, bytes]] = []
    for notice in sorted(notices, key=lambda notice: (notice.folder, notice.version)):
        for path, data in notice.files:
            name = f"{notice.folder}/{path}"
            if len(name) >= room:  # one character is left, should two differ in case alone
                folder, _, end = name.rpartition("/")
                digest, end = sha256(name.encode()).hexdigest()[:8], end[-(room // 2) :]
                name = f"{folder[: room - len(end) - 11].rstrip('/. ')}-{digest}/{end}"
            while name.casefold() in taken:
                name += "_"
            taken.add(name.casefold())
            found.append((name, data))
    return tuple(found)


def combine(own: str | None, others: Iterable[str]) -> str | None:
    """The project's licence and those of what is linked in, as one SPDX expression.

    Without the project's own there is none.
    """
    if own is None:
        return None
    parts: dict[str, None] = {}
    for expression in (own, *sorted(set(others))):
        choice = " OR " in expression
        parts |= dict.fromkeys([f"({expression})"] if choice else expression.split(" AND "))
    return str(canonicalize_license_expression(" AND ".join(parts))) if len(parts) > 1 else own


def unknown_licenses(reasons: Mapping[str, str]) -> str | None:
    """The note about modules whose licence is unknown, by module; None without any."""
    if not reasons:
        return None
    return (
        f"License-Expression has {UNKNOWN} for what is linked in under licences that were not "
        "recognised: "
        + "; ".join(f"{module} ({reason})" for module, reason in reasons.items())
        + " (state them in pyproject.toml: [tool.go-to-wheel.licenses])"
    )


def bundle_licenses(
    module: str,
    own: str | None,
    own_files: Sequence[tuple[str, bytes]],
    notices: Sequence[Notice] = (),
    complete: bool = True,
    room: int = 120,
) -> BundledLicenses:
    """The project's licence, that of `module`, with those of everything linked in.

    `complete` is False when the texts of some modules are missing; paths get no longer than
    `room` characters.
    """
    verdicts = {notice.module: judge(notice) for notice in notices}
    known = {name: text for name, (text, _) in verdicts.items()} | {module: own or UNKNOWN}
    others = [text for text, _ in verdicts.values()]
    return BundledLicenses(
        expression=combine(own, [*others, *(() if complete else (UNKNOWN,))]),
        files=(*own_files, *license_files(notices, room)),
        by_module={name: text for name, text in known.items() if text != UNKNOWN},
        unknown={name: reason for name, (_, reason) in verdicts.items() if own and reason},
        c_parts=tuple(notice for notice in notices if notice.expression),
    )

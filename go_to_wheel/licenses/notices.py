"""The licence texts of what is linked into a program, as files and in one expression.

Sources: PEP 639 (License-File, License-Expression). Pure: texts come in as values; Go's own
licence is package data, because not every Go includes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from importlib import resources

from packaging.licenses import canonicalize_license_expression

from go_to_wheel.licenses.recognise import ENOUGH_OF_SEVERAL, recognise
from go_to_wheel.naming import STANDARD_LIBRARY

_GO_LICENSE = "BSD-3-Clause"
_BEFORE_1_24 = (
    (b"Copyright 2009 The Go Authors.", b"Copyright (c) 2009 The Go Authors. All rights reserved."),
    (b"Google LLC nor", b"Google Inc. nor"),
)

_LICENSE_NAME = re.compile(r"(UN)?(LICEN[CS]E|COPYING|NOTICE)([-._].*)?", re.IGNORECASE)
#: Stands in an expression for everything whose licence is unknown (PEP 639).
UNKNOWN = "LicenseRef-Unknown"
#: Texts that name authors, or hold the licence of documents.
_NOT_FOR_CODE = re.compile(r"notice|[-._]docs?$", re.IGNORECASE)
_CODE_SUFFIXES = (".c", ".go", ".h", ".html", ".json", ".py", ".sh", ".tmpl", ".yaml", ".yml")


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


@dataclass(frozen=True)
class Verdict:
    """A module's licence: `expression` has UNKNOWN for what was not recognised, for `reason`."""

    expression: str
    reason: str = ""


def is_license_name(name: str) -> bool:
    """LICENSE.md and COPYING-MIT hold a licence, license.go does not."""
    return bool(_LICENSE_NAME.fullmatch(name)) and not name.lower().endswith(_CODE_SUFFIXES)


def go_notice(go_version: str, text: bytes | None) -> Notice:
    """Go's own: every program has its run time in it. `text` is None where Go has no LICENSE."""
    version = go_version.removeprefix("go")
    if not text:  # then as this Go's own archive has it, which was worded otherwise before 1.24
        text = resources.files("go_to_wheel").joinpath("data/go-license.txt").read_bytes()
        for today, then in _BEFORE_1_24 if re.match(r"1\.(\d|1\d|2[0-3])\b", version) else ():
            text = text.replace(today, then)
    return Notice(STANDARD_LIBRARY, version, (("LICENSE", text),))


@lru_cache(maxsize=256)
def judge(notice: Notice) -> Verdict:
    """The licence that a module's files hold, all of them together; the same for all targets."""
    if notice.expression or notice.module == STANDARD_LIBRARY:
        return Verdict(notice.expression or _GO_LICENSE)
    names: set[str] = set()
    faults = []
    texts = [(path, data) for path, data in notice.files if not _NOT_FOR_CODE.search(path)]
    for path, data in texts:
        seen = recognise(data.decode("utf-8", "replace"), ENOUGH_OF_SEVERAL)
        names |= set(seen.expression.split(" AND ")) if seen.expression else set()
        faults += [] if seen.expression else [f"{path}: {seen.reason}"]
    if texts and not faults:
        return Verdict(" AND ".join(sorted(names)))
    if notice.stated:
        return Verdict(notice.stated)
    reason = faults[0] if faults else "it has no licence file"
    return Verdict(" AND ".join([*sorted(names), UNKNOWN]), reason)


def license_files(notices: Iterable[Notice], room: int = 120) -> tuple[tuple[str, bytes], ...]:
    """Every text with its path below `licenses/`; no two paths differ in case alone.

    Paths have at most `room` characters.
    """
    taken: set[str] = set()
    found: list[tuple[str, bytes]] = []
    for notice in sorted(notices, key=lambda notice: (notice.folder, notice.version)):
        for path, data in notice.files:
            name = _shorten(f"{notice.folder}/{path}", room)
            while name.casefold() in taken:
                name += "_"
            taken.add(name.casefold())
            found.append((name, data))
    return tuple(found)


def _shorten(path: str, room: int) -> str:
    """The path, or its beginning and end with a hash of the whole between them."""
    if len(path) < room:  # one character is left, should two differ in case alone
        return path
    folder, _, name = path.rpartition("/")
    name = name[-(room // 2) :]
    digest = sha256(path.encode()).hexdigest()[:8]
    return f"{folder[: room - len(name) - 11].rstrip('/. ')}-{digest}/{name}"


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
    found = {name: verdict.expression for name, verdict in verdicts.items()}
    known = {**found, module: own or UNKNOWN}
    return BundledLicenses(
        expression=combine(own, [*found.values(), *(() if complete else (UNKNOWN,))]),
        files=(*own_files, *license_files(notices, room)),
        by_module={name: text for name, text in known.items() if text != UNKNOWN},
        unknown={name: seen.reason for name, seen in verdicts.items() if own and seen.reason},
        c_parts=tuple(notice for notice in notices if notice.expression),
    )

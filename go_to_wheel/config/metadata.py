"""The values of a distribution's core metadata, and what makes each one valid.

Sources: the core metadata specification (version 2.4) and PEP 639 (licences). Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.metadata import InvalidMetadata, Metadata, RawMetadata
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from go_to_wheel.sources.readme import SUMMARY_LIMIT, Readme

#: An e-mail address, of no domain that is nobody's (RFC 6761 and its like), as PyPI wants it.
_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = (
    rf"{_WORD}(?:\.{_WORD})*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?\.)+"
    r"(?!(?i:arpa|invalid|local|localhost|onion|test)\b)[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
)
_PERSON = rf"\s*(?:{_ADDRESS}|[^<>,]*<{_ADDRESS}>)\s*"
#: Of each text: what it has to match, and that in words.
_RULES: dict[str, tuple[str, str]] = {
    "description": (r"(?=.*\S).{1,512}", f"is not one line of at most {SUMMARY_LIMIT} characters"),
    "requires-python": (r"(?=.*\S).+", "is not a version specifier (write '>=3.10')"),
    "author": (r"(?=.*\S).+", "is not one line of text"),
    "author-email": (
        rf"{_PERSON}(?:,{_PERSON})*",
        "is not an address (write 'jane@example.com' or 'Jane Doe <jane@example.com>')",
    ),
    "url": (
        r"(?i:https?)://(?:[\w.~!$&'()*+,;=:%-]*@)?(?:[\w.~%-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?"
        r"(?:[/?#][\w.~:/?#\[\]@!$&'()*+,;=%-]*)?",
        "is not a web address (write 'https://…')",
    ),
}


@dataclass(frozen=True)
class ProjectMetadata:
    """What METADATA says about a distribution, all values checked.

    `urls` maps labels to addresses, `license_text` is a licence that is no SPDX expression,
    `license_files` are paths below the dist-info folder's `licenses/`, `version` is normalised
    PEP 440, `lists` has keywords, classifiers and requirements by packaging's names, `dynamic`
    fields that a source archive's wheels may fill in otherwise. None and empty mean: not stated.
    """

    name: str
    version: str
    summary: str | None
    requires_python: str | None
    readme: Readme | None
    author: str | None = None
    author_email: str | None = None
    maintainer: str | None = None
    maintainer_email: str | None = None
    license_expression: str | None = None
    license_text: str | None = None
    license_files: tuple[str, ...] = ()
    urls: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dynamic: tuple[str, ...] = ()


def check_text(field: str, value: str) -> str | None:
    """Why this can't be the value of a field ("description", "url" …), or None."""
    pattern, words = _RULES[field]
    # Control characters, line and paragraph separators, undecodable bytes.
    odd = any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in value)
    valid = not odd and re.fullmatch(pattern, value, re.ASCII if field == "url" else 0)
    if valid and field == "requires-python":
        try:
            SpecifierSet(value)
        except InvalidSpecifier:
            valid = None
    shown = value if len(value) <= 80 else f"{value[:79]}…"
    return None if valid else f"{field} {shown!r} {words}"


def parse_license(expression: str) -> str:
    """An SPDX licence expression in its canonical spelling ("mit" -> "MIT").

    Raises ValueError, with the way out, for anything else (PEP 639).
    """
    try:
        return str(canonicalize_license_expression(expression))
    except InvalidLicenseExpression:
        raise ValueError(
            f"license {expression!r} is not an SPDX expression (write 'MIT', 'Apache-2.0', "
            "'MIT OR Apache-2.0', or 'LicenseRef-Something' for a licence without an SPDX name)"
        ) from None


def short_description(name: str, summary: str, commands: Sequence[str]) -> Readme:
    """A long description for a program that has no README, from what is known."""
    listed = ", ".join(f"`{command}`" for command in commands)
    noun = "command" if len(commands) == 1 else "commands"
    text = (
        f"# {name}\n\n{summary}\n\n"
        f"Installing this package puts the {noun} {listed} on your PATH:\n\n"
        f"```\npip install {name}\n{commands[0]} --help\n```\n"
    )
    return Readme(text, "text/markdown")


def raw_metadata(project: ProjectMetadata) -> RawMetadata:
    """The values under the names that packaging gives them; what is not stated is left out."""
    readme = project.readme or Readme("", "")
    values = {
        **vars(project),
        **project.lists,
        "metadata_version": "2.4",
        "description": readme.text.replace("\r\n", "\n"),
        "description_content_type": readme.content_type,
        "license": project.license_text,
        "project_urls": project.urls,
    }
    raw = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value and name in RawMetadata.__annotations__
    }
    return cast("RawMetadata", raw)


def check_metadata(project: ProjectMetadata) -> list[str]:
    """What the specification has against these values that no other check has seen."""
    names = [name.casefold() for name in project.license_files]
    faults = [
        f"licence files {name!r} differ only in case; not every file system can hold them all"
        for name in project.license_files
        if names.count(name.casefold()) > 1
    ]
    try:
        Metadata.from_raw(raw_metadata(project), validate=True).as_rfc822().as_bytes()
    except ExceptionGroup as group:
        faults += [str(error) for error in group.exceptions]
    except (InvalidMetadata, UnicodeEncodeError) as error:
        faults.append(f"the metadata can't be written: {error}")
    return faults

"""The values of a distribution's core metadata, and what makes each one valid.

Sources: the core metadata specification (version 2.4) and PEP 639 (licences). Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.metadata import InvalidMetadata, Metadata, RawMetadata
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from go_to_wheel.sources.readme import Readme
from go_to_wheel.sources.summary import SUMMARY_LIMIT

#: An e-mail address that PyPI accepts: of no reserved domain (RFC 6761 and others).
_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = (
    rf"{_WORD}(?:\.{_WORD})*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?\.)+"
    r"(?!(?i:arpa|invalid|local|localhost|onion|test)\b)[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
)
_PERSON = rf"\s*(?:{_ADDRESS}|[^<>,]*<{_ADDRESS}>)\s*"
#: Field -> the pattern of its values, and the problem of a value that does not match.
_RULES: dict[str, tuple[str, str]] = {
    "description": (
        rf"(?=.*\S).{{1,{SUMMARY_LIMIT}}}",
        f"is not one line of at most {SUMMARY_LIMIT} characters",
    ),
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


def check_text(field: str, value: str) -> str | None:
    """Why this can't be the value of a field ("description", "url" …), or None."""
    pattern, words = _RULES[field]
    # Control characters, line and paragraph separators, undecodable bytes.
    has_control = any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in value)
    valid = not has_control and re.fullmatch(pattern, value, re.ASCII if field == "url" else 0)
    if valid and field == "requires-python":
        try:
            SpecifierSet(value)
        except InvalidSpecifier:
            valid = None
    shown = value if len(value) <= 80 else f"{value[:79]}…"
    return None if valid else f"{field} {shown!r} {words}"


def parse_license(expression: str) -> str:
    """An SPDX licence expression in its canonical spelling ("mit" -> "MIT").

    Raises ValueError, with examples, for anything else (PEP 639).
    """
    try:
        return str(canonicalize_license_expression(expression))
    except InvalidLicenseExpression:
        raise ValueError(
            f"license {expression!r} is not an SPDX expression (write 'MIT', 'Apache-2.0', "
            "'MIT OR Apache-2.0', or 'LicenseRef-Something' for a licence without an SPDX name)"
        ) from None


def format_readme(name: str, summary: str, commands: Sequence[str]) -> Readme:
    """A long description for a program without a README."""
    listed = ", ".join(f"`{command}`" for command in commands)
    noun = "command" if len(commands) == 1 else "commands"
    text = (
        f"# {name}\n\n{summary}\n\n"
        f"Installing this package puts the {noun} {listed} on your PATH:\n\n"
        f"```\npip install {name}\n{commands[0]} --help\n```\n"
    )
    return Readme(text, "text/markdown")


def validate_metadata(metadata: RawMetadata) -> list[str]:
    """The remaining problems, as `packaging` finds them."""
    try:
        Metadata.from_raw(metadata, validate=True).as_rfc822().as_bytes()
    except ExceptionGroup as group:
        return sorted(str(error) for error in group.exceptions)
    except (InvalidMetadata, UnicodeEncodeError) as error:
        return [f"the metadata can't be written: {error}"]
    return []

"""METADATA: the core metadata specification, and what PyPI requires beyond it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import getaddresses
from functools import lru_cache
from urllib.parse import urlsplit

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from go_to_wheel.check.filename import WheelName
from go_to_wheel.check.paths import describe_character, is_hidden
from go_to_wheel.check.report import Fault, Faults, guarded

ACCEPTED_VERSIONS = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5")
_MAX_SUMMARY = 512
_MAX_LABEL = 32
#: Longer values of single fields aren't parsed: some take time by their length's square.
_MAX_VALUE = 16 << 10
_MAX_CONTENT_TYPE = 200
#: Fields that may be of any length.
_FREE_TEXTS = ("description", "license", "keywords")
#: Fields whose faults, as `packaging` finds them, have a code of their own.
_CODES = {
    "metadata-version": "metadata-version",
    "summary": "summary",
    "license-expression": "license-expression",
    "license-file": "license-file",
    "license-files": "license-file",
}
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
)
#: Names that can't be anybody's address (RFC 6761 and its like), and PyPI refuses.
_RESERVED_DOMAINS = ("arpa", "invalid", "local", "localhost", "onion", "test")
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
#: uv's versions are of 64-bit numbers; Python refuses those of over 4,300 digits.
_HUGE_NUMBER = re.compile(r"[0-9]{20}")
#: Joiners and direction marks have a use between the letters of some scripts and in emoji.
_ALLOWED = "\u200c\u200d\u200e\u200f\t\r\n"


def check_metadata(text: bytes, name: WheelName) -> Faults:
    """Everything that is wrong with METADATA's content."""
    yield from _faults(text)
    yield from _same_as_filename(_parse(text), name)


@lru_cache(maxsize=4)
def _parse(text: bytes) -> RawMetadata:
    """Cached, like the faults: all wheels of a release have the same text."""
    return parse_email(text)[0]


@lru_cache(maxsize=4)
def _faults(text: bytes) -> tuple[Fault, ...]:
    raw = _parse(text)
    if too_long := list(_check_lengths(raw)):
        return tuple(too_long)
    found: dict[tuple[str, str], Fault] = {}
    for fault in (*guarded("METADATA", _own_rules(raw)), *_specification(text)):
        found.setdefault((fault.code, fault.message), fault)
    return tuple(found.values())


def _check_lengths(raw: RawMetadata) -> Faults:
    for field, value in raw.items():
        values = value if isinstance(value, list) else [value]
        limit = _MAX_CONTENT_TYPE if field == "description_content_type" else _MAX_VALUE
        longest = max((len(text) for text in values if isinstance(text, str)), default=0)
        if longest > limit and field not in _FREE_TEXTS:
            title = field.replace("_", "-").capitalize()
            text = f"{title} has {longest} characters; the limit is {limit}"
            yield Fault("metadata-invalid", text)


def _specification(text: bytes) -> Faults:
    """What `packaging` finds."""
    try:
        Metadata.from_email(text)
    except Exception as group:  # noqa: BLE001 (a group, or whatever a text causes)
        for error in getattr(group, "exceptions", [group]):
            field = str(getattr(error, "field", "")).lower()
            code = _CODES.get(field, "metadata-invalid")
            if "introduced in metadata version" in str(error):  # PyPI and pip don't mind
                code = "metadata-newer"
            yield Fault(code, str(error))


def _own_rules(raw: RawMetadata) -> Faults:
    version = raw.get("metadata_version", "")
    if version and version not in ACCEPTED_VERSIONS:
        text = f"PyPI doesn't take metadata version {version!r}"
        yield Fault("metadata-version", text, f"it takes {', '.join(ACCEPTED_VERSIONS)}")
    summary = raw.get("summary", "")
    if len(summary) > _MAX_SUMMARY:
        yield Fault("summary", f"Summary has {len(summary)} characters, PyPI takes {_MAX_SUMMARY}")
    if raw.get("license") and raw.get("license_expression"):
        yield Fault(
            "license-twice",
            f"License {raw['license'][:40]!r} stands beside "
            f"License-Expression {raw['license_expression']!r}",
        )
    yield from _check_characters(raw)
    yield from _check_classifiers(raw.get("classifiers", []))
    yield from _check_urls(raw)
    yield from _check_emails(raw)
    yield from _check_requirements(raw)


def _check_characters(raw: RawMetadata) -> Faults:
    """Headers that show as something else than they are."""
    for field, value in raw.items():
        values = value if isinstance(value, list) else [value]
        text = "" if field in _FREE_TEXTS else "".join(map(str, values))
        hidden = next((c for c in text if is_hidden(c) and c not in _ALLOWED), "")
        if hidden:
            title = field.replace("_", "-").capitalize()
            yield Fault("metadata-hidden", f"{title} contains {describe_character(hidden)}")


def _check_classifiers(classifiers: list[str]) -> Faults:
    from trove_classifiers import classifiers as known
    from trove_classifiers import deprecated_classifiers as deprecated

    for classifier in sorted(set(classifiers)):
        if classifier in deprecated:
            better = " or ".join(repr(name) for name in deprecated[classifier])
            hint = f"use {better}" if better else "remove it"
            yield Fault("classifier", f"the classifier {classifier!r} is deprecated", hint)
        elif classifier not in known:
            yield Fault("classifier", f"PyPI doesn't know the classifier {classifier!r}")


def _check_urls(raw: RawMetadata) -> Faults:
    for label, url in _urls(raw):
        if not label:
            yield Fault("url", f"the Project-URL {url!r} has no label")
        elif len(label) > _MAX_LABEL:
            yield Fault("url", f"the URL label {label!r} is over {_MAX_LABEL} characters")
        elif not _is_url(url):
            yield Fault("url", f"{label}: {url!r} is not an http or https URL")


def _urls(raw: RawMetadata) -> Iterator[tuple[str, str]]:
    if "home_page" in raw:
        yield "Home-page", raw["home_page"]
    if "download_url" in raw:
        yield "Download-URL", raw["download_url"]
    yield from raw.get("project_urls", {}).items()


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and bool(_URL_CHARACTERS.fullmatch(text))
    )


def _check_emails(raw: RawMetadata) -> Faults:
    fields = (("Author-email", "author_email"), ("Maintainer-email", "maintainer_email"))
    for field, key in fields:
        value = str(raw.get(key, ""))
        try:
            addresses = [address for _, address in getaddresses([value])]
        except RecursionError:  # nested comments
            addresses = [""]
        if value and not all(map(_is_email, addresses)):
            yield Fault("email", f"{field}: {value!r} is not an e-mail address")


def _is_email(address: str) -> bool:
    domain = address.rpartition("@")[2].lower()
    return bool(_EMAIL.fullmatch(address)) and domain.split(".")[-1] not in _RESERVED_DOMAINS


def _check_requirements(raw: RawMetadata) -> Faults:
    requirements = raw.get("requires_dist", [])
    for text in (raw.get("version", ""), raw.get("requires_python", ""), *requirements):
        if _HUGE_NUMBER.search(text):
            message = f"{text!r} has a number of 20 digits or more, which uv and pip can't read"
            yield Fault("metadata-invalid", message)
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # _specification reports it
        if requirement.url:
            message = f"the requirement {text!r} names a URL, which PyPI refuses"
            yield Fault("direct-dependency", message)


def _same_as_filename(raw: RawMetadata, name: WheelName) -> Faults:
    stated, version = raw.get("name", ""), raw.get("version", "")
    if stated and canonicalize_name(stated) != name.name:
        yield Fault("filename-metadata", f"METADATA's name is {stated!r}, not {name.name!r}")
    try:
        differs = bool(version) and Version(version) != name.version
    except ValueError:  # also for a number of over 4,300 digits
        return  # _specification reports it
    if differs:
        yield Fault("filename-metadata", f"METADATA's version is {version!r}, not {name.version}")


def license_files(text: bytes) -> list[str]:
    """The License-File values in METADATA, where the version has that field (2.4)."""
    raw = _parse(text)
    is_old = raw.get("metadata_version", "").startswith(("1.", "2.0", "2.1", "2.2", "2.3"))
    return [] if is_old else raw.get("license_files", [])

"""METADATA: the core metadata specification, and what PyPI requires beyond it."""

from __future__ import annotations

import re
from contextlib import suppress
from email.utils import getaddresses
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from trove_classifiers import classifiers, deprecated_classifiers

from go_to_wheel.check.filename import WheelName
from go_to_wheel.check.paths import describe_character, is_hidden
from go_to_wheel.check.report import Finding, Findings, guarded

ACCEPTED_VERSIONS = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5")
_MAX_SUMMARY = 512
_MAX_LABEL = 32
#: Longer values of single fields aren't parsed: some take time by their length's square.
_MAX_VALUE = 16 << 10
_MAX_CONTENT_TYPE = 200
#: Fields that may be of any length.
_FREE_TEXTS = ("description", "license", "keywords")
#: Fields whose faults, as `packaging` finds them, have a code of their own.
_CODES = {name: name for name in ("metadata-version", "summary", "license-expression")}
_CODES |= {"license-file": "license-file", "license-files": "license-file"}
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


def check_metadata(text: bytes, name: WheelName) -> Findings:
    """Everything that is wrong with METADATA's content."""
    yield from _check_text(text)
    yield from _same_as_filename(_parse(text), name)


@lru_cache(maxsize=4)
def _parse(text: bytes) -> RawMetadata:
    """Cached, like the findings: all wheels of a release have the same text."""
    return parse_email(text)[0]


@lru_cache(maxsize=4)
def _check_text(text: bytes) -> tuple[Finding, ...]:
    raw = _parse(text)
    found = list(_check_values(raw))
    if all(finding.code == "metadata-hidden" for finding in found):
        for rule in (_check_fields, _check_urls, _check_emails, _check_requirements):
            found += guarded("METADATA", rule(raw))
        found += _specification(text)
    return tuple(dict.fromkeys(found))


def _check_values(raw: RawMetadata) -> Findings:
    """Values that are too long to be parsed, or that show as something else than they are."""
    for field, value in raw.items():
        if field in _FREE_TEXTS:
            continue
        title = field.replace("_", "-").capitalize()
        parts: Any = [*value, *value.values()] if isinstance(value, dict) else value
        values = [parts] if isinstance(parts, str) else list(map(str, parts))
        limit = _MAX_CONTENT_TYPE if field == "description_content_type" else _MAX_VALUE
        if (longest := max(map(len, values), default=0)) > limit:
            text = f"{title} has {longest} characters; the limit is {limit}"
            yield Finding("metadata-invalid", text)
        elif hidden := next((c for c in "".join(values) if is_hidden(c) and c not in _ALLOWED), ""):
            yield Finding("metadata-hidden", f"{title} contains {describe_character(hidden)}")


def _specification(text: bytes) -> Findings:
    """What `packaging` finds."""
    try:
        Metadata.from_email(text)
    except Exception as group:  # noqa: BLE001 (a group, or whatever a text causes)
        for error in getattr(group, "exceptions", [group]):
            field = str(getattr(error, "field", "")).lower()
            code = _CODES.get(field, "metadata-invalid")
            if "introduced in metadata version" in str(error):  # PyPI and pip don't mind
                code = "metadata-newer"
            yield Finding(code, str(error))


def _check_fields(raw: RawMetadata) -> Findings:
    version, summary = raw.get("metadata_version", ""), raw.get("summary", "")
    if version and version not in ACCEPTED_VERSIONS:
        text = f"PyPI doesn't take metadata version {version!r}"
        yield Finding("metadata-version", text, f"it takes {', '.join(ACCEPTED_VERSIONS)}")
    if len(summary) > _MAX_SUMMARY:
        text = f"Summary has {len(summary)} characters, PyPI takes {_MAX_SUMMARY}"
        yield Finding("summary", text)
    own, expression = raw.get("license", ""), raw.get("license_expression", "")
    if own and expression:
        text = f"License {own[:40]!r} stands beside License-Expression {expression!r}"
        yield Finding("license-twice", text)
    for classifier in sorted(set(raw.get("classifiers", []))):
        if classifier in deprecated_classifiers:
            better = " or ".join(map(repr, deprecated_classifiers[classifier]))
            hint = f"use {better}" if better else "remove it"
            yield Finding("classifier", f"the classifier {classifier!r} is deprecated", hint)
        elif classifier not in classifiers:
            yield Finding("classifier", f"PyPI doesn't know the classifier {classifier!r}")


def _check_urls(raw: RawMetadata) -> Findings:
    urls = {"Home-page": raw.get("home_page"), "Download-URL": raw.get("download_url")}
    given = [(label, url) for label, url in urls.items() if url is not None]
    for label, url in (*given, *raw.get("project_urls", {}).items()):
        if not label:
            yield Finding("url", f"the Project-URL {url!r} has no label")
        elif len(label) > _MAX_LABEL:
            yield Finding("url", f"the URL label {label!r} is over {_MAX_LABEL} characters")
        elif not _is_url(url):
            yield Finding("url", f"{label}: {url!r} is not an http or https URL")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    known = parts.scheme in ("http", "https") and parts.hostname
    return bool(known and _URL_CHARACTERS.fullmatch(text))


def _check_emails(raw: RawMetadata) -> Findings:
    for field in ("Author-email", "Maintainer-email"):
        value = str(raw.get(field.lower().replace("-", "_"), ""))
        try:
            addresses = [address for _, address in getaddresses([value])]
        except RecursionError:  # nested comments
            addresses = [""]
        if value and not all(map(_is_email, addresses)):
            yield Finding("email", f"{field}: {value!r} is not an e-mail address")


def _is_email(address: str) -> bool:
    domain = address.rpartition("@")[2].lower()
    return bool(_EMAIL.fullmatch(address)) and domain.split(".")[-1] not in _RESERVED_DOMAINS


def _check_requirements(raw: RawMetadata) -> Findings:
    requirements = raw.get("requires_dist", [])
    for text in (raw.get("version", ""), raw.get("requires_python", ""), *requirements):
        if _HUGE_NUMBER.search(text):
            message = f"{text!r} has a number of 20 digits or more, which uv and pip can't read"
            yield Finding("metadata-invalid", message)
    for text in requirements:
        with suppress(InvalidRequirement):  # _specification reports it
            if Requirement(text).url:
                message = f"the requirement {text!r} names a URL, which PyPI refuses"
                yield Finding("direct-dependency", message)


def _same_as_filename(raw: RawMetadata, name: WheelName) -> Findings:
    stated, version = raw.get("name", ""), raw.get("version", "")
    if stated and canonicalize_name(stated) != name.name:
        yield Finding("filename-metadata", f"METADATA's name is {stated!r}, not {name.name!r}")
    try:
        differs = bool(version) and Version(version) != name.version
    except ValueError:  # also for a number of over 4,300 digits
        return  # _specification reports it
    if differs:
        yield Finding("filename-metadata", f"METADATA's version is {version!r}, not {name.version}")


def license_files(text: bytes) -> list[str]:
    """The License-File values in METADATA, where the version has that field (2.4)."""
    raw = _parse(text)
    is_old = raw.get("metadata_version", "").startswith(("1.", "2.0", "2.1", "2.2", "2.3"))
    return [] if is_old else raw.get("license_files", [])

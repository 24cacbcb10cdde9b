"""METADATA: the core metadata specification, and what PyPI asks for beyond it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import getaddresses
from functools import lru_cache
from urllib.parse import urlsplit

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from go_to_wheel.check.filename import WheelName
from go_to_wheel.check.report import Fault, Faults

ACCEPTED_VERSIONS = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5")
_MAX_SUMMARY = 512
_MAX_LABEL = 32
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


def check_metadata(text: bytes, name: WheelName) -> Faults:
    """Everything that is wrong with METADATA's content."""
    yield from _faults(text)
    yield from _same_as_filename(_parse(text), name)


@lru_cache(maxsize=4)
def _parse(text: bytes) -> RawMetadata:
    """Remembered, like the faults: all wheels of a release have the same text."""
    return parse_email(text)[0]


@lru_cache(maxsize=4)
def _faults(text: bytes) -> tuple[Fault, ...]:
    told: dict[tuple[str, str], Fault] = {}
    for fault in (*_own_rules(_parse(text)), *_specification(text)):
        told.setdefault((fault.code, fault.message), fault)
    return tuple(told.values())


def _specification(text: bytes) -> Faults:
    """What `packaging` says."""
    try:
        Metadata.from_email(text)
    except Exception as group:  # noqa: BLE001 (a group, or whatever a stranger's text causes)
        for error in getattr(group, "exceptions", [group]):
            field = str(getattr(error, "field", "")).lower()
            code = _CODES.get(field, "metadata-invalid")
            yield Fault(code, str(error).replace("\n", " "))


def _own_rules(raw: RawMetadata) -> Faults:
    version = raw.get("metadata_version", "")
    if version and version not in ACCEPTED_VERSIONS:
        yield Fault(
            "metadata-version",
            f"PyPI doesn't take metadata version {version!r}",
            f"it takes {', '.join(ACCEPTED_VERSIONS)}",
        )
    summary = raw.get("summary", "")
    if len(summary) > _MAX_SUMMARY:
        yield Fault("summary", f"Summary has {len(summary)} characters, PyPI takes {_MAX_SUMMARY}")
    if raw.get("license") and raw.get("license_expression"):
        yield Fault(
            "license-twice",
            f"License {raw['license'][:40]!r} stands beside "
            f"License-Expression {raw['license_expression']!r}",
            "keep License-Expression alone",
        )
    yield from _check_classifiers(raw.get("classifiers", []))
    yield from _check_urls(raw)
    yield from _check_emails(raw)
    yield from _check_requirements(raw)


def _check_classifiers(classifiers: list[str]) -> Faults:
    from trove_classifiers import classifiers as known
    from trove_classifiers import deprecated_classifiers as deprecated

    for classifier in sorted(set(classifiers)):
        if classifier in deprecated:
            better = " or ".join(repr(name) for name in deprecated[classifier])
            hint = f"use {better}" if better else "leave it out"
            yield Fault("classifier", f"the classifier {classifier!r} is deprecated", hint)
        elif classifier not in known:
            yield Fault("classifier", f"the classifier {classifier!r} is unknown to PyPI")


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
        addresses = [address for _, address in getaddresses([value])]
        if value and not all(map(_is_email, addresses)):
            yield Fault("email", f"{field}: {value!r} is not an e-mail address")


def _is_email(address: str) -> bool:
    domain = address.rpartition("@")[2].lower()
    return bool(_EMAIL.fullmatch(address)) and domain.split(".")[-1] not in _RESERVED_DOMAINS


def _check_requirements(raw: RawMetadata) -> Faults:
    for text in raw.get("requires_dist", []):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # the specification's part says so
        if requirement.url:
            yield Fault("direct-dependency", f"the requirement {text!r} names a URL")


def _same_as_filename(raw: RawMetadata, name: WheelName) -> Faults:
    stated, version = raw.get("name", ""), raw.get("version", "")
    if stated and canonicalize_name(stated) != name.name:
        yield Fault("filename-metadata", f"METADATA's name is {stated!r}, not {name.name!r}")
    try:
        differs = bool(version) and Version(version) != name.version
    except InvalidVersion:
        return  # the specification's part says so
    if differs:
        yield Fault("filename-metadata", f"METADATA's version is {version!r}, not {name.version}")


def license_files(text: bytes) -> list[str]:
    """The License-File values in METADATA."""
    return _parse(text).get("license_files", [])

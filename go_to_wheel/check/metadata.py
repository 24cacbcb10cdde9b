"""Checks the .dist-info folder: METADATA, WHEEL, entry points, and their agreement with the name.

Sources: the core metadata specification and PyPI's additional requirements.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Callable, Collection, Container
from contextlib import suppress
from email.message import Message
from email.parser import HeaderParser
from email.utils import getaddresses
from functools import lru_cache
from typing import Any

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version
from trove_classifiers import classifiers, deprecated_classifiers

from go_to_wheel.check.archive import read_text
from go_to_wheel.check.filename import VENV_COMMANDS, WheelName, find_hidden, is_command
from go_to_wheel.check.report import Finding, Findings, catch_errors
from go_to_wheel.config.metadata import check_text
from go_to_wheel.sources.links import find_relative_links
from go_to_wheel.sources.readme import media_type
from go_to_wheel.sources.summary import SUMMARY_LIMIT

#: Larger texts aren't parsed; the largest real ones have some hundred kilobytes.
MAX_TEXT = 1 << 20
_MAX_TAGS, _MAX_EXPANDED = 1000, 100_000
#: Where a licence text is: a file with such a name, unless it is code, or PEP 639's folder.
_LICENSE = re.compile(
    r"\.dist-info/licen[cs]es/.|(^|/)[^/]*(licen[cs]e|copying|copyright|notice)[^/]*"
    r"(?<!\.py)(?<!\.pyc)(?<!\.pyi)(?<!\.so)(?<!\.js)(?<!\.h)$",
    re.IGNORECASE,
)
_ENTRY_NAME = re.compile(r"[\w.-]+")
_OBJECT_REFERENCE = re.compile(r"\w+(\.\w+)*(\s*:\s*\w+(\.\w+)*)?(\s*\[[^\[\]]*\])?")
_ACCEPTED_VERSIONS = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5")
_MAX_LABEL = 32
#: Characters of a README that are searched for links.
_MAX_README = 256 << 10
#: Longer values of single fields aren't parsed: that could take quadratic time.
_MAX_VALUE = 16 << 10
_MAX_CONTENT_TYPE = 200
#: Fields that may be of any length.
_FREE_TEXTS = ("description", "license", "keywords")
#: Fields whose errors in `packaging` have a code of their own.
_OWN_CODES = ("summary", "license-expression", "license-file")
#: uv's versions are of 64-bit numbers; Python refuses those of over 4,300 digits.
_HUGE_NUMBER = re.compile(r"[0-9]{20}")
#: Joiners and direction marks have a use between the letters of some scripts and in emoji.
_ALLOWED_HIDDEN = "\u200c\u200d\u200e\u200f\t\r\n"


def parse_headers(text: bytes) -> Message:
    """Parse the headers of METADATA or WHEEL, even invalid ones."""
    return HeaderParser().parsestr(text.decode("utf-8", "replace"))


def check_dist_info(
    archive: zipfile.ZipFile, name: WheelName, paths: Collection[str], texts: dict[str, bytes]
) -> Findings:
    """Findings about .dist-info, except RECORD; adds the texts to `texts` by file name."""
    tops = {path.split("/")[0] for path in paths if "/" in path}
    folders = sorted(top for top in tops if top.lower().endswith(".dist-info"))
    if folders != [name.dist_info]:
        listed = ", ".join(map(repr, folders[:5])) or "none"
        message = f"the .dist-info folder should be '{name.dist_info}'; there is {listed}"
        yield Finding("dist-info", message)
    rules: dict[str, Callable[[bytes], Findings]] = {
        "METADATA": lambda text: check_metadata(text, name, paths, f"{name.dist_info}/licenses"),
        "WHEEL": lambda text: _check_wheel_file(text, name),
        "entry_points.txt": lambda text: _check_entry_points(text, paths),
    }
    for file, rule in rules.items():
        if (text := read_text(archive, f"{name.dist_info}/{file}", MAX_TEXT)) is not None:
            texts[file] = text
            yield from catch_errors(file, rule(text))
        elif file.isupper():
            yield Finding.about(f"{file.lower()}-missing", name.dist_info)
    if not any(map(_LICENSE.search, paths)):
        yield Finding("license-missing", "the wheel has no licence text")


def _check_wheel_file(text: bytes, name: WheelName) -> Findings:
    headers = parse_headers(text)
    version = str(headers.get("Wheel-Version", "")).strip()
    if not re.fullmatch(r"1\.\d+", version):
        yield Finding("wheel-invalid", f"WHEEL has Wheel-Version {version!r}, not 1.0")
    if str(headers.get("Root-Is-Purelib", "")).strip().lower() not in ("true", "false"):
        yield Finding("wheel-invalid", "WHEEL has no Root-Is-Purelib: true or false")
    tags: set[Tag] = set()
    try:
        for line in map(str.strip, headers.get_all("Tag", [])[:_MAX_TAGS]):  # may be folded
            count = math.prod(part.count(".") + 1 for part in line.split("-"))
            if len(tags) + count > _MAX_EXPANDED:  # "a.b-c.d-e.f" stands for eight
                raise ValueError(f"{line[:40]!r} stands for {count} tags")
            tags |= parse_tag(line)
    except ValueError as error:
        yield Finding("wheel-invalid", f"WHEEL has an invalid tag: {error}")
        return
    surplus = {"WHEEL": tags - name.tags, "the file name": name.tags - tags}
    shown = {file: ", ".join(sorted(map(str, more))[:20]) for file, more in surplus.items()}
    if parts := [f"only {file} has {more}" for file, more in shown.items() if more]:
        yield Finding("wheel-tags", "; ".join(parts))


def _check_entry_points(text: bytes, paths: Collection[str]) -> Findings:
    import configparser  # few wheels of programs have this file

    scripts = {path.rpartition("/")[2] for path in paths if is_command(path)}
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    try:
        parser.read_string(text.decode("utf-8"))
    except (UnicodeDecodeError, configparser.Error) as error:
        yield Finding("entry-points", f"entry_points.txt can't be read: {error}")
        return
    for group in parser.sections():
        for name, target in ((name, text.strip()) for name, text in parser.items(group)):
            problems: dict[str, object] = {"PyPI refuses the name": not _ENTRY_NAME.fullmatch(name)}
            if group in ("console_scripts", "gui_scripts"):
                problems |= {
                    f"{target!r} is no function": not _OBJECT_REFERENCE.fullmatch(target),
                    "it is not the name of a file": not name.strip("."),
                    "it replaces the environment's own command": VENV_COMMANDS.fullmatch(name),
                    "it is also a file in .data/scripts": name in scripts,
                }
            if problem := next((text for text, applies in problems.items() if applies), ""):
                yield Finding("entry-points", f"{name!r} in [{group}]: {problem}")


def check_metadata(text: bytes, name: WheelName, paths: Container[str], folder: str) -> Findings:
    """Findings about METADATA's content; `folder` is that of the licence files."""
    raw, findings = _check_text(text)
    yield from findings
    project, version = raw.get("name", ""), raw.get("version", "")
    if project and canonicalize_name(project) != name.name:
        yield Finding.about("filename-metadata", project, f"the file name says {name.name}")
    with suppress(ValueError):  # packaging reports it, or _check_requirements
        if version and Version(version) != name.version:
            yield Finding.about("filename-metadata", version, f"the file name says {name.version}")
    if raw.get("metadata_version", "2.4") >= "2.4":  # earlier ones have no License-File
        for file in raw.get("license_files", []):
            if f"{folder}/{file}" not in paths:
                yield Finding.about("license-file", file)


@lru_cache(maxsize=4)
def _check_text(text: bytes) -> tuple[RawMetadata, list[Finding]]:
    """Cached, because all wheels of a release have the same text."""
    raw = parse_email(text)[0]
    findings = list(_check_values(raw))
    if all(finding.code == "metadata-hidden" for finding in findings):
        for rule in (_check_fields, _check_readme, _check_addresses, _check_requirements):
            findings += catch_errors("METADATA", rule(raw))
        findings += _check_specification(text)
    return raw, list(dict.fromkeys(findings))


def _check_values(raw: RawMetadata) -> Findings:
    """Findings about values that are too long to parse, or have invisible characters."""
    for field, value in raw.items():
        if field in _FREE_TEXTS:
            continue
        title = field.replace("_", "-").capitalize()
        texts: Any = [*value, *value.values()] if isinstance(value, dict) else value
        values = [texts] if isinstance(texts, str) else list(map(str, texts))
        limit = _MAX_CONTENT_TYPE if field == "description_content_type" else _MAX_VALUE
        if (longest := max(map(len, values), default=0)) > limit:
            text = f"it has {longest} characters, over {limit}"
            yield Finding.about("metadata-invalid", title, text)
        elif hidden := find_hidden("".join(values), _ALLOWED_HIDDEN):
            yield Finding.about("metadata-hidden", title, f"it contains {hidden}")


def _check_specification(text: bytes) -> Findings:
    try:
        Metadata.from_email(text)
    except Exception as group:  # noqa: BLE001 (a group, or whatever a text causes)
        for error in sorted(getattr(group, "exceptions", [group]), key=str):
            field = str(getattr(error, "field", "")).lower().replace("files", "file")
            code = field if field in _OWN_CODES else "metadata-invalid"
            if "introduced in metadata version" in str(error):  # PyPI and pip accept it
                code = "metadata-newer"
            if field != "metadata-version":  # _check_fields has the versions of PyPI
                yield Finding(code, str(error))


def _check_fields(raw: RawMetadata) -> Findings:
    if (version := raw.get("metadata_version", "none")) not in _ACCEPTED_VERSIONS:
        yield Finding.about("metadata-version", version)
    if len(summary := raw.get("summary", "")) > SUMMARY_LIMIT:
        yield Finding("summary", f"Summary has {len(summary)} characters, over {SUMMARY_LIMIT}")
    text, expression = raw.get("license", ""), raw.get("license_expression", "")
    if text and expression:
        yield Finding.about("license-twice", text[:40], f"beside License-Expression {expression!r}")
    for classifier in sorted(set(raw.get("classifiers", []))):
        if classifier in deprecated_classifiers:
            better = " or ".join(deprecated_classifiers[classifier]) or "nothing"
            yield Finding.about("classifier", classifier, f"deprecated in favour of {better}")
        elif classifier not in classifiers:
            yield Finding.about("classifier", classifier, "PyPI doesn't know it")


def _check_readme(raw: RawMetadata) -> Findings:
    text = raw.get("description", "")[:_MAX_README].replace("\r\n", "\n")
    kind = media_type(raw.get("description_content_type", ""))
    if kind == "text/markdown" and (links := list(find_relative_links(text)[0])):
        more = f" and {len(links) - 3} more" if len(links) > 3 else ""
        yield Finding("readme-link", f"{', '.join(links[:3])}{more}: relative links in the README")


def _check_addresses(raw: RawMetadata) -> Findings:
    urls = {"Home-page": raw.get("home_page"), "Download-URL": raw.get("download_url")}
    for label, url in (*urls.items(), *raw.get("project_urls", {}).items()):
        if not 0 < len(label) <= _MAX_LABEL:
            text = f"{url!r} has the label {label!r}, not 1 to {_MAX_LABEL} characters"
            yield Finding("url", text)
        elif url is not None and check_text("url", url):
            yield Finding("url", f"{label}: {url!r} is not an http or https URL")
    for field in ("Author-email", "Maintainer-email"):
        value, addresses = str(raw.get(field.lower().replace("-", "_"), "")), [("", "")]
        with suppress(RecursionError):  # nested comments
            addresses = getaddresses([value])
        if value and any(check_text("author-email", address) for _, address in addresses):
            yield Finding("email", f"{field}: {value!r} is not an e-mail address")


def _check_requirements(raw: RawMetadata) -> Findings:
    requirements = raw.get("requires_dist", [])
    for text in (raw.get("version", ""), raw.get("requires_python", ""), *requirements):
        if _HUGE_NUMBER.search(text):
            problem = "it has a number that uv and pip can't read"
            yield Finding.about("metadata-invalid", text, problem)
    for text in requirements:
        with suppress(ValueError, RecursionError):  # _check_specification reports it
            if Requirement(text).url:
                yield Finding.about("direct-dependency", text)

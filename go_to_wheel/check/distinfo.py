"""The .dist-info folder: which files are there, and do they agree with the file name?"""

from __future__ import annotations

import configparser
import math
import re
import zipfile
from collections.abc import Collection, Container, Iterator
from email.message import Message
from email.parser import HeaderParser

from packaging.tags import Tag, parse_tag

from go_to_wheel.check.contents import LimitError, read_text
from go_to_wheel.check.filename import WheelName
from go_to_wheel.check.metadata import check_metadata, license_files
from go_to_wheel.check.paths import OWN_COMMANDS, is_command
from go_to_wheel.check.report import Finding, Findings, guarded

#: Larger texts aren't parsed; the largest real ones have some hundred kilobytes.
_MAX_TEXT = 1 << 20
_MAX_TAGS, _MAX_EXPANDED = 1000, 100_000
_LICENSE = re.compile(r"licen[cs]e|copying|copyright|notice|\.dist-info/licenses/", re.IGNORECASE)
_ENTRY_NAME = re.compile(r"[\w.-]+")
_OBJECT = re.compile(r"\w+(\.\w+)*(\s*:\s*\w+(\.\w+)*)?(\s*\[[^\[\]]*\])?")
#: Each text, with the code for a missing one, if it may not be, and for one that can't be read.
_TEXTS = {
    "METADATA": ("metadata-missing", "metadata-invalid"),
    "WHEEL": ("wheel-missing", "wheel-invalid"),
    "entry_points.txt": ("", "entry-points"),
}


def read_texts(archive: zipfile.ZipFile, folder: str, texts: dict[str, bytes]) -> Findings:
    """Put the texts of a .dist-info folder into `texts`, by file name."""
    for file, (missing, invalid) in _TEXTS.items():
        try:
            text = read_text(archive, f"{folder}/{file}", _MAX_TEXT)
        except LimitError as error:
            yield Finding(invalid, error.message)
            continue
        if text is not None:
            texts[file] = text
        elif missing:
            yield Finding(missing, f"'{folder}/{file}' is missing")


def parse_headers(text: bytes) -> Message:
    """The headers of METADATA or WHEEL, whatever the text."""
    return HeaderParser().parsestr(text.decode("utf-8", "replace"))


def check_dist_info(texts: dict[str, bytes], name: WheelName, paths: Collection[str]) -> Findings:
    """Everything about the metadata of a wheel whose files are `paths`, apart from RECORD."""
    heads = {path.split("/")[0] for path in paths if "/" in path}
    found = sorted(head for head in heads if head.lower().endswith(".dist-info"))
    if found != [name.info]:
        listed = ", ".join(map(repr, found[:5])) or "none"
        why = f"the .dist-info folder should be '{name.info}'; there is {listed}"
        yield Finding("dist-info", why)
    scripts = {path.rpartition("/")[2] for path in paths if is_command(path)}
    if (text := texts.get("METADATA")) is not None:
        yield from guarded("METADATA", check_metadata(text, name))
        for file in license_files(text):
            if f"{name.info}/licenses/{file}" not in paths:
                where = f"'{name.info}/licenses/'"
                yield Finding("license-file", f"License-File {file!r} is not at {where}")
    if (text := texts.get("WHEEL")) is not None:
        yield from guarded("WHEEL", check_wheel_file(text, name))
    if text := texts.get("entry_points.txt"):
        yield from guarded("entry_points.txt", _check_entry_points(text, scripts))
    if not any(map(_LICENSE.search, paths)):
        yield Finding("license-missing", "the wheel has no licence text")


def check_wheel_file(text: bytes, name: WheelName) -> Findings:
    """What is wrong with WHEEL."""
    headers = parse_headers(text)
    version = str(headers.get("Wheel-Version", "")).strip()
    if not re.fullmatch(r"1\.\d+", version):
        yield Finding("wheel-invalid", f"WHEEL has Wheel-Version {version!r}, not 1.0")
    if str(headers.get("Root-Is-Purelib", "")).strip().lower() not in ("true", "false"):
        yield Finding("wheel-invalid", "WHEEL has no Root-Is-Purelib: true or false")
    stated: set[Tag] = set()
    try:
        for line in map(str, headers.get_all("Tag", [])[:_MAX_TAGS]):
            count = math.prod(part.count(".") + 1 for part in line.split("-"))
            if len(stated) + count > _MAX_EXPANDED:  # "a.b-c.d-e.f" stands for eight
                raise ValueError(f"{line[:40]!r} stands for {count} tags")
            stated |= parse_tag(line)
    except ValueError as error:
        yield Finding("wheel-invalid", f"WHEEL has an invalid tag: {error}")
        return
    places = {"WHEEL": stated - name.tags, "the file name": name.tags - stated}
    parts = [
        f"only {place} has {', '.join(sorted(map(str, tags))[:20])}"
        for place, tags in places.items()
        if tags
    ]
    if parts:
        yield Finding("wheel-tags", "; ".join(parts))


def _check_entry_points(text: bytes, scripts: Container[str]) -> Findings:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    try:
        parser.read_string(text.decode("utf-8"))
    except (UnicodeDecodeError, configparser.Error) as error:
        yield Finding("entry-points", f"entry_points.txt can't be read: {error}")
        return
    for group in parser.sections():
        for name, target in parser.items(group):
            if not _ENTRY_NAME.fullmatch(name):
                why = f"PyPI refuses the entry point name {name!r} in [{group}]"
                yield Finding("entry-points", why)
            elif group in ("console_scripts", "gui_scripts"):
                for why in _refuse_command(name, target.strip(), scripts):
                    yield Finding("entry-points", f"the command {name!r} in [{group}] {why}")


def _refuse_command(name: str, target: str, scripts: Container[str]) -> Iterator[str]:
    """Why an installer would refuse a command beside the files in `.data/scripts`."""
    if not _OBJECT.fullmatch(target):
        yield f"points to {target!r}, which is no function"
    if not name.strip("."):
        yield "is not the name of a file"
    if OWN_COMMANDS.fullmatch(name):
        yield "replaces the environment's own"
    if name in scripts:
        yield "is also a file in .data/scripts"

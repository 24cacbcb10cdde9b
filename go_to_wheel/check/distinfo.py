"""The .dist-info folder: which files are there, and do they agree with the file name?"""

from __future__ import annotations

import configparser
import math
import re
import zipfile
from collections.abc import Callable, Collection, Container, Iterable
from email.parser import Parser

from packaging.tags import Tag, parse_tag

from go_to_wheel.check.contents import LimitError, read_text
from go_to_wheel.check.filename import WheelName
from go_to_wheel.check.metadata import check_metadata, license_files
from go_to_wheel.check.paths import OWN_COMMANDS
from go_to_wheel.check.report import Fault, Faults, guarded

#: Larger texts aren't parsed; the largest real ones have some hundred kilobytes.
MAX_TEXT = 1 << 20
_LICENSE = re.compile(r"licen[cs]e|copying|copyright|notice|\.dist-info/licenses/", re.IGNORECASE)
_ENTRY_NAME = re.compile(r"[\w.-]+")
_OBJECT = re.compile(r"\w+(\.\w+)*(\s*:\s*\w+(\.\w+)*)?(\s*\[[^\[\]]*\])?")
_SCRIPT_GROUPS = ("console_scripts", "gui_scripts")


def check_dist_info(archive: zipfile.ZipFile, name: WheelName, paths: Collection[str]) -> Faults:
    """Everything about the metadata of a wheel whose files are `paths`, apart from RECORD."""
    folder = f"{name.stem}.dist-info"
    yield from _check_folders(folder, paths)
    marker = f"{name.stem}.data/scripts/"
    scripts = {path.removeprefix(marker) for path in paths if path.startswith(marker)}
    checks: dict[str, Callable[[bytes], Faults]] = {
        "METADATA": lambda text: _check_metadata(text, name, folder, paths),
        "WHEEL": lambda text: check_wheel_file(text, name),
        "entry_points.txt": lambda text: _check_entry_points(text, scripts),
    }
    for file, check in checks.items():
        try:
            text = read_text(archive, f"{folder}/{file}", MAX_TEXT)
        except LimitError as error:
            yield Fault(_CODES[file][1], error.message)
            continue
        if text is not None:
            yield from guarded(file, check(text))
        elif missing := _CODES[file][0]:
            yield Fault(missing, f"'{folder}/{file}' is missing")
    if not any(map(_LICENSE.search, paths)):
        yield Fault("license-missing", "the wheel has no licence text")
    if f"{folder}/RECORD" not in paths:
        yield Fault("record-missing", f"'{folder}/RECORD' is missing")


#: The code for a missing file, if it may not be, and for one that can't be read.
_CODES = {
    "METADATA": ("metadata-missing", "metadata-invalid"),
    "WHEEL": ("wheel-missing", "wheel-invalid"),
    "entry_points.txt": ("", "entry-points"),
}


def _check_metadata(text: bytes, name: WheelName, folder: str, paths: Container[str]) -> Faults:
    yield from check_metadata(text, name)
    yield from _check_license_files(license_files(text), folder, paths)


def _check_folders(folder: str, paths: Iterable[str]) -> Faults:
    heads = {path.split("/")[0] for path in paths if "/" in path}
    found = sorted(head for head in heads if head.lower().endswith(".dist-info"))
    if found != [folder]:
        listed = ", ".join(map(repr, found[:5])) or "none"
        yield Fault("dist-info", f"the .dist-info folder should be '{folder}'; there is {listed}")


def _check_license_files(listed: list[str], folder: str, paths: Container[str]) -> Faults:
    for name in listed:
        if f"{folder}/licenses/{name}" not in paths:
            yield Fault("license-file", f"License-File {name!r} is not at '{folder}/licenses/'")


def check_wheel_file(text: bytes, name: WheelName) -> Faults:
    """What is wrong with WHEEL."""
    message = Parser().parsestr(text.decode("utf-8", "replace"))
    version = str(message.get("Wheel-Version", "")).strip()
    if not re.fullmatch(r"1\.\d+", version):
        yield Fault("wheel-invalid", f"WHEEL has Wheel-Version {version!r}, not 1.0")
    if str(message.get("Root-Is-Purelib", "")).strip().lower() not in ("true", "false"):
        yield Fault("wheel-invalid", "WHEEL has no Root-Is-Purelib: true or false")
    stated: set[Tag] = set()
    try:
        for line in map(str, message.get_all("Tag", [])[:_MAX_TAGS]):
            count = math.prod(part.count(".") + 1 for part in line.split("-"))
            if len(stated) + count > _MAX_EXPANDED:  # "a.b-c.d-e.f" stands for eight
                raise ValueError(f"{line[:40]!r} stands for {count} tags")
            stated |= parse_tag(line)
    except ValueError as error:
        yield Fault("wheel-invalid", f"WHEEL has an invalid tag: {error}")
        return
    if stated != name.tags:
        difference = _tag_difference({*map(str, stated)}, {*map(str, name.tags)})
        yield Fault("wheel-tags", difference)


_MAX_TAGS, _MAX_EXPANDED = 1000, 100_000


def is_purelib(text: bytes | None) -> bool:
    """Whether WHEEL says that the wheel is pure Python."""
    message = Parser().parsestr((text or b"").decode("utf-8", "replace"))
    return str(message.get("Root-Is-Purelib", "")).strip().lower() == "true"


def _tag_difference(stated: set[str], named: set[str]) -> str:
    parts = []
    if extra := sorted(stated - named):
        parts.append(f"only WHEEL has {', '.join(extra[:20])}")
    if missing := sorted(named - stated):
        parts.append(f"only the file name has {', '.join(missing[:20])}")
    return "; ".join(parts)


def _check_entry_points(text: bytes, scripts: Container[str]) -> Faults:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    try:
        parser.read_string(text.decode("utf-8"))
        groups = {group: dict(parser.items(group)) for group in parser.sections()}
    except (UnicodeDecodeError, configparser.Error) as error:
        yield Fault("entry-points", f"entry_points.txt can't be read: {error}")
        return
    for group, entries in groups.items():
        for name, target in entries.items():
            if not _ENTRY_NAME.fullmatch(name):
                message = f"PyPI refuses the entry point name {name!r} in [{group}]"
                yield Fault("entry-points", message)
            elif group in _SCRIPT_GROUPS and not _OBJECT.fullmatch(target.strip()):
                message = f"{name!r} in [{group}] points to {target!r}, which is no function"
                yield Fault("entry-points", message)
            elif group in _SCRIPT_GROUPS and (why := _refuse_command(name, scripts)):
                yield Fault("entry-points", f"the command {name!r} in [{group}] {why}")


def _refuse_command(name: str, scripts: Container[str]) -> str:
    """Why an installer would refuse a command beside the files in `.data/scripts`."""
    if not name.strip("."):
        return "is not the name of a file"
    if OWN_COMMANDS.fullmatch(name):
        return "replaces the environment's own"
    return "is also a file in .data/scripts" if name in scripts else ""

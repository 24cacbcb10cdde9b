"""The .dist-info folder: which files are there, and do they agree with the file name?"""

from __future__ import annotations

import configparser
import re
from collections.abc import Container, Iterable, Mapping
from email.parser import Parser

from packaging.tags import parse_tag

from go_to_wheel.check.filename import WheelName
from go_to_wheel.check.metadata import check_metadata, license_files
from go_to_wheel.check.record import Digest, check_record
from go_to_wheel.check.report import Fault, Faults

_ENTRY_NAME = re.compile(r"[\w.-]+")
_OBJECT = re.compile(r"\w+(\.\w+)*(\s*:\s*\w+(\.\w+)*)?(\s*\[[^\[\]]*\])?")
_SCRIPT_GROUPS = ("console_scripts", "gui_scripts")


def check_dist_info(
    name: WheelName,
    digests: Mapping[str, Digest],
    texts: Mapping[str, bytes],
    has_native: bool,
) -> Faults:
    """Everything about the metadata of a wheel.

    `digests` has every file of the wheel, `texts` the content of those in .dist-info.
    """
    folder = f"{name.stem}.dist-info"
    yield from _check_folders(folder, digests)
    metadata = texts.get(f"{folder}/METADATA")
    if metadata is None:
        yield Fault("metadata-missing", f"'{folder}/METADATA' is missing")
    else:
        yield from check_metadata(metadata, name)
        yield from _check_license_files(license_files(metadata), folder, digests)
    wheel = texts.get(f"{folder}/WHEEL")
    if wheel is None:
        yield Fault("wheel-missing", f"'{folder}/WHEEL' is missing")
    else:
        yield from _check_wheel(wheel, name, has_native)
    yield from _check_entry_points(texts.get(f"{folder}/entry_points.txt", b""))
    record = texts.get(f"{folder}/RECORD")
    if record is None:
        yield Fault("record-missing", f"'{folder}/RECORD' is missing")
    else:
        yield from check_record(record, folder, digests)


def _check_folders(folder: str, paths: Iterable[str]) -> Faults:
    heads = {path.split("/")[0] for path in paths if "/" in path}
    found = sorted(head for head in heads if head.endswith(".dist-info"))
    if found != [folder]:
        listed = ", ".join(map(repr, found)) or "none"
        yield Fault("dist-info", f"the .dist-info folder should be '{folder}'; there is {listed}")


def _check_license_files(listed: list[str], folder: str, paths: Container[str]) -> Faults:
    for name in listed:
        if f"{folder}/licenses/{name}" not in paths:
            yield Fault("license-file", f"License-File {name!r} is not at '{folder}/licenses/'")


def _check_wheel(text: bytes, name: WheelName, has_native: bool) -> Faults:
    message = Parser().parsestr(text.decode("utf-8", "replace"))
    version = str(message.get("Wheel-Version", "")).strip()
    if not re.fullmatch(r"1\.\d+", version):
        yield Fault("wheel-invalid", f"WHEEL has Wheel-Version {version!r}, not 1.0")
    if str(message.get("Root-Is-Purelib", "")).strip().lower() not in ("true", "false"):
        yield Fault("wheel-invalid", "WHEEL doesn't say Root-Is-Purelib: true or false")
    try:
        stated = {tag for line in message.get_all("Tag", []) for tag in parse_tag(str(line))}
    except ValueError as error:
        yield Fault("wheel-invalid", f"WHEEL has a tag that can't be read: {error}")
        return
    if stated != name.tags:
        yield Fault("wheel-tags", _tag_difference({*map(str, stated)}, {*map(str, name.tags)}))
    if has_native and str(message.get("Root-Is-Purelib", "")).strip().lower() == "true":
        yield Fault("wheel-purelib", "WHEEL says Root-Is-Purelib: true, and there is native code")


def _tag_difference(stated: set[str], named: set[str]) -> str:
    parts = []
    if extra := sorted(stated - named):
        parts.append(f"only WHEEL has {', '.join(extra)}")
    if missing := sorted(named - stated):
        parts.append(f"only the file name has {', '.join(missing)}")
    return "; ".join(parts)


def _check_entry_points(text: bytes) -> Faults:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    try:
        parser.read_string(text.decode("utf-8"))
        groups = {group: dict(parser.items(group)) for group in parser.sections()}
    except (UnicodeDecodeError, configparser.Error) as error:
        yield Fault("entry-points", f"entry_points.txt can't be read: {error}".replace("\n", " "))
        return
    for group, entries in groups.items():
        for name, target in entries.items():
            if not _ENTRY_NAME.fullmatch(name):
                yield Fault(
                    "entry-points", f"the entry point name {name!r} in [{group}] is refused"
                )
            elif group in _SCRIPT_GROUPS and not _OBJECT.fullmatch(target.strip()):
                yield Fault("entry-points", f"{name!r} in [{group}] points to {target!r}")

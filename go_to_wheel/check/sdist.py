"""A source archive: can it be read and unpacked, and does its PKG-INFO fit its name?"""

from __future__ import annotations

import io
import posixpath
import tarfile
import zlib
from itertools import islice
from typing import BinaryIO

from packaging.utils import InvalidSdistFilename, parse_sdist_filename

from go_to_wheel.check.archive import BOMB_RATIO, BOMB_SIZE, MAX_ENTRIES
from go_to_wheel.check.filename import NO_NAME, WheelName
from go_to_wheel.check.metadata import MAX_TEXT, check_metadata
from go_to_wheel.check.report import Finding, Findings, fault, findings_of, guarded
from go_to_wheel.check.wheel import Wheel

SDIST_ENDINGS = (".tar.gz", ".zip")


def check_sdist(stream: BinaryIO, file: str) -> Wheel:
    """The verdict on the sdist in an open, seekable stream, named `file`; nothing is unpacked."""
    wheel = Wheel(file, stream.seek(0, io.SEEK_END))
    stream.seek(0)
    wheel.findings = list(findings_of(file, guarded("it", _check(wheel, stream))))
    return wheel


def _check(wheel: Wheel, stream: BinaryIO) -> Findings:
    stem = wheel.file.removesuffix(".tar.gz")
    try:
        name, version = parse_sdist_filename(wheel.file)
        wheel.name = WheelName(str(name), version, frozenset(), stem)
    except InvalidSdistFilename as error:
        yield Finding("sdist-invalid", str(error))
    try:
        with tarfile.open(fileobj=stream, mode="r:gz") as archive:
            total = 0
            for member in islice(archive, MAX_ENTRIES):
                wheel.files.append((member.name, member.size))
                total += member.size
                if total > BOMB_SIZE and total > BOMB_RATIO * wheel.size:
                    yield Finding("zip-bomb", f"it unpacks to over {total >> 20} MiB")
                    return
                if why := _refuse(member, stem):
                    yield fault("sdist-unsafe", member.name, why)
                if member.name == f"{stem}/PKG-INFO" and member.size <= MAX_TEXT:
                    content = archive.extractfile(member)
                    wheel.texts["METADATA"] = content.read() if content else b""
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        yield Finding("sdist-invalid", f"it can't be read as a .tar.gz archive: {error}")
        return
    wheel.readable = wheel.name is not NO_NAME
    if text := wheel.texts.get("METADATA"):
        paths = {path for path, _ in wheel.files}
        yield from guarded("PKG-INFO", check_metadata(text, wheel.name, paths, stem))
    else:
        yield Finding("sdist-invalid", f"'{stem}/PKG-INFO' is missing, or over {MAX_TEXT} bytes")


def _refuse(member: tarfile.TarInfo, stem: str) -> str:
    """Why pip would not unpack a member (PEP 721), or it would be outside the one folder."""
    path = posixpath.normpath(member.name)
    if path != stem and not path.startswith(f"{stem}/"):
        return f"it is not in the folder '{stem}'"
    if member.isdev():
        return "it is a device"
    if member.issym() or member.islnk():
        start = posixpath.dirname(path) if member.issym() else ""
        target = posixpath.normpath(posixpath.join(start, member.linkname))
        if not target.startswith(f"{stem}/") and target != stem:
            return f"it is a link to {member.linkname!r}, outside the folder"
    return ""

"""Checks one wheel: archive, file name, paths, metadata, programs; or one source archive.

Source for these: PEP 721.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import posixpath
import tarfile
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.message import Message
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from packaging.utils import InvalidSdistFilename, parse_sdist_filename

from go_to_wheel.binary.facts import describe
from go_to_wheel.binary.read import describe_content, read_facts
from go_to_wheel.check import archive, filename, metadata
from go_to_wheel.check.program import (
    LIBRARY_NAME,
    Program,
    check_programs,
    find_builder_paths,
    read_signature,
)
from go_to_wheel.check.report import Finding, Findings, WheelSummary, catch_errors, limit_findings
from go_to_wheel.errors import BinaryError, MissingPathError, WheelError
from go_to_wheel.process import quote_path

#: An SBOM lists each module with its licence and hashes; the largest have about 1 MB.
_MAX_SBOM, _MAX_SBOMS = 2 << 20, 5
SDIST_ENDINGS = (".tar.gz", ".zip")
#: Findings that make a wheel unreadable.
_FATAL_CODES = {*archive.FATAL, "filename-invalid", "check-failed"}
#: Longer descriptions, say of what needs a thousand libraries, are cut.
_MAX_DESCRIPTION = 500
#: More modules, in all programs together, are not shown.
_MAX_MODULES = 50_000


@dataclass
class Wheel:
    """A wheel's contents, and the findings about them.

    `files` has each path with its unpacked size, `texts` METADATA, WHEEL and entry_points.txt,
    `not_run` the skipped checks. `readable` is False when the contents can't be trusted.
    `inspect` also reads `sha256`, and from the SBOMs `licenses` (by module path) and `settings`
    (of the build). `modules` is the number of modules in all programs.
    """

    file: str
    size: int = 0
    name: filename.WheelName = filename.NO_NAME
    files: list[tuple[str, int]] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    programs: list[Program] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    readable: bool = False
    sha256: str = ""
    licenses: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    modules: int = 0

    @property
    def summary(self) -> WheelSummary:
        """The wheel in a report."""
        described = (f"{program.path}: {describe(program.facts)}" for program in self.programs)
        programs, name = tuple(text[:_MAX_DESCRIPTION] for text in described), self.name
        version, tags = str(name.version) if name.name else "", tuple(sorted(map(str, name.tags)))
        return WheelSummary(self.file, self.size, name.name, version, tags, programs)

    @property
    def metadata(self) -> Message:
        """The headers of METADATA, empty if it is missing."""
        return self.headers("METADATA")

    def headers(self, file: str) -> Message:
        """The headers of METADATA or WHEEL, empty if it is missing."""
        return metadata.parse_headers(self.texts.get(file, b""))

    def below(self, folder: str) -> list[str]:
        """The paths below a folder of .dist-info: "licenses" or "sboms"."""
        start = f"{self.name.dist_info}/{folder}/"
        return [path.removeprefix(start) for path, _ in self.files if path.startswith(start)]


def check_wheel(stream: BinaryIO, file: str) -> Wheel:
    """Check the wheel or sdist in an open, seekable stream; `file` is its name."""
    wheel = Wheel(file, stream.seek(0, io.SEEK_END))
    check = _check_sdist if file.endswith(SDIST_ENDINGS) else _check_wheel
    wheel.findings = list(limit_findings(file, catch_errors("it", check(wheel, stream))))
    wheel.not_run = list(dict.fromkeys(wheel.not_run))
    return wheel


def _check_wheel(wheel: Wheel, stream: BinaryIO) -> Findings:
    try:
        wheel.name = filename.parse_name(wheel.file)
    except ValueError as error:
        yield Finding("filename-invalid", str(error))
    else:
        yield from filename.check_wheel_name(wheel.name)
    with archive.open_archive(stream) as zip_file:
        is_fatal = wheel.name is filename.NO_NAME
        for finding in archive.check_archive(zip_file, stream):
            is_fatal |= finding.code in archive.FATAL
            yield finding
        if not is_fatal:
            yield from _check_contents(wheel, zip_file)


def _check_contents(wheel: Wheel, zip_file: zipfile.ZipFile) -> Findings:
    name = wheel.name
    sizes = [(entry.orig_filename, entry.file_size) for entry in zip_file.infolist()]
    yield from filename.check_paths([path for path, _ in sizes], name.platforms, name.stem)
    wheel.files = [(path, size) for path, size in sizes if not path.endswith("/")]
    for tag in name.platforms:
        if tag != "any" and filename.parse_platform_tag(tag) is None:
            wheel.not_run.append(f"programs for {tag!r} are not compared with the tag")
    paths = {path for path, _ in wheel.files}
    yield from metadata.check_dist_info(zip_file, name, paths, wheel.texts)
    yield from archive.check_files(zip_file, name.dist_info, partial(_read_native, wheel))
    wheel.readable = True
    is_pure = str(wheel.headers("WHEEL").get("Root-Is-Purelib", "")).strip().lower() == "true"
    native = [p for p in wheel.programs if p.is_loadable and p.facts.kind != "object file"]
    placed = [p for p in native if ".data/" not in p.path and p.facts.format != "pe"]
    if is_pure and (placed or any(p.facts.kind == "shared library" for p in native)):
        yield Finding.about("wheel-purelib", "WHEEL")
    names = frozenset(path.rpartition("/")[2] for path, _ in wheel.files)
    yield from check_programs(wheel.programs, name, names, not wheel.not_run)


def _read_native(wheel: Wheel, entry: zipfile.ZipInfo, stream: BinaryIO | None) -> Findings:
    path, mode = entry.orig_filename, entry.external_attr >> 16
    if stream is None:
        is_large, limit = entry.file_size > archive.MAX_INSPECTED, archive.MAX_INSPECTED >> 20
        reason = f"{path!r} is over {limit} MiB" if is_large else "too many native files"
        wheel.not_run.append(f"not all was inspected: {reason}")
        return
    try:
        facts = read_facts(stream)
    except BinaryError as error:  # a fault where a program is promised
        is_promised = path.split("/")[0].endswith(".data") or "/bin/" in path
        stream.seek(0)  # a text without "#!" is a command too, or is read by others
        is_text = describe_content(stream.read(512)) == "text"
        if is_promised and not is_text:
            yield Finding.about("binary-broken", path, error.message, error.hint)
        elif not is_text and (mode & 0o111 or LIBRARY_NAME.search(path.lower())):
            wheel.not_run.append(f"{path!r} was not inspected: {error.message}")
        return
    builder_paths = find_builder_paths(facts, stream)
    signature, problem = read_signature(stream, facts)
    wheel.modules += len(facts.go.deps) if facts.go else 0
    if facts.go and wheel.modules > _MAX_MODULES:
        wheel.not_run.append(f"{path!r}: the programs have over {_MAX_MODULES} modules")
        facts = replace(facts, go=replace(facts.go, deps=()))
    stored = entry.compress_type == zipfile.ZIP_STORED
    program = Program(path, facts, mode, entry.file_size, stored, builder_paths, signature)
    if problem and program.is_loadable:
        yield Finding.about("binary-signature", path, problem)
    wheel.programs.append(program)


def _check_sdist(wheel: Wheel, stream: BinaryIO) -> Findings:
    stem, total = wheel.file.removesuffix(".tar.gz"), 0
    stream.seek(0)
    try:
        name, version = parse_sdist_filename(wheel.file)
        with tarfile.open(fileobj=stream, mode="r:gz") as tar:
            for member in islice(tar, archive.MAX_ENTRIES):
                wheel.files.append((member.name, member.size))
                total += member.size
                if total > archive.BOMB_SIZE and total > archive.BOMB_RATIO * wheel.size:
                    yield Finding("zip-bomb", f"it unpacks to over {total >> 20} MiB")
                    return
                if _is_unsafe(member, stem):
                    yield Finding.about("sdist-unsafe", member.name)
                if member.name == f"{stem}/PKG-INFO" and member.size <= metadata.MAX_TEXT:
                    content = tar.extractfile(member)
                    wheel.texts["METADATA"] = content.read() if content else b""
    except (InvalidSdistFilename, tarfile.TarError, EOFError, OSError, zlib.error) as error:
        yield Finding("sdist-invalid", f"it can't be read as a source archive: {error}")
        return
    wheel.name, wheel.readable = filename.WheelName(str(name), version, frozenset(), stem), True
    if text := wheel.texts.get("METADATA"):
        paths = {path for path, _ in wheel.files}
        yield from catch_errors("PKG-INFO", metadata.check_metadata(text, wheel.name, paths, stem))
    else:
        message = f"'{stem}/PKG-INFO' is missing, or over {metadata.MAX_TEXT} bytes"
        yield Finding("sdist-invalid", message)


def _is_unsafe(member: tarfile.TarInfo, stem: str) -> bool:
    """Whether pip would refuse to unpack it (PEP 721), or it lies outside the only folder."""
    start = posixpath.dirname(member.name) if member.issym() else ""
    is_link = member.issym() or member.islnk()
    target = posixpath.join(start, member.linkname) if is_link else member.name
    paths = [posixpath.normpath(path) for path in (member.name, target)]
    return member.isdev() or any(not f"{path}/".startswith(f"{stem}/") for path in paths)


def inspect_wheel(path: str | os.PathLike[str]) -> Wheel:
    """Read the wheel at `path`, from any tool; unpack nothing and run nothing.

    Raises MissingPathError without a file, WheelError when it isn't a readable wheel, OSError
    when it can't be opened.
    """
    if not Path(path).is_file():
        problem = f"there is no file {os.fspath(path)!r}"
        raise MissingPathError(problem, "go-to-wheel inspect FILE.whl")
    with Path(path).open("rb") as stream:
        return read_wheel(stream, path)


def read_wheel(stream: BinaryIO, path: str | os.PathLike[str]) -> Wheel:
    """Like `inspect_wheel`, from an open, seekable stream."""
    file = Path(path).name
    shown = file if file.isprintable() else repr(file)
    hint = f"see all that is wrong: go-to-wheel check {quote_path(path)}"
    if file.endswith(SDIST_ENDINGS):
        raise WheelError(f"{shown} is a source archive, not a wheel", hint)
    wheel = check_wheel(stream, file)
    if not wheel.readable:
        fatal = next(finding for finding in wheel.findings if finding.code in _FATAL_CODES)
        raise WheelError(f"{shown}: {fatal.message}", hint)
    stream.seek(0)
    wheel.sha256 = hashlib.file_digest(cast("Any", stream), "sha256").hexdigest()
    with archive.open_archive(stream) as zip_file:
        _read_sboms(wheel, zip_file)
    return wheel


def _read_sboms(wheel: Wheel, zip_file: zipfile.ZipFile) -> None:
    for path in [path for path in wheel.below("sboms") if path.endswith(".json")][:_MAX_SBOMS]:
        # another kind of document, or too large
        with suppress(ValueError, RecursionError, TypeError, AttributeError, KeyError):
            text = archive.read_text(zip_file, f"{wheel.name.dist_info}/sboms/{path}", _MAX_SBOM)
            document = json.loads(text or b"")
            for part in document.get("components", ()):
                choices = part.get("licenses", ())
                names = [c.get("expression") or c.get("license", {}).get("id") for c in choices]
                wheel.licenses[str(part["name"])] = " AND ".join(map(str, filter(None, names)))
            for item in document.get("metadata", {}).get("component", {}).get("properties", ()):
                wheel.settings[str(item["name"]).removeprefix("go-to-wheel:")] = str(item["value"])

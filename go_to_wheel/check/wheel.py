"""One wheel: archive, file name, paths, metadata, programs, read once in the order of trust.

Or one sdist: whether it can be unpacked (PEP 721), and fits its name.
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
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from packaging.utils import InvalidSdistFilename, parse_sdist_filename

from go_to_wheel.binary.facts import describe
from go_to_wheel.binary.read import name_of, read_facts
from go_to_wheel.check import archive as zips
from go_to_wheel.check import filename as naming
from go_to_wheel.check import metadata as dist_info
from go_to_wheel.check import program as binaries
from go_to_wheel.check.report import Finding, Findings, WheelSummary, fault, findings_of, guarded
from go_to_wheel.errors import BinaryError, MissingPathError, WheelError

#: An SBOM lists each module with its licence and hashes; the largest have about 1 MB.
_MAX_SBOM, _MAX_SBOMS = 2 << 20, 5
SDIST_ENDINGS = (".tar.gz", ".zip")
#: The findings after which a wheel isn't read on.
_REFUSALS = {*zips.FATAL, "filename-invalid", "check-failed"}
#: So much of a file shows what it is.
_HEAD = 512
#: Longer descriptions, say of what needs a thousand libraries, are cut.
_MAX_DESCRIPTION = 500
#: More modules, in all programs together, are not shown.
_MAX_MODULES = 50_000


@dataclass
class Wheel:
    """What a wheel contains, and what is wrong with it.

    `files` has each path with its unpacked size, `texts` METADATA, WHEEL and
    entry_points.txt, `not_run` what was not looked at and why. `readable` is False when
    the contents can't be trusted. The next three are what `inspect` reads besides:
    `licenses` (by module path) and `settings` (how it was built) are from its SBOMs.
    `modules` counts those of all programs.
    """

    file: str
    size: int = 0
    name: naming.WheelName = naming.NO_NAME
    files: list[tuple[str, int]] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    programs: list[binaries.Program] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    readable: bool = False
    sha256: str = ""
    licenses: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    modules: int = 0
    summary: WheelSummary = field(default_factory=lambda: WheelSummary("", 0))

    def leave_out(self, why: str) -> None:
        """Take down, once, that something is not looked at."""
        if why not in self.not_run:
            self.not_run.append(why)

    @property
    def metadata(self) -> Message:
        """The headers of METADATA, none where it is missing."""
        return self.headers("METADATA")

    def headers(self, file: str) -> Message:
        """The headers of METADATA or WHEEL, none where it is missing."""
        return dist_info.parse_headers(self.texts.get(file, b""))

    def below(self, folder: str) -> list[str]:
        """The paths below a folder of .dist-info: "licenses" or "sboms"."""
        start = f"{self.name.info}/{folder}/"
        return [path.removeprefix(start) for path, _ in self.files if path.startswith(start)]

    def tag_reasons(self) -> dict[str, str]:
        """Each platform tag and why it fits (or does not fit) the first program."""
        facts = next((program.facts for program in self.programs), None)
        return {tag: binaries.explain_tag(tag, facts) for tag in self.name.platforms}


def check_wheel(stream: BinaryIO, file: str) -> Wheel:
    """The verdict on the wheel, or sdist, in an open, seekable stream, named `file`.

    An unexpected exception is a finding of this wheel.
    """
    wheel = Wheel(file, stream.seek(0, io.SEEK_END))
    check = _check_sdist if file.endswith(SDIST_ENDINGS) else _check_wheel
    wheel.findings = list(findings_of(file, guarded("it", check(wheel, stream))))
    described = (f"{row.path}: {describe(row.facts)}" for row in wheel.programs)
    shown, name = tuple(text[:_MAX_DESCRIPTION] for text in described), wheel.name
    version, tags = str(name.version) if name.name else "", tuple(sorted(map(str, name.tags)))
    wheel.summary = WheelSummary(file, wheel.size, name.name, version, tags, shown)
    return wheel


def _check_wheel(wheel: Wheel, stream: BinaryIO) -> Findings:
    try:
        wheel.name = naming.parse_name(wheel.file)
    except ValueError as error:
        yield Finding("filename-invalid", str(error))
    else:
        yield from naming.check_name(wheel.name)
    with zips.open_archive(stream) as archive:
        is_fatal = wheel.name is naming.NO_NAME
        for finding in zips.check_archive(archive, stream):
            is_fatal |= finding.code in zips.FATAL
            yield finding
        if not is_fatal:
            yield from _check_inside(wheel, archive)


def _check_inside(wheel: Wheel, archive: zipfile.ZipFile) -> Findings:
    name = wheel.name
    sizes = [(naming.path_of(entry), entry.file_size) for entry in archive.infolist()]
    yield from naming.check_paths([path for path, _ in sizes], name.platforms, name.stem)
    wheel.files = [(path, size) for path, size in sizes if not path.endswith("/")]
    for tag in name.platforms:
        if tag != "any" and naming.parse_claim(tag) is None:
            wheel.not_run.append(f"programs for {tag!r} are not compared with the tag")
    paths = {path for path, _ in wheel.files}
    yield from dist_info.check_dist_info(archive, name, paths, wheel.texts)
    rows: zips.Rows = {}
    yield from zips.read_record(archive, name.info, rows)
    for content in zips.read_contents(archive, rows):
        if content.wrong:
            yield fault("record-hash", content.path, f"its hash or size in RECORD {content.wrong}")
        if content.is_native:
            yield from guarded(repr(content.path), _read_native(wheel, content))
    wheel.readable = True
    is_pure = str(wheel.headers("WHEEL").get("Root-Is-Purelib", "")).strip().lower() == "true"
    native = [p for p in wheel.programs if ".data/" not in p.path and p.facts.format != "pe"]
    if is_pure and (native or any(p.facts.kind == "shared library" for p in wheel.programs)):
        yield fault("wheel-purelib", "WHEEL")
    names = frozenset(path.rpartition("/")[2] for path, _ in wheel.files)
    yield from binaries.check_programs(wheel.programs, name, names, not wheel.not_run)


def _read_native(wheel: Wheel, content: zips.Content) -> Findings:
    path, entry, stream = content.path, content.entry, content.program
    if stream is None:
        large = f"{path!r} is over {zips.MAX_INSPECTED >> 20} MiB"
        why = large if entry.file_size > zips.MAX_INSPECTED else "too many native files"
        wheel.leave_out(f"not all was inspected: {why}")
        return
    try:
        facts = read_facts(stream)
    except BinaryError as error:  # a fault where a program is promised
        is_promised = path.split("/")[0].endswith(".data") or "/bin/" in path
        stream.seek(0)  # a text without "#!" is a command too, or is read by others
        if is_promised and name_of(stream.read(_HEAD)) != "text":
            yield fault("binary-broken", path, error.message, error.hint)
        return
    traces = binaries.find_traces(facts, stream)
    signature, wrong = binaries.read_signature(stream, facts)
    wheel.modules += len(facts.go.deps) if facts.go else 0
    if facts.go and wheel.modules > _MAX_MODULES:
        wheel.leave_out(f"{path!r}: the programs have over {_MAX_MODULES} modules")
        facts = replace(facts, go=replace(facts.go, deps=()))
    mode, stored = entry.external_attr >> 16, entry.compress_type == zipfile.ZIP_STORED
    program = binaries.Program(path, facts, mode, entry.file_size, stored, traces, signature)
    if wrong and program.is_loadable:
        yield fault("binary-signature", path, wrong)
    wheel.programs.append(program)


def _check_sdist(wheel: Wheel, stream: BinaryIO) -> Findings:
    stem, total = wheel.file.removesuffix(".tar.gz"), 0
    stream.seek(0)
    try:
        name, version = parse_sdist_filename(wheel.file)
        with tarfile.open(fileobj=stream, mode="r:gz") as archive:
            for member in islice(archive, zips.MAX_ENTRIES):
                wheel.files.append((member.name, member.size))
                total += member.size
                if total > zips.BOMB_SIZE and total > zips.BOMB_RATIO * wheel.size:
                    yield Finding("zip-bomb", f"it unpacks to over {total >> 20} MiB")
                    return
                if _is_unsafe(member, stem):
                    yield fault("sdist-unsafe", member.name)
                if member.name == f"{stem}/PKG-INFO" and member.size <= dist_info.MAX_TEXT:
                    content = archive.extractfile(member)
                    wheel.texts["METADATA"] = content.read() if content else b""
    except (InvalidSdistFilename, tarfile.TarError, EOFError, OSError, zlib.error) as error:
        yield Finding("sdist-invalid", f"it can't be read as a source archive: {error}")
        return
    wheel.name, wheel.readable = naming.WheelName(str(name), version, frozenset(), stem), True
    if text := wheel.texts.get("METADATA"):
        paths = {path for path, _ in wheel.files}
        yield from guarded("PKG-INFO", dist_info.check_metadata(text, wheel.name, paths, stem))
    else:
        why = f"is missing, or over {dist_info.MAX_TEXT} bytes"
        yield Finding("sdist-invalid", f"'{stem}/PKG-INFO' {why}")


def _is_unsafe(member: tarfile.TarInfo, stem: str) -> bool:
    """Whether pip would not unpack it (PEP 721), or it would be outside the one folder."""
    start = posixpath.dirname(member.name) if member.issym() else ""
    is_link = member.issym() or member.islnk()
    target = posixpath.join(start, member.linkname) if is_link else member.name
    places = [posixpath.normpath(path) for path in (member.name, target)]
    return member.isdev() or any(not f"{path}/".startswith(f"{stem}/") for path in places)


def inspect_wheel(path: str | os.PathLike[str]) -> Wheel:
    """Read the wheel at `path`, anybody's; unpack nothing and run nothing.

    Raises MissingPathError without a file, WheelError when it isn't a wheel, or is dangerous
    to read, and OSError when it can't be opened.
    """
    if not Path(path).is_file():
        raise MissingPathError(f"there is no file {os.fspath(path)!r}", "name a wheel")
    with Path(path).open("rb") as stream:
        return read_anatomy(stream, Path(path).name)


def read_anatomy(stream: BinaryIO, file: str) -> Wheel:
    """Read the wheel in an open, seekable stream, named `file`; unpack nothing.

    Raises WheelError when it isn't a wheel, or is dangerous to read.
    """
    wheel = check_wheel(stream, file)
    if not wheel.readable:
        first = next(found for found in wheel.findings if found.code in _REFUSALS)
        shown = file if file.isprintable() else repr(file)
        raise WheelError(f"{shown}: {first.message}", "run `go-to-wheel check` on it")
    stream.seek(0)
    wheel.sha256 = hashlib.file_digest(cast("Any", stream), "sha256").hexdigest()
    with zips.open_archive(stream) as archive:
        _read_sboms(wheel, archive)
    return wheel


def _read_sboms(wheel: Wheel, archive: zipfile.ZipFile) -> None:
    for path in [path for path in wheel.below("sboms") if path.endswith(".json")][:_MAX_SBOMS]:
        # another kind of document, or too large
        with suppress(ValueError, RecursionError, TypeError, AttributeError, KeyError):
            text = zips.read_text(archive, f"{wheel.name.info}/sboms/{path}", _MAX_SBOM)
            document = json.loads(text or b"")
            for part in document.get("components", ()):
                choices = part.get("licenses", ())
                names = [it.get("expression") or it.get("license", {}).get("id") for it in choices]
                wheel.licenses[str(part["name"])] = " AND ".join(map(str, filter(None, names)))
            for item in document.get("metadata", {}).get("component", {}).get("properties", ()):
                name = str(item["name"]).removeprefix("go-to-wheel:")
                wheel.settings[name] = str(item["value"])

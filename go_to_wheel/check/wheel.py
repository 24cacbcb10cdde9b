"""One wheel: archive, file name, paths, metadata, programs, read once in the order of trust."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from email.message import Message
from typing import BinaryIO

from go_to_wheel.binary.facts import describe
from go_to_wheel.binary.read import read_facts
from go_to_wheel.check.archive import FATAL, check_archive, open_archive
from go_to_wheel.check.contents import MAX_INSPECTED, Content, read_contents, read_text
from go_to_wheel.check.distinfo import check_dist_info, parse_headers, read_texts
from go_to_wheel.check.filename import NO_NAME, WheelName, check_name, parse_claim, parse_name
from go_to_wheel.check.paths import check_paths, path_of
from go_to_wheel.check.program import (
    Program,
    check_coverage,
    check_program,
    explain_tag,
    find_traces,
)
from go_to_wheel.check.record import MAX_RECORD, Record
from go_to_wheel.check.report import (
    MAX_OF_A_CODE,
    Finding,
    Findings,
    WheelSummary,
    findings_of,
    guarded,
)
from go_to_wheel.errors import BinaryError

#: Longer descriptions, say of what needs a thousand libraries, are cut.
_MAX_DESCRIPTION = 500
#: More modules, in all programs together, are not shown.
_MAX_MODULES = 50_000


@dataclass
class Wheel:
    """What a wheel contains, and what is wrong with it.

    `files` has each path with its unpacked size, `texts` METADATA, WHEEL and
    entry_points.txt, `not_run` what was not looked at and why. `readable` is False when
    the contents can't be trusted. The last three are what `inspect` reads besides:
    `licenses` (by module path) and `settings` (how it was built) are from its SBOMs.
    """

    file: str
    size: int = 0
    name: WheelName = NO_NAME
    files: list[tuple[str, int]] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    programs: list[Program] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    readable: bool = False
    sha256: str = ""
    licenses: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def metadata(self) -> Message:
        """The headers of METADATA, none where it is missing."""
        return parse_headers(self.texts.get("METADATA", b""))

    @property
    def generator(self) -> str | None:
        """What wrote the wheel, as WHEEL says."""
        return parse_headers(self.texts.get("WHEEL", b"")).get("Generator")

    @property
    def license_texts(self) -> list[str]:
        """The licence files, by path below `licenses/`."""
        start = f"{self.name.info}/licenses/"
        return [path.removeprefix(start) for path, _ in self.files if path.startswith(start)]

    @property
    def sboms(self) -> list[str]:
        """The SBOMs' paths."""
        return [path for path, _ in self.files if path.startswith(f"{self.name.info}/sboms/")]

    def tag_reasons(self) -> dict[str, str]:
        """Each platform tag and why it fits (or does not fit) the first program."""
        facts = next((program.facts for program in self.programs), None)
        return {tag: explain_tag(tag, facts) for tag in self.name.platforms}

    def summary(self) -> WheelSummary:
        """The wheel in a few words."""
        programs = tuple(
            f"{program.path}: {describe(program.facts)}"[:_MAX_DESCRIPTION]
            for program in self.programs
        )
        name = self.name
        version, tags = str(name.version) if name.name else "", tuple(sorted(map(str, name.tags)))
        return WheelSummary(self.file, self.size, name.name, version, tags, programs)


def check_wheel(stream: BinaryIO, file: str, builder_paths: Sequence[str] = ()) -> Wheel:
    """The verdict on the wheel in an open, seekable stream, named `file`.

    An unexpected exception is a finding of this wheel.
    """
    wheel = Wheel(file, stream.seek(0, io.SEEK_END))
    found = guarded("it", _check(wheel, stream, builder_paths))
    wheel.findings = list(findings_of(file, found))
    return wheel


def _check(wheel: Wheel, stream: BinaryIO, builder_paths: Sequence[str]) -> Findings:
    try:
        wheel.name = parse_name(wheel.file)
    except ValueError as error:
        yield Finding("filename-invalid", str(error))
    else:
        yield from check_name(wheel.name)
    with open_archive(stream) as archive:
        is_fatal = False
        for finding in check_archive(archive, stream):
            is_fatal |= finding.code in FATAL
            yield finding
        if wheel.name.name and not is_fatal:
            yield from _check_inside(wheel, archive, builder_paths)


def _check_inside(wheel: Wheel, archive: zipfile.ZipFile, builder_paths: Sequence[str]) -> Findings:
    name, entries = wheel.name, archive.infolist()
    yield from check_paths([path_of(entry) for entry in entries], name.platforms, name.stem)
    sizes = ((path_of(entry), entry.file_size) for entry in entries)
    wheel.files = [(path, size) for path, size in sizes if not path.endswith("/")]
    paths = {path for path, _ in wheel.files}
    for tag in name.platforms:
        if tag != "any" and parse_claim(tag) is None:
            wheel.not_run.append(f"programs for {tag!r} are not compared with the tag")
    yield from read_texts(archive, name.info, wheel.texts)
    yield from check_dist_info(wheel.texts, name, paths)
    yield from _check_files(wheel, archive, builder_paths)
    wheel.readable = True
    is_pure = (
        str(parse_headers(wheel.texts.get("WHEEL", b"")).get("Root-Is-Purelib", "")).strip().lower()
        == "true"
    )
    if is_pure and any(".data/" not in program.path for program in wheel.programs):
        yield Finding("wheel-purelib", "WHEEL has Root-Is-Purelib: true, but there is native code")
    if not wheel.not_run:  # a universal file may hold what seems to be missing
        machines = {program.facts.machine for program in wheel.programs if program.is_command}
        yield from check_coverage(machines, name.platforms)


def _check_files(wheel: Wheel, archive: zipfile.ZipFile, builder_paths: Sequence[str]) -> Findings:
    """RECORD, and each file compared with it and, if it is native, with the tags."""
    name, names = wheel.name, {path.rpartition("/")[2] for path, _ in wheel.files}
    record = Record(name.info)
    text = read_text(archive, f"{name.info}/RECORD", MAX_RECORD)
    if text is None:
        yield Finding("record-missing", f"'{name.info}/RECORD' is missing")
    else:
        yield from record.read(text)
    for content in read_contents(archive, record.algorithm_of):
        yield from record.check(content)
        if content.is_native:
            found = _check_native(wheel, content, names, builder_paths)
            yield from guarded(repr(content.path), found)
    yield from record.rest()


def _check_native(
    wheel: Wheel, content: Content, names: Set[str], builder_paths: Sequence[str]
) -> Findings:
    path, entry, stream = content.path, content.entry, content.program
    if stream is None:
        is_large = content.size > MAX_INSPECTED
        why = f"{path!r} is over {MAX_INSPECTED >> 20} MiB" if is_large else "too many native files"
        _note(wheel, f"not all was inspected: {why}")
        return
    try:
        facts = read_facts(stream)
    except BinaryError as error:  # a fault where a program is promised
        if "universal (fat)" in error.message:
            _note(wheel, f"{path!r}: {error.message}")
        elif path.split("/")[0].endswith(".data") or "/bin/" in path:
            yield Finding("binary-broken", f"{path!r}: {error.message}", error.hint)
        return
    traces = find_traces(facts, stream, builder_paths)
    stored = entry.compress_type == zipfile.ZIP_STORED
    mode = entry.external_attr >> 16
    program = Program(path, facts, mode, content.size, stored, traces)
    yield from check_program(program, wheel.name, names)
    modules = sum(len(p.facts.go.deps) for p in wheel.programs if p.facts.go)
    if facts.go and modules + len(facts.go.deps) > _MAX_MODULES:
        _note(wheel, f"{path!r}: the programs have over {_MAX_MODULES} modules")
        program = replace(program, facts=replace(facts, go=replace(facts.go, deps=())))
    wheel.programs.append(program)


def _note(wheel: Wheel, text: str) -> None:
    if text not in wheel.not_run[-MAX_OF_A_CODE:]:
        wheel.not_run.append(text)

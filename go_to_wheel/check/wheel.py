"""One wheel: archive, file name, paths, metadata, programs, in the order of trust."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO
from zipfile import ZipFile

from go_to_wheel.binary.facts import describe
from go_to_wheel.binary.read import read_facts
from go_to_wheel.check.archive import FATAL, check_archive, open_archive
from go_to_wheel.check.claim import parse_claim
from go_to_wheel.check.contents import (
    MAX_INSPECTED,
    MAX_PROGRAMS,
    Content,
    LimitError,
    read_contents,
    read_text,
)
from go_to_wheel.check.distinfo import MAX_TEXT, check_dist_info, is_purelib
from go_to_wheel.check.filename import WheelName, check_name, parse_name
from go_to_wheel.check.group import Member
from go_to_wheel.check.paths import check_paths, path_of
from go_to_wheel.check.program import Program, check_coverage, check_program, find_traces
from go_to_wheel.check.record import MAX_RECORD, Record
from go_to_wheel.check.report import (
    MAX_OF_A_CODE,
    Fault,
    Finding,
    WheelSummary,
    failure,
    guarded,
    limited,
)
from go_to_wheel.errors import BinaryError, WheelError

#: Longer descriptions, say of what needs a thousand libraries, are cut.
_MAX_DESCRIPTION = 500


@dataclass
class WheelVerdict:
    """What is known of one wheel so far; `readable` is False when its data can't be trusted.

    `programs` has a line for each native file, `machines` the architectures of its commands.
    """

    file: str
    size: int = 0
    name: WheelName | None = None
    faults: list[Fault] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    machines: set[str] = field(default_factory=set)
    has_native: bool = False
    metadata: bytes | None = None
    readable: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The faults, as findings about this wheel."""
        return tuple(fault.of(self.file) for fault in self.faults)

    @property
    def summary(self) -> WheelSummary:
        """The wheel in a few words."""
        programs = tuple(self.programs)
        if self.name is None:
            return WheelSummary(self.file, self.size, programs=programs)
        name = self.name
        tags = tuple(sorted(map(str, name.tags)))
        return WheelSummary(self.file, self.size, name.name, str(name.version), tags, programs)

    @property
    def member(self) -> Member | None:
        """The wheel as a member of a set, unless its file name can't be read."""
        return Member(self.file, self.name, self.metadata) if self.name else None


def check_wheel(stream: BinaryIO, file: str, builder_paths: Sequence[str] = ()) -> WheelVerdict:
    """The verdict on the wheel in an open, seekable stream, named `file`.

    An unexpected exception is a fault of this wheel.
    """
    verdict = WheelVerdict(file, stream.seek(0, io.SEEK_END))
    verdict.faults.extend(limited(_faults(_Check(verdict, builder_paths), stream)))
    return verdict


def _faults(check: _Check, stream: BinaryIO) -> Iterable[Fault]:
    try:
        yield from check.run(stream)
    except WheelError as error:
        yield Fault("zip-broken", error.message, error.hint)
    except Exception as error:  # noqa: BLE001 (hostile input causes any)
        yield failure("it", error)


@dataclass
class _Check:
    """The steps of one check, from the outside in; they fill in the verdict."""

    verdict: WheelVerdict
    builder_paths: Sequence[str]

    def run(self, stream: BinaryIO) -> Iterable[Fault]:
        verdict = self.verdict
        try:
            verdict.name = parse_name(verdict.file)
        except ValueError as error:
            yield Fault("filename-invalid", str(error))
        else:
            yield from check_name(verdict.name)
        with open_archive(stream) as archive:
            codes = set()
            for fault in check_archive(archive, stream):
                codes.add(fault.code)
                yield fault
            if verdict.name and not FATAL & codes:
                yield from self._check_inside(archive, verdict.name)

    def _check_inside(self, archive: ZipFile, name: WheelName) -> Iterable[Fault]:
        entries = [path_of(entry) for entry in archive.infolist()]
        yield from check_paths(entries, name.platforms, name.stem)
        paths = {path for path in entries if not path.endswith("/")}
        for tag in name.platforms:
            if tag != "any" and parse_claim(tag) is None:
                note = f"programs for {tag!r} are not compared with the tag"
                self.verdict.not_run.append(f"{self.verdict.file}: {note}")
        yield from check_dist_info(archive, name, paths)
        yield from self._check_files(archive, name, paths)
        self.verdict.readable = True
        info = f"{name.stem}.dist-info"
        self.verdict.metadata = _optional(archive, f"{info}/METADATA")
        if self.verdict.has_native and is_purelib(_optional(archive, f"{info}/WHEEL")):
            text = "WHEEL has Root-Is-Purelib: true, but there is native code"
            yield Fault("wheel-purelib", text)
        if not self.verdict.not_run:  # a universal file may hold what seems to be missing
            yield from check_coverage(self.verdict.machines, name.platforms)

    def _check_files(self, archive: ZipFile, name: WheelName, paths: set[str]) -> Iterable[Fault]:
        """RECORD, and each file compared with it and, if it is native, with the tags."""
        info = f"{name.stem}.dist-info"
        record = Record(read_text(archive, f"{info}/RECORD", MAX_RECORD) or b"", info)
        yield from record.faults
        names = {path.rpartition("/")[2] for path in paths}
        for content in read_contents(archive, record.algorithm_of):
            if f"{info}/RECORD" in paths:
                yield from record.check(content)
            if content.is_native:
                yield from guarded(repr(content.path), self._inspect(content, name, names))
        yield from record.rest()

    def _inspect(self, content: Content, name: WheelName, names: set[str]) -> Iterable[Fault]:
        verdict, stream = self.verdict, content.program
        if stream is None:
            self._note_limit(content)
            return
        try:
            facts = read_facts(stream)
        except BinaryError as error:
            yield from self._unreadable(content, error)
            return
        program = Program(content.entry, facts, find_traces(facts, stream, self.builder_paths))
        verdict.programs.append(f"{content.path}: {describe(facts)}"[:_MAX_DESCRIPTION])
        if program.is_command:
            verdict.machines.add(facts.machine)
        verdict.has_native |= ".data/" not in program.path
        yield from check_program(program, name, names)

    def _note_limit(self, content: Content) -> None:
        if content.size > MAX_INSPECTED:
            text = f"{content.path!r} is over {MAX_INSPECTED >> 20} MiB"
        else:
            text = f"it has over {MAX_PROGRAMS} native files"
        note = f"{self.verdict.file}: not all was inspected: {text}"
        if note not in self.verdict.not_run[-MAX_OF_A_CODE:]:
            self.verdict.not_run.append(note)

    def _unreadable(self, content: Content, error: BinaryError) -> Iterable[Fault]:
        """A file that can't be read as a program: a fault where a program is promised."""
        text = f"{content.path!r}: {error.message}"
        if "universal (fat)" in error.message:
            self.verdict.not_run.append(f"{self.verdict.file}: {text}")
        elif content.path.split("/")[0].endswith(".data") or "/bin/" in content.path:
            yield Fault("binary-broken", text, error.hint)


def _optional(archive: ZipFile, path: str) -> bytes | None:
    try:
        return read_text(archive, path, MAX_TEXT)
    except LimitError:
        return None  # check_dist_info reports it

"""One wheel: archive, file name, metadata, programs, in the order of trust."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO
from zipfile import ZipFile

from go_to_wheel.binary import describe, read_facts
from go_to_wheel.check.archive import FATAL, check_archive, open_archive
from go_to_wheel.check.contents import MAX_LOOKED_INTO, Content, read_contents
from go_to_wheel.check.distinfo import check_dist_info
from go_to_wheel.check.filename import WheelName, check_name, parse_name
from go_to_wheel.check.group import Member
from go_to_wheel.check.program import Program, check_coverage, check_program, find_traces
from go_to_wheel.check.record import Digest
from go_to_wheel.check.report import Fault, Finding, WheelSummary
from go_to_wheel.errors import BinaryError, WheelError


@dataclass
class WheelVerdict:
    """What is known of one wheel so far; `readable` is False when its data can't be trusted."""

    file: str
    size: int = 0
    name: WheelName | None = None
    faults: list[Fault] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)
    metadata: bytes | None = None
    readable: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The faults, as findings about this wheel."""
        return tuple(fault.of(self.file) for fault in self.faults)

    @property
    def summary(self) -> WheelSummary:
        """The wheel in a few words."""
        programs = tuple(f"{p.path}: {describe(p.facts)}" for p in self.programs)
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
    """The verdict on the wheel in an open, seekable stream, named `file`."""
    verdict = WheelVerdict(file, stream.seek(0, io.SEEK_END))
    try:
        verdict.name = parse_name(file)
    except ValueError as error:
        verdict.faults.append(Fault("filename-invalid", str(error)))
    else:
        verdict.faults.extend(check_name(verdict.name))
    try:
        with open_archive(stream) as archive:
            verdict.faults.extend(check_archive(archive, stream))
            if verdict.name and not FATAL & {fault.code for fault in verdict.faults}:
                _check_inside(verdict, verdict.name, archive, builder_paths)
    except WheelError as error:
        verdict.faults.append(Fault("zip-broken", error.message))
    return verdict


def _check_inside(
    verdict: WheelVerdict, name: WheelName, archive: ZipFile, builder_paths: Sequence[str]
) -> None:
    dist_info = f"{name.stem}.dist-info"
    digests: dict[str, Digest] = {}
    texts: dict[str, bytes] = {}
    for content in read_contents(archive, dist_info):
        digests[content.path] = content.digest
        if content.is_native:
            _look_into(verdict, content, builder_paths)
        elif content.path.startswith(f"{dist_info}/"):
            texts[content.path] = content.data
    verdict.readable = True
    verdict.metadata = texts.get(f"{dist_info}/METADATA")
    has_native = any(".data/" not in program.path for program in verdict.programs)
    verdict.faults.extend(check_dist_info(name, digests, texts, has_native))
    for program in verdict.programs:
        verdict.faults.extend(check_program(program, name.platforms, digests))
    if not verdict.not_run:  # a universal file may hold what seems to be missing
        verdict.faults.extend(check_coverage(verdict.programs, name.platforms))


def _look_into(verdict: WheelVerdict, content: Content, builder_paths: Sequence[str]) -> None:
    if content.data.startswith(b"#!"):
        return  # a script on PATH is no program to look into
    if content.digest.size > MAX_LOOKED_INTO:
        verdict.not_run.append(f"{verdict.file}: {content.path!r} is too large to look into")
        return
    try:
        facts = read_facts(io.BytesIO(content.data))
    except BinaryError as error:
        _unreadable(verdict, content, error)
        return
    traces = find_traces(facts, content.data, builder_paths)
    verdict.programs.append(Program(content.entry, facts, traces))


def _unreadable(verdict: WheelVerdict, content: Content, error: BinaryError) -> None:
    """A file that can't be read as a program: a fault where a program is promised."""
    if "universal (fat)" in error.message:
        verdict.not_run.append(f"{verdict.file}: {content.path!r}: {error.message}")
    elif content.path.split("/")[0].endswith(".data") or "/bin/" in content.path:
        verdict.faults.append(
            Fault("binary-broken", f"{content.path!r}: {error.message}", error.hint)
        )

"""One wheel: archive, file name, paths, metadata, programs, read once in the order of trust."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.message import Message
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from go_to_wheel.binary.facts import describe
from go_to_wheel.binary.read import read_facts
from go_to_wheel.check.archive import FATAL, check_archive, open_archive
from go_to_wheel.check.contents import MAX_INSPECTED, Content, Record, read_contents, read_text
from go_to_wheel.check.filename import NO_NAME, WheelName, check_name, parse_claim, parse_name
from go_to_wheel.check.metadata import check_dist_info, parse_headers, read_texts
from go_to_wheel.check.paths import check_paths, path_of
from go_to_wheel.check.program import (
    Program,
    check_coverage,
    check_program,
    explain_tag,
    find_traces,
)
from go_to_wheel.check.report import Finding, Findings, WheelSummary, fault, findings_of, guarded
from go_to_wheel.check.signature import read_signature
from go_to_wheel.errors import BinaryError, MissingPathError, WheelError

#: An SBOM lists each module with its licence and hashes; the largest have about 1 MB.
_MAX_SBOM, _MAX_SBOMS = 2 << 20, 5
#: The findings after which a wheel isn't read on.
_REFUSALS = {*FATAL, "filename-invalid", "check-failed"}
#: Texts that a system starts by their extension, without a first line of "#!".
_SCRIPTS = (".py", ".pyw", ".bat", ".cmd", ".ps1", ".sh")
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
        return self.headers("METADATA")

    def headers(self, file: str) -> Message:
        """The headers of METADATA or WHEEL, none where it is missing."""
        return parse_headers(self.texts.get(file, b""))

    def below(self, folder: str) -> list[str]:
        """The paths below a folder of .dist-info: "licenses" or "sboms"."""
        start = f"{self.name.info}/{folder}/"
        return [path.removeprefix(start) for path, _ in self.files if path.startswith(start)]

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


def check_wheel(stream: BinaryIO, file: str) -> Wheel:
    """The verdict on the wheel in an open, seekable stream, named `file`.

    An unexpected exception is a finding of this wheel.
    """
    wheel = Wheel(file, stream.seek(0, io.SEEK_END))
    found = guarded("it", _Pass(wheel).check(stream))
    wheel.findings = list(findings_of(file, found))
    return wheel


@dataclass
class _Pass:
    """One pass over a wheel, from the outside in, which fills it in."""

    wheel: Wheel
    names: frozenset[str] = frozenset()

    def check(self, stream: BinaryIO) -> Findings:
        try:
            self.wheel.name = parse_name(self.wheel.file)
        except ValueError as error:
            yield Finding("filename-invalid", str(error))
        else:
            yield from check_name(self.wheel.name)
        with open_archive(stream) as archive:
            is_fatal = self.wheel.name is NO_NAME
            for finding in check_archive(archive, stream):
                is_fatal |= finding.code in FATAL
                yield finding
            if not is_fatal:
                yield from self._check_inside(archive)

    def _check_inside(self, archive: zipfile.ZipFile) -> Findings:
        wheel, name = self.wheel, self.wheel.name
        sizes = [(path_of(entry), entry.file_size) for entry in archive.infolist()]
        yield from check_paths([path for path, _ in sizes], name.platforms, name.stem)
        wheel.files = [(path, size) for path, size in sizes if not path.endswith("/")]
        self.names = frozenset(path.rpartition("/")[2] for path, _ in wheel.files)
        for tag in name.platforms:
            if tag != "any" and parse_claim(tag) is None:
                wheel.not_run.append(f"programs for {tag!r} are not compared with the tag")
        yield from read_texts(archive, name.info, wheel.texts)
        yield from check_dist_info(wheel.texts, name, {path for path, _ in wheel.files})
        yield from self._check_files(archive)
        wheel.readable = True
        is_pure = str(wheel.headers("WHEEL").get("Root-Is-Purelib", "")).strip().lower() == "true"
        native = [p for p in wheel.programs if ".data/" not in p.path and p.facts.format != "pe"]
        libraries = [p for p in wheel.programs if p.facts.kind == "shared library"]
        if is_pure and (native or libraries):
            yield fault("wheel-purelib", "WHEEL")
        if not wheel.not_run:  # what was not read may hold what seems to be missing
            commands = [program.facts for program in wheel.programs if program.is_command]
            parts = {part.machine for facts in commands for part in facts.slices or (facts,)}
            yield from check_coverage(parts, name.platforms)

    def _check_files(self, archive: zipfile.ZipFile) -> Findings:
        """RECORD, and each file compared with it and, if it is native, with the tags."""
        record = Record(self.wheel.name.info)
        yield from record.read(archive)
        for content in read_contents(archive, record.algorithm_of):
            yield from record.check(content)
            if content.is_native:
                yield from guarded(repr(content.path), self._check_native(content))
        yield from record.rest()

    def _check_native(self, content: Content) -> Findings:
        path, entry, stream = content.path, content.entry, content.program
        if stream is None:
            large = f"{path!r} is over {MAX_INSPECTED >> 20} MiB"
            why = large if content.size > MAX_INSPECTED else "too many native files"
            self._note(f"not all was inspected: {why}")
            return
        try:
            facts = read_facts(stream)
        except BinaryError as error:  # a fault where a program is promised
            is_promised = path.split("/")[0].endswith(".data") or "/bin/" in path
            if is_promised and not path.lower().endswith(_SCRIPTS):
                yield replace(fault("binary-broken", path, error.message), hint=error.hint)
            return
        traces = find_traces(facts, stream)
        stored = entry.compress_type == zipfile.ZIP_STORED
        signature, wrong = read_signature(stream, facts)
        mode = entry.external_attr >> 16
        program = Program(path, facts, mode, content.size, stored, traces, signature)
        if wrong and program.is_loadable:
            yield fault("binary-signature", path, wrong)
        yield from check_program(program, self.wheel.name, self.names)
        modules = sum(len(p.facts.go.deps) for p in self.wheel.programs if p.facts.go)
        if facts.go and modules + len(facts.go.deps) > _MAX_MODULES:
            self._note(f"{path!r}: the programs have over {_MAX_MODULES} modules")
            program = replace(program, facts=replace(facts, go=replace(facts.go, deps=())))
        self.wheel.programs.append(program)

    def _note(self, text: str) -> None:
        if text not in self.wheel.not_run:
            self.wheel.not_run.append(text)


def inspect_wheel(path: str | os.PathLike[str]) -> Wheel:
    """Read the wheel at `path`, anybody's; unpack nothing and run nothing.

    Raises MissingPathError without a file, WheelError when it isn't a wheel, or is dangerous
    to read, and OSError when it can't be opened.
    """
    file = Path(path)
    if not file.is_file():
        raise MissingPathError(f"there is no file {os.fspath(path)!r}", "name a wheel")
    with file.open("rb") as stream:
        return read_anatomy(stream, file.name)


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
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    wheel.sha256 = digest.hexdigest()
    with open_archive(stream) as archive:
        for document in islice(_read_sboms(archive, f"{wheel.name.info}/sboms/"), _MAX_SBOMS):
            with suppress(TypeError, KeyError, AttributeError):  # another kind of document
                parts = {str(part["name"]): _license_of(part) for part in document["components"]}
                wheel.licenses |= {name: text for name, text in parts.items() if text}
            with suppress(TypeError, KeyError, AttributeError):
                for item in document["metadata"]["component"]["properties"]:
                    name = str(item["name"]).removeprefix("go-to-wheel:")
                    wheel.settings[name] = str(item["value"])
    return wheel


def _read_sboms(archive: zipfile.ZipFile, folder: str) -> Iterator[Any]:
    for path in archive.namelist():
        if path.startswith(folder) and path.endswith(".json"):
            with suppress(ValueError, RecursionError):  # WheelError for what is too large, too
                yield json.loads(read_text(archive, path, _MAX_SBOM) or b"")


def _license_of(component: Mapping[str, Any]) -> str:
    parts = [
        choice.get("expression") or choice.get("license", {}).get("id") or ""
        for choice in component.get("licenses", [])
    ]
    return " AND ".join(str(part) for part in parts if part)

"""The contents of a wheel, anybody's: what `inspect` shows and `verify` builds again."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from go_to_wheel.binary.facts import BinaryFacts, GoModule, describe
from go_to_wheel.binary.read import read_facts
from go_to_wheel.check.archive import FATAL, check_archive, open_archive
from go_to_wheel.check.claim import Claim, parse_claim
from go_to_wheel.check.contents import Content, read_contents, read_text
from go_to_wheel.check.distinfo import MAX_TEXT
from go_to_wheel.check.filename import WheelName, parse_name
from go_to_wheel.check.paths import path_of
from go_to_wheel.errors import BinaryError, MissingPathError, WheelError
from go_to_wheel.platforms import macos_minimum

#: An SBOM lists each module with its licence and hashes; the largest have about 1 MB.
_MAX_SBOM, _MAX_SBOMS = 2 << 20, 5
#: More modules, in all programs together, are not read.
_MAX_MODULES = 50_000
_SETTINGS = ("CGO_ENABLED", "GOAMD64", "GOARM", "GOARM64", "GO386", "GOPPC64", "GORISCV64")


@dataclass(frozen=True)
class ProgramView:
    """A native file of the wheel and what was read from it."""

    path: str
    size: int
    mode: int
    facts: BinaryFacts


@dataclass(frozen=True)
class Anatomy:
    """One wheel: its name, headers of METADATA and WHEEL, files, programs and their modules.

    `licenses` (by module path) and `settings` (how it was built) come from the wheel's own
    CycloneDX documents. `limits` names what was too large to be read.
    """

    file: str
    size: int
    sha256: str
    name: WheelName
    metadata: Message
    wheel: Message
    files: tuple[tuple[str, int], ...]
    programs: tuple[ProgramView, ...]
    licenses: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()

    @property
    def license_texts(self) -> list[str]:
        """The licence files, by path below `licenses/`."""
        marker = f"{self.name.stem}.dist-info/licenses/"
        return [path.removeprefix(marker) for path, _ in self.files if path.startswith(marker)]

    @property
    def sboms(self) -> list[str]:
        """The SBOMs' paths."""
        marker = f"{self.name.stem}.dist-info/sboms/"
        return [path for path, _ in self.files if path.startswith(marker)]

    def tag_reasons(self) -> dict[str, str]:
        """Each platform tag and why it fits (or does not fit) the first program."""
        facts = next((program.facts for program in self.programs), None)
        return {tag: explain_tag(tag, facts) for tag in self.name.platforms}


def inspect_wheel(path: str | os.PathLike[str]) -> Anatomy:
    """Read the wheel at `path`, anybody's; unpack nothing and run nothing.

    Raises MissingPathError without a file, WheelError when it isn't a wheel, or is dangerous
    to read, and OSError when it can't be opened.
    """
    file = Path(path)
    if not file.is_file():
        raise MissingPathError(f"there is no file {os.fspath(path)!r}", "name a wheel")
    with file.open("rb") as stream:
        return read_anatomy(stream, file.name)


def read_anatomy(stream: BinaryIO, file: str) -> Anatomy:
    """Read the wheel in an open, seekable stream, named `file`; unpack nothing.

    Raises WheelError when it isn't a wheel, or is dangerous to read.
    """
    shown = file if file.isprintable() else repr(file)
    try:
        name = parse_name(file)
    except ValueError as error:
        raise WheelError(f"{shown}: {error}", "name a wheel: a file that ends in .whl") from None
    try:
        return _read(stream, file, name)
    except WheelError as error:
        raise WheelError(f"{shown}: {error.message}", _CHECK) from None
    except Exception as error:  # hostile input causes any, also RecursionError and MemoryError
        text = f"{shown}: can't be read: {type(error).__name__}: {error}"
        raise WheelError(text, _CHECK) from error


_CHECK = "run `go-to-wheel check` on it"


def _read(stream: BinaryIO, file: str, name: WheelName) -> Anatomy:
    info = f"{name.stem}.dist-info"
    with open_archive(stream) as archive:
        for fault in check_archive(archive, stream):
            if fault.code in FATAL:
                raise WheelError(fault.message)
        limits: list[str] = []
        programs = tuple(_programs(archive, limits))
        licenses, settings = _read_sboms(archive, info)
        return Anatomy(
            file=file,
            size=stream.seek(0, io.SEEK_END),
            sha256=_sha256(stream),
            name=name,
            metadata=_headers(read_text(archive, f"{info}/METADATA", MAX_TEXT)),
            wheel=_headers(read_text(archive, f"{info}/WHEEL", MAX_TEXT)),
            files=tuple(_files(archive)),
            programs=programs,
            licenses=licenses,
            settings=settings,
            limits=tuple(limits),
        )


def _files(archive: zipfile.ZipFile) -> Iterator[tuple[str, int]]:
    for entry in archive.infolist():
        if not (path := path_of(entry)).endswith("/"):
            yield path, entry.file_size


def _programs(archive: zipfile.ZipFile, limits: list[str]) -> Iterator[ProgramView]:
    """Each native file, in the archive's order; reads, and so verifies, all others too."""
    modules = 0
    for content in read_contents(archive):
        if content.is_native and content.program is None:
            limits.append(f"{content.path!r} is too large, or one native file too many")
        elif (view := _view(content)) and modules < _MAX_MODULES:
            modules += len(view.facts.go.deps) if view.facts.go else 0
            yield view
        elif view:
            limits.append(f"{content.path!r}: the programs have over {_MAX_MODULES} modules")


def _sha256(stream: BinaryIO) -> str:
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _headers(text: bytes | None) -> Message:
    return HeaderParser().parsestr((text or b"").decode("utf-8", "replace"))


def _view(content: Content) -> ProgramView | None:
    if content.program is None:
        return None
    try:
        facts = read_facts(content.program)
    except BinaryError:
        return None  # a library for several systems, say
    return ProgramView(content.path, content.size, content.entry.external_attr >> 16, facts)


def _read_sboms(archive: zipfile.ZipFile, info: str) -> tuple[dict[str, str], dict[str, str]]:
    """Licences by module path, and the settings of the build, from the CycloneDX documents."""
    licenses: dict[str, str] = {}
    settings: dict[str, str] = {}
    for document in islice(_documents(archive, info), _MAX_SBOMS):
        with suppress(TypeError, KeyError, AttributeError):  # another kind of document
            licenses |= {str(part["name"]): _license_of(part) for part in document["components"]}
        with suppress(TypeError, KeyError, AttributeError):
            properties = document["metadata"]["component"]["properties"]
            settings |= {str(item["name"]): str(item["value"]) for item in properties}
    found = {name: text for name, text in licenses.items() if text}
    return found, {name.removeprefix("go-to-wheel:"): text for name, text in settings.items()}


def _documents(archive: zipfile.ZipFile, info: str) -> Iterator[Any]:
    for path in map(path_of, archive.infolist()):
        if path.startswith(f"{info}/sboms/") and path.endswith(".json"):
            with suppress(ValueError, RecursionError):  # WheelError for what is too large, too
                yield json.loads(read_text(archive, path, _MAX_SBOM) or b"")


def _license_of(component: Mapping[str, Any]) -> str:
    parts = [
        choice.get("expression") or choice.get("license", {}).get("id") or ""
        for choice in component.get("licenses", [])
    ]
    return " AND ".join(str(part) for part in parts if part)


def explain_tag(tag: str, facts: BinaryFacts | None) -> str:
    """Why a program with these facts has that platform tag, in a few words."""
    claim = parse_claim(tag)
    if claim is None:
        return "any system" if tag == "any" else "a system that isn't inspected"
    if facts is None:
        return "the wheel has no program"
    if facts.goos != claim.goos or facts.machine not in claim.arches:
        return f"but the program is {describe(facts)}"
    if claim.goos == "darwin":
        return _explain_macos(facts)
    if claim.goos == "windows":
        return f"a Windows program for {'x86' if facts.machine == '32' else facts.machine}"
    return _explain_linux(claim, facts) if claim.goos == "linux" else describe(facts)


def _explain_linux(claim: Claim, facts: BinaryFacts) -> str:
    if facts.static:
        which = {"glibc": "glibc", "musl": "musl"}.get(claim.libc, "C library")
        return f"static: it needs no {which}, so any version will do"
    needs = ", ".join(facts.libraries) or str(facts.interpreter)
    floor = facts.glibc_floor
    return f"it needs {needs}" + (f" and glibc {floor[0]}.{floor[1]}" if floor else "")


def _explain_macos(facts: BinaryFacts) -> str:
    reasons = []
    if facts.minimum_macos:
        reasons.append("its header says macOS {}.{}".format(*facts.minimum_macos))
    if facts.go:
        try:
            documented = macos_minimum(facts.go.version)
            reasons.append("{} documents macOS {}.{}".format(facts.go.version, *documented))
        except ValueError:
            pass
    return ", ".join(reasons) or "it states no version"


def to_json(anatomy: Anatomy) -> dict[str, Any]:
    """The same as values for `json.dumps`; keys are stable."""
    headers = anatomy.metadata
    return {
        "file": anatomy.file,
        "size": anatomy.size,
        "sha256": anatomy.sha256,
        "name": anatomy.name.name,
        "version": str(anatomy.name.version),
        "summary": headers.get("Summary"),
        "license": headers.get("License-Expression") or headers.get("License"),
        "requires_python": headers.get("Requires-Python"),
        "generator": anatomy.wheel.get("Generator"),
        "tags": anatomy.tag_reasons(),
        "programs": [_program_json(anatomy, program) for program in anatomy.programs],
        "license_files": anatomy.license_texts,
        "sboms": anatomy.sboms,
        "limits": list(anatomy.limits),
        "files": [{"path": path, "size": size} for path, size in anatomy.files],
    }


def _program_json(anatomy: Anatomy, program: ProgramView) -> dict[str, Any]:
    facts = program.facts
    view: dict[str, Any] = {
        "path": program.path,
        "size": program.size,
        "mode": f"{program.mode & 0o7777:04o}",
        "description": describe(facts),
        "go": None,
    }
    if facts.go:
        view["go"] = {
            "version": facts.go.version,
            "package": facts.go.path,
            "module": _module_json(anatomy, facts.go.main) if facts.go.main else None,
            "commit": facts.setting("vcs.revision") or None,
            "commit_time": facts.setting("vcs.time") or None,
            "modified": {"true": True, "false": False}.get(facts.setting("vcs.modified")),
            "settings": dict(facts.go.settings),
            "modules": [_module_json(anatomy, module) for module in facts.go.deps],
        }
    return view


def _module_json(anatomy: Anatomy, module: GoModule) -> dict[str, Any]:
    used = module.replace or module
    return {
        "path": module.path,
        "version": module.version,
        "replaced_by": f"{used.path}@{used.version}".rstrip("@") if module.replace else None,
        "sum": used.sum or None,
        "license": anatomy.licenses.get(used.path) or anatomy.licenses.get(module.path),
    }


def main_settings(facts: BinaryFacts) -> list[str]:
    """How it was built, as `NAME=value` words: the processor level, cgo, linker flags."""
    words = [f"{name}={facts.setting(name)}" for name in _SETTINGS if facts.setting(name)]
    return words + [
        f"{flag}={facts.setting(flag)}"
        for flag in ("-ldflags", "-tags", "-trimpath", "-buildmode")
        if facts.setting(flag)
    ]

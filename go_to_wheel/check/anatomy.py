"""What one wheel is and holds, anybody's: for people who want to look before they install."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from typing import Any, BinaryIO

from go_to_wheel.binary import BinaryFacts, GoModule, describe, read_facts
from go_to_wheel.check.archive import FATAL, check_archive, open_archive
from go_to_wheel.check.claim import Claim, parse_claim
from go_to_wheel.check.contents import Content, read_contents
from go_to_wheel.check.filename import WheelName, parse_name
from go_to_wheel.errors import BinaryError, WheelError
from go_to_wheel.platforms import macos_minimum

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

    `licenses` (by module path) and `settings` (how it was built) are what the wheel's own
    CycloneDX document tells.
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

    @property
    def license_texts(self) -> list[str]:
        """The licence files, by path below `licenses/`."""
        marker = f"{self.name.stem}.dist-info/licenses/"
        return [path.removeprefix(marker) for path, _ in self.files if path.startswith(marker)]

    @property
    def sboms(self) -> list[str]:
        """The bills of materials' paths."""
        marker = f"{self.name.stem}.dist-info/sboms/"
        return [path for path, _ in self.files if path.startswith(marker)]

    def tag_reasons(self) -> dict[str, str]:
        """Each platform tag and why it is (or is not) one for the first program."""
        facts = next((program.facts for program in self.programs), None)
        return {tag: explain_tag(tag, facts) for tag in self.name.platforms}


def read_anatomy(stream: BinaryIO, file: str) -> Anatomy:
    """Look into the wheel in an open, seekable stream, named `file`; unpack nothing.

    Raises WheelError when it isn't a wheel, or one that is dangerous to read.
    """
    try:
        name = parse_name(file)
    except ValueError as error:
        raise WheelError(f"{file}: {error}") from None
    with open_archive(stream) as archive:
        faults = [one for one in check_archive(archive, stream) if one.code in FATAL]
        if faults:
            raise WheelError(f"{file}: {faults[0].message}", "go-to-wheel check tells more")
        contents = list(read_contents(archive, f"{name.stem}.dist-info"))
    texts = {one.path: one.data for one in contents if not one.is_native}
    return Anatomy(
        file=file,
        size=stream.seek(0, io.SEEK_END),
        sha256=_sha256(stream),
        name=name,
        metadata=_headers(texts, f"{name.stem}.dist-info/METADATA"),
        wheel=_headers(texts, f"{name.stem}.dist-info/WHEEL"),
        files=tuple((one.path, one.digest.size) for one in contents),
        programs=tuple(view for one in contents if (view := _view(one))),
        licenses=_listed_licenses(texts),
        settings=_listed_settings(texts),
    )


def _sha256(stream: BinaryIO) -> str:
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _headers(texts: Mapping[str, bytes], path: str) -> Message:
    return HeaderParser().parsestr(texts.get(path, b"").decode("utf-8", "replace"))


def _view(content: Content) -> ProgramView | None:
    if not content.is_native:
        return None
    try:
        facts = read_facts(io.BytesIO(content.data))
    except BinaryError:
        return None  # a script on PATH, a library for several systems
    mode = content.entry.external_attr >> 16
    return ProgramView(content.path, content.digest.size, mode, facts)


def _documents(texts: Mapping[str, bytes]) -> Iterator[Any]:
    for path, data in texts.items():
        if "/sboms/" in path and path.endswith(".json"):
            with suppress(ValueError, RecursionError):
                yield json.loads(data)


def _listed_licenses(texts: Mapping[str, bytes]) -> dict[str, str]:
    """Module path -> licence, as the wheel's own CycloneDX documents tell."""
    found: dict[str, str] = {}
    for document in _documents(texts):
        with suppress(TypeError, KeyError, AttributeError):  # another kind of document
            found.update({one["name"]: _license_of(one) for one in document["components"]})
    return {str(name): licence for name, licence in found.items() if licence}


def _listed_settings(texts: Mapping[str, bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for document in _documents(texts):
        with suppress(TypeError, KeyError, AttributeError):
            told = document["metadata"]["component"]["properties"]
            found.update({str(one["name"]): str(one["value"]) for one in told})
    return {name.removeprefix("go-to-wheel:"): text for name, text in found.items()}


def _license_of(component: Mapping[str, Any]) -> str:
    parts = [
        one.get("expression") or one.get("license", {}).get("id") or ""
        for one in component.get("licenses", [])
    ]
    return " AND ".join(str(part) for part in parts if part)


def explain_tag(tag: str, facts: BinaryFacts | None) -> str:
    """Why a program with these facts carries that platform tag, in a few words."""
    claim = parse_claim(tag)
    if claim is None:
        return "any system" if tag == "any" else "a system that is not looked into"
    if facts is None:
        return "nothing in the wheel tells"
    if facts.goos != claim.goos or facts.machine not in claim.arches:
        return f"but the program is {describe(facts)}"
    if claim.goos == "darwin":
        return _explain_macos(facts)
    if claim.goos == "windows":
        return f"a Windows program for {'x86' if facts.machine == '32' else facts.machine}"
    return _explain_linux(claim, facts)


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
    """The same as values that JSON can hold; keys are stable."""
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

"""The contents of a wheel, anybody's: what `inspect` shows and `verify` builds again."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from go_to_wheel.binary.facts import GoModule, describe
from go_to_wheel.check.archive import FATAL, open_archive
from go_to_wheel.check.contents import read_text
from go_to_wheel.check.program import Program
from go_to_wheel.check.wheel import Wheel, check_wheel
from go_to_wheel.errors import MissingPathError, WheelError

#: An SBOM lists each module with its licence and hashes; the largest have about 1 MB.
_MAX_SBOM, _MAX_SBOMS = 2 << 20, 5
#: The findings after which a wheel isn't read on.
_REFUSALS = {*FATAL, "filename-invalid", "check-failed"}


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


def to_json(wheel: Wheel) -> dict[str, Any]:
    """The same as values for `json.dumps`; keys are stable."""
    headers, name = wheel.metadata, wheel.name
    return {
        "file": wheel.file,
        "size": wheel.size,
        "sha256": wheel.sha256,
        "name": name.name,
        "version": str(name.version),
        "summary": headers.get("Summary"),
        "license": headers.get("License-Expression") or headers.get("License"),
        "requires_python": headers.get("Requires-Python"),
        "generator": wheel.generator,
        "tags": wheel.tag_reasons(),
        "programs": [_program_json(wheel, program) for program in wheel.programs],
        "license_files": wheel.license_texts,
        "sboms": wheel.sboms,
        "limits": list(wheel.not_run),
        "files": [{"path": path, "size": size} for path, size in wheel.files],
    }


def _program_json(wheel: Wheel, program: Program) -> dict[str, Any]:
    facts, go = program.facts, program.facts.go
    return {
        "path": program.path,
        "size": program.size,
        "mode": f"{program.mode & 0o7777:04o}",
        "description": describe(facts),
        "go": go
        and {
            "version": go.version,
            "package": go.path,
            "module": _module_json(wheel, go.main) if go.main else None,
            "commit": facts.setting("vcs.revision") or None,
            "commit_time": facts.setting("vcs.time") or None,
            "modified": {"true": True, "false": False}.get(facts.setting("vcs.modified")),
            "settings": dict(go.settings),
            "modules": [_module_json(wheel, module) for module in go.deps],
        },
    }


def _module_json(wheel: Wheel, module: GoModule) -> dict[str, Any]:
    used = module.replace or module
    return {
        "path": module.path,
        "version": module.version,
        "replaced_by": f"{used.path}@{used.version}".rstrip("@") if module.replace else None,
        "sum": used.sum or None,
        "license": license_of(wheel, module),
    }


def license_of(wheel: Wheel, module: GoModule) -> str | None:
    """The licence of a linked module, or of what replaces it; None where it isn't known."""
    used = module.replace or module
    return wheel.licenses.get(used.path) or wheel.licenses.get(module.path)

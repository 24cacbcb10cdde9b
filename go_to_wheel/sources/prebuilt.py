"""Prebuilt binaries: named on the command line, or a GoReleaser `dist` folder with its archives.

What they really are is read from their bytes later; here are only names and promises.
"""

from __future__ import annotations

import json
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from go_to_wheel.errors import InvalidOptionsError, SourceError
from go_to_wheel.platforms import TARGETS, Target, parse_selection
from go_to_wheel.sources.files import (
    BINARY_LIMIT,
    TEXT_LIMIT,
    open_file,
    read_file,
    repository_root,
)
from go_to_wheel.sources.module import module_root

ARTIFACTS = "artifacts.json"
METADATA = "metadata.json"
#: The most compatible instruction sets; others of the same system are left out.
_BASE_LEVELS = {"goamd64": "v1", "goarm64": "v8.0", "go386": "sse2"}
_LEVELS_OF = {"amd64": "goamd64", "arm64": "goarm64", "386": "go386"}
#: Of a release archive, before its programs are found.
_UNPACKED_LIMIT = 8 << 30
#: Members that are texts: of metadata.json, of an artifact, of its "extra".
_ABOUT = frozenset(("project_name", "version", "tag", "commit"))
_ARTIFACT = frozenset(("type", "path", "goos", "goarch", "goarm", "target", *_BASE_LEVELS))
_EXTRA = frozenset(("Binary", "Format"))


@dataclass(frozen=True)
class PrebuiltBinary:
    """A finished program for one target; `load` reads its bytes, `label` names it.

    `command` is the program's name where that is known.
    """

    target: Target
    label: str
    load: Callable[[], bytes]
    command: str | None = None


@dataclass(frozen=True)
class BinarySource:
    """Prebuilt binaries, and what their release states about them.

    `home` holds README and licence. `name`, `version` and `commit` are GoReleaser's own.
    """

    binaries: tuple[PrebuiltBinary, ...]
    home: Path | None = None
    name: str | None = None
    version: str | None = None
    commit: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets there are binaries for, each once, in our table's order."""
        present = {binary.target for binary in self.binaries}
        return tuple(target for target in TARGETS if target in present)

    @property
    def commands(self) -> tuple[str, ...]:
        """The programs' names, sorted; empty when they have none."""
        return tuple(
            sorted({binary.command for binary in self.binaries if binary.command is not None})
        )

    def find(self, target: Target, command: str | None) -> PrebuiltBinary | None:
        """A target's program of this name (None: its only one)."""
        for binary in self.binaries:
            if binary.target == target and (command is None or binary.command == command):
                return binary
        return None


def parse_binaries(values: Sequence[str], home: Path | None = None) -> BinarySource:
    """`TARGET=PATH` values -> binaries. Raises InvalidOptionsError with every fault."""
    found: list[PrebuiltBinary] = []
    faults: list[str] = []
    hints: list[str] = []
    for value in values:
        name, equals, path = value.partition("=")
        if not equals or not path:
            faults.append(f"binary {value!r} is not TARGET=PATH (write 'linux-amd64=build/tool')")
            continue
        try:
            (target,) = parse_selection([name])
        except InvalidOptionsError as error:
            faults.extend(error.faults)
            hints.append(error.hint)
            continue
        except ValueError:
            faults.append(f"binary {value!r}: name one platform, not a set")
            continue
        if any(other.target == target for other in found):
            faults.append(f"there are two binaries for {target.name!r}")
        if not Path(path).is_file():
            faults.append(f"binary {value!r}: no file {path!r}")
        found.append(PrebuiltBinary(target, path, _loader(Path(path), None)))
    if faults:
        raise InvalidOptionsError(faults, "\n".join(dict.fromkeys(hints)))
    return BinarySource(tuple(found), home)


def is_release(folder: Path) -> bool:
    """Whether this is a `dist` folder as GoReleaser leaves it."""
    return (folder / ARTIFACTS).is_file() and (folder / METADATA).is_file()


def read_release(folder: Path) -> BinarySource:
    """A GoReleaser `dist` folder -> its binaries, or those inside its archives.

    Raises SourceError when there are none for a platform that wheels exist for.
    """
    artifacts = _read_artifacts(folder / ARTIFACTS)
    about = _checked(folder / METADATA, _read_json(folder / METADATA), _ABOUT)
    kinds = {"Binary": _plain, "Archive": _archived}
    found: dict[tuple[str, str], PrebuiltBinary] = {}
    skipped: set[str] = set()
    for kind, read in kinds.items():  # a binary lying there wins over the same in an archive
        for artifact in artifacts:
            if artifact.get("type") != kind:
                continue
            target = _target(artifact)
            if target is None:
                skipped.add(_system(artifact))
                continue
            for binary in read(folder, artifact, target):
                found.setdefault((target.name, binary.command or ""), binary)
    if not found:
        raise SourceError(
            f"{folder / ARTIFACTS} lists no binary or archive that is there and fits a platform",
            "run goreleaser first, or name the binaries with --binary TARGET=PATH",
        )
    _refuse_gaps(found)
    return BinarySource(
        binaries=tuple(found.values()),
        home=folder.parent,
        name=about.get("project_name") or None,
        version=about.get("version") or about.get("tag") or None,
        commit=about.get("commit") or None,
        notes=_skipped_note(skipped),
    )


def _read_artifacts(path: Path) -> list[dict[str, Any]]:
    artifacts = _read_json(path)
    if not isinstance(artifacts, list):
        raise SourceError(f"{path} is not what GoReleaser writes: it is no list")
    found = [_checked(path, artifact, _ARTIFACT) for artifact in artifacts]
    return [
        {**artifact, "extra": _checked(path, artifact.get("extra") or {}, _EXTRA)}
        for artifact in found
    ]


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_file(path, path.parent, TEXT_LIMIT))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"can't read {path}: {error}") from None


def _checked(path: Path, data: Any, texts: frozenset[str]) -> dict[str, Any]:
    """An object of GoReleaser's; these members, where they are there, are texts."""
    faults = [repr(data)] if not isinstance(data, dict) else []
    if not faults:
        faults = [
            f"{name} = {data[name]!r}"
            for name in sorted(texts & data.keys())
            if not isinstance(data[name], str)
        ]
        programs = data.get("Binaries") or []
        if not isinstance(programs, list) or not all(isinstance(name, str) for name in programs):
            faults.append(f"Binaries = {programs!r}")
    if faults:
        raise SourceError(f"{path} is not what GoReleaser writes: {', '.join(faults)}")
    return dict(data)


def _target(artifact: Mapping[str, Any]) -> Target | None:
    """The target of an artifact; None where no wheel tag exists."""
    goarch = artifact.get("goarch", "")
    level = _LEVELS_OF.get(goarch, "")
    if artifact.get(level) not in (None, "", _BASE_LEVELS.get(level)):
        return None
    arch = f"armv{artifact.get('goarm', '6')}" if goarch == "arm" else goarch
    name = f"{artifact.get('goos', '')}-{arch}"
    return next((target for target in TARGETS if target.name == name), None)


def _system(artifact: Mapping[str, Any]) -> str:
    return str(artifact.get("target") or f"{artifact.get('goos')}-{artifact.get('goarch')}")


def _plain(folder: Path, artifact: Mapping[str, Any], target: Target) -> Iterator[PrebuiltBinary]:
    path = _locate(folder, artifact)
    if path is not None:
        name = artifact["extra"].get("Binary") or path.stem
        yield PrebuiltBinary(target, str(path), _loader(path, _region(folder)), name)


def _archived(
    folder: Path, artifact: Mapping[str, Any], target: Target
) -> Iterator[PrebuiltBinary]:
    path = _locate(folder, artifact)
    extra = artifact["extra"]
    if path is None or extra.get("Format") == "binary":
        return
    for name in extra.get("Binaries") or ():
        bare = name.removesuffix(".exe")
        member = f"{bare}{target.exe_suffix}"
        label = f"{path}, {member}"
        yield PrebuiltBinary(target, label, _member_loader(path, _region(folder), member), bare)


def _locate(folder: Path, artifact: Mapping[str, Any]) -> Path | None:
    """An artifact's file: as GoReleaser wrote the path, or in a folder moved elsewhere."""
    path = PurePosixPath(str(artifact.get("path", "")))
    candidates = (folder.parent / path, folder / PurePosixPath(*path.parts[1:]))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _region(folder: Path) -> Path:
    """What an artifact's path may lead into: the project that was released, or `dist` alone."""
    above = folder.parent
    return above if module_root(above) == above or repository_root(above) else folder


def _loader(path: Path, project: Path | None) -> Callable[[], bytes]:
    return lambda: read_file(path, project, BINARY_LIMIT)


def _member_loader(path: Path, project: Path, name: str) -> Callable[[], bytes]:
    def load() -> bytes:
        read = _read_zip if path.suffix == ".zip" else _read_tar
        try:
            with open_file(path, project, BINARY_LIMIT) as stream:
                return read(stream, name)
        except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error) as error:
            raise SourceError(f"can't read {path}: {error}") from None
        except KeyError:
            raise SourceError(f"{path} holds no {name!r}, which {ARTIFACTS} promises") from None

    return load


def _read_zip(stream: IO[bytes], name: str) -> bytes:
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            if PurePosixPath(member.filename).name == name and member.file_size <= BINARY_LIMIT:
                return archive.read(member)
    raise KeyError(name)


def _read_tar(stream: IO[bytes], name: str) -> bytes:
    with tarfile.open(fileobj=stream) as archive:
        for member in archive:
            if member.offset_data + member.size > _UNPACKED_LIMIT:
                raise tarfile.ReadError(f"it unpacks to more than {_UNPACKED_LIMIT:,} bytes")
            fits = member.isreg() and member.size <= BINARY_LIMIT
            if fits and PurePosixPath(member.name).name == name:
                inside = archive.extractfile(member)
                return inside.read() if inside else b""
    raise KeyError(name)


def _refuse_gaps(found: Mapping[tuple[str, str], PrebuiltBinary]) -> None:
    """Every target must have every command: a wheel's commands don't depend on the system."""
    targets = dict.fromkeys(target for target, _ in found)
    commands = dict.fromkeys(command for _, command in found)
    gaps = [f"{t} has no {c!r}" for t in targets for c in commands if (t, c) not in found]
    if gaps:
        raise SourceError(
            f"the platforms differ in their programs: {', '.join(gaps)}",
            "choose --platforms that have all of them, or name the binaries with --binary",
        )


def _skipped_note(skipped: set[str]) -> tuple[str, ...]:
    if not skipped:
        return ()
    return (f"left out, because wheels have no tag for them: {', '.join(sorted(skipped))}",)

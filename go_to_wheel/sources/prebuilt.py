"""Reads prebuilt binaries: those named on the command line, or in a release's files and archives.

Programs and their systems are recognised by their bytes. File names only give the command's name
and, as a last resort, the version. Files are compared with the checksum lists beside them.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import IO, Any

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.match import check_target, find_target
from go_to_wheel.binary.read import is_program, read_facts
from go_to_wheel.errors import BinaryError, InvalidOptionsError, SourceError
from go_to_wheel.licenses import is_license_name
from go_to_wheel.platforms import TARGETS, Target, parse_selection, this_machine
from go_to_wheel.sources.files import (
    BINARY_LIMIT,
    TEXT_LIMIT,
    find_repository_root,
    open_file,
    read_file,
    read_up_to,
)
from go_to_wheel.sources.module import find_module_root
from go_to_wheel.sources.readme import CONTENT_TYPES, README_NAMES, ProjectFiles, Readme

#: A file in GoReleaser's `dist` folder, as is artifacts.json.
METADATA = "metadata.json"
_BUILD_RELEASE = "build the release again: goreleaser release --clean"
#: Packages of package managers, some of them archives of the same programs.
_PACKAGE_SUFFIXES = (".apk", ".deb", ".rpm", ".whl", ".jar", ".nupkg")
#: Ends the command's name in a file name: a version, a system or a processor.
_NAME_END = re.compile(
    r"[-_.](?=v?\d+\.\d|(linux|darwin|mac(os|osx)?|osx|win(dows|32|64)?|(free|net|open)bsd|solaris"
    r"|illumos|android|amd64|x86|x64|arm|aarch64|i?[3-6]86|universal|all)([-_.\d]|$))",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"[-_.]v?(?P<version>\d+\.\d+(\.\d+)*([-.]?(alpha|beta|rc|pre)[-.]?\d*)?)(?=[-_.][A-Za-z]|$)",
    re.IGNORECASE,
)
_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar")
_ARCHIVES = (".zip", ".gz", *_TAR_SUFFIXES)
#: Bytes of an archive, unpacked.
_UNPACKED_LIMIT = 8 << 30
_CHECKSUM_LIST = re.compile(
    r".*(checksum|sha(256|384|512)?sums?).*|.*\.sha(256|384|512)", re.IGNORECASE
)
#: A line as sha256sum or BSD's tools write it; the name is missing in FILE.sha256.
_CHECKSUM = re.compile(
    r"(?P<hex>([0-9a-f]{32}){2,4})(?:[ \t]+\*?(?:.*/)?(?P<name>[^/]+))?"
    r"|SHA\d+ \((?P<file>.+)\) = (?P<sum>([0-9a-f]{32}){2,4})",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ReleaseFile:
    """A published file; `checksums` is the name of the list with its checksum, if any."""

    name: str
    sha256: str
    checksums: str = ""


@dataclass(frozen=True)
class PrebuiltBinary:
    """A finished program: its file, its `member` name in an archive, and its facts.

    `command` is its name if known, `digest` its SHA-256, `release_file` the published file, which
    must be in the folder `project`.
    """

    target: Target
    path: Path
    facts: BinaryFacts
    digest: bytes
    member: str = ""
    command: str = ""
    project: Path | None = None
    release_file: ReleaseFile | None = None

    @property
    def label(self) -> str:
        """The path, with the archive's member, for messages."""
        return f"{self.path}, {self.member}" if self.member else str(self.path)

    def load(self) -> bytes:
        """Read its bytes; raises SourceError if they have changed since."""
        for _, data in read_members(
            self.path, self.project, lambda name, head: BINARY_LIMIT * (name == self.member)
        ):
            if sha256(data).digest() == self.digest:
                return data
        raise SourceError(f"{self.label} changed during the build", "run the command again")


@dataclass(frozen=True)
class BinarySource:
    """Prebuilt binaries, in the order of TARGETS, and their release's metadata.

    `project_folder` may have a README and licence; `files` are those in an archive. `name`,
    `version` and `commit` are read from `origin`.
    """

    binaries: tuple[PrebuiltBinary, ...]
    project_folder: Path | None = None
    name: str | None = None
    version: str | None = None
    commit: str | None = None
    origin: str = "the files' names"
    files: ProjectFiles = field(default_factory=ProjectFiles)
    notes: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets there are binaries for."""
        return tuple(dict.fromkeys(binary.target for binary in self.binaries))

    @property
    def commands(self) -> tuple[str, ...]:
        """The programs' names, sorted; empty if unknown."""
        return tuple(sorted({binary.command for binary in self.binaries} - {""}))


def read_binaries(values: Sequence[str], project_folder: Path | None = None) -> BinarySource:
    """Read binaries, each `PLATFORM=PATH`, or a release's files. Raises InvalidOptionsError."""
    if values and all(Path(value).is_file() for value in values):
        return _find_programs([Path(value) for value in values], None, project_folder)
    binaries: dict[str, PrebuiltBinary] = {}
    problems: list[str] = []
    hints: dict[str, None] = {}
    for value in values:
        try:
            binary = _read_binary(value)
            if binaries.setdefault(binary.target.name, binary) is not binary:
                problem = f"there are two binaries for {binary.target.name!r}"
                raise InvalidOptionsError([problem], "leave one of them out")
        except (BinaryError, InvalidOptionsError) as error:
            problems += getattr(error, "problems", [f"binary {value!r}: {error}"])
            hints[error.hint or "name an executable: --binary linux-amd64=build/tool"] = None
    if problems:
        raise InvalidOptionsError(problems, "\n".join(filter(None, hints)))
    return BinarySource(_in_table_order(binaries.values()), project_folder)


def _read_binary(value: str) -> PrebuiltBinary:
    name, _, path = value.partition("=")
    if not path:
        hint = "write --binary linux-amd64=build/tool; of folders, name one: go-to-wheel SOURCE"
        raise BinaryError("it is not PLATFORM=PATH", hint)
    target, *others = parse_selection([name], this_machine())
    if others:
        raise BinaryError("name one platform, not a set", "list them: go-to-wheel platforms")
    if not Path(path).is_file():
        raise BinaryError(f"no file {path!r}", f"write --binary {name}=PATH, with a file's path")
    data = read_file(Path(path), None, BINARY_LIMIT)
    return PrebuiltBinary(target, Path(path), read_facts(io.BytesIO(data)), sha256(data).digest())


def is_release_folder(folder: Path) -> bool:
    """Whether this folder has programs or archives, and neither Go code nor a project."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if {"artifacts.json", METADATA} <= names:
        return True
    if {"go.mod", "pyproject.toml"} & names or any(name.endswith(".go") for name in names):
        return False
    for path in _list_candidates(folder) if names else ():
        if path.parent == folder:
            with open_file(path, folder, BINARY_LIMIT) as stream:
                if path.name.lower().endswith(_ARCHIVES) or is_program(stream.read(512)):
                    return True
    return False


def read_release(folder: Path) -> BinarySource:
    """Read the programs in a folder of published files, such as GoReleaser's `dist`.

    Raises SourceError when none is for a supported platform.
    """
    paths = list(_list_candidates(folder))
    if not (folder / METADATA).is_file():
        return _find_programs(paths, folder, folder)
    path = folder / METADATA
    try:
        data = json.loads(read_file(path, folder, TEXT_LIMIT))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"can't read {path}: {error}", _BUILD_RELEASE) from None
    names = ("commit", "project_name", "tag", "version")
    fields = {name: data.get(name, "") for name in names} if isinstance(data, dict) else {}
    if not fields or not all(isinstance(value, str) for value in fields.values()):
        problem = f"{path} is not what GoReleaser writes: {fields or data!r}"
        raise SourceError(problem, _BUILD_RELEASE)
    parent = folder.parent
    is_project = find_module_root(parent) == parent or find_repository_root(parent)
    return replace(
        _find_programs(paths, parent if is_project else folder, parent),
        name=fields["project_name"] or None,
        version=fields["version"] or fields["tag"] or None,
        commit=fields["commit"] or None,
        origin=METADATA,
    )


def _list_candidates(folder: Path) -> Iterator[Path]:
    """The files of a folder and its subfolders, sorted; GoReleaser has a folder for each target."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    for path in entries:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            if file.is_file() and not file.name.lower().endswith(_PACKAGE_SUFFIXES):
                yield file


def _find_programs(
    paths: Sequence[Path], project: Path | None, project_folder: Path | None
) -> BinarySource:
    """Read the programs in a release's files, one for each target and command."""
    sums = {folder: _read_checksums(folder) for folder in {path.parent for path in paths}}
    candidates: dict[tuple[Target, str], list[PrebuiltBinary]] = {}
    texts: dict[str, bytes] = {}
    unsupported, unlisted = set(), []
    for path in paths:
        programs = list(_list_programs(path, project, texts))
        published = _check_release_file(path, project, sums[path.parent]) if programs else None
        if published and sums[path.parent] and not published.checksums:
            unlisted.append(path.name)
        for member, facts, digest in programs:
            target = find_target(facts)
            if target is None:
                unsupported.add(f"{facts.goos}-{facts.machine}")
                continue
            name = PurePosixPath(member or path.name.removesuffix(".gz")).name.removesuffix(".exe")
            command = _NAME_END.split(name, maxsplit=1)[0]
            found = PrebuiltBinary(target, path, facts, digest, member, command, project, published)
            candidates.setdefault((target, command), []).append(found)
    if not candidates:
        where = project or ", ".join(map(str, paths))
        problem = f"no program for a platform that wheels exist for in {where}"
        raise SourceError(problem, "name the programs: --binary PLATFORM=PATH")
    _require_same_commands(candidates)
    versions = {match["version"] for path in paths if (match := _VERSION.search(path.name))}
    notes = {
        "left out, because wheels have no tag for them": unsupported,
        "missing from the list of checksums": unlisted,
    }
    lines = (f"{note}: {', '.join(sorted(names))}" for note, names in notes.items() if names)
    return BinarySource(
        binaries=_in_table_order(map(_choose_program, candidates.values())),
        project_folder=project_folder,
        version=versions.pop() if len(versions) == 1 else None,
        files=_project_files(texts),
        notes=tuple(lines),
    )


def _list_programs(
    path: Path, project: Path | None, texts: dict[str, bytes]
) -> Iterator[tuple[str, BinaryFacts, bytes]]:
    """The executables in a file: member, facts, SHA-256. README and licences go to `texts`."""

    def limit_of(member: str, head: bytes) -> int:
        parts = PurePosixPath(member).parts
        if is_program(head):
            return 0 if "testdata" in parts else BINARY_LIMIT
        name = parts[-1] if len(parts) in (1, 2) else ""
        return TEXT_LIMIT if is_license_name(name) or name.lower() in README_NAMES else 0

    for member, data in read_members(path, project, limit_of):
        if not is_program(data):
            texts.setdefault(PurePosixPath(member).name, data.replace(b"\r\n", b"\n"))
            continue
        try:
            facts = read_facts(io.BytesIO(data))
        except BinaryError as error:
            label = f"{path} {member}".strip()
            raise SourceError(f"{label}: {error.message}", error.hint) from None
        if facts.executable:
            yield member, facts, sha256(data).digest()


def _choose_program(programs: Sequence[PrebuiltBinary]) -> PrebuiltBinary:
    """The program to use for a target: of equal ones, one in a file with a checksum."""
    valid = [p for p in programs if not check_target(p.facts, p.target)] or [*programs[:1]]
    target, command = valid[0].target.name, valid[0].command
    if len({program.digest for program in valid}) > 1:
        labels = ", ".join(program.label for program in valid)
        hint = f"name the one to take: --binary {target}=PATH"
        raise SourceError(f"there are several programs {command!r} for {target}: {labels}", hint)
    return max(valid, key=lambda p: (bool(p.release_file and p.release_file.checksums), p.member))


def _in_table_order(binaries: Iterable[PrebuiltBinary]) -> tuple[PrebuiltBinary, ...]:
    order = [*TARGETS, this_machine()]  # which may have a local target
    return tuple(sorted(binaries, key=lambda b: (order.index(b.target), b.command)))


def _project_files(texts: Mapping[str, bytes]) -> ProjectFiles:
    readmes = [name for name in sorted(texts) if name.lower() in README_NAMES]
    licenses = tuple((name, texts[name]) for name in sorted(texts) if name not in readmes)
    for name in readmes[:1]:
        kind = CONTENT_TYPES[PurePosixPath(name).suffix.lower()]
        readme = Readme(texts[name].decode("utf-8-sig", "replace"), kind)
        return ProjectFiles(readme, licenses, name)
    return ProjectFiles(None, licenses)


def _require_same_commands(pairs: Collection[tuple[Target, str]]) -> None:
    """Raise SourceError unless every target has every command."""
    targets, commands = (dict.fromkeys(part) for part in zip(*pairs, strict=True))
    gaps = [f"{t.name} has no {c!r}" for t in targets for c in commands if (t, c) not in pairs]
    if gaps:
        hint = "choose --platforms that have all of them, or name the binaries with --binary"
        raise SourceError(f"some platforms lack a program: {', '.join(gaps)}", hint)


def read_members(
    path: Path, project: Path | None, limit_of: Callable[[str, bytes], int]
) -> Iterator[tuple[str, bytes]]:
    """Read (name, bytes) of the files in an archive; a program itself has the name "".

    `limit_of` maps a file's name and first bytes to its maximum size, 0 to skip it. Raises
    SourceError for larger files and broken archives.
    """
    with open_file(path, project, BINARY_LIMIT) as stream:
        try:
            for name, member in _open_members(path.name.lower(), stream):
                head = read_up_to(member, 512)
                if limit := limit_of(name, head):
                    data = head + read_up_to(member, limit + 1 - len(head))
                    if len(data) > limit:
                        size = f"more than the {limit:,} bytes that are read"
                        hint = "leave it out, and name the programs: --binary linux-amd64=PATH"
                        raise SourceError(f"{name or path.name!r} has {size}", hint)
                    yield name, data
        except Exception as error:  # zipfile, tarfile and gzip raise any for broken bytes
            is_damage = getattr(error, "errno", None) in (None, errno.EINVAL)  # a negative offset
            if not is_damage or isinstance(error, (SourceError, MemoryError)):
                raise
            raise SourceError(f"can't read {path}: {error}", "download it again") from None


def _open_members(name: str, stream: IO[bytes]) -> Iterator[tuple[str, Any]]:
    """The name of each file in an archive, and a stream that is open until the next."""
    program = is_program(stream.read(512))
    stream.seek(0)
    if program:
        yield "", stream
    elif name.endswith(".zip"):
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    with archive.open(info) as member:
                        yield info.filename, member
    elif name.endswith(_TAR_SUFFIXES):
        with tarfile.open(fileobj=stream) as tar:
            for entry in tar:
                if entry.offset_data + entry.size > _UNPACKED_LIMIT:
                    raise EOFError(f"it unpacks to more than {_UNPACKED_LIMIT:,} bytes")
                if entry.isreg():
                    yield entry.name, tar.extractfile(entry)
    elif name.endswith(".gz"):
        with gzip.open(stream) as member:
            yield "", member


def _read_checksums(folder: Path) -> dict[str, tuple[str, str]]:
    """Read a folder's checksum lists: file name -> (hexadecimal digest, the list's name)."""
    sums: dict[str, tuple[str, str]] = {}
    for path in sorted(folder.iterdir(), key=attrgetter("parts")):
        is_list = _CHECKSUM_LIST.fullmatch(path.name) and path.is_file()
        if is_list and path.stat().st_size <= TEXT_LIMIT:
            text = read_file(path, folder, TEXT_LIMIT).decode("utf-8", "replace")
            for line in filter(None, map(_CHECKSUM.fullmatch, map(str.strip, text.splitlines()))):
                name = line["name"] or line["file"] or path.stem
                sums[name] = ((line["hex"] or line["sum"]).lower(), path.name)
    return sums


def _check_release_file(
    path: Path, project: Path | None, sums: Mapping[str, tuple[str, str]]
) -> ReleaseFile:
    """Hash a release's file; raises SourceError if a list has another checksum."""
    listed, name = sums.get(path.name, ("", ""))
    algorithm = f"sha{4 * len(listed)}" if listed else "sha256"
    digests = {}
    for kind in {"sha256", algorithm}:
        with open_file(path, project, BINARY_LIMIT) as stream:
            digests[kind] = hashlib.file_digest(stream, kind).hexdigest()  # type: ignore[arg-type]
    if listed and listed != (digest := digests[algorithm]):
        text = f"{path} is not the file that {name} lists: its checksum is {digest}, not {listed}"
        raise SourceError(text, "download it again")
    return ReleaseFile(path.name, digests["sha256"], name)

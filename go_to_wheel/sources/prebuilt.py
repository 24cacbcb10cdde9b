"""Prebuilt binaries: named on the command line, or found in a release's files and archives.

Which of a release's files are programs, and for which systems, is read from their bytes. Their
names only give the command's, and the version where nothing else does. Each file is compared
with the lists of checksums beside it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from lzma import LZMAError
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import IO, Any

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.match import check_target, find_target
from go_to_wheel.binary.read import is_program, read_facts
from go_to_wheel.errors import BinaryError, InvalidOptionsError, SourceError
from go_to_wheel.licenses import is_license_name
from go_to_wheel.platforms import TARGETS, Target, parse_selection
from go_to_wheel.sources.files import (
    BINARY_LIMIT,
    TEXT_LIMIT,
    open_file,
    read_file,
    read_up_to,
    repository_root,
)
from go_to_wheel.sources.module import module_root
from go_to_wheel.sources.readme import CONTENT_TYPES, NO_FILES, ProjectFiles, Readme

#: What GoReleaser leaves in its `dist` folder, beside artifacts.json.
METADATA = "metadata.json"
_READMES = frozenset(f"readme{suffix}" for suffix in CONTENT_TYPES)
#: Packages of other systems, some of which are archives of the same programs.
_PACKAGES = (".apk", ".deb", ".rpm", ".whl", ".jar", ".nupkg")
#: Where a file's name stops to be the command's: a version, a system or a processor.
_NAME_END = re.compile(
    r"[-_.](?=v?\d+\.\d|(linux|darwin|mac(os|osx)?|osx|win(dows|32|64)?|(free|net|open)bsd|solaris"
    r"|illumos|android|amd64|x86|x64|arm|aarch64|i?[3-6]86|universal|all)([-_.\d]|$))",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"[-_.]v?(?P<version>\d+\.\d+(\.\d+)*([-.]?(alpha|beta|rc|pre)[-.]?\d*)?)(?=[-_.][A-Za-z]|$)",
    re.IGNORECASE,
)


_TARS = (".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar")
#: Bytes of an archive, unpacked.
_UNPACKED_LIMIT = 8 << 30
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, LZMAError, RuntimeError)
_CHECKSUM_LIST = re.compile(
    r".*(checksum|sha(256|384|512)?sums?).*|.*\.sha(256|384|512)", re.IGNORECASE
)
#: A line as sha256sum or BSD's tools write it; the name is missing in FILE.sha256.
_CHECKSUM = re.compile(
    r"(?P<hex>[0-9a-f]{64,128})(?:[ \t]+\*?(?:.*/)?(?P<name>[^/]+))?"
    r"|SHA\d+ \((?P<file>.+)\) = (?P<sum>[0-9a-f]{64,128})",
    re.IGNORECASE,
)
_ALGORITHMS = {64: "sha256", 96: "sha384", 128: "sha512"}


@dataclass(frozen=True)
class Origin:
    """The release's file that a program is from; `listed` is the checksums' file, if any."""

    file: str
    sha256: str
    listed: str = ""


@dataclass(frozen=True)
class PrebuiltBinary:
    """A finished program: the file it is in, as which `member` of an archive, and its facts.

    `command` is its name where that is known, `digest` its SHA-256, `origin` the release's
    file, which belongs to `project`.
    """

    target: Target
    path: Path
    facts: BinaryFacts
    digest: bytes
    member: str = ""
    command: str = ""
    project: Path | None = None
    origin: Origin | None = None

    @property
    def label(self) -> str:
        """Where it is, for people."""
        return f"{self.path}, {self.member}" if self.member else str(self.path)

    def load(self) -> bytes:
        """Its bytes; raises SourceError if they are not those that were inspected."""
        for _, data in read_members(
            self.path, self.project, lambda name, head: BINARY_LIMIT * (name == self.member)
        ):
            if sha256(data).digest() == self.digest:
                return data
        raise SourceError(f"{self.label} changed during the build", "run the command again")


@dataclass(frozen=True)
class BinarySource:
    """Prebuilt binaries, in our table's order, and what their release states about them.

    `home` holds README and licence; without them `files` has those of an archive. `name`,
    `version` and `commit` are the release's own, read from `about`.
    """

    binaries: tuple[PrebuiltBinary, ...]
    home: Path | None = None
    name: str | None = None
    version: str | None = None
    commit: str | None = None
    about: str = METADATA
    files: ProjectFiles = NO_FILES
    notes: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets there are binaries for."""
        return tuple(dict.fromkeys(binary.target for binary in self.binaries))

    @property
    def commands(self) -> tuple[str, ...]:
        """The programs' names, sorted; empty when they have none."""
        return tuple(sorted({binary.command for binary in self.binaries} - {""}))


def parse_binaries(values: Sequence[str], home: Path | None = None) -> BinarySource:
    """Binaries, each `TARGET=PATH`, or a release's files. Raises InvalidOptionsError."""
    if values and all(Path(value).is_file() for value in values):
        return _collect([Path(value) for value in values], None, home)
    found: dict[str, PrebuiltBinary] = {}
    faults: list[str] = []
    hints: dict[str, None] = {}
    for value in values:
        try:
            binary = _read_binary(value)
            if found.setdefault(binary.target.name, binary) is not binary:
                faults.append(f"there are two binaries for {binary.target.name!r}")
        except InvalidOptionsError as error:
            faults += error.faults
            hints |= dict.fromkeys({error.hint} - {error.usual_hint})
    if faults:
        raise InvalidOptionsError(faults, "\n".join(hints))
    return BinarySource(_sort(found.values()), home)


def _read_binary(value: str) -> PrebuiltBinary:
    name, _, path = value.partition("=")
    if not path:
        example = "is not TARGET=PATH (write 'linux-amd64=build/tool')"
        raise InvalidOptionsError([f"binary {value!r} {example}"])
    target, *others = parse_selection([name])
    try:
        if others:
            raise BinaryError("name one platform, not a set")
        if not Path(path).is_file():
            raise BinaryError(f"no file {path!r}")
        data = read_file(Path(path), None, BINARY_LIMIT)
        facts = read_facts(io.BytesIO(data))
    except BinaryError as error:
        raise InvalidOptionsError([f"binary {value!r}: {error.message}"], error.hint) from None
    return PrebuiltBinary(target, Path(path), facts, sha256(data).digest())


def is_release(folder: Path) -> bool:
    """Whether this folder holds programs or archives, and is no Go code's or project's own."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if {"artifacts.json", METADATA} <= names:
        return True
    if not names or {"go.mod", "pyproject.toml"} & names or any(n.endswith(".go") for n in names):
        return False
    for path in _list_candidates(folder):
        if path.parent == folder:
            with open_file(path, folder, BINARY_LIMIT) as stream:
                if path.name.lower().endswith((".zip", ".gz", *_TARS)) or is_program(
                    stream.read(512)
                ):
                    return True
    return False


def read_release(folder: Path) -> BinarySource:
    """A folder of published files, or GoReleaser's `dist` -> its programs.

    Raises SourceError when there are none for a platform that wheels exist for.
    """
    paths = list(_list_candidates(folder))
    if not (folder / METADATA).is_file():
        return _collect(paths, folder, folder)
    about = _read_metadata(folder / METADATA)
    above = folder.parent
    own = module_root(above) == above or repository_root(above)
    source = _collect(paths, above if own else folder, above)
    return replace(
        source,
        name=about["project_name"] or None,
        version=about["version"] or about["tag"] or None,
        commit=about["commit"] or None,
        about=METADATA,
    )


def _list_candidates(folder: Path) -> Iterator[Path]:
    """The files of a folder and of those in it, sorted; GoReleaser has a folder a target."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    for path in entries:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            if file.is_file() and not file.name.lower().endswith(_PACKAGES):
                yield file


def _read_metadata(path: Path) -> dict[str, str]:
    """GoReleaser's own words about the release."""
    try:
        data = json.loads(read_file(path, path.parent, TEXT_LIMIT))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"can't read {path}: {error}") from None
    if not isinstance(data, dict):
        raise SourceError(f"{path} is not what GoReleaser writes: {data!r}")
    texts = {name: data.get(name, "") for name in ("commit", "project_name", "tag", "version")}
    faults = [f"{name} = {value!r}" for name, value in texts.items() if not isinstance(value, str)]
    if faults:
        raise SourceError(f"{path} is not what GoReleaser writes: {', '.join(faults)}")
    return texts


def _collect(paths: Sequence[Path], project: Path | None, home: Path | None) -> BinarySource:
    """The programs in a release's files, each once for a target and a command."""
    sums = {folder: _read_checksums(folder) for folder in {path.parent for path in paths}}
    found: dict[tuple[Target, str], list[PrebuiltBinary]] = {}
    texts: dict[str, bytes] = {}
    other, unlisted = set(), []
    for path in paths:
        programs = list(_list_programs(path, project, texts))
        origin = _verify(path, project, sums[path.parent]) if programs else None
        if origin and sums[path.parent] and not origin.listed:
            unlisted.append(path.name)
        for member, facts, digest in programs:
            target = find_target(facts)
            if target is None:
                other.add(f"{facts.goos}-{facts.machine}")
                continue
            name = PurePosixPath(member or path.name.removesuffix(".gz")).name.removesuffix(".exe")
            command = _NAME_END.split(name, maxsplit=1)[0]
            binary = PrebuiltBinary(target, path, facts, digest, member, command, project, origin)
            found.setdefault((target, command), []).append(binary)
    if not found:
        raise SourceError(
            f"{', '.join(map(str, paths)) or home} has no program for a platform of wheels",
            "name the programs: --binary TARGET=PATH",
        )
    _refuse_gaps(found)
    versions = {match["version"] for path in paths if (match := _VERSION.search(path.name))}
    notes = [("left out, because wheels have no tag for them", other),
             ("not in the list of checksums beside them", unlisted)]  # fmt: skip
    return BinarySource(
        binaries=_sort(map(_choose, found.values())),
        home=home,
        version=versions.pop() if len(versions) == 1 else None,
        about="the files' names",
        files=_project_files(texts),
        notes=tuple(f"{why}: {', '.join(sorted(what))}" for why, what in notes if what),
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
        return TEXT_LIMIT if is_license_name(name) or name.lower() in _READMES else 0

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


def _choose(programs: Sequence[PrebuiltBinary]) -> PrebuiltBinary:
    """One program of those for a target: an archive's, which was published, before others."""
    fits = [each for each in programs if not check_target(each.facts, each.target, prebuilt=True)]
    fitting = fits or programs[:1]
    target, command = fitting[0].target.name, fitting[0].command
    if len({program.digest for program in fitting}) > 1:
        labels = ", ".join(program.label for program in fitting)
        raise SourceError(
            f"there are several programs {command!r} for {target}: {labels}",
            f"name the one to take: --binary {target}=PATH",
        )
    return max(fitting, key=lambda each: (bool(each.origin and each.origin.listed), each.member))


def _sort(binaries: Iterable[PrebuiltBinary]) -> tuple[PrebuiltBinary, ...]:
    return tuple(sorted(binaries, key=lambda each: (TARGETS.index(each.target), each.command)))


def _project_files(texts: Mapping[str, bytes]) -> ProjectFiles:
    readmes = [name for name in sorted(texts) if name.lower() in _READMES]
    licenses = tuple((name, texts[name]) for name in sorted(texts) if name not in readmes)
    if not readmes:
        return ProjectFiles(None, licenses)
    kind = CONTENT_TYPES[PurePosixPath(readmes[0]).suffix.lower()]
    readme = Readme(texts[readmes[0]].decode("utf-8-sig", "replace"), kind)
    return ProjectFiles(readme, licenses, readmes[0])


def _refuse_gaps(found: Collection[tuple[Target, str]]) -> None:
    """Every target must have every command: a wheel's commands don't depend on the system."""
    targets, commands = (dict.fromkeys(part) for part in zip(*found, strict=True))
    gaps = [f"{t.name} has no {c!r}" for t in targets for c in commands if (t, c) not in found]
    if gaps:
        raise SourceError(
            f"the platforms differ in their programs: {', '.join(gaps)}",
            "choose --platforms that have all of them, or name the binaries with --binary",
        )


def read_members(
    path: Path, project: Path | None, limit_of: Callable[[str, bytes], int]
) -> Iterator[tuple[str, bytes]]:
    """A release's file -> (name, bytes) of the files in it; "" is itself, if it is a program.

    `limit_of` takes a file's name and first bytes, and says how many it may have: 0 for one
    that is not wanted. Raises SourceError for more, and for a broken archive.
    """
    with open_file(path, project, BINARY_LIMIT) as stream:
        try:
            for name, opener in _list_members(path.name.lower(), stream):
                with opener() as member:
                    head = read_up_to(member, 512)
                    if limit := limit_of(name, head):
                        data = head + read_up_to(member, limit + 1 - len(head))
                        if len(data) > limit:
                            place = name or path.name
                            text = f"{place!r} has more than the {limit:,} bytes that are read"
                            raise SourceError(text)
                        yield name, data
        except _BROKEN as error:
            raise SourceError(f"can't read {path}: {error}", "download it again") from None


def _list_members(name: str, stream: IO[bytes]) -> Iterator[tuple[str, Callable[[], Any]]]:
    program = is_program(stream.read(512))
    stream.seek(0)
    if program:
        yield "", partial(nullcontext, stream)
    elif name.endswith(".zip"):
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield info.filename, partial(archive.open, info)
    elif name.endswith(_TARS):
        with tarfile.open(fileobj=stream) as tar:
            for entry in tar:
                if entry.offset_data + entry.size > _UNPACKED_LIMIT:
                    raise EOFError(f"it unpacks to more than {_UNPACKED_LIMIT:,} bytes")
                if entry.isreg():
                    yield entry.name, partial(tar.extractfile, entry)
    elif name.endswith(".gz"):
        yield "", partial(gzip.open, stream)


def _read_checksums(folder: Path) -> dict[str, tuple[str, str]]:
    """The checksums in a folder's lists: file name -> (hexadecimal digest, the list's name)."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(folder.iterdir(), key=attrgetter("parts")):
        known = _CHECKSUM_LIST.fullmatch(path.name) and path.is_file()
        if known and path.stat().st_size <= TEXT_LIMIT:
            text = read_file(path, folder, TEXT_LIMIT).decode("utf-8", "replace")
            for line in filter(None, map(_CHECKSUM.fullmatch, map(str.strip, text.splitlines()))):
                name = line["name"] or line["file"] or path.stem
                found[name] = ((line["hex"] or line["sum"]).lower(), path.name)
    return found


def _verify(path: Path, project: Path | None, sums: Mapping[str, tuple[str, str]]) -> Origin:
    """The origin of what is in a file; raises SourceError when a checksum says otherwise."""
    listed, name = sums.get(path.name, ("", ""))
    algorithm = _ALGORITHMS.get(len(listed), "sha256")
    digests = {}
    for kind in {"sha256", algorithm}:
        with open_file(path, project, BINARY_LIMIT) as stream:
            digests[kind] = hashlib.file_digest(stream, kind).hexdigest()  # type: ignore[arg-type]
    if listed and listed != (found := digests[algorithm]):
        raise SourceError(
            f"{path} is not the file that {name} lists: its checksum is {found}, not {listed}",
            "download it again",
        )
    return Origin(path.name, digests["sha256"], name)

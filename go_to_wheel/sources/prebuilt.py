"""Prebuilt binaries: named on the command line, or found in a release's files.

Which of a release's files are programs, and for which systems, is read from their bytes. Their
names only give the command's, and the version where nothing else does.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePosixPath

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.match import check_target, find_target
from go_to_wheel.binary.read import is_program, read_facts
from go_to_wheel.errors import BinaryError, InvalidOptionsError, SourceError
from go_to_wheel.licenses import is_license_name
from go_to_wheel.platforms import TARGETS, Target, parse_selection
from go_to_wheel.sources.archives import Origin, list_members, read_checksums, verify
from go_to_wheel.sources.files import (
    BINARY_LIMIT,
    TEXT_LIMIT,
    open_file,
    read_file,
    repository_root,
)
from go_to_wheel.sources.module import module_root
from go_to_wheel.sources.readme import CONTENT_TYPES, NO_FILES, ProjectFiles, Readme

#: What GoReleaser leaves in its `dist` folder.
ARTIFACTS = "artifacts.json"
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


@dataclass(frozen=True)
class PrebuiltBinary:
    """A finished program for one target; `load` reads its bytes, `label` names it.

    `command` is the program's name where that is known, `origin` the release's file.
    """

    target: Target
    label: str
    load: Callable[[], bytes]
    command: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True)
class BinarySource:
    """Prebuilt binaries, and what their release states about them.

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
        """The targets there are binaries for, each once, in our table's order."""
        present = {binary.target for binary in self.binaries}
        return tuple(target for target in TARGETS if target in present)

    @property
    def commands(self) -> tuple[str, ...]:
        """The programs' names, sorted; empty when they have none."""
        return tuple(sorted({each.command for each in self.binaries if each.command is not None}))

    def find(self, target: Target, command: str | None) -> PrebuiltBinary | None:
        """A target's program of this name (None: its only one)."""
        fitting = (binary for binary in self.binaries if binary.target == target)
        return next((each for each in fitting if command in (None, each.command)), None)


def parse_binaries(values: Sequence[str], home: Path | None = None) -> BinarySource:
    """Binaries, each `TARGET=PATH`, or a release's files. Raises InvalidOptionsError."""
    if values and all(Path(value).is_file() for value in values):
        return _collect([Path(value) for value in values], None, home)
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
        load = partial(read_file, Path(path), None, BINARY_LIMIT)
        found.append(PrebuiltBinary(target, path, load))
    if faults:
        raise InvalidOptionsError(faults, "\n".join(dict.fromkeys(hints)))
    return BinarySource(tuple(found), home)


def is_release(folder: Path) -> bool:
    """Whether this folder holds programs or archives, and is no Go code's or project's own."""
    if not folder.is_dir():
        return False
    names = [path.name for path in folder.iterdir()]
    if {ARTIFACTS, METADATA} <= set(names):
        return True
    own = any(name.endswith(".go") or name in ("go.mod", "pyproject.toml") for name in names)
    for path in () if own else _list_candidates(folder):
        if path.parent == folder:
            with open_file(path, folder, BINARY_LIMIT) as stream:
                archive = path.name.lower().endswith((".zip", ".gz", ".tgz"))
                if archive or is_program(stream.read(512)):
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
        name=about.get("project_name") or None,
        version=about.get("version") or about.get("tag") or None,
        commit=about.get("commit") or None,
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
    names = ("project_name", "version", "tag", "commit")
    faults = [repr(data)]
    if isinstance(data, dict):
        texts = {name: data.get(name, "") for name in names}
        faults = [f"{k} = {v!r}" for k, v in sorted(texts.items()) if not isinstance(v, str)]
    if faults:
        raise SourceError(f"{path} is not what GoReleaser writes: {', '.join(faults)}")
    return texts


@dataclass(frozen=True)
class _Program:
    """An executable in a release's file; `member` is "" where it is the file itself."""

    path: Path
    project: Path | None
    member: str
    facts: BinaryFacts
    digest: bytes
    origin: Origin

    @property
    def label(self) -> str:
        return f"{self.path}, {self.member}" if self.member else str(self.path)

    @property
    def command(self) -> str:
        name = PurePosixPath(self.member or self.path.name.removesuffix(".gz")).name
        return _NAME_END.split(name.removesuffix(".exe"), maxsplit=1)[0]

    def load(self) -> bytes:
        with open_file(self.path, self.project, BINARY_LIMIT) as stream:
            for member in list_members(self.path, stream):
                if member.name == self.member:
                    data = member.read_all(BINARY_LIMIT)
                    if sha256(data).digest() == self.digest:
                        return data
        raise SourceError(f"{self.label} changed during the build", "run the command again")


def _collect(paths: Sequence[Path], project: Path | None, home: Path | None) -> BinarySource:
    """The programs in a release's files, each once for a target and a command."""
    sums = {folder: read_checksums(folder) for folder in {path.parent for path in paths}}
    found: dict[tuple[Target, str], list[_Program]] = {}
    texts: dict[str, bytes] = {}
    other, unlisted = [], []
    for path in paths:
        programs = list(_list_programs(path, project, sums[path.parent], texts))
        if programs and sums[path.parent] and not programs[0].origin.listed:
            unlisted.append(path.name)
        for program in programs:
            target = find_target(program.facts)
            if target is None:
                other.append(f"{program.facts.goos}-{program.facts.machine}")
            else:
                found.setdefault((target, program.command), []).append(program)
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
        binaries=tuple(_choose(*key, programs) for key, programs in found.items()),
        home=home,
        version=versions.pop() if len(versions) == 1 else None,
        about="the files' names",
        files=_project_files(texts),
        notes=tuple(f"{why}: {', '.join(sorted(set(what)))}" for why, what in notes if what),
    )


def _list_programs(
    path: Path, project: Path | None, sums: Mapping[str, tuple[str, str]], texts: dict[str, bytes]
) -> Iterator[_Program]:
    """The executables in a file; its README and licences are added to `texts`."""
    origin = None
    with open_file(path, project, BINARY_LIMIT) as stream:
        for member in list_members(path, stream):
            parts = PurePosixPath(member.name).parts
            name = parts[-1] if parts else ""
            if is_program(member.read(512)) and "testdata" not in parts:
                origin = origin or verify(path, project, sums)
                data = member.read_all(BINARY_LIMIT)
                try:
                    facts = read_facts(io.BytesIO(data))
                except BinaryError as error:
                    label = f"{path} {member.name}".strip()
                    raise SourceError(f"{label}: {error.message}", error.hint) from None
                digest = sha256(data).digest()
                if facts.executable:
                    yield _Program(path, project, member.name, facts, digest, origin)
            elif len(parts) in (1, 2) and (is_license_name(name) or name.lower() in _READMES):
                texts.setdefault(name, member.read_all(TEXT_LIMIT).replace(b"\r\n", b"\n"))


def _choose(target: Target, command: str, programs: Sequence[_Program]) -> PrebuiltBinary:
    """One program of those for a target: an archive's, which was published, before others."""
    fits = [each for each in programs if not check_target(each.facts, target, prebuilt=True)]
    fitting = fits or programs[:1]
    if len({program.digest for program in fitting}) > 1:
        labels = ", ".join(program.label for program in fitting)
        raise SourceError(
            f"there are several programs {command!r} for {target.name}: {labels}",
            f"name the one to take: --binary {target.name}=PATH",
        )
    chosen = max(fitting, key=lambda program: (program.origin.listed != "", program.member != ""))
    return PrebuiltBinary(target, chosen.label, chosen.load, command, chosen.origin)


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

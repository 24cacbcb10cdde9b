"""Prebuilt binaries: inspected like our own; their name, version and modules."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo
from go_to_wheel.binary.match import inspect_program
from go_to_wheel.builder.detect import Findings, Located
from go_to_wheel.builder.identity import Machine, find_urls
from go_to_wheel.builder.notices import fetch_notices, format_missing
from go_to_wheel.config.options import Identity, Value
from go_to_wheel.config.pyproject import Project
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import BinaryError, BuildFailedError, GoToWheelError
from go_to_wheel.golang.packages import Package
from go_to_wheel.naming import name_from_path
from go_to_wheel.platforms import Target
from go_to_wheel.sources.module import ModuleQuery, ModuleSource
from go_to_wheel.sources.prebuilt import BinarySource, PrebuiltBinary


@dataclass(frozen=True)
class Prebuilt:
    """A prebuilt binary and what was read from it."""

    binary: PrebuiltBinary
    facts: BinaryFacts


#: By target name and the command's place in the source.
Inspected = Mapping[tuple[str, int], Prebuilt]

_DEVEL = ("", "(devel)")


def inspect_all(source: BinarySource, targets: Sequence[Target]) -> Inspected:
    """Read the binaries for these targets and refuse those that do not match theirs.

    Raises BuildFailedError naming each.
    """
    found: dict[tuple[str, int], Prebuilt] = {}
    failures: dict[str, GoToWheelError] = {}
    for target in source.targets:
        for index, command in enumerate(source.commands or (None,)):
            try:
                if target in targets:
                    found[target.name, index] = _inspect(source, target, command)
            except GoToWheelError as error:
                failures[target.name] = error
    if failures:
        raise BuildFailedError(failures, "name each binary's own platform: --binary PLATFORM=PATH")
    _refuse_disagreement(source, found)
    return found


def _inspect(source: BinarySource, target: Target, command: str | None) -> Prebuilt:
    binary = source.find(target, command)
    if binary is None:
        raise BinaryError(f"there is no {command!r} for it")
    try:
        facts = inspect_program(io.BytesIO(binary.load()), target, prebuilt=True)
    except BinaryError as error:
        lines = [f"{binary.label}: {line}" for line in error.message.splitlines()]
        raise BinaryError("\n".join(lines)) from None
    return Prebuilt(binary, facts)


def _refuse_disagreement(source: BinarySource, found: Inspected) -> None:
    """One wheel set is one program from one commit, made by one Go."""
    subjects: dict[str, Callable[[GoBuildInfo], str]] = {
        "main package": lambda info: info.path,
        "version": lambda info: info.main.version if info.main else "",
        "commit": lambda info: info.settings.get("vcs.revision", ""),
        "Go": lambda info: info.version,
    }
    for subject, read in subjects.items():
        for index in range(len(source.commands or (None,))):
            values = {
                target: read(program.facts.go)
                for (target, place), program in found.items()
                if place == index and program.facts.go is not None
            }
            if len(set(values.values())) > 1:
                listed = ", ".join(f"{target}: {text or 'none'}" for target, text in values.items())
                raise BinaryError(
                    f"the binaries differ in their {subject}: {listed}",
                    "use binaries of one build",
                )
    commits = {program.facts.setting("vcs.revision") for program in found.values()} - {""}
    if source.commit and commits and commits != {source.commit}:
        raise BinaryError(
            f"the binaries were built from commit {', '.join(sorted(commits))}, but "
            f"{source.about} says {source.commit}",
            "build the release again from a clean folder",
        )


def describe(
    request: BuildRequest,
    source: BinarySource,
    found: Inspected,
    project: Project,
    machine: Machine,
) -> Located:
    """What the binaries and their release's files say, in the place of Go and git."""
    packages = tuple(_package(found, index) for index in range(len(source.commands or (None,))))
    infos = [program.facts.go for program in found.values() if program.facts.go]
    notices, missing = (
        fetch_notices(infos, request.go_binary, machine)
        if request.dependency_licenses
        else ([], {})
    )
    paths = tuple(package.import_path for package in packages)
    return Located(
        request=request,
        source=ModuleSource(project.folder, paths, packages[0].module_path),
        project=project,
        machine=machine,
        identity=_identify(request, source, packages[0]),
        findings=Findings(
            packages=packages,
            notes=format_missing(missing),
            notices=tuple(notices),
            complete=not missing,
        ),
        has_texts=source.home is not None,
        files=source.files,
    )


def _package(found: Inspected, index: int) -> Package:
    infos = [
        program.facts.go
        for (_, place), program in found.items()
        if place == index and program.facts.go
    ]
    if not infos:
        return Package(import_path="", name="main", folder="", module_path="")
    main = infos[0].main
    return Package(
        import_path=infos[0].path,
        name="main",
        folder="",
        module_path=main.path if main else infos[0].path,
        module_version=main.version if main else "",
    )


def _identify(request: BuildRequest, source: BinarySource, package: Package) -> Identity:
    version, notes = _version(request, source, package.module_version)
    pseudo = version is not None and ModuleQuery("", version.text).names_commit
    name = source.name or (name_from_path(package.import_path) if package.module_path else None)
    where = source.about if source.name else "build information"
    return Identity(
        name=Value(name, where) if name else None,
        version=version,
        development="its commit has no tag" if pseudo else "",
        urls=find_urls(package.module_path),
        notes=(*source.notes, *notes),
    )


def _version(
    request: BuildRequest, source: BinarySource, built: str
) -> tuple[Value | None, tuple[str, ...]]:
    """GoReleaser's version, else the binary's own; they must not contradict each other."""
    bare = built.split("+", 1)[0]
    if source.version:
        if (
            built not in _DEVEL
            and "-0." not in bare
            and bare.lstrip("v") != source.version.lstrip("v")
        ):
            raise BinaryError(
                f"the binaries are version {built}, but {source.about} says {source.version}",
                "build the release again from a clean folder",
            )
        return Value(source.version, source.about), ()
    if built in _DEVEL:
        return None, ()
    notes: tuple[str, ...] = ()
    if request.version is not None and request.version.lstrip("v") != bare.lstrip("v"):
        notes = (f"the binaries were built as version {built}",)
    return Value(bare, "build information"), notes

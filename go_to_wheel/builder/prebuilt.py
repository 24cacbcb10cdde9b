"""Prebuilt binaries: inspected like our own; their name, version and modules."""

from __future__ import annotations

import io
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo
from go_to_wheel.binary.match import inspect_program
from go_to_wheel.builder.detect import (
    Detection,
    Machine,
    license_value,
    python_files_of,
    read_epoch,
)
from go_to_wheel.builder.prebuilt_licenses import fetch_notices, format_missing
from go_to_wheel.config.detected import Detected, Identity, Value
from go_to_wheel.config.pyproject import Project
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import BinaryError, BuildFailedError, GoToWheelError
from go_to_wheel.golang.environment import usable_cpus
from go_to_wheel.golang.packages import Package
from go_to_wheel.licenses.recognise import recognise_files
from go_to_wheel.naming import name_from_path
from go_to_wheel.platforms import Target, native_target, parse_selection
from go_to_wheel.sources.files import read_readme
from go_to_wheel.sources.module import ModuleSource, read_files
from go_to_wheel.sources.prebuilt import BinarySource, PrebuiltBinary
from go_to_wheel.sources.query import ModuleQuery
from go_to_wheel.sources.readme import ProjectFiles
from go_to_wheel.sources.texts import first_sentence, forge_url


@dataclass(frozen=True)
class Prebuilt:
    """A prebuilt binary and what was read from it."""

    binary: PrebuiltBinary
    facts: BinaryFacts


#: By target name and the command's place in the source.
Inspected = Mapping[tuple[str, int], Prebuilt]

_DEVEL = ("", "(devel)")


def inspect_all(source: BinarySource, request: BuildRequest, project: Project | None) -> Inspected:
    """Read every binary and refuse those that do not match their target.

    Raises BuildFailedError naming each; targets that were not selected are left out.
    """
    platforms = request.platforms
    if platforms is None and project:
        platforms = project.settings.platforms
    found: dict[tuple[str, int], Prebuilt] = {}
    failures: dict[str, GoToWheelError] = {}
    for target in _wanted(source, platforms):
        for index, command in enumerate(source.commands or (None,)):
            try:
                found[target.name, index] = _inspect(source, target, command)
            except GoToWheelError as error:
                failures[target.name] = error
    if failures:
        raise BuildFailedError(failures, "offer each binary as what it is: --binary TARGET=PATH")
    _refuse_disagreement(source, found)
    return found


def _wanted(source: BinarySource, platforms: Sequence[str] | None) -> tuple[Target, ...]:
    if platforms is None:
        return source.targets
    chosen = parse_selection(platforms, native_target(sys.platform, platform.machine()))
    return tuple(target for target in chosen if target in source.targets)


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
            f"metadata.json says {source.commit}",
            "build the release again from a clean folder",
        )


def detect_binaries(
    request: BuildRequest,
    source: BinarySource,
    project: Project | None,
    found: Inspected,
    machine: Machine,
) -> Detection:
    """The findings in the binaries, in their release's files and in the folder beside them."""
    packages = tuple(_package(found, index) for index in range(len(source.commands or (None,))))
    module = packages[0].module_path
    files = _read_files(request, source, module)
    recognised = None if request.license else recognise_files(files.licenses)
    sentence = first_sentence(files.readme) if files.readme else None
    infos = [program.facts.go for program in found.values() if program.facts.go]
    notices, missing = (
        fetch_notices(infos, request.go_binary, machine.runner, machine.environ)
        if request.dependency_licenses
        else ([], {})
    )
    note = format_missing(missing)
    detected = Detected(
        package_paths=tuple(package.import_path for package in packages),
        module_path=module,
        files=files,
        native=native_target(sys.platform, platform.machine()),
        cpus=usable_cpus(),
        epoch=read_epoch(machine.environ),
        identity=_identify(request, source, packages),
        summary=Value(sentence, "README") if sentence else None,
        license=license_value(recognised),
        unknown_license=recognised.reason if recognised and not recognised.expression else "",
        command_names=source.commands if len(source.commands) > 1 else (),
        command_source="artifacts.json",
        project=project,
        python_files=python_files_of(project),
        available=source.targets,
        notes=(note,) if note else (),
    )
    return Detection(detected, packages, notices=tuple(notices), complete=not missing)


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


def _read_files(request: BuildRequest, source: BinarySource, module: str) -> ProjectFiles:
    if source.home is None:
        return ProjectFiles(read_readme(Path(request.readme)) if request.readme else None)
    return read_files(ModuleSource(source.home, (".",), module), request.readme)


def _identify(
    request: BuildRequest, source: BinarySource, packages: tuple[Package, ...]
) -> Identity:
    module = packages[0].module_path
    url = forge_url(module) if module else None
    version, notes = _version(request, source, packages[0].module_version)
    pseudo = version is not None and ModuleQuery("", version.text).names_commit
    name = source.name or (name_from_path(packages[0].import_path) if module else None)
    where = "metadata.json" if source.name else "build information"
    return Identity(
        name=Value(name, where) if name else None,
        version=version,
        development="its commit has no tag" if pseudo else "",
        urls=(("Source", Value(url, "build information")),) if url else (),
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
                f"the binaries are version {built}, but metadata.json says {source.version}",
                "build the release again from a clean folder",
            )
        return Value(source.version, "metadata.json"), ()
    if built in _DEVEL:
        return None, ()
    notes: tuple[str, ...] = ()
    if request.version is not None and request.version.lstrip("v") != bare.lstrip("v"):
        notes = (f"the binaries were built as version {built}",)
    return Value(bare, "build information"), notes

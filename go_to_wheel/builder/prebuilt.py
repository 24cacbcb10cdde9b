"""Ready-made binaries: inspected like our own, and asked what they are."""

from __future__ import annotations

import io
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from go_to_wheel.binary import BinaryFacts, GoBuildInfo, check_target, read_facts
from go_to_wheel.builder.look import Machine, python_files_of, read_epoch
from go_to_wheel.config import BuildRequest, Project, Said, Surroundings, Told
from go_to_wheel.errors import BinaryError, BuildFailedError, GoToWheelError
from go_to_wheel.licenses import recognise_files
from go_to_wheel.naming import name_from_path
from go_to_wheel.platforms import Target, native_target, parse_selection
from go_to_wheel.sources import (
    BinarySource,
    ModuleQuery,
    ModuleSource,
    ReadyBinary,
    first_sentence,
    forge_url,
    read_files,
    read_readme,
)
from go_to_wheel.sources.readme import ProjectFiles
from go_to_wheel.toolchain import Package, usable_cpus

#: Binaries and their facts, by target name and the command's place in the source.
Inspected = dict[tuple[str, int], tuple[ReadyBinary, BinaryFacts]]

_DEVEL = ("", "(devel)")


def inspect_all(source: BinarySource, platforms: Sequence[str] | None) -> Inspected:
    """Read every binary and refuse those that are not what they are offered as.

    Raises BuildFailedError naming each; targets that were not asked for are left out.
    """
    wanted = _wanted(source, platforms)
    facts: Inspected = {}
    failures: dict[str, GoToWheelError] = {}
    for target in wanted:
        for index, command in enumerate(source.commands or (None,)):
            try:
                facts[target.name, index] = _inspect(source, target, command)
            except GoToWheelError as error:
                failures[target.name] = error
    if failures:
        raise BuildFailedError(failures, "offer each binary as what it is: --binary TARGET=PATH")
    _refuse_disagreement(source, facts)
    return facts


def _wanted(source: BinarySource, platforms: Sequence[str] | None) -> tuple[Target, ...]:
    if platforms is None:
        return source.targets
    chosen = parse_selection(platforms, native_target(sys.platform, platform.machine()))
    return tuple(target for target in chosen if target in source.targets)


def _inspect(
    source: BinarySource, target: Target, command: str | None
) -> tuple[ReadyBinary, BinaryFacts]:
    binary = source.find(target, command)
    if binary is None:
        raise BinaryError(f"there is no {command!r} for it")
    try:
        facts = read_facts(io.BytesIO(binary.load()))
    except BinaryError as error:
        raise BinaryError(f"{binary.label}: {error.message}") from None
    faults = check_target(facts, target, ready_made=True)
    if faults:
        raise BinaryError("\n".join(f"{binary.label}: {fault}" for fault in faults))
    return binary, facts


def _refuse_disagreement(source: BinarySource, facts: Inspected) -> None:
    """One wheel set is one program from one commit, made by one Go."""
    questions: dict[str, Callable[[GoBuildInfo], str]] = {
        "main package": lambda info: info.path,
        "version": lambda info: info.main.version if info.main else "",
        "commit": lambda info: info.settings.get("vcs.revision", ""),
        "Go": lambda info: info.version,
    }
    for question, ask in questions.items():
        for index in range(len(source.commands or (None,))):
            said = {
                target: ask(one.go)
                for (target, place), (_, one) in facts.items()
                if place == index and one.go is not None
            }
            if len(set(said.values())) > 1:
                listed = ", ".join(f"{target}: {text or 'none'}" for target, text in said.items())
                raise BinaryError(
                    f"the binaries disagree about their {question}: {listed}",
                    "offer binaries of one and the same build",
                )
    commits = {one.setting("vcs.revision") for _, one in facts.values()} - {""}
    if source.commit and commits and commits != {source.commit}:
        raise BinaryError(
            f"the binaries were built from commit {', '.join(sorted(commits))}, but "
            f"metadata.json says {source.commit}",
            "build the release again from a clean folder",
        )


def look_at_binaries(
    request: BuildRequest,
    source: BinarySource,
    project: Project | None,
    facts: Inspected,
    machine: Machine,
) -> tuple[Surroundings, tuple[Package, ...]]:
    """What the binaries, their maker and the folder beside them tell."""
    packages = tuple(_package(facts, index) for index in range(len(source.commands or (None,))))
    module = packages[0].module_path
    files = _read_files(request, source, module)
    told = _tell(request, source, packages, facts, files)
    names = source.commands if len(source.commands) > 1 else ()
    around = Surroundings(
        package_paths=tuple(package.import_path for package in packages),
        module_path=module,
        files=files,
        native=native_target(sys.platform, platform.machine()),
        cpus=usable_cpus(),
        epoch=read_epoch(machine.environ),
        command_names=names,
        commands_origin="artifacts.json",
        project=project,
        told=told,
        python_files=python_files_of(project),
        available=source.targets,
    )
    return around, packages


def _package(facts: Inspected, index: int) -> Package:
    infos = [one.go for (_, place), (_, one) in facts.items() if place == index and one.go]
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


def _tell(
    request: BuildRequest,
    source: BinarySource,
    packages: tuple[Package, ...],
    facts: Inspected,
    files: ProjectFiles,
) -> Told:
    sentence = first_sentence(files.readme) if files.readme else None
    module = packages[0].module_path
    url = forge_url(module) if module else None
    version, notes = _version(request, source, packages[0].module_version)
    pseudo = version is not None and ModuleQuery("", version.value).names_commit
    name = source.name or (name_from_path(packages[0].import_path) if module else None)
    return Told(
        name=Said(name, "metadata.json" if source.name else "build information") if name else None,
        version=version,
        development="it is of a commit that no tag names" if pseudo else "",
        summary=Said(sentence, "README") if sentence else None,
        license=None if request.license else recognise_files(files.licenses),
        urls=(("Source", Said(url, "build information")),) if url else (),
        notes=(*source.notes, *notes),
    )


def _version(
    request: BuildRequest, source: BinarySource, built: str
) -> tuple[Said | None, tuple[str, ...]]:
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
        return Said(source.version, "metadata.json"), ()
    if built in _DEVEL:
        return None, ()
    notes: tuple[str, ...] = ()
    if request.version is not None and request.version.lstrip("v") != bare.lstrip("v"):
        notes = (f"the binaries say that they are version {built}",)
    return Said(bare, "build information"), notes

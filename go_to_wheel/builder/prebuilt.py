"""Prebuilt binaries as the source of a build: checked, and their modules' licence texts fetched.

The binaries record each module's path, version and h1 sum; Go downloads the modules.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from go_to_wheel.binary.facts import GoBuildInfo, GoModule
from go_to_wheel.binary.match import check_target
from go_to_wheel.builder.detect import (
    BuildInputs,
    InspectedBinaries,
    LocatedSource,
    requested_targets,
)
from go_to_wheel.config.merge import merge
from go_to_wheel.config.options import Identity, Value, find_urls
from go_to_wheel.config.pyproject import Project, find_project
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import BinaryError, BuildFailedError, InvalidOptionsError, ToolchainError
from go_to_wheel.golang.command import open_go
from go_to_wheel.golang.packages import Package, download_modules
from go_to_wheel.licenses import Notice, go_notice
from go_to_wheel.naming import name_from_path
from go_to_wheel.platforms import Target
from go_to_wheel.process import Host
from go_to_wheel.sources.files import read_license_texts
from go_to_wheel.sources.module import ModuleSource, is_commit_version
from go_to_wheel.sources.prebuilt import BinarySource, read_binaries, read_release

#: What must be the same in all binaries of a command.
_SHARED: dict[str, Callable[[GoBuildInfo], str]] = {
    "main package": lambda info: info.path,
    "version": lambda info: info.main.version if info.main else "",
    "commit": lambda info: info.settings.get("vcs.revision", ""),
    "Go": lambda info: info.version,
}
#: "module@version" as passed to Go; the names come from the binaries, which may be hostile.
_QUERY = re.compile(r"\w[\w.~/+-]*@v[\w.+-]*", re.ASCII)


def _select_binaries(source: BinarySource, targets: Sequence[Target]) -> InspectedBinaries:
    """The binaries for these targets.

    Raises InvalidOptionsError naming each target without one, BuildFailedError naming each
    binary that does not match its target.
    """
    selected = {
        target.name: [binary for binary in source.binaries if binary.target == target]
        for target in targets
    }
    if missing := [name for name, binaries in selected.items() if not binaries]:
        names = ",".join(target.name for target in source.targets)
        problems = [f"platform {name!r}: there is no binary for it" for name in missing]
        hint = f"choose from those that have one: --platforms {names}"
        raise InvalidOptionsError(problems, hint)
    failures: dict[str, BinaryError] = {}
    for binary in chain.from_iterable(selected.values()):
        if problems := check_target(binary.facts, binary.target):
            lines = [f"{binary.label}: {problem}" for problem in problems]
            failures[binary.target.name] = BinaryError("\n".join(lines))
    if failures:
        goos, goarch = next((t.goos, t.goarch) for t in targets if t.name in failures)
        raise BuildFailedError(
            failures,
            "name each binary's own platform: --binary PLATFORM=PATH\n"
            f"or build it for that one: CGO_ENABLED=0 GOOS={goos} GOARCH={goarch} go build",
        )
    _require_one_build(source, selected)
    return selected


def _require_one_build(source: BinarySource, selected: InspectedBinaries) -> None:
    """Raise BinaryError unless all binaries were built from one commit by one Go."""
    for programs in zip(*selected.values(), strict=True):  # of one command
        for subject, read in _SHARED.items():
            values = {p.target.name: read(p.facts.go) for p in programs if p.facts.go}
            if len(set(values.values())) > 1:
                listed = ", ".join(f"{target}: {text or 'none'}" for target, text in values.items())
                differ = f"the binaries differ in their {subject}: {listed}"
                raise BinaryError(differ, "use binaries of one build")
    binaries = chain.from_iterable(selected.values())
    commits = {binary.facts.setting("vcs.revision") for binary in binaries} - {""}
    if source.commit and commits and commits != {source.commit}:
        raise BinaryError(
            f"the binaries were built from commit {', '.join(sorted(commits))}, but "
            f"{source.origin} says {source.commit}",
            "build the release again from a clean folder",
        )


def locate_binaries(request: BuildRequest, folder: Path | None, host: Host) -> LocatedSource:
    """Read and check the binaries that a request names; fetch their licence texts."""
    if request.binaries or folder is None:
        source = read_binaries(request.binaries, folder)
    elif folder.is_file():
        source = read_binaries([request.source])
    else:
        source = read_release(folder.resolve())
    project = find_project(source.project_folder) if source.project_folder else Project(Path())
    request = merge(request, project, prebuilt=True)
    selected = _select_binaries(source, requested_targets(request, source.targets))
    packages = []
    for programs in zip(*selected.values(), strict=True):  # of one command
        info = next(filter(None, (program.facts.go for program in programs)), GoBuildInfo(""))
        main = info.main or GoModule(info.path)
        package = Package(info.path, "main", "", module_path=main.path, module_version=main.version)
        packages.append(package)
    infos = [
        binary.facts.go for binary in chain.from_iterable(selected.values()) if binary.facts.go
    ]
    wanted = infos if request.dependency_licenses else []
    notices, missing = fetch_notices(wanted, request.go_binary, host)
    paths = tuple(package.import_path for package in packages)
    return LocatedSource(
        request=request,
        source=ModuleSource(project.folder, paths, packages[0].module_path),
        project=project,
        host=host,
        identity=_identify_binaries(request, source, packages[0]),
        inputs=BuildInputs(
            packages=tuple(packages),
            binaries=selected,
            notes=(missing,) if missing else (),
            notices=tuple(notices),
            complete=not missing,
        ),
        binaries=source,
    )


def _identify_binaries(request: BuildRequest, source: BinarySource, package: Package) -> Identity:
    """The name and version of the release, else those that Go recorded in the binaries.

    Raises BinaryError when the two versions differ.
    """
    built = package.module_version
    recorded = None if built in ("", "(devel)") else built.split("+", 1)[0]
    version, notes = Value(recorded, "build information") if recorded else None, list(source.notes)
    if source.version:
        tagged = recorded if recorded and not is_commit_version(recorded) else source.version
        if tagged.lstrip("v") != source.version.lstrip("v"):
            raise BinaryError(
                f"the binaries are version {built}, not {source.version} as in {source.origin}",
                "build the release again from a clean folder",
            )
        version = Value(source.version, source.origin)
    elif recorded and request.version and request.version.lstrip("v") != recorded.lstrip("v"):
        notes.append(f"the binaries were built as version {built}")
    pseudo = version is not None and is_commit_version(version.text)
    name, where = source.name, source.origin
    if not name and package.module_path:
        name, where = name_from_path(package.import_path), "build information"
    elif not name and len(source.commands) == 1:
        name, where = source.commands[0], "the file's name"
    return Identity(
        name=Value(name, where) if name else None,
        version=version,
        why_unreleased="its commit has no tag" if pseudo else "",
        urls=find_urls(package.module_path),
        notes=tuple(notes),
    )


def fetch_notices(
    infos: Sequence[GoBuildInfo], go_binary: str | None, host: Host
) -> tuple[list[Notice], str]:
    """The notices of the binaries' modules, and a note on modules without licence texts, or "".

    Raises ToolchainError when `go_binary` is not a go command.
    """
    notices = [go_notice(info.version, None) for info in infos[:1]]
    wanted: dict[str, GoModule] = {}
    for info in infos:  # the program's own module is linked in when it was a released one
        for module in (*info.deps, *([info.main] if info.main and info.main.sum else [])):
            used = module.replace or module
            wanted[f"{used.path}@{used.version}" if used.version else used.path] = module
    fetchable = sorted(filter(_QUERY.fullmatch, wanted))
    downloads: dict[str, dict[str, Any]] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as scratch:
            if fetchable:
                go = open_go(go_binary, Path(scratch), host)
                downloads = download_modules(go, Path(scratch), fetchable)
    except ToolchainError as error:
        if go_binary:
            raise
        downloads = {query: {"Error": error.message} for query in fetchable}
    missing: dict[str, str] = {}
    for query, module in sorted(wanted.items()):
        downloaded = downloads.get(query, {"Error": f"{query} is not a released module"})
        total, expected = downloaded.get("Sum"), (module.replace or module).sum
        if "Error" in downloaded or "Dir" not in downloaded:
            missing[query] = " ".join(downloaded.get("Error", "Go found no files").split())
        elif expected and total != expected:
            missing[query] = f"{query} has the sum {total}, the program recorded {expected}"
        else:
            texts = read_license_texts(Path(downloaded["Dir"]), [Path(downloaded["Dir"])])
            notices.append(Notice(module.path, query.split("@")[1], texts))
    listed = f"{', '.join(missing)} ({next(iter(missing.values()), '')})"
    note = f"the wheels lack the licence texts of {listed}" if missing else ""
    return sorted(notices, key=lambda notice: notice.module), note

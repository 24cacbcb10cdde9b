"""Prebuilt binaries: inspected like our own; their name, version, modules and licence texts.

They record each module's path, version and h1 sum: a Go on this machine finds the sources in
its module cache or fetches them; a note names what is missing.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from go_to_wheel.binary.facts import GoBuildInfo, GoModule
from go_to_wheel.binary.match import check_target
from go_to_wheel.builder.detect import Findings, Located, Machine, find_urls
from go_to_wheel.config.options import Identity, Value
from go_to_wheel.config.pyproject import Project
from go_to_wheel.config.request import BuildRequest, MergedRequest
from go_to_wheel.errors import BinaryError, BuildFailedError, GoToWheelError, ToolchainError
from go_to_wheel.golang.command import open_go
from go_to_wheel.golang.packages import Package, download_modules
from go_to_wheel.licenses import Notice, go_notice
from go_to_wheel.naming import name_from_path
from go_to_wheel.platforms import Target
from go_to_wheel.sources.files import read_license_texts
from go_to_wheel.sources.module import ModuleSource, names_commit
from go_to_wheel.sources.prebuilt import BinarySource, PrebuiltBinary

#: By target name and the command's place in the source.
Inspected = Mapping[tuple[str, int], PrebuiltBinary]

_DEVEL = ("", "(devel)")
#: Nothing else is handed to Go: the names come from the binaries.
_QUERY = re.compile(r"\w[\w.~/+-]*@v[\w.+-]*", re.ASCII)
_NAMES = re.compile(r'^\S+@\S+: |(?<=Get )"[^"]*"(?=:)')


def inspect_all(source: BinarySource, targets: Sequence[Target]) -> Inspected:
    """The binaries for these targets; raises BuildFailedError naming each that does not fit."""
    found = {
        (each.target.name, source.commands.index(each.command) if each.command else 0): each
        for each in source.binaries
        if each.target in targets
    }
    failures: dict[str, GoToWheelError] = {}
    for each in found.values():
        if faults := check_target(each.facts, each.target, prebuilt=True):
            lines = [f"{each.label}: {fault}" for fault in faults]
            failures[each.target.name] = BinaryError("\n".join(lines))
    if failures:
        raise BuildFailedError(failures, "name each binary's own platform: --binary PLATFORM=PATH")
    _refuse_disagreement(source, found)
    return found


def _refuse_disagreement(source: BinarySource, found: Inspected) -> None:
    """One wheel set is one program from one commit, made by one Go."""
    seen: dict[tuple[int, str], dict[str, str]] = {}
    for (target, index), each in found.items():
        if info := each.facts.go:
            seen.setdefault((index, "main package"), {})[target] = info.path
            version = info.main.version if info.main else ""
            seen.setdefault((index, "version"), {})[target] = version
            seen.setdefault((index, "commit"), {})[target] = each.facts.setting("vcs.revision")
            seen.setdefault((index, "Go"), {})[target] = info.version
    for (_, subject), values in seen.items():
        if len(set(values.values())) > 1:
            listed = ", ".join(f"{target}: {text or 'none'}" for target, text in values.items())
            differ = f"the binaries differ in their {subject}: {listed}"
            raise BinaryError(differ, "use binaries of one build")
    commits = {each.facts.setting("vcs.revision") for each in found.values()} - {""}
    if source.commit and commits and commits != {source.commit}:
        raise BinaryError(
            f"the binaries were built from commit {', '.join(sorted(commits))}, but "
            f"{source.about} says {source.commit}",
            "build the release again from a clean folder",
        )


def describe(
    request: MergedRequest,
    source: BinarySource,
    found: Inspected,
    project: Project,
    machine: Machine,
) -> Located:
    """What the binaries and their release's files say, in the place of Go and git."""
    packages = tuple(_package(found, index) for index in range(len(source.commands or ("",))))
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
        binaries=source,
    )


def _package(found: Inspected, index: int) -> Package:
    infos = (each.facts.go for (_, at), each in found.items() if at == index)
    info = next(filter(None, infos), GoBuildInfo(""))
    module, version = (info.main.path, info.main.version) if info.main else (info.path, "")
    return Package(info.path, "main", folder="", module_path=module, module_version=version)


def _identify(request: BuildRequest, source: BinarySource, package: Package) -> Identity:
    """GoReleaser's version, else the binary's own; they must not contradict each other."""
    built = package.module_version
    own = None if built in _DEVEL else built.split("+", 1)[0]
    version, notes = Value(own, "build information") if own else None, list(source.notes)
    if source.version:
        if own and "-0." not in own and own.lstrip("v") != source.version.lstrip("v"):
            raise BinaryError(
                f"the binaries are version {built}, but {source.about} says {source.version}",
                "build the release again from a clean folder",
            )
        version = Value(source.version, source.about)
    elif own and request.version and request.version.lstrip("v") != own.lstrip("v"):
        notes.append(f"the binaries were built as version {built}")
    pseudo = version is not None and names_commit(version.text)
    name = source.name or (name_from_path(package.import_path) if package.module_path else None)
    where = source.about if source.name else "build information"
    return Identity(
        name=Value(name, where) if name else None,
        version=version,
        development="its commit has no tag" if pseudo else "",
        urls=find_urls(package.module_path),
        notes=tuple(notes),
    )


def fetch_notices(
    infos: Sequence[GoBuildInfo], go_binary: str | None, machine: Machine
) -> tuple[list[Notice], dict[str, str]]:
    """The notices of prebuilt binaries; and what is missing, with reasons.

    Raises ToolchainError when `go_binary` is named and is no Go.
    """
    notices = [go_notice(info.version, None) for info in infos[:1]]
    wanted: dict[str, GoModule] = {}
    for info in infos:  # the program's own module is linked in when it was a released one
        for module in (*info.deps, *([info.main] if info.main and info.main.sum else [])):
            used = module.replace or module
            wanted[f"{used.path}@{used.version}" if used.version else used.path] = module
    fetchable = sorted(filter(_QUERY.fullmatch, wanted))
    missing = {
        query: "no module has such a name"
        if "@" in query
        else "it was replaced by a folder when the program was built"
        for query in wanted.keys() - set(fetchable)
    }
    found: dict[str, dict[str, Any]] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as scratch:
            if fetchable:
                go = open_go(go_binary, machine.runner, Path(scratch), machine.environ)
                found = download_modules(go, Path(scratch), fetchable)
    except ToolchainError as error:
        if go_binary:
            raise
        found = {query: {"Error": error.message} for query in fetchable}
    for query, downloaded in found.items():
        module, fault = wanted[query], _fault(downloaded, wanted[query])
        if fault:
            missing[query] = fault
            continue
        root = Path(downloaded["Dir"])
        notices.append(Notice(module.path, query.split("@")[1], read_license_texts(root, [root])))
    return sorted(notices, key=lambda notice: notice.module), missing


def format_missing(missing: Mapping[str, str]) -> tuple[str, ...]:
    """The note about licence texts that the wheels lack; none without any."""
    reasons: dict[str, list[str]] = {}
    for query, reason in sorted(missing.items()):
        reasons.setdefault(reason, []).append(query)
    listed = "; ".join(f"{', '.join(queries)} ({reason})" for reason, queries in reasons.items())
    return (f"the wheels lack the licence texts of {listed}",) if missing else ()


def _fault(downloaded: Mapping[str, Any], module: GoModule) -> str:
    """Why these are not the module's files; "" if they are those that were linked in."""
    if downloaded.get("Error") or not downloaded.get("Dir"):
        # Go's message without the module and address, which differ from module to module
        return " ".join(_NAMES.sub("", str(downloaded.get("Error", "Go found no files"))).split())
    expected = (module.replace or module).sum
    if expected and downloaded.get("Sum") != expected:
        return f"the module's sum is {downloaded.get('Sum')}, the program recorded {expected}"
    return ""

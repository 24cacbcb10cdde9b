"""Builds a plan from a request: locate the source, detect, resolve; nothing is compiled."""

from __future__ import annotations

import posixpath
import re
import shutil
import tempfile
import weakref
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from go_to_wheel.binary.match import platform_tags_for
from go_to_wheel.builder.detect import BuildInputs, LocatedSource, detect
from go_to_wheel.builder.prebuilt import locate_binaries
from go_to_wheel.config.merge import merge
from go_to_wheel.config.options import BuildOptions, Identity, Value, find_urls
from go_to_wheel.config.pyproject import find_project
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.config.resolve import resolve
from go_to_wheel.errors import SourceError
from go_to_wheel.golang.command import Go, find_fitting_go, open_go
from go_to_wheel.golang.packages import download_modules, list_mains, list_package
from go_to_wheel.platforms import DEFAULT_TARGETS, Target, glibc_tags, platform_tags
from go_to_wheel.process import Host, Runner, usable_cpus
from go_to_wheel.sources.files import TEXT_LIMIT, read_file
from go_to_wheel.sources.git import guard_git, has_other_vcs
from go_to_wheel.sources.module import ModuleSource, is_commit_version, open_module, parse_query
from go_to_wheel.sources.prebuilt import is_release_folder


@dataclass(frozen=True)
class BuildPlan:
    """All values of a build; `inputs.packages` are in the order of `options.commands`."""

    options: BuildOptions
    source: ModuleSource
    inputs: BuildInputs
    runner: Runner

    @property
    def go(self) -> Go | None:
        """The Go that compiles the programs; None for prebuilt binaries."""
        return self.inputs.go

    @property
    def go_version(self) -> str:
        """The version of the Go that compiles, or compiled, the programs."""
        if self.go is not None:
            return self.go.version
        binaries = chain.from_iterable(self.inputs.binaries.values())
        versions = {binary.facts.go.version for binary in binaries if binary.facts.go}
        return ", ".join(sorted(versions)) or "unknown"

    @property
    def jobs(self) -> int:
        """How many programs are compiled in parallel."""
        return self.options.request.jobs or usable_cpus()

    def compile_key(self, target: Target) -> Hashable:
        """Targets with the same key get the same programs."""
        if self.go is None:
            return target.name
        return target.compile_key, str(self.options.request.target.get(target.name, {}))

    def planned_tags(self, target: Target) -> tuple[str, ...]:
        """The expected platform tags; a binary that needs a newer macOS gets another one."""
        if self.go is not None:
            zig = self.go.c_compiler(target)
            if zig and zig.glibc and target.goos == "linux":
                return glibc_tags(target, (2, int(zig.glibc.partition(".")[2])))
            return platform_tags(target, self.go.version)
        return platform_tags_for([b.facts for b in self.inputs.binaries[target.name]], target)


def prepare_build(request: BuildRequest, host: Host) -> BuildPlan:
    """Locate the source, detect and resolve every value; compile nothing.

    Raises MissingPathError, SourceError, InvalidOptionsError, ToolchainError.
    """
    located = _locate(request, host)
    detected, inputs = detect(located)
    options = resolve(located.request, detected)
    if inputs.error is not None:
        raise inputs.error
    return BuildPlan(options, located.source, inputs, located.host.runner)


def _locate(request: BuildRequest, host: Host) -> LocatedSource:
    """The source that a request names: prebuilt binaries, a module to fetch, or a folder."""
    folder = Path(request.source) if request.source else None
    prebuilt = folder is not None and folder.is_file() and folder.suffix not in (".go", ".mod")
    if request.binaries or prebuilt or (folder is not None and is_release_folder(folder)):
        return locate_binaries(request, folder, host)
    query = None if folder is not None and folder.exists() else parse_query(request.source)
    if query is not None:
        return _locate_module(request, query, host.with_environ({"GOWORK": "off"}))
    root = Path(request.source).resolve()
    host = guard_git(root, host)
    project = find_project(root)
    module = project.settings.module if project.folder == root else None
    merged = merge(request, project)
    source = open_module(str(root / module) if module else request.source, merged.packages)
    stamp = request.stamp and not has_other_vcs(root)  # Go would start that system
    return LocatedSource(replace(merged, stamp=stamp), source, project, host)


def _locate_module(request: BuildRequest, query: tuple[str, str], host: Host) -> LocatedSource:
    """Fetch a module into a temporary folder, which is removed with the runner."""
    scratch = Path(tempfile.mkdtemp(prefix="go-to-wheel-"))
    weakref.finalize(host.runner, shutil.rmtree, scratch, True)
    go = open_go(request.go_binary, scratch, host)
    try:
        source, identity = _fetch_module(go, query, request.packages, scratch)
    except SourceError as error:
        needed = re.search(r"requires go >= ?(\d{1,9}(\.\d{1,9})*)", error.message)
        other = find_fitting_go(needed[1], host) if needed else None
        if request.go_binary not in (None, "go") or other in (None, go.program):
            raise
        go = open_go(other, scratch, host)
        source, identity = _fetch_module(go, query, request.packages, scratch)
    project = find_project(source.module_folder or scratch)
    merged = merge(request, project.without_commands())
    return LocatedSource(merged, source, project, host, go, identity)


def _fetch_module(
    go: Go, query: tuple[str, str], packages: Sequence[str], folder: Path
) -> tuple[ModuleSource, Identity]:
    """`go get` a module as the requirement of a new module in `folder`.

    Building there, rather than inside the module cache, records the module's version and h1
    sum in the binary; so does `go install`, but its output path can't be chosen. `packages` are
    relative to the queried package ("./cmd/x"); empty for that package itself.
    """
    # the oldest language with complete lists of requirements; `go get` raises it as needed
    (folder / "go.mod").write_text("module build.invalid/wheel\n\ngo 1.17\n")
    base, requested = query
    paths = [posixpath.normpath(f"{base}/{package}") for package in packages or ["."]]
    for path in paths:
        go.query(["get", f"{path}@{requested}"], folder)
    lister = go.with_cgo()  # go list fails for packages whose files all need cgo
    try:
        first, *others = (list_package(lister, folder, path, DEFAULT_TARGETS[0]) for path in paths)
    except SourceError as error:
        mains = list_mains(lister, folder, DEFAULT_TARGETS[0], f"{base}/...")
        if not mains or "no required module provides" not in error.message:
            raise
        choices = ", ".join(f"go-to-wheel {path}@{requested}" for path in mains)
        raise SourceError(f"{base} has no Go files", f"build one of: {choices}") from None
    for package in others:
        if package.module_path != first.module_path:
            problem = f"{package.import_path} is in another module than {first.import_path}"
            raise SourceError(problem, "packages of one wheel come from one module")
    module, version = first.module_path, first.module_version
    source = ModuleSource(folder, tuple(paths), module, Path(first.module_folder), version)
    (record,) = download_modules(go, folder, [f"{module}@{version}"]).values()
    return source, _identify_fetched(source, requested, record.get("Origin", {}))


def _identify_fetched(source: ModuleSource, requested: str, origin: dict[str, str]) -> Identity:
    """A fetched module's identity; `origin` is the "Origin" record of `go mod download`."""
    module, version = source.module_path, source.version or ""
    untagged = is_commit_version(version) and not is_commit_version(requested)
    commit = origin.get("Hash")
    urls = find_urls(module, origin.get("URL"), "module proxy")
    go_mod = (source.module_folder or source.root) / "go.mod"
    text = read_file(go_mod, go_mod.parent, TEXT_LIMIT) if go_mod.exists() else b""
    notes = []
    if any(line.split(b"//")[0].strip().startswith(b"replace") for line in text.splitlines()):
        notes.append(  # `go install` refuses such modules
            f"{module} replaces some of its dependencies; Go applies that only in the module's "
            "own folder, so this binary has the original versions"
        )
    if not urls:
        notes.append(f"the module proxy has no address of {module}'s source (set --url)")
    commit_values = {"commit": commit, "short-commit": commit[:7]} if commit else {}
    return Identity(
        version=Value(version, f"module version {version}"),
        why_unreleased=f"{module} has no tagged version for {requested!r}" if untagged else "",
        urls=urls,
        placeholders={"tag": version, **commit_values},
        subfolder=f"{origin['Subdir']}/" if origin.get("Subdir") else "",
        notes=tuple(notes),
    )

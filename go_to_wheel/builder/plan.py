"""A request -> a plan: everything checked and decided, nothing compiled."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from go_to_wheel.binary.match import tags_for
from go_to_wheel.builder.detect import Findings, Located, Machine, asked_targets, detect, find_urls
from go_to_wheel.builder.prebuilt import Inspected, describe, inspect_all
from go_to_wheel.config.options import BuildOptions, Identity, Value
from go_to_wheel.config.pyproject import Project, read_project
from go_to_wheel.config.request import BuildRequest, merge
from go_to_wheel.config.resolve import resolve
from go_to_wheel.errors import SourceError
from go_to_wheel.golang.command import Go, find_fitting_go, open_go
from go_to_wheel.golang.messages import needed_go
from go_to_wheel.golang.packages import Package, download_modules, list_package
from go_to_wheel.platforms import Target, default_targets, glibc_tags, platform_tags
from go_to_wheel.process import Runner, usable_cpus
from go_to_wheel.sources.files import TEXT_LIMIT, read_file
from go_to_wheel.sources.git import guard_git, has_other_system
from go_to_wheel.sources.module import (
    ModuleSource,
    module_root,
    names_commit,
    open_source,
    parse_query,
)
from go_to_wheel.sources.prebuilt import is_release, parse_binaries, read_release

#: The oldest language with complete lists of requirements; `go get` raises it as needed.
_GO_MOD = "module build.invalid/wheel\n\ngo 1.17\n"


@dataclass(frozen=True)
class BuildPlan:
    """Everything decided, nothing compiled.

    The packages in `found` are in the order of the options' commands. `go` is None for
    prebuilt binaries; these are in `prebuilt`, by (target name, number of the command), and
    `found` has the licence texts of their modules.
    """

    options: BuildOptions
    source: ModuleSource
    found: Findings
    runner: Runner
    prebuilt: Inspected = field(default_factory=dict)

    @property
    def go(self) -> Go | None:
        """The Go that builds the programs."""
        return self.found.go

    @property
    def package(self) -> Package:
        """The first command's package."""
        return self.found.packages[0]

    @property
    def go_version(self) -> str:
        """The Go that builds, or built, the programs."""
        if self.go is not None:
            return self.go.version
        seen = {program.facts.go.version for program in self.prebuilt.values() if program.facts.go}
        return ", ".join(sorted(seen)) or "unknown"

    @property
    def jobs(self) -> int:
        """The programs that are compiled at once."""
        return self.options.request.jobs or usable_cpus()

    def compile_key(self, target: Target) -> Hashable:
        """Targets with the same key share their programs."""
        if self.go is None:
            return target.name
        return target.compile_key, str(self.options.request.target.get(target.name, {}))

    def planned_tags(self, target: Target) -> tuple[str, ...]:
        """The tags that this Go will give; the binary's own minimum may raise macOS's."""
        if self.go is not None:
            zig = self.go.c_compiler(target)
            if zig and zig.glibc and target.goos == "linux":
                return glibc_tags(target, (2, int(zig.glibc.partition(".")[2])))
            return platform_tags(target, self.go.version)
        seen = [program for (name, _), program in self.prebuilt.items() if name == target.name]
        return tags_for([program.facts for program in seen], target)


def plan_build(request: BuildRequest, runner: Runner, environ: Mapping[str, str]) -> BuildPlan:
    """Locate the source, detect what it says, resolve every value; compile nothing.

    Raises MissingPathError, SourceError, InvalidOptionsError, ToolchainError.
    """
    folder = Path(request.source) if request.source else None
    if request.binaries or (folder is not None and (folder.is_file() or is_release(folder))):
        return _plan_prebuilt(request, folder, Machine(environ, runner))
    query = None if folder is not None and folder.exists() else parse_query(request.source)
    if query is not None:
        return _decide(_fetch(request, query, Machine({**environ, "GOWORK": "off"}, runner)))
    root = Path(request.source).resolve()
    machine = Machine(guard_git(root, runner, environ), runner)
    project = find_project(root)
    module = project.settings.module if project.folder == root else None
    merged = merge(request, project)
    source = open_source(str(root / module) if module else request.source, merged.packages)
    return _decide(Located(merged, source, project, machine, stamp=not has_other_system(root)))


def find_project(folder: Path) -> Project:
    """The pyproject.toml that governs a source folder: its own, else its module's."""
    folder = folder.resolve()
    if not folder.is_dir():
        return Project(folder)
    project, root = read_project(folder), module_root(folder)
    if project or root is None or root == folder:
        return project or Project(root or folder)
    project = read_project(root) or Project(root)
    # its choice of packages is about the whole module
    bare = replace(project.settings, package=(), commands={}, entry_point=None)
    return replace(project, settings=bare)


def _fetch(request: BuildRequest, query: tuple[str, str], machine: Machine) -> Located:
    """A module that Go fetches, in a folder that goes with the runner."""
    scratch = Path(tempfile.mkdtemp(prefix="go-to-wheel-"))
    weakref.finalize(machine.runner, shutil.rmtree, scratch, True)
    go = open_go(request.go_binary, machine.runner, scratch, machine.environ)
    try:
        source, identity = _require(go, query, request.packages, scratch)
    except SourceError as error:
        wanted = needed_go(error.message)
        other = find_fitting_go(wanted, machine.runner, machine.environ) if wanted else None
        if request.go_binary not in (None, "go") or other in (None, go.program):
            raise
        go = open_go(other, machine.runner, scratch, machine.environ)
        source, identity = _require(go, query, request.packages, scratch)
    project = find_project(source.home or scratch)
    settings = replace(project.settings, package=(), commands={})
    merged = merge(request, replace(project, settings=settings))
    return Located(merged, source, project, machine, go, identity)


def _require(
    go: Go, query: tuple[str, str], below: Sequence[str], folder: Path
) -> tuple[ModuleSource, Identity]:
    """Let Go fetch a module into a new one in `folder`: its source, and what the proxy knows.

    Building there, rather than inside the module cache, keeps the module's version and its h1
    sum in the binary; `go install`, which would too, can't choose its output. `below` are the
    packages, as folders of the queried one ("./cmd/x"); empty for itself.
    """
    (folder / "go.mod").write_text(_GO_MOD)
    queried, asked = query
    names = [package.removeprefix(".").strip("/") for package in below] or [""]
    paths = [f"{queried}/{name}" if name else queried for name in names]
    for path in paths:
        go.query(["get", f"{path}@{asked}"], folder)
    lister = go.with_cgo()  # programs with nothing but C, too
    first, *others = (list_package(lister, folder, path, default_targets()[0]) for path in paths)
    for package in others:
        if package.module_path != first.module_path:
            raise SourceError(
                f"{package.import_path} is in another module than {first.import_path}",
                "packages of one wheel come from one module",
            )
    module, version, home = first.module_path, first.module_version, Path(first.module_folder)
    source = ModuleSource(folder, tuple(paths), module, home=home, version=version)
    (record,) = download_modules(go, folder, [f"{module}@{version}"]).values()
    return source, _identify(source, asked, record.get("Origin", {}))


def _identify(source: ModuleSource, asked: str, origin: dict[str, str]) -> Identity:
    """What the module proxy knows: the version, whether it is a release, the address."""
    module, version = source.module_path, source.version or ""
    untagged = names_commit(version) and not names_commit(asked)
    commit = origin.get("Hash")
    urls = find_urls(module, origin.get("URL"), "module proxy")
    go_mod = (source.home or source.root) / "go.mod"
    text = read_file(go_mod, go_mod.parent, TEXT_LIMIT) if go_mod.exists() else b""
    notes = []
    if any(line.split(b"//")[0].strip().startswith(b"replace") for line in text.splitlines()):
        notes.append(  # `go install` refuses such modules
            f"{module} replaces some of its dependencies; Go does so only in the "
            "module's own folder, so this binary has the plain versions"
        )
    if not urls:
        notes.append(f"the module proxy has no address of {module}'s source (set --url)")
    known = {"commit": commit, "short-commit": commit[:7]} if commit else {}
    return Identity(
        version=Value(version, f"module version {version}"),
        development=f"{module} has no tagged version for {asked!r}" if untagged else "",
        urls=urls,
        stamps={"tag": version, **known},
        place=origin.get("Subdir", ""),
        notes=tuple(notes),
    )


def _plan_prebuilt(request: BuildRequest, folder: Path | None, machine: Machine) -> BuildPlan:
    if request.binaries or folder is None:
        binaries = parse_binaries(request.binaries, folder)
    elif folder.is_file():
        binaries = parse_binaries([request.source])
    else:
        binaries = read_release(folder.resolve())
    project = find_project(binaries.home) if binaries.home else Project(Path())
    merged = merge(request, project, prebuilt=True)
    programs = inspect_all(binaries, asked_targets(merged, binaries.targets))
    return _decide(describe(merged, binaries, programs, project, machine), programs)


def _decide(located: Located, prebuilt: Inspected | None = None) -> BuildPlan:
    detected, found = detect(located)
    options = resolve(located.request, detected)
    if found.error is not None:
        raise found.error
    return BuildPlan(options, located.source, found, located.machine.runner, prebuilt or {})

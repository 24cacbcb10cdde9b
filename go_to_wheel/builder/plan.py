"""A request -> a plan: everything checked and decided, nothing compiled."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from go_to_wheel.binary.match import tags_for
from go_to_wheel.builder.detect import Detection, Located, Machine, detect_module
from go_to_wheel.builder.fetch import fetch, identify_module, make_scratch, remove_with
from go_to_wheel.builder.prebuilt import Inspected, Prebuilt, detect_binaries, inspect_all
from go_to_wheel.config.options import BuildOptions
from go_to_wheel.config.pyproject import Project, Settings, read_project
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.config.resolve import chosen_packages, resolve
from go_to_wheel.golang.command import Go, open_go
from go_to_wheel.golang.packages import Package
from go_to_wheel.licenses.notices import Notice
from go_to_wheel.platforms import Target, default_targets, platform_tags
from go_to_wheel.process import Runner
from go_to_wheel.sources.git import guard_git, has_other_system
from go_to_wheel.sources.module import ModuleSource, module_root, open_source
from go_to_wheel.sources.prebuilt import BinarySource, is_release, parse_binaries, read_release
from go_to_wheel.sources.query import ModuleQuery, parse_query


@dataclass(frozen=True)
class BuildPlan:
    """Everything decided, nothing compiled.

    `packages` are in the order of the options' commands. `go` is None for prebuilt
    binaries; these are in `prebuilt`, by (target name, command), and `notices` has the licence
    texts of their modules, all of them if `complete`.
    """

    options: BuildOptions
    source: ModuleSource | BinarySource
    packages: tuple[Package, ...]
    runner: Runner
    go: Go | None = None
    prebuilt: Mapping[tuple[str, str], Prebuilt] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    complete: bool = True

    @property
    def package(self) -> Package:
        """The first command's package."""
        return self.packages[0]

    @property
    def go_version(self) -> str:
        """The Go that builds, or built, the programs."""
        if self.go is not None:
            return self.go.version
        seen = {program.facts.go.version for program in self.prebuilt.values() if program.facts.go}
        return ", ".join(sorted(seen)) or "unknown"

    def planned_tags(self, target: Target) -> tuple[str, ...]:
        """The tags that this Go will give; the binary's own minimum may raise macOS's."""
        if self.go is not None:
            return platform_tags(target, self.go.version)
        commands = self.options.commands
        return tags_for([self.prebuilt[target.name, name].facts for name in commands], target)


def plan_build(request: BuildRequest, runner: Runner, environ: Mapping[str, str]) -> BuildPlan:
    """Locate the source, detect what it says, resolve every value; compile nothing.

    Raises MissingPathError, SourceError, InvalidOptionsError, ToolchainError.
    """
    machine = Machine(environ, runner)
    folder = Path(request.source) if request.source else None
    if request.binaries or (folder is not None and is_release(folder)):
        return _plan_prebuilt(request, folder, machine)
    query = None if folder is not None and folder.exists() else parse_query(request.source)
    if query is not None:
        return _plan_fetched(request, query, machine)
    located = _locate_folder(request)
    guarded = Machine(guard_git(Path(request.source).resolve(), runner, environ), runner)
    return _decide(request, located.source, detect_module(request, located, guarded), runner, {})


def _decide(
    request: BuildRequest,
    source: ModuleSource | BinarySource,
    detection: Detection,
    runner: Runner,
    programs: Inspected,
) -> BuildPlan:
    """The findings -> the plan; `programs` are the prebuilt ones."""
    options = resolve(request, detection.detected)
    if detection.error is not None:
        raise detection.error
    return BuildPlan(
        options=options,
        source=source,
        packages=detection.packages,
        runner=runner,
        go=detection.go,
        prebuilt={(name, options.commands[at]): seen for (name, at), seen in programs.items()},
        notices=detection.notices,
        complete=detection.complete,
    )


def _locate_folder(request: BuildRequest) -> Located:
    project = find_project(Path(request.source))
    settings = project.settings if project else Settings()
    folder = request.source
    if project and settings.module and project.folder == Path(folder).resolve():
        folder = str(project.folder / settings.module)
    source = open_source(folder, list(chosen_packages(request, settings)))
    return Located(source, project, stamp=not has_other_system(Path(request.source).resolve()))


def find_project(folder: Path) -> Project | None:
    """The pyproject.toml that governs a source folder: its own, else its module's."""
    if not folder.is_dir():
        return None
    folder = folder.resolve()
    project = read_project(folder)
    root = module_root(folder)
    if project is None and root is not None and root != folder:
        project = read_project(root)
        if project:  # its choice of packages is about the whole module
            bare = replace(project.settings, packages=(), commands={}, entry_point=None)
            project = replace(project, settings=bare)
    return project


def _plan_fetched(request: BuildRequest, query: ModuleQuery, machine: Machine) -> BuildPlan:
    scratch = make_scratch()
    try:
        go = open_go(request.go_binary, machine.runner, scratch, machine.environ)
        fetched = fetch(go, query, request.packages, scratch, default_targets()[0])
        source = fetched.source
        remove_with(source, scratch)
        project = find_project(source.home or scratch)
        located = Located(source, project, go, identify_module(fetched, query))
        detection = detect_module(request, located, machine)
        return _decide(request, source, detection, machine.runner, {})
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _plan_prebuilt(request: BuildRequest, folder: Path | None, machine: Machine) -> BuildPlan:
    if folder is not None and not request.binaries:
        source = read_release(folder.resolve())
    else:
        source = parse_binaries(request.binaries, folder)
    project = find_project(source.home) if source.home else None
    programs = inspect_all(source, request, project)
    detection = detect_binaries(request, source, project, programs, machine)
    return _decide(request, source, detection, machine.runner, programs)

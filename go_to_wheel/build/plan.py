"""A request -> a plan: everything checked and decided, nothing compiled."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from go_to_wheel.build.carried import judge_all, with_notices
from go_to_wheel.build.dependencies import read_notices
from go_to_wheel.config import BuildOptions, BuildRequest, Surroundings, resolve
from go_to_wheel.errors import InvalidOptionsError, SourceError
from go_to_wheel.naming import name_from_path
from go_to_wheel.platforms import Target, native_target, platform_tags
from go_to_wheel.source import ModuleSource, open_source, read_files
from go_to_wheel.toolchain import Go, Package, Runner, find_go, open_go
from go_to_wheel.wheelfile import parse_epoch


@dataclass(frozen=True)
class BuildPlan:
    """Everything decided, nothing compiled. `licenses` are those known, by module path."""

    options: BuildOptions
    source: ModuleSource
    package: Package
    go: Go
    licenses: Mapping[str, str] = field(default_factory=dict)

    def planned_tags(self, target: Target) -> tuple[str, ...]:
        """The tags that this Go will give; the binary's own minimum may raise macOS's."""
        return platform_tags(target, self.go.version)


def plan_build(request: BuildRequest, runner: Runner, environ: Mapping[str, str]) -> BuildPlan:
    """Check source, values, Go and package; compile nothing.

    Raises MissingPathError, SourceError, InvalidOptionsError, ToolchainError.
    """
    source = open_source(request.source, request.package)
    options = resolve(request, _look_around(request, source, environ))
    go = open_go(find_go(request.go_binary), runner, source.root, environ)
    package = _main_package(go, source, options)
    _check_version_var(go, source, options)
    plan = BuildPlan(options, source, package, go)
    return _with_dependencies(plan) if request.dependency_licenses else plan


def _with_dependencies(plan: BuildPlan) -> BuildPlan:
    """The plan with the licences of everything that will be linked in."""
    source, options = plan.source, plan.options
    notices = read_notices(
        plan.go, plan.package.module_path, source.root, [source.package], options.targets
    )
    licenses = {module: verdict.expression for module, verdict in judge_all(notices).items()}
    licenses[plan.package.module_path] = options.project.license_expression
    return replace(
        plan,
        options=with_notices(options, notices),
        licenses={module: name for module, name in licenses.items() if name},
    )


def _look_around(
    request: BuildRequest, source: ModuleSource, environ: Mapping[str, str]
) -> Surroundings:
    try:
        epoch = parse_epoch(environ.get("SOURCE_DATE_EPOCH"))
    except ValueError as error:
        raise InvalidOptionsError([str(error)]) from None
    return Surroundings(
        default_name=name_from_path(source.package_path),
        files=read_files(source, request.readme),
        native=native_target(sys.platform, platform.machine()),
        cpus=_usable_cpus(),
        epoch=epoch,
    )


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _main_package(go: Go, source: ModuleSource, options: BuildOptions) -> Package:
    """The package to build; anything but `main` would compile to an archive, exit 0."""
    target = options.targets[0]
    package = go.list_package(source.root, source.package, target)
    if package.name == "main":
        return package
    mains = [_relative_package(path, source) for path in go.list_mains(source.root, target)]
    hint = f"build one of: {', '.join(f'--package {path}' for path in mains)}"
    raise SourceError(
        f"package {package.import_path} is {package.name!r}, not 'main': it is a library, "
        "not a program",
        hint if mains else "the module has no main package; there is no program to build",
    )


def _relative_package(import_path: str, source: ModuleSource) -> str:
    below = import_path.removeprefix(source.module_path).strip("/")
    return f"./{below}" if below else "."


def _check_version_var(go: Go, source: ModuleSource, options: BuildOptions) -> None:
    """The linker ignores -X for what does not exist; we do not."""
    if options.version_var is None:
        return
    package, name = options.version_var
    asked = source.package if package == "main" else package
    symbols, read_initialisers = go.list_symbols(
        source.root, asked, options.targets[0], options.ldflags
    )
    symbol = f"{package}.{name}"
    kind = symbols.get(symbol)
    strings = sorted(found for found in symbols if found.startswith(f"{package}."))
    if kind is None:
        raise InvalidOptionsError(
            [f"set-version-var {symbol!r} sets nothing: the program has no such string variable"],
            f"its variables of that size: {', '.join(strings)}" if strings else "",
        )
    if kind == "B" and symbol in read_initialisers():
        raise InvalidOptionsError(
            [f"set-version-var {symbol!r} sets nothing: the program computes it when it starts"],
            "initialise it with a constant string, or leave it unset",
        )

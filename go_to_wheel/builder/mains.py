"""The packages to build: each must be a program, not a library."""

from __future__ import annotations

from collections.abc import Sequence

from go_to_wheel.errors import SourceError
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import Package, list_mains, list_package
from go_to_wheel.platforms import Target
from go_to_wheel.sources.module import ModuleSource


def find_main(go: Go, source: ModuleSource, package: str, targets: Sequence[Target]) -> Package:
    """A package to build, listed for the first target that has files for it.

    A program may be for some systems only; the compiler refuses the others. Raises
    SourceError.
    """
    refused: SourceError | None = None
    systems: dict[str, Target] = {}
    for target in targets:
        systems.setdefault(target.goos, target)
    for target in systems.values():
        try:
            return _find_main_for(go, source, package, target)
        except SourceError as error:
            refused = refused or error
            if "build constraints exclude" not in refused.message:
                break
    raise refused or SourceError("no target to build for")


def _find_main_for(go: Go, source: ModuleSource, asked: str, target: Target) -> Package:
    """A package to build; anything but `main` would compile to an archive, exit 0."""
    try:
        package = list_package(go, source.root, asked, target)
    except SourceError as error:
        if "no Go files in" not in error.message:
            raise
        raise SourceError(error.message, _name_mains(go, source, target)) from None
    if package.name == "main":
        return package
    raise SourceError(
        f"package {package.import_path} is a library (package {package.name}), not a program",
        _name_mains(go, source, target),
    )


def _name_mains(go: Go, source: ModuleSource, target: Target) -> str:
    """What to build instead."""
    pattern = "./..." if source.home is None else f"{source.module_path}/..."
    found = list_mains(go, source.root, target, pattern)
    below = [path.removeprefix(source.module_path).strip("/") for path in found]
    if not below:
        return "the module has no main package: name another one, or add a `package main`"
    packages = [f"--package {f'./{path}' if path else '.'}" for path in below]
    return f"build one of: {', '.join(packages)}"

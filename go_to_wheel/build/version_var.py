"""The Go variable that is to hold the version: it must exist, and be what the linker sets."""

from __future__ import annotations

from go_to_wheel.config import BuildOptions
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.platforms import Target
from go_to_wheel.source import ModuleSource
from go_to_wheel.toolchain import Go, Package

#: What programs usually call it, in `main` or in a package of the module so called.
_USUAL_NAMES = frozenset(
    name.casefold() for name in ("version", "buildVersion", "appVersion", "toolVersion")
)
_USUAL_PACKAGES = frozenset(("version", "buildinfo", "build", "cmd", "cli", "internal", "app"))


def check_version_var(go: Go, source: ModuleSource, options: BuildOptions) -> None:
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


def find_version_var(
    go: Go, source: ModuleSource, packages: tuple[Package, ...], options: BuildOptions
) -> str:
    """The one variable with a usual name that the linker can set.

    Raises InvalidOptionsError when there is none, or more than one.
    """
    target = options.targets[0]
    found: set[str] = set()
    for index, package in enumerate(packages):
        found.update(_candidates(go, source, source.packages[index], "main", target, options))
        for path in go.list_deps(source.root, source.packages[index], target):
            inside = path.startswith(f"{source.module_path}/") and path != package.import_path
            if inside and path.rsplit("/", 1)[-1] in _USUAL_PACKAGES:
                found.update(_candidates(go, source, path, path, target, options))
    if len(found) == 1:
        return found.pop()
    listed = ", ".join(sorted(found))
    raise InvalidOptionsError(
        [
            f"set-version-var 'auto': several variables could hold the version: {listed}"
            if found
            else "set-version-var 'auto': no usual variable (main.version …) is there to be set"
        ],
        "name the one: --set-version-var main.version",
    )


def _candidates(
    go: Go, source: ModuleSource, asked: str, package: str, target: Target, options: BuildOptions
) -> list[str]:
    symbols, read_initialisers = go.list_symbols(source.root, asked, target, options.ldflags)
    usual = [
        symbol
        for symbol in symbols
        if symbol.startswith(f"{package}.")
        and symbol.removeprefix(f"{package}.").casefold() in _USUAL_NAMES
    ]
    unset = [symbol for symbol in usual if symbols[symbol] == "B"]
    computed = read_initialisers() if unset else ""
    return [symbol for symbol in usual if symbol not in unset or symbol not in computed]

"""The Go variable that is to hold the version: it must exist, and be what the linker sets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress

from go_to_wheel import __version__
from go_to_wheel.builder.dependencies import Linked
from go_to_wheel.builder.kept import Kept, make_key
from go_to_wheel.config import BuildOptions
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.platforms import Target
from go_to_wheel.sources import ModuleSource
from go_to_wheel.toolchain import Go, Package

#: What programs usually call it, in `main` or in a package of the module so called.
_USUAL_NAMES = frozenset(
    name.casefold() for name in ("version", "buildVersion", "appVersion", "toolVersion")
)
_USUAL_PACKAGES = frozenset(("version", "buildinfo", "build", "cmd", "cli", "internal", "app"))


def check_version_var(
    go: Go, source: ModuleSource, options: BuildOptions, processors: float | None = None
) -> str:
    """The linker ignores -X for what does not exist; we do not.

    Returns a note when the program may overwrite the variable, "" otherwise. Whether anything
    reads it is seen in the finished binaries. `processors` is the compile's share where several
    run at once. Raises InvalidOptionsError, SourceError.
    """
    if options.version_var is None:
        return ""
    package, name = options.version_var
    asked = source.package if package == "main" else package
    goos = options.targets[0].goos
    variables = go.list_variables(source.root, asked, goos, options.ldflags, processors)
    symbol = f"{_escape(package)}.{name}"
    if symbol not in variables.kinds:
        raise InvalidOptionsError(
            [f"set-version-var '{package}.{name}' sets nothing: the program has no such string "
             "variable"],
            _list_variables(variables.kinds, package),
        )  # fmt: skip
    writers = variables.writers.get(symbol, set())
    if f"{_escape(package)}.init" in writers:
        raise InvalidOptionsError(
            [f"set-version-var '{package}.{name}' sets nothing: the program computes it when it "
             "starts"],
            "initialise it with a constant string, or leave it unset",
        )  # fmt: skip
    if writers:
        return f"{package}.{name} is also written by an init function, which may overwrite it"
    return ""


def source_state(linked: Iterable[Linked]) -> list[tuple[str, int, int]]:
    """Where the Go files of these packages are, their sizes and times: the same while they rest."""
    found = []
    for folder in {one.folder for one in linked}:
        with suppress(OSError):
            for entry in os.scandir(folder):
                if entry.name.endswith(".go"):
                    about = entry.stat()
                    found.append((entry.path, about.st_size, about.st_mtime_ns))
    return sorted(found)


def known_note(kept: Kept, options: BuildOptions, digests: Sequence[str]) -> str | None:
    """What the check said when these very programs were made; None if it is not known."""
    data = kept.read(_note_key(options, digests))
    return None if data is None else data.decode("utf-8", "replace")


def keep_note(kept: Kept, options: BuildOptions, digests: Sequence[str], note: str) -> None:
    """Remember what the check said, with the programs (SHA-256) that it was about."""
    kept.keep(_note_key(options, digests), note.encode())


def _note_key(options: BuildOptions, digests: Sequence[str]) -> str:
    return make_key("version variable", __version__, *(options.version_var or ()), *digests)


def unread_version(options: BuildOptions, *programs: bytes) -> list[str]:
    """A fault when the version that the linker was to set is in none of the programs.

    The linker drops a variable that nothing reads. Not asked when --ldflags names the
    variable too: then it has another value.
    """
    if options.version_var is None:
        return []
    setting = f"-X {'.'.join(options.version_var)}="
    _, _, after = options.ldflags.partition(setting)
    if setting in after or not after:
        return []
    version = after.split(" ", 1)[0]
    if any(version.encode() in program for program in programs):
        return []
    name = ".".join(options.version_var)
    return [f"set-version-var {name!r} sets nothing: nothing in the program reads it"]


def _escape(package: str) -> str:
    """A package path as symbols spell it: no dots in its last element (Go's objabi)."""
    head, slash, last = package.rpartition("/")
    return f"{head}{slash}{last.replace('%', '%25').replace('.', '%2e')}"


def _list_variables(names: Iterable[str], package: str) -> str:
    plain = re.compile(rf"{re.escape(_escape(package))}\.\w+")
    strings = sorted(
        found.replace(_escape(package), package, 1) for found in names if plain.fullmatch(found)
    )
    return f"its variables of that size: {', '.join(strings)}" if strings else ""


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
    variables = go.list_variables(source.root, asked, target.goos, options.ldflags)
    computed = f"{_escape(package)}.init"
    return [
        f"{package}.{name}"
        for name in _names(variables.kinds, package)
        if computed not in variables.writers.get(f"{_escape(package)}.{name}", set())
    ]


def _names(symbols: Iterable[str], package: str) -> list[str]:
    """The usual names among a package's variables."""
    prefix = f"{_escape(package)}."
    names = [symbol.removeprefix(prefix) for symbol in symbols if symbol.startswith(prefix)]
    return [name for name in names if name.casefold() in _USUAL_NAMES]

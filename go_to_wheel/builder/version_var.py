"""The Go variable that gets the version: it must exist, and the program must use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from go_to_wheel.config.options import Fault
from go_to_wheel.config.request import parse_variables
from go_to_wheel.errors import GoToWheelError
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import Package, list_linked
from go_to_wheel.golang.version_var import read_string_variables
from go_to_wheel.platforms import Target
from go_to_wheel.sources.module import ModuleSource

#: The usual names, in `main` or in one of these packages of the module.
_USUAL_NAMES = frozenset(
    name.casefold() for name in ("version", "buildVersion", "appVersion", "toolVersion")
)
_USUAL_PACKAGES = frozenset(("version", "buildinfo", "build", "cmd", "cli", "internal", "app"))


def judge_variables(
    variables: Mapping[str, str], find: Callable[[str], Sequence[Package]]
) -> tuple[tuple[Fault, ...], tuple[str, ...]]:
    """Why the linker can't set some of the variables ("main.version"), and notes on others.

    `variables` have the options that name them. `find` gives the packages of a variable's
    path, which may declare it; none where the program doesn't import it for this target.
    """
    faults: list[Fault] = []
    notes: list[str] = []
    for variable, option in variables.items():
        try:
            packages = find(variable.rpartition(".")[0])
        except GoToWheelError as error:
            faults.append(Fault(f"{option} {variable!r}: {error.message}", error.hint))
            continue
        fault, note = judge_variable(variable, option, packages) if packages else (None, "")
        faults += [fault] if fault else []
        notes += [note] if note else []
    return tuple(faults), tuple(notes)


def judge_variable(
    variable: str, option: str, packages: Sequence[Package]
) -> tuple[Fault | None, str]:
    """Why the linker can't set a variable that one of the packages may declare; or a note.

    It ignores -X for a variable that does not exist.
    """
    path, _, name = variable.rpartition(".")
    declared = [read_string_variables(package) for package in packages]
    found = [variables[name] for variables in declared if name in variables]
    nothing = f"{option} {variable!r} sets nothing: the program "
    if not found:
        return Fault(f"{nothing}has no such string variable", _list_names(path, declared)), ""
    if all(seen.initial == "computed" for seen in found):
        hint = "initialise it with a constant string, or leave it unset"
        return Fault(f"{nothing}computes it when it starts", hint), ""
    overwritten = any(seen.set_by_init for seen in found)
    note = f"{variable} is also set by an init function, which may overwrite the value"
    return None, note if overwritten else ""


def _list_names(path: str, declared: Iterable[Mapping[str, object]]) -> str:
    names = sorted({f"{path}.{name}" for variables in declared for name in variables})
    return f"its string variables: {', '.join(names)}" if names else ""


def find_version_variable(
    go: Go, source: ModuleSource, programs: Sequence[Package], target: Target
) -> tuple[str, Fault | None]:
    """The only variable with a usual name that the linker can set, else a fault."""
    inside = f"{source.module_path}/"
    mains = {package.import_path for package in programs}
    linked = list_linked(go, source.root, source.packages, target)
    usual = [
        package
        for package in linked
        if package.import_path.startswith(inside)
        and package.import_path not in mains
        and package.import_path.rsplit("/", 1)[-1] in _USUAL_PACKAGES
    ]
    settable = sorted(
        f"{'main' if package.import_path in mains else package.import_path}.{variable.name}"
        for package in (*programs, *usual)
        for variable in read_string_variables(package).values()
        if variable.initial == "constant"
    )
    found = [name for name in settable if name.rpartition(".")[2].casefold() in _USUAL_NAMES]
    found = list(dict.fromkeys(found))
    if len(found) == 1:
        return found[0], None
    problem = (
        f"several variables could hold the version: {', '.join(found)}"
        if found
        else "there is no variable with a usual name (main.version …)"
    )
    hint = 'declare one in the main package: var version = "dev"'
    if settable:
        hint = f"name it: --set-version-var {(found or settable)[0]}"
    return "", Fault(f"set-version-var 'auto': {problem}", hint)


def unread_variables(
    ldflags: str, variables: Mapping[str, str], programs: Sequence[bytes]
) -> list[str]:
    """A fault for each variable whose value is in none of the programs.

    The linker drops a variable that nothing reads. It writes the value of -X with a zero byte
    behind it; the version in Go's build information has none.
    """
    values = parse_variables(ldflags)
    return [
        f"{option} {name!r} sets nothing: nothing in the program reads it"
        for name, option in variables.items()
        if (value := values.get(name, "").encode())
        and not any(value + b"\0" in program for program in programs)
    ]

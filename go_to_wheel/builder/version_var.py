"""The Go variable that gets the version: it must exist, and the program must use it.

The linker's -X works for a string variable without a value or with a constant one; one that is
computed gets its own value when the program starts. Only declarations are read; types, and
constants of other packages, are not resolved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from go_to_wheel.config.options import Fault
from go_to_wheel.config.request import parse_variables
from go_to_wheel.errors import GoToWheelError
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import Package, list_linked
from go_to_wheel.platforms import Target
from go_to_wheel.sources.files import read_file
from go_to_wheel.sources.module import ModuleSource

#: The usual names, in `main` or in one of these packages of the module.
_USUAL_NAMES = frozenset(
    name.casefold() for name in ("version", "buildVersion", "appVersion", "toolVersion")
)
_USUAL_PACKAGES = frozenset(("version", "buildinfo", "build", "cmd", "cli", "internal", "app"))

Initial = Literal["constant", "computed", "unclear"]

_LITERAL = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)
    |'(?:\\.|[^'\\\n])+'""",
    re.VERBOSE | re.DOTALL,
)
#: Where Go ends a statement at a line's end.
_LINE_END = re.compile(r"(?<=[\w\"')\]}])[ \t\r]*\n")
_SPEC = re.compile(
    r"\s*(?P<names>\w+(?:\s*,\s*\w+)*)\s*(?P<kind>[^=]*)(?:=(?P<value>.*))?", re.DOTALL
)
_CONSTANT = re.compile(r'[\w\s"+()]+')
_NAME = re.compile(r"\s*(?P<first>[^\W\d]\w*)(\s*\.\s*\w+)?\s*")  # x, or pkg.X
_NO_STRINGS = frozenset(("true", "false", "nil", "iota"))


def judge_variables(
    variables: Mapping[str, str], find: Callable[[str], Sequence[Package]]
) -> list[Fault]:
    """Why the linker can't set some of the variables ("main.version").

    `variables` have the options that name them. `find` gives the packages of a variable's
    path, which may declare it; none where the program doesn't import it for this target. The
    linker ignores -X for a variable that does not exist.
    """
    faults: list[Fault] = []
    for variable, option in variables.items():
        path, _, name = variable.rpartition(".")
        try:
            packages = find(path)
        except GoToWheelError as error:
            faults.append(Fault(f"{option} {variable!r}: {error.message}", error.hint))
            continue
        declared = [read_string_variables(package) for package in packages]
        found = [strings[name] for strings in declared if name in strings]
        nothing = f"{option} {variable!r} sets nothing: the program "
        if packages and not found:
            names = sorted({f"{path}.{known}" for strings in declared for known in strings})
            hint = f"its string variables: {', '.join(names)}" if names else ""
            faults.append(Fault(f"{nothing}has no such string variable", hint))
        elif found and all(initial == "computed" for initial in found):
            hint = "initialise it with a constant string, or leave it unset"
            faults.append(Fault(f"{nothing}computes it when it starts", hint))
    return faults


def find_version_variable(
    go: Go, source: ModuleSource, programs: Sequence[Package], target: Target
) -> tuple[str, Fault | None]:
    """The only variable with a usual name that the linker can set, else a fault."""
    inside = f"{source.module_path}/"
    places = [("main", package) for package in programs]
    for package in list_linked(go, source.root, source.packages, target):
        path = package.import_path
        usual = path.startswith(inside) and path.rpartition("/")[2] in _USUAL_PACKAGES
        places += [(path, package)] if usual and package.is_dependency else []
    settable = {
        f"{path}.{name}"
        for path, package in places
        for name, initial in read_string_variables(package).items()
        if initial == "constant"
    }
    usable = sorted(settable)
    found = [name for name in usable if name.rpartition(".")[2].casefold() in _USUAL_NAMES]
    if len(found) == 1:
        return found[0], None
    problem = (
        f"several variables could hold the version: {', '.join(found)}"
        if found
        else "there is no variable with a usual name (main.version …)"
    )
    hint = 'declare one in the main package: var version = "dev"'
    if usable:
        hint = f"name it: --set-version-var {(found or usable)[0]}"
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


def read_string_variables(package: Package) -> dict[str, Initial]:
    """The string variables of a package, from its files for the target."""
    paths = [Path(package.folder, name) for name in package.go_files]
    return parse_string_variables(
        read_file(path, None).decode("utf-8", "replace") for path in paths
    )


def parse_string_variables(texts: Iterable[str]) -> dict[str, Initial]:
    """Each variable that holds, or may hold, a string in a package's files -> its initial value.

    That is "unclear" where it is another name.
    """
    constants: set[str] = set()
    declared: list[tuple[str, str, str | None]] = []
    for text in texts:
        plain = _LINE_END.sub(";", _LITERAL.sub(_blank, f"{text}\n"))
        for statement in map(str.strip, _split(plain, ";")):
            if re.match(r"const\b", statement):
                for name, _, value in _parse(statement):
                    constants |= {name} if _judge(value, constants) == "constant" else set()
            elif re.match(r"var\b", statement):
                declared += _parse(statement)
    found: dict[str, Initial] = {}
    for name, kind, value in declared:
        initial = "constant" if value is None and kind == "string" else _judge(value, constants)
        if kind in ("string", "") and initial:
            found[name] = initial
    return found


def _blank(literal: re.Match[str]) -> str:
    """An empty literal; a comment counts as a line's end, or as nothing."""
    if literal["comment"]:
        return "\n" if "\n" in literal[0] else " "
    return '""' if literal["string"] else "''"


def _split(text: str, mark: str) -> Iterator[str]:
    """The parts between marks that are outside all brackets."""
    depth = start = 0
    for found in re.finditer(rf"[(\[{{}}\]){mark}]", text):
        depth += (found[0] in "([{") - (found[0] in ")]}")
        if found[0] == mark and depth == 0:
            yield text[start : found.start()]
            start = found.end()
    yield text[start:]


def _parse(statement: str) -> Iterator[tuple[str, str, str | None]]:
    """(name, type, value) for each name of a `var` or `const` statement; None without value."""
    body = re.sub(r"^\w+\s*", "", statement)
    specs = _split(body[1 : body.rfind(")")], ";") if body.startswith("(") else [body]
    for found in filter(None, map(_SPEC.fullmatch, specs)):
        names = [name.strip() for name in found["names"].split(",")]
        values: list[str | None] = list(_split(found["value"], ",")) if found["value"] else []
        if len(values) != len(names):  # none at all, or one call for several
            values = [found["value"]] * len(names)
        kind = "".join(found["kind"].split())
        yield from ((name, kind, value) for name, value in zip(names, values, strict=True))


def _judge(value: str | None, constants: set[str]) -> Initial | None:
    """Whether an expression is a constant string; None when it is no string at all."""
    value = value or ""
    words = set(re.findall(r"\w+", value))
    if _CONSTANT.fullmatch(value) and words <= {*constants, "string"}:
        return "constant" if '"' in value or words & constants else None
    if found := _NAME.fullmatch(value):
        return None if found["first"] in _NO_STRINGS else "unclear"
    return "computed" if re.search(r"[(\[]", value) and "{" not in value else None

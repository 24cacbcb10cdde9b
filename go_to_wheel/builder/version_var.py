"""Finds and checks the Go variables that the linker sets.

-X works for string variables that are uninitialised or initialised by a constant; others are
overwritten when the program starts. Only declarations are parsed; types, and constants of other
packages, are not resolved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from go_to_wheel.config.merge import parse_variables
from go_to_wheel.config.options import Problem
from go_to_wheel.errors import GoToWheelError
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import Package, list_linked
from go_to_wheel.platforms import Target
from go_to_wheel.sources.files import read_file
from go_to_wheel.sources.module import ModuleSource

#: The usual names, their case folded, in `main` or in one of these packages of the module.
_USUAL_NAMES = frozenset(("version", "buildversion", "appversion", "toolversion"))
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


def check_variables(
    variables: Mapping[str, str], find_packages: Callable[[str], Sequence[Package]]
) -> list[Problem]:
    """Problems with variables ("main.version") that the linker can't set, and silently ignores.

    `variables` maps them to the options that name them. `find_packages` gives the packages with an
    import path; none if the program doesn't import it for this target.
    """
    problems: list[Problem] = []
    for variable, option in variables.items():
        path, _, name = variable.rpartition(".")
        try:
            packages = find_packages(path)
        except GoToWheelError as error:
            problems.append(Problem(f"{option} {variable!r}: {error.message}", error.hint))
            continue
        declared = [read_string_variables(package) for package in packages]
        kinds = [strings[name] for strings in declared if name in strings]
        prefix = f"{option} {variable!r} has no effect: the program "
        if packages and not kinds:
            names = sorted({f"{path}.{known}" for strings in declared for known in strings})
            declare = 'declare it in the program: var version = "dev"'
            hint = f"its string variables: {', '.join(names)}" if names else declare
            problems.append(Problem(f"{prefix}has no such string variable", hint))
        elif kinds and all(initial == "computed" for initial in kinds):
            hint = "initialise it with a constant string, or leave it unset"
            problems.append(Problem(f"{prefix}computes it when it starts", hint))
    return problems


def find_version_variable(
    go: Go, source: ModuleSource, programs: Sequence[Package], target: Target
) -> tuple[str, Problem | None]:
    """The only settable variable with a usual name, or a problem."""
    inside = f"{source.module_path}/"
    candidates = [("main", package) for package in programs]
    for package in list_linked(go, source.root, source.packages, target):
        path = package.import_path
        usual = path.startswith(inside) and path.rpartition("/")[2] in _USUAL_PACKAGES
        candidates += [(path, package)] if usual and package.is_dependency else []
    usable = {
        f"{path}.{name}"
        for path, package in candidates
        for name, initial in read_string_variables(package).items()
        if initial == "constant"
    }
    names = [name for name in sorted(usable) if name.rpartition(".")[2].casefold() in _USUAL_NAMES]
    if len(names) == 1:
        return names[0], None
    problem = (
        f"several variables could hold the version: {', '.join(names)}"
        if names
        else "there is no variable with a usual name (main.version …)"
    )
    hint = 'declare one in the main package: var version = "dev"'
    if usable:
        hint = f"name it: --set-version-var {(names or sorted(usable))[0]}"
    return "", Problem(f"set-version-var 'auto': {problem}", hint)


def find_unread_variables(
    ldflags: str, variables: Mapping[str, str], programs: Sequence[bytes]
) -> list[str]:
    """A problem for each variable whose value is in none of the programs.

    The linker drops variables that are never read. A value of -X is followed by a zero byte,
    unlike the same text in Go's build information.
    """
    values = parse_variables(ldflags)
    return [
        f"{option} {name!r} has no effect: the program never reads it"
        for name, option in variables.items()
        if (value := values.get(name, "").encode())
        and not any(value + b"\0" in program for program in programs)
    ]


def read_string_variables(package: Package) -> dict[str, Initial]:
    """Read the string variables that a package's files for the target declare."""
    texts = (read_file(Path(package.folder, name), None) for name in package.go_files)
    return parse_string_variables(text.decode("utf-8", "replace") for text in texts)


def parse_string_variables(texts: Iterable[str]) -> dict[str, Initial]:
    """The possible string variables in a package's files -> the kind of their initial value.

    That is "unclear" for another name.
    """
    constants: set[str] = set()
    declared: list[tuple[str, str, str | None]] = []
    for text in texts:
        plain = _LINE_END.sub(";", _LITERAL.sub(_blank_literal, f"{text}\n"))
        for statement in map(str.strip, _split_outer(plain, ";")):
            if re.match(r"const\b", statement):
                for name, _, value in _parse_declaration(statement):
                    constants |= {name} if _classify(value, constants) == "constant" else set()
            elif re.match(r"var\b", statement):
                declared += _parse_declaration(statement)
    variables: dict[str, Initial] = {}
    for name, kind, value in declared:
        initial = "constant" if value is None and kind == "string" else _classify(value, constants)
        if kind in ("string", "") and initial:
            variables[name] = initial
    return variables


def _blank_literal(literal: re.Match[str]) -> str:
    """An empty literal; a line end or blank for a comment."""
    if literal["comment"]:
        return "\n" if "\n" in literal[0] else " "
    return '""' if literal["string"] else "''"


def _split_outer(text: str, separator: str) -> Iterator[str]:
    """Split at a separator, but not inside brackets."""
    depth = start = 0
    for match in re.finditer(rf"[(\[{{}}\]){separator}]", text):
        depth += (match[0] in "([{") - (match[0] in ")]}")
        if match[0] == separator and depth == 0:
            yield text[start : match.start()]
            start = match.end()
    yield text[start:]


def _parse_declaration(statement: str) -> Iterator[tuple[str, str, str | None]]:
    """(name, type, value or None) for each name in a `var` or `const` statement."""
    body = re.sub(r"^\w+\s*", "", statement)
    specs = _split_outer(body[1 : body.rfind(")")], ";") if body.startswith("(") else [body]
    for spec in filter(None, map(_SPEC.fullmatch, specs)):
        names = [name.strip() for name in spec["names"].split(",")]
        values: list[str | None] = list(_split_outer(spec["value"], ",")) if spec["value"] else []
        if len(values) != len(names):  # none at all, or one call for several
            values = [spec["value"]] * len(names)
        kind = "".join(spec["kind"].split())
        yield from ((name, kind, value) for name, value in zip(names, values, strict=True))


def _classify(value: str | None, constants: set[str]) -> Initial | None:
    """The kind of an initial value; None for one that can't be a string."""
    value = value or ""
    words = set(re.findall(r"\w+", value))
    if _CONSTANT.fullmatch(value) and words <= {*constants, "string"}:
        return "constant" if '"' in value or words & constants else None
    if name := _NAME.fullmatch(value):
        return None if name["first"] in _NO_STRINGS else "unclear"
    return "computed" if re.search(r"[(\[]", value) and "{" not in value else None

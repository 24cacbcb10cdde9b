"""Package-level string variables in Go source files: what the linker's -X can set.

-X works for a string variable without a value or with a constant one; one that is computed
gets its own value when the program starts. Only declarations are read; types, and constants
of other packages, are not resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from go_to_wheel.golang.packages import Package
from go_to_wheel.sources.files import read_file

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
_ASSIGNED = re.compile(r"(?<![.\w])(\w+)\s*\+?=(?!=)")


@dataclass(frozen=True)
class StringVariable:
    """A variable that holds, or may hold, a string.

    `initial` is "unclear" where its value is another name. `set_by_init` says that an init
    function assigns to it.
    """

    name: str
    initial: Initial
    set_by_init: bool = False


def read_string_variables(package: Package) -> dict[str, StringVariable]:
    """The string variables of a package, by name, from its files for the target."""
    paths = [Path(package.folder, name) for name in package.go_files]
    return parse_string_variables(
        read_file(path, None).decode("utf-8", "replace") for path in paths
    )


def parse_string_variables(texts: Iterable[str]) -> dict[str, StringVariable]:
    """The string variables that the files of one package declare, by name."""
    constants: set[str] = set()
    declared: list[tuple[str, str, str | None]] = []
    assigned: set[str] = set()
    for text in texts:
        plain = _LINE_END.sub(";", _LITERAL.sub(_blank, f"{text}\n"))
        for statement in map(str.strip, _split(plain, ";")):
            if re.match(r"const\b", statement):
                for name, _, value in _parse(statement):
                    constants |= {name} if _judge(value, constants) == "constant" else set()
            elif re.match(r"var\b", statement):
                declared += _parse(statement)
            elif re.match(r"func\s+init\s*\(", statement):
                assigned |= set(_ASSIGNED.findall(statement))
    found = {}
    for name, kind, value in declared:
        initial = "constant" if value is None and kind == "string" else _judge(value, constants)
        if kind in ("string", "") and initial:
            found[name] = StringVariable(name, initial, name in assigned)
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

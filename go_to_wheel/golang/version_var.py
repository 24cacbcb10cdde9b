"""Package-level string variables in Go source files: what the linker's -X can set.

-X works for a string variable without a value or with a constant one; one that is computed
gets its own value when the program starts. Only declarations are read; types, and constants
of other packages, are not resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from go_to_wheel.golang.packages import Package
from go_to_wheel.sources.files import read_file

Initial = Literal["constant", "computed", "unclear"]
Token = tuple[str, str]

_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r]+|//[^\n]*)
    |(?P<newline>\n|/\*.*?\*/)
    |(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)
    |(?P<rune>'(?:\\.|[^'\\\n])+')
    |(?P<word>\w+)
    |(?P<mark>[-+*/%&|^:=!<>]=|.)""",
    re.VERBOSE | re.DOTALL,
)
_NO_STRINGS = frozenset(("true", "false", "nil", "iota"))
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


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
    declared: list[tuple[str, str, list[Token] | None]] = []
    assigned: set[str] = set()
    for text in texts:
        for statement in _statements(text):
            keyword = statement[0][1]
            if keyword == "const":
                for name, _, value in _parse(statement):
                    constants |= {name} if _judge(value, constants) == "constant" else set()
            elif keyword == "var":
                declared += _parse(statement)
            elif [word for _, word in statement[:3]] == ["func", "init", "("]:
                assigned |= set(_assignments(statement))
    found = {}
    for name, kind, value in declared:
        initial = "constant" if value is None and kind == "string" else _judge(value, constants)
        if kind in ("string", "") and initial:
            found[name] = StringVariable(name, initial, name in assigned)
    return found


def _statements(text: str) -> Iterator[list[Token]]:
    """The file's statements outside all brackets, as tokens; ";" stands for a line's end."""
    depth, statement = 0, []
    for token in _tokens(text):
        depth += (token[1] in _OPENING) - (token[1] in _CLOSING) if token[0] == "mark" else 0
        if token != ("mark", ";") or depth:
            statement.append(token)
        elif statement:
            yield statement
            statement = []


def _tokens(text: str) -> Iterator[Token]:
    """Tokens with the semicolons that Go adds at a line's end."""
    last: Token = ("", "")
    for match in _TOKEN.finditer(f"{text}\n"):
        kind, token = match.lastgroup or "", match[0]
        if kind == "newline":
            ends = last[0] in ("string", "rune", "word") or last[1] in _CLOSING
            if "\n" not in token or not ends:
                continue
            kind, token = "mark", ";"
        if kind != "skip":
            last = (kind, token)
            yield last


def _specs(statement: Sequence[Token]) -> Iterator[list[Token]]:
    """The declarations in `var x = 1` or `var ( … )`, without the keyword."""
    if statement[1:2] != [("mark", "(")]:
        yield list(statement[1:])
        return
    yield from _split(statement[2:-1], ";")


def _split(tokens: Sequence[Token], mark: str) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token[1] in _OPENING) - (token[1] in _CLOSING) if token[0] == "mark" else 0
        if token == ("mark", mark) and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _parse(statement: Sequence[Token]) -> list[tuple[str, str, list[Token] | None]]:
    """(name, type, value) for each name of a `var` or `const` statement."""
    return [found for spec in _specs(statement) for found in _parse_spec(spec)]


def _parse_spec(tokens: list[Token]) -> Iterator[tuple[str, str, list[Token] | None]]:
    """(name, type, value) for each name of a declaration; None where it has no value."""
    left, *right = _split(tokens, "=") or [[]]
    if not left:
        return
    first, *more = _split(left, ",")
    last = (more or [first])[-1]  # the type follows the last name
    kind = "".join(text for _, text in last[1:])
    values: Sequence[list[Token] | None] = _split(right[0], ",") if right else []
    names = [part[0][1] for part in (first, *more)]
    if len(values) != len(names):  # none at all, or one call for several
        values = [right[0] if right else None] * len(names)
    yield from zip(names, [kind] * len(names), values, strict=True)


def _judge(value: Sequence[Token] | None, constants: set[str]) -> Initial | None:
    """Whether an expression is a constant string; None when it is no string at all."""
    if not value:
        return None
    kinds = {kind for kind, _ in value}
    words = [text for kind, text in value if kind == "word"]
    marks = {text for kind, text in value if kind == "mark"}
    if kinds <= {"string", "word", "mark"} and marks <= {"+", "(", ")"}:
        known = all(word in constants or word == "string" for word in words)
        if known and ("string" in kinds or set(words) & constants):
            return "constant"
    if marks <= {"."} and not kinds & {"string", "rune"}:  # x, or pkg.X
        return None if words[0][0].isdigit() or words[0] in _NO_STRINGS else "unclear"
    return "computed" if marks & {"(", "["} and "{" not in marks else None


def _assignments(function: Sequence[Token]) -> Iterator[str]:
    """The plain names that a function assigns to."""
    for before, token, after in zip(function, function[1:], function[2:], strict=False):
        if token[0] == "word" and before[1] != "." and after[1] in ("=", "+="):
            yield token[1]

"""Which variables of a package the linker's -X can set, read from its source."""

from __future__ import annotations

import pytest

from go_to_wheel.builder.version_var import parse_string_variables


def initials(*texts: str) -> dict[str, str]:
    return dict(parse_string_variables(texts))


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ('var version = "dev"', {"version": "constant"}),
        ("var version string", {"version": "constant"}),
        ('var version string = "a" +\n\t"b"', {"version": "constant"}),
        ("var version = `a\nvar other = 1`", {"version": "constant"}),
        ('var version, commit = "a", "b"', {"version": "constant", "commit": "constant"}),
        ("var version,\n\tcommit string", {"version": "constant", "commit": "constant"}),
        ('var (\n\tv = "a" // x\n\tn = 5; c string\n)', {"v": "constant", "c": "constant"}),
        ('var version = string("a")', {"version": "constant"}),
        ("var version = build.Version", {"version": "unclear"}),
        ("var version = other", {"version": "unclear"}),
        ('var version = os.Getenv("V")', {"version": "computed"}),
        ("var version string = f()", {"version": "computed"}),
        ("var version, err = f()", {"version": "computed", "err": "computed"}),
        ("var version = os.Args[0]", {"version": "computed"}),
        ("var version = 5", {}),
        ("var version = -1", {}),
        ("var version = 1.5", {}),
        ("var version = 'x'", {}),
        ("var version = true", {}),
        ("var version *string", {}),
        ('var version Text = "x"', {}),
        ('var versions = []string{"a"}', {}),
        ('var version = func() string { return "x" }', {}),
        ('func f() {\n\tvar version = "a"\n}', {}),
        ('// var version = "a"', {}),
        ('/* var version = "a"\n*/', {}),
        ('const version = "a"', {}),
        ("type version struct {\n\tvar_ string\n}", {}),
    ],
)
def test_declarations(declaration: str, expected: dict[str, str]) -> None:
    assert initials(f'package main\n\nimport (\n\t"os"\n)\n\n{declaration}\n') == expected


def test_constants_of_another_file_of_the_package() -> None:
    files = ('package m\nvar v = dev + "x"\n', 'package m\nconst dev = "d"\n')
    assert initials(*files) == {"v": "constant"}


@pytest.mark.parametrize(
    "text", ["", "var", "var (", "var x = ", "var = 1", "var , x", "}})", '"', "`", "'", "\0"]
)
def test_broken_files_are_no_problem(text: str) -> None:
    assert initials(text) == {}

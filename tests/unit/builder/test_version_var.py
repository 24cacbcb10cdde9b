"""Variables that the linker sets: judged from source, their effect from the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from go_to_wheel.builder.version_var import check_variables, find_unread_variables
from go_to_wheel.golang.packages import Package


@pytest.fixture
def package(tmp_path: Path) -> Package:
    code = 'package main\n\nvar version = "dev"\n\nvar computed = f()\n'
    (tmp_path / "main.go").write_text(code)
    return Package("m.example/t", "main", str(tmp_path), "m.example/t", go_files=("main.go",))


def judge(name: str, package: Package) -> tuple[str, str]:
    problems = check_variables({name: "set"}, lambda path: [package])
    return next(((problem.message, problem.hint) for problem in problems), ("", ""))


def test_a_variable_that_can_be_set(package: Package) -> None:
    assert judge("main.version", package) == ("", "")


def test_a_variable_that_is_not_there(package: Package) -> None:
    message, hint = judge("main.typo", package)
    assert message == "set 'main.typo' has no effect: the program has no such string variable"
    assert "main.version" in hint


def test_a_computed_variable(package: Package) -> None:
    assert "computes it when it starts" in judge("main.computed", package)[0]


STAMP = b"mod\tm.example/t\tv1.2.3\th1:x\n"


@pytest.mark.parametrize(
    ("ldflags", "program", "unread"),
    [
        ("-X main.v=v1.2.3", STAMP + b"v1.2.3\0", []),
        ("-X main.v=v1.2.3", STAMP, ["main.v"]),
        ("-X main.v=v1.2.3", b"m.example/t@v1.2.3/main.go\0", ["main.v"]),
        ("-X main.v=v1 -X main.v=own", b"own\0", []),  # the last one counts
        ("-X main.v=", b"", []),
    ],
)
def test_values_that_no_program_has(ldflags: str, program: bytes, unread: list[str]) -> None:
    problems = find_unread_variables(ldflags, {"main.v": "set-version-var"}, [b"other", program])
    assert [problem.split("'")[1] for problem in problems] == unread

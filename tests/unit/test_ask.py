"""What Go says before anything is compiled: lines in, packages and up-to-date programs out."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from go_to_wheel.builder.ask import Answers, Question, ask_all, join_answers, parse_packages
from go_to_wheel.builder.compile import share_processors
from go_to_wheel.builder.kept import Kept, make_digest
from go_to_wheel.errors import SourceError
from go_to_wheel.platforms import TARGETS, Target, default_targets
from go_to_wheel.process import Runner
from go_to_wheel.sources import ModuleSource
from go_to_wheel.toolchain import Go, Package, installed_name

LINUX, *_ = TARGETS
MAIN = "\tm.example/t\tmain\t/src\tm.example/t\t\t/src\tmain.go/more.go\t{state}\tDoes much"


def test_packages_are_read_from_the_lines_that_a_tab_begins() -> None:
    text = "\n".join(
        [
            "d.example/d\t/mod/d\td.example/d\tv1.0.0\t/mod/d\t\t",
            MAIN.format(state="fresh"),
            "m.example/t\t/src\tm.example/t\t\t/src\t\t",
            "\tm.example/t/lib\tlib\t/src/lib\t\t\t\t\tbroken\t",
            "\tcut short\tmain",
            MAIN.format(state="fresh").replace("more.go", "a\ttab.go"),
        ]
    )
    package = Package(
        import_path="m.example/t",
        name="main",
        folder="/src",
        module_path="m.example/t",
        go_files=("main.go", "more.go"),
        doc="Does much",
        module_folder="/src",
    )
    library = Package(import_path="m.example/t/lib", name="lib", folder="/src/lib", module_path="")
    assert parse_packages(text) == [
        ("m.example/t", (package, "fresh")),
        ("m.example/t/lib", (library, "broken")),
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("example.com/tool", "tool"),
        ("example.com/tool/v2", "tool"),
        ("example.com/tool/v10", "tool"),
        ("example.com/tool/v1", "v1"),  # Go's first major version has no element
        ("example.com/tool/v02", "v02"),
        ("gopkg.in/tool.v2", "tool.v2"),
        ("tool", "tool"),
        ("v2", "v2"),
    ],
)
def test_programs_are_called_as_go_install_calls_them(path: str, name: str) -> None:
    assert installed_name(path) == name


@pytest.mark.parametrize(
    ("processors", "compiles", "jobs", "shares"),
    [
        (2, 6, 2, [1, 1, 1, 1, 1, 1]),
        (4, 6, 4, [1, 1, 1, 1, 2, 2]),  # the last two have all four
        (8, 6, 8, [8 / 6] * 6),
        (8, 3, 2, [4, 4, 8]),
        (1, 2, 2, [1, 1]),
        (4, 1, 4, [None]),
        (4, 3, 1, [None, None, None]),
        (4, 0, 4, []),
    ],
)
def test_the_last_compiles_share_what_there_is(
    processors: int, compiles: int, jobs: int, shares: list[float | None]
) -> None:
    assert share_processors(processors, compiles, jobs) == shares


FAKE_GO = """#!/bin/sh
printf '%s\n' "$GOOS $GOARCH $GOPATH $*" >> "$TOLD"
[ "$GOOS" = "$BROKEN" ] && { echo "no such package" >&2; exit 1; }
state=; for program in "$GOPATH"/bin/t "$GOPATH"/bin/*/t "$GOPATH"/bin/*/t.exe; do
    [ -f "$program" ] && state=fresh
done
printf '\\tm.example/t\\tmain\\t/src\\tm.example/t\\t\\t/src\\tmain.go\\t%s\\tDoc\\n' "$state"
printf 'm.example/t\\t/src\\tm.example/t\\t\\t/src\\t\\t\\n'
printf 'only.example/%s\\t/m\\tonly.example/%s\\tv1.0.0\\t/m\\t\\t\\n' "$GOOS" "$GOOS"
"""


@pytest.fixture
def question(tmp_path: Path) -> Question:
    if sys.platform == "win32":
        pytest.skip("a shell script stands for Go")
    program = tmp_path / "go"
    program.write_text(FAKE_GO)
    program.chmod(0o755)
    told = str(tmp_path / "told")
    environment = {"PATH": os.environ["PATH"], "TOLD": told, "BROKEN": "none", "GOPATH": "/own"}
    environment["GOMODCACHE"] = "/own/pkg/mod"
    go = Go(str(program), "go1.26", environment, Runner(), host="linux_amd64")
    source = ModuleSource(tmp_path, (".",), "m.example/t")
    return Question(go, source, "-s -w", Kept(tmp_path / "kept"))


def told(question: Question) -> list[str]:
    return Path(question.go.environment["TOLD"]).read_text().splitlines()


def ask(question: Question, *targets: Target) -> Answers:
    with ThreadPoolExecutor(2) as pool:
        return join_answers(ask_all(pool, question, targets))


def test_all_default_systems_are_asked_about_once(question: Question) -> None:
    answers = ask(question, LINUX, LINUX)
    asked = sorted(line.split(" /")[0] for line in told(question))
    assert asked == sorted(f"{one.goos} {one.goarch}" for one in default_targets())
    assert {one.module for one in answers.linked} == {
        "m.example/t",
        "only.example/linux",
        "only.example/darwin",
        "only.example/windows",
    }
    assert [package.import_path for package in answers.packages] == ["m.example/t"]
    assert answers.fresh == {}


def test_a_program_is_lent_where_go_installs_it(question: Question) -> None:
    windows = next(one for one in TARGETS if one.goos == "windows")
    for target in (LINUX, windows):
        question.kept.keep(question.keys(target)[0], target.name.encode())
    answers = ask(question, LINUX, windows)
    assert answers.fresh == {
        question.keys(target)[0]: make_digest(target.name.encode()) for target in (LINUX, windows)
    }
    places = {line.split()[0]: line.split()[2] for line in told(question) if "-ldflags" in line}
    assert places.keys() == {"linux", "windows"}
    assert "/own" not in places.values()
    assert not any(Path(place).exists() for place in places.values())
    others = [line for line in told(question) if "-ldflags" not in line]
    assert all(" /own " in line and ".Stale" not in line for line in others)


def test_nothing_is_lent_where_go_keeps_modules_in_gopath(question: Question) -> None:
    """The modules that it fetches would be gone with the folder."""
    question.kept.keep(question.keys(LINUX)[0], b"program")
    environment = {k: v for k, v in question.go.environment.items() if k != "GOMODCACHE"}
    question = replace(question, go=replace(question.go, environment=environment))
    assert ask(question, LINUX).fresh == {}
    assert all(" /own " in line for line in told(question))


@pytest.mark.skipif(os.pathsep == ";", reason="no folder's name has a colon")
def test_nothing_is_lent_where_the_folder_would_be_two_in_gopath(
    question: Question, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a:b").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "a:b"))
    question = replace(question, source=replace(question.source, root=tmp_path / "elsewhere"))
    question.source.root.mkdir()
    question.kept.keep(question.keys(LINUX)[0], b"program")
    assert ask(question, LINUX).fresh == {}


def test_where_the_first_is_no_longer_up_to_date_the_others_are_not_compared(
    question: Question,
) -> None:
    windows = next(one for one in TARGETS if one.goos == "windows")
    question.kept.keep(question.keys(windows)[0], b"program")
    assert ask(question, LINUX, windows).fresh == {}
    assert not any(".Stale" in line for line in told(question))


def test_what_go_can_not_tell_about_a_target_to_build_is_an_error(question: Question) -> None:
    question = with_broken(question, "linux")
    with pytest.raises(SourceError, match="no such package"):
        ask(question, LINUX)


def test_what_go_can_not_tell_about_the_others_is_left_out(question: Question) -> None:
    question = with_broken(question, "windows")
    answers = ask(question, LINUX)
    assert not any("windows" in one.module for one in answers.linked)


def with_broken(question: Question, goos: str) -> Question:
    environment = {**question.go.environment, "BROKEN": goos}
    return replace(question, go=replace(question.go, environment=environment))

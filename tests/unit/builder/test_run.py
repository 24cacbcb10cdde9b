"""How the jobs of a build share the machine, and what they report together."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import cast

import pytest

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo
from go_to_wheel.builder import run
from go_to_wheel.builder.linked import LinkedCode, format_linked_notes
from go_to_wheel.builder.run import JobResult, _add_hint, _collect_failures, divide_processors
from go_to_wheel.check.report import Report
from go_to_wheel.config.options import BuildOptions
from go_to_wheel.errors import ToolchainError
from go_to_wheel.licenses import BundledLicenses
from go_to_wheel.platforms import TARGETS, Target

LINUX, _, MAC, *_ = TARGETS


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
    assert divide_processors(processors, compiles, jobs) == shares


def outcome(target: Target, version: str = "", **settings: str) -> JobResult:
    names = {name.replace("_", "."): value for name, value in settings.items()}
    info = GoBuildInfo(version=version, path="m.example/t", main=None, deps=(), settings=names)
    return JobResult((target,), facts=(BinaryFacts("elf", "linux", "x86_64", go=info),))


@pytest.mark.parametrize(
    ("content_type", "is_rst"),
    [("text/x-rst; charset=UTF-8", True), ("text/markdown", False), (None, False)],
)
def test_twine_reads_restructuredtext(
    content_type: str | None, is_rst: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def check(files: object, expect: object, twine: bool) -> Report:
        asked.append(twine)
        return Report((), ())

    monkeypatch.setattr(run, "check_wheels", check)
    metadata = {"description_content_type": content_type} if content_type else {}
    options = SimpleNamespace(metadata=metadata, targets=())
    assert run._check_wheels([], [], cast("BuildOptions", options)) == []
    assert asked == [is_rst]


def test_programs_of_one_commit() -> None:
    failed = JobResult((MAC,), error=ToolchainError("no"))
    same = [outcome(LINUX, "go1.26", vcs_revision="a"), failed]
    assert list(_collect_failures(same)) == ["darwin-amd64"]


@pytest.mark.parametrize(
    "other",
    [{"version": "go1.26", "vcs_revision": "b"}, {"version": "go1.25", "vcs_revision": "a"}],
)
def test_a_source_that_changed_during_the_build(other: dict[str, str]) -> None:
    failures = _collect_failures(
        [outcome(LINUX, "go1.26", vcs_revision="a"), outcome(MAC, **other)]
    )
    assert sorted(failures) == ["darwin-amd64", "linux-amd64"]
    assert "the source changed during the build" in failures["linux-amd64"].message


def listed(*without_cgo: str) -> Future[LinkedCode]:
    future: Future[LinkedCode] = Future()
    future.set_result(LinkedCode(BundledLicenses(None, ()), frozenset(without_cgo)))
    return future


def test_the_cgo_hint_needs_an_undefined_name() -> None:
    error = ToolchainError("# m.example/c\nc.go:1:2: undefined: x")
    assert _add_hint(error, listed("m.example/c")).hint.startswith("m.example/c needs cgo")
    assert _add_hint(error, listed("m.example/d")) is error
    other = ToolchainError("# m.example/c\nsyntax error")
    assert _add_hint(other, listed("m.example/c")) is other
    failed: Future[LinkedCode] = Future()
    failed.set_exception(ToolchainError("no"))
    assert _add_hint(error, failed) is error


def test_notes() -> None:
    licenses = BundledLicenses(None, (), unknown={"m.example/d": "no text"})
    assert format_linked_notes([]) == []
    unknown, cgo = format_linked_notes(
        [
            LinkedCode(licenses, frozenset(["m.example/b"])),
            LinkedCode(licenses, frozenset(["m.example/a"])),
        ]
    )
    assert "m.example/d (no text)" in unknown
    assert "left out of m.example/a, m.example/b" in cgo

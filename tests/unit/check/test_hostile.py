"""Wheels made to deceive: found, named, and never the end of a run."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path

import pytest
from click.testing import CliRunner
from hostile_wheels import CASES, FILE, GOOD
from wheel_factory import META, Recipe, good

from go_to_wheel.check.filename import check_paths, fold
from go_to_wheel.check.report import MAX_PER_CODE, Findings
from go_to_wheel.check.wheel import Wheel, check_wheel, read_wheel
from go_to_wheel.check.wheel_set import check_wheels
from go_to_wheel.cli.check import command
from go_to_wheel.cli.inspect import to_json
from go_to_wheel.errors import WheelError


@pytest.mark.parametrize("name", CASES)
def test_codes_of_hostile_wheels(name: str) -> None:
    build, codes = CASES[name]
    assert {finding.code for finding in check_wheel(io.BytesIO(build()), FILE).findings} == codes


@pytest.mark.parametrize("name", CASES)
def test_inspect_succeeds_or_explains(name: str) -> None:
    try:
        json.dumps(to_json(read_wheel(io.BytesIO(CASES[name][0]()), FILE)))
    except WheelError as error:
        assert error.hint


def with_header(line: str) -> Recipe:
    recipe = good()
    recipe.edit(META, "Classifier", f"{line}\nClassifier")
    return recipe


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Version: " + "9" * 5000, "metadata-invalid"),
        ("Maintainer-email: " + "(" * 3000, "email"),
        ("Maintainer-email: " + ":" * 3000, "email"),
        ("Maintainer-email: " + "a," * 9000, "metadata-invalid"),
        ("Requires-Dist: a; " + "(" * 3000, "metadata-invalid"),
        ("Requires-Dist: a>=" + "9" * 5000, "metadata-invalid"),
        ("Requires-External: " + "a" * 20_000, "metadata-invalid"),
        ("Description-Content-Type: text/markdown; a=" + '"' * 500, "metadata-invalid"),
        ("Project-URL: nocomma", "url"),
        ("Project-URL: a, http://[", "url"),
        ("Dynamic: Name\u202e", "metadata-hidden"),
        ("Author: a\u200bb", "metadata-hidden"),
        ("Author: a\x1b[31mb", "metadata-hidden"),
    ],
)
def test_metadata_of_another_tool(line: str, code: str) -> None:
    recipe = with_header(line)
    codes = {
        finding.code for finding in check_wheel(io.BytesIO(recipe.build()), recipe.file).findings
    }
    assert code in codes
    assert "check-failed" not in codes


def test_joiners_between_letters_are_allowed() -> None:
    recipe = with_header("Author: \u0645\u06cc\u200c\u062e 👩\u200d🚀 \u200f\u05d0\u200f")
    assert check_wheel(io.BytesIO(recipe.build()), recipe.file).findings == []


@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError(), KeyError("x")])
def test_an_exception_is_a_finding(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(text: bytes, *rest: object) -> Findings:
        if b"nasty" in text:
            raise error
        yield from ()

    monkeypatch.setattr("go_to_wheel.check.metadata.check_metadata", fail)
    (tmp_path / good().file).write_bytes(with_header("Author: nasty").build())
    (tmp_path / good("linux-arm64").file).write_bytes(good("linux-arm64").build())
    result = CliRunner().invoke(command, [str(tmp_path), "--expect", "none", "--json"])
    report = json.loads(result.stdout)
    failed = [row for row in report["findings"] if row["code"] == "check-failed"]
    assert result.exit_code == 1
    assert [row["wheel"] for row in failed] == [good().file]
    assert f"METADATA can't be checked: {type(error).__name__}" in failed[0]["message"]
    assert len(report["wheels"]) == 2


def test_an_exception_between_wheels_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Findings:
        raise RecursionError("deep")
        yield

    (tmp_path / good().file).write_bytes(good().build())
    monkeypatch.setattr("go_to_wheel.check.wheel_set._check_duplicates", fail)
    (finding,) = check_wheels([tmp_path], expect=[]).findings
    assert (finding.code, finding.wheel) == ("check-failed", "")


def test_ctrl_c_is_not_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> Wheel:
        raise KeyboardInterrupt

    (tmp_path / good().file).write_bytes(good().build())
    monkeypatch.setattr("go_to_wheel.check.wheel_set.check_wheel", interrupt)
    with pytest.raises(KeyboardInterrupt):
        check_wheels([tmp_path])


def test_an_unreadable_file_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Wheel:
        raise PermissionError(13, "Permission denied")

    (tmp_path / good().file).write_bytes(good().build())
    monkeypatch.setattr("go_to_wheel.check.wheel_set.check_wheel", refuse)
    findings = check_wheels([tmp_path], expect=[]).findings
    assert "PermissionError" in findings[0].message


def test_repeated_findings_are_counted() -> None:
    recipe = good()
    recipe.files |= {f"hello/{number}\n": b"" for number in range(500)}
    findings = check_wheel(io.BytesIO(recipe.build()), recipe.file).findings
    paths = [finding.message for finding in findings if finding.code == "zip-unsafe-name"]
    assert len(paths) == MAX_PER_CODE + 1
    assert paths[-1] == f"and {500 - MAX_PER_CODE} more of the kind 'zip-unsafe-name'"


def test_long_messages_are_cut() -> None:
    recipe = with_header("Classifier: " + "x" * 10_000)
    (finding,) = check_wheel(io.BytesIO(recipe.build()), recipe.file).findings
    assert len(finding.message) < 1000


@pytest.mark.parametrize(("name", "limit"), [("RECORD", 17 << 20), ("METADATA", 2 << 20)])
def test_texts_over_a_limit_are_named(name: str, limit: int) -> None:
    recipe = good()
    if name == "RECORD":
        recipe.record = bytes(limit)
    else:
        recipe.files[META] += bytes(limit)
    findings = check_wheel(io.BytesIO(recipe.build()), recipe.file).findings
    assert any(
        "the limit is" in finding.message and name in finding.message for finding in findings
    )


def test_too_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("go_to_wheel.check.archive.MAX_ENTRIES", 3)
    (finding,) = check_wheel(io.BytesIO(GOOD), FILE).findings
    assert (finding.code, finding.message) == ("zip-broken", "it has 5 entries; the limit is 3")


def test_too_many_native_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("go_to_wheel.check.archive.MAX_PROGRAMS", 0)
    verdict = check_wheel(io.BytesIO(good().build()), good().file)
    assert verdict.not_run == ["not all was inspected: too many native files"]


def test_backslashes_in_record_are_accepted() -> None:
    """A zip made on Windows, whose RECORD was written with either separator."""
    build, _ = CASES["backslash"]
    codes = [finding.code for finding in check_wheel(io.BytesIO(build()), FILE).findings]
    assert codes == ["zip-unsafe-name"]


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("A/B.py", "a/b.py"),
        ("\u00c9", "e\u0301"),
        ("stra\u00dfe", "stra\u00dfe"),
        ("\u212a", "k"),
        ("\u03a3\u03c2", "\u03c3\u03c3"),
    ],
)
def test_paths_compare_without_case_and_form(path: str, folded: str) -> None:
    assert fold(path) == folded


def test_deep_paths_take_little_memory() -> None:
    """Each has 5,000 folders, whose paths alone would be 25 MB."""
    paths = [f"{number}/" + "a/" * 5_000 + "x" for number in range(100)]
    tracemalloc.start()
    found = {finding.code for finding in check_paths(paths, ["any"], "thing-1.0")}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == {"zip-windows-name"}
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("paths", "platform", "codes"),
    [
        (["a", "a-b", "a/b"], "linux_x86_64", ["zip-duplicate-name"]),
        (["a", "A", "a/b"], "linux_x86_64", ["zip-duplicate-name"]),
        (["a/", "a/b", "a-b"], "any", []),
        (["a", "a/"], "any", ["zip-duplicate-name"]),
        (["A/b", "a/c", "a/d"], "any", ["zip-name-clash"]),
        (["A/b", "a/c"], "manylinux2014_x86_64", []),
        (["a", "A/b"], "macosx_12_0_arm64", ["zip-name-clash"]),
        (["x/a/b/C", "x/a/b/c"], "win_amd64", ["zip-name-clash"]),
    ],
)
def test_paths_for_one_file(paths: list[str], platform: str, codes: list[str]) -> None:
    assert [finding.code for finding in check_paths(paths, [platform], "thing-1.0")] == codes

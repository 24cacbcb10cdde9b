"""`go-to-wheel check` as people and machines see it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from wheel_factory import META, PLATFORMS, PROGRAM, good

from go_to_wheel.check.report import CODES_PAGE, RULES, Finding
from go_to_wheel.check.wheel_set import check_wheels
from go_to_wheel.cli.check import command
from go_to_wheel.errors import InvalidOptionsError, MissingPathError, ToolchainError

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "check.md"
PAGE = DOCS.with_name("check-codes.md")


def run(*args: str) -> Result:
    return CliRunner().invoke(command, list(args))


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `dist`, in the current one, with a complete set."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for target in PLATFORMS:
        recipe = good(target)
        (folder / recipe.file).write_bytes(recipe.build())
    monkeypatch.chdir(tmp_path)
    return folder


def break_mode(dist: Path) -> str:
    """Make the Linux programs not executable; return one wheel's name."""
    for target in ("linux-amd64", "linux-arm64"):
        recipe = good(target)
        recipe.modes[PROGRAM] = 0o755
        (dist / recipe.file).write_bytes(recipe.build())
    return good().file


def test_without_arguments_it_checks_dist(dist: Path) -> None:
    result = run()
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "Checked 6 wheels: no errors, no warnings"
    rows = [line for line in result.stdout.splitlines() if good().file in line]
    assert len(rows) == 1
    assert rows[0].rstrip("│ ").endswith("ok")


def test_the_table(dist: Path) -> None:
    name = break_mode(dist)
    other = good("linux-arm64").file
    result = run("dist")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("error"))
    assert lines[start:] == [
        (f"error binary-mode: '{PROGRAM}': mode 0o755; pip won't make it executable"),
        "  hint: set the regular-file bit and the executable bits: 0o100755",
        f"  in {other}",
        f"  in {name}",
        "  see docs/reference/check-codes.md#binary-mode",
        "Checked 6 wheels: 2 errors, no warnings",
    ]


def test_warnings_pass_unless_strict(dist: Path) -> None:
    recipe = good()
    recipe.methods[PROGRAM] = 0
    (dist / recipe.file).write_bytes(recipe.build())
    assert run("dist").exit_code == 0
    assert run("dist", "--strict").exit_code == 1
    assert "warning binary-stored: " in run("dist").stdout


@pytest.mark.parametrize("arguments", [("--json",), ("--format", "json")])
def test_json(dist: Path, arguments: tuple[str, ...]) -> None:
    name = break_mode(dist)
    result = run("dist", *arguments)
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert list(report) == ["wheels", "findings", "not_run", "runs", "errors", "warnings", "ok"]
    assert report["findings"][1] == {
        "code": "binary-mode",
        "severity": "error",
        "wheel": name,
        "message": f"'{PROGRAM}': mode 0o755; pip won't make it executable",
        "hint": "set the regular-file bit and the executable bits: 0o100755",
        "page": "docs/reference/check-codes.md#binary-mode",
    }
    assert (report["errors"], report["warnings"], report["ok"]) == (2, 0, False)


def test_github(dist: Path) -> None:
    name = break_mode(dist)
    result = run("dist", "--format", "github")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == [
        (
            f"::error title=binary-mode in {name}::'{PROGRAM}': mode 0o755; "
            "pip won't make it executable%0A"
            "hint: set the regular-file bit and the executable bits: 0o100755%0A"
            "see docs/reference/check-codes.md#binary-mode"
        ),
        "Checked 6 wheels: 2 errors, no warnings",
    ]


def test_texts_from_wheels_are_escaped(dist: Path) -> None:
    recipe = good()
    recipe.edit(META, "Apache-2.0", "[red]\x1b[31m::error::%0A")
    (dist / recipe.file).write_bytes(recipe.build())
    table = run("dist").stdout
    assert "\x1b" not in table
    assert "[red]" in table
    annotations = run("dist", "--format", "github").stdout
    assert all(line.startswith(("::", "Checked")) for line in annotations.splitlines())
    assert "%250A" in annotations


def test_expect(dist: Path) -> None:
    for target in list(PLATFORMS)[1:]:
        (dist / good(target).file).unlink()
    missing = "linux-arm64, darwin-amd64, darwin-arm64, windows-amd64, windows-arm64"
    assert f"error set-missing: hello: no wheel for {missing}" in run().stdout
    assert run("--expect", "linux-amd64").exit_code == 0
    assert run("--expect", "none").exit_code == 0
    assert run("--expect", "linux-amd64,linux-386").exit_code == 1


def test_checks_not_run_are_listed(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "twine", None)
    said = "twine's check: twine is not installed; pip install 'go-to-wheel[check]'"
    assert f"not run {said}" in run().stdout.splitlines()
    assert f"::notice title=not run::{said}" in run("--format", "github").stdout.splitlines()
    assert json.loads(run("--json").stdout)["not_run"] == [said]


def test_errors_are_left_to_the_command_line(dist: Path) -> None:
    result = run("gone.whl")
    assert isinstance(result.exception, MissingPathError)


def test_a_project_without_unearth(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "unearth", None)
    error = run("dits").exception
    assert isinstance(error, ToolchainError)
    assert str(error) == "there is no path 'dits'; to look up a project, unearth must be installed"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from go_to_wheel.cli import check\n"
        "heavy = {'rich', 'packaging', 'wheel', 'elftools', 'twine'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_code_has_its_section() -> None:
    """What, why and for whom, an example, what to do; the anchor is the code."""
    text = PAGE.read_text(encoding="utf-8")
    sections = re.findall(
        r"^### `([a-z0-9-]+)`\n\n\*\*(Error|Warning):\*\* (.+)\n\n"
        r"```text\n(error|warning) \1: (.+)\n```\n\nWhat to do: (.+)\.\n",
        text,
        re.MULTILINE,
    )
    assert [section[0] for section in sections] == list(RULES)
    assert text.count("### ") == len(RULES)
    for code, kind, summary, severity, example, fix in sections:
        rule = RULES[code]
        assert (kind.lower(), severity, fix) == (rule.severity, rule.severity, rule.fix)
        assert summary.startswith(f"{rule.title}. "), code
        assert len(summary) > len(rule.title) + 22 and example, code
    assert len({section[2] for section in sections}) == len(RULES)


def anchors(text: str) -> list[str]:
    """The anchors that GitHub and the site give to the headings of a page, in their order."""
    found: Counter[str] = Counter()
    result = []
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        result.append(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return result


@pytest.mark.parametrize("code", RULES)
def test_each_code_has_its_own_section(code: str) -> None:
    """A heading of the same words before it would take the anchor."""
    path, _, anchor = Finding(code, "").page.partition("#")
    text = (DOCS.parents[2] / path).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    assert headings[anchors(text).index(anchor)] == f"`{code}`"


def test_findings_lead_to_their_section(dist: Path) -> None:
    name = break_mode(dist)
    assert f"  see {CODES_PAGE}#binary-mode" in run(f"dist/{name}", "--expect", "none").stdout
    assert (DOCS.parents[2] / CODES_PAGE) == PAGE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_pipes_named_like_wheels_are_refused(tmp_path: Path) -> None:
    """Opening a pipe that nobody writes to would wait forever."""
    pipe = tmp_path / "a" / "x-1.0-py3-none-any.whl"
    folder = tmp_path / "b" / "y-1.0-py3-none-any.whl"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    folder.mkdir(parents=True)
    for given in (pipe, pipe.parent, folder.parent):
        with pytest.raises(MissingPathError, match="is not a file"):
            check_wheels([given])


def stored(dist: Path) -> None:
    """Add a warning to one wheel, beside the errors of `break_mode`."""
    recipe = good("darwin-arm64")
    recipe.methods[PROGRAM] = 0
    (dist / recipe.file).write_bytes(recipe.build())


def listed(*args: str) -> list[str]:
    return sorted({row["code"] for row in json.loads(run(*args, "--json").stdout)["findings"]})


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ((), ["binary-mode", "binary-stored"]),
        (("--select", "binary-mode"), ["binary-mode"]),
        (("--select", "binary"), ["binary-mode", "binary-stored"]),
        (("--ignore", "binary"), []),
        (("--select", "binary", "--ignore", "binary-mode, zip"), ["binary-stored"]),
        (("--select", "zip"), []),
    ],
)
def test_select_and_ignore(dist: Path, options: tuple[str, ...], codes: list[str]) -> None:
    break_mode(dist)
    stored(dist)
    assert listed("dist", *options) == codes
    assert run("dist", *options).exit_code == ("binary-mode" in codes)


def test_what_is_ignored_in_pyproject(dist: Path) -> None:
    break_mode(dist)
    stored(dist)
    table = '[tool.go-to-wheel.check]\nignore = ["binary-mode"]\n'
    (dist.parent / "pyproject.toml").write_text(table)
    assert listed("dist") == ["binary-stored"]
    assert listed("dist", "--ignore", "binary-stored") == ["binary-mode"]
    assert listed("dist", "--ignore", "") == ["binary-mode", "binary-stored"]
    (dist.parent / "pyproject.toml").write_text("not toml")
    assert listed("dist") == ["binary-mode", "binary-stored"]


def test_unknown_codes_are_refused(dist: Path) -> None:
    error = run("dist", "--ignore", "binary-mod").exception
    assert isinstance(error, InvalidOptionsError)
    assert error.message == "there is no code 'binary-mod', did you mean 'binary-mode'?"
    assert CODES_PAGE in error.hint


def test_sarif(dist: Path) -> None:
    name = break_mode(dist)
    stored(dist)
    log = json.loads(run("dist", "--format", "sarif").stdout)
    assert log["version"] == "2.1.0"
    (tool,) = log["runs"]
    rules = [rule["id"] for rule in tool["tool"]["driver"]["rules"]]
    assert rules == ["binary-mode", "binary-stored"]
    levels = [result["level"] for result in tool["results"]]
    assert sorted(levels) == ["error", "error", "warning"]
    places = [
        place["physicalLocation"]["artifactLocation"]["uri"]
        for result in tool["results"]
        for place in result["locations"]
    ]
    assert name in places
    assert all(result["ruleId"] in rules for result in tool["results"])


@pytest.mark.slow
def test_a_hundred_wheels_fit_a_screen(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    recipe = good()
    recipe.modes[PROGRAM] = 0o755
    data = recipe.build()
    for number in range(100):
        name = recipe.file.replace("hello-1.0-", f"hello-1.0-{number}_x-")
        (dist / name).write_bytes(data)
    stored(dist)
    result = run("dist", "--ignore", "set")
    lines = result.stdout.splitlines()
    assert len(lines) <= 24
    assert lines[0].split() == ["Code", "Wheels", "For", "example"]
    assert lines[1].startswith("binary-mode             100  hello-1.0-0_x-")
    assert lines[2].startswith("binary-stored             1  ")
    assert lines[-2:] == [
        "Checked 106 wheels: 100 errors, 1 warning",
        "--all shows each finding in full",
    ]
    everything = run("dist", "--ignore", "set", "--all").stdout
    assert everything.count("  in hello-1.0-") == 101

"""A check's report, printed: for people, for GitHub Actions, and as SARIF."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from go_to_wheel import __version__
from go_to_wheel.cli.messages import format_size, visible

if TYPE_CHECKING:
    from rich.console import Console

    from go_to_wheel.check.report import Finding, Report

#: Wide enough for any file name when the output is no terminal.
_FILE_WIDTH = 200
#: More wheels than this are summed up by code, more notes are counted, unless all are asked for.
_MANY, _FEW = 12, 5


def print_annotations(report: Report) -> None:
    """Workflow commands: GitHub shows each at the run, and error or warning in its colour."""
    for finding in report.findings:
        title = _escape_property(f"{finding.code} in {finding.wheel or 'the set'}")
        lines = [finding.message, f"hint: {finding.hint}", f"see {finding.page}"]
        text = "%0A".join(map(_escape_data, lines))
        click.echo(f"::{finding.severity} title={title}::{text}")
    for note in report.not_run:
        click.echo(f"::notice title=not run::{_escape_data(note)}")
    click.echo(_verdict(report))


def _escape_data(text: str) -> str:
    return visible(text).replace("%", "%25")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


def print_table(report: Report, everything: bool) -> None:
    """A row for each wheel, each finding in full, then the verdict; a summary for many wheels."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _FILE_WIDTH
    console = Console(highlight=False, emoji=False, width=width)
    is_short = len(report.wheels) > _MANY and not everything
    if is_short:
        _print_summary(console, report)
    else:
        _print_wheels(console, report)
    for run in report.runs:
        output = run.output.splitlines()[0] if run.output else f"exit code {run.exit_code}"
        line = f"{' '.join(run.command)} -> {output}  ({run.manner}, {run.wheel})"
        console.print(f"ran     {_plain(line)}", soft_wrap=True)
    shown = report.not_run[: _FEW if is_short else None]
    for note in shown:
        console.print(f"[yellow]not run[/] {_plain(note)}", soft_wrap=True)
    if len(shown) < len(report.not_run):
        console.print(f"[yellow]not run[/] and {len(report.not_run) - len(shown)} more")
    console.print(_verdict(report))
    if is_short and report.findings:
        console.print("--all shows each finding in full")


def _print_wheels(console: Console, report: Report) -> None:
    from rich.table import Table

    table = Table("Wheel", "Size", "Verdict")
    table.columns[0].overflow = "fold"
    table.columns[1].justify = "right"
    for wheel in report.wheels:
        found = [finding for finding in report.findings if finding.wheel == wheel.file]
        table.add_row(_plain(wheel.file), format_size(wheel.size), _colour_verdict(found))
    console.print(table)
    for finding, names in _alike(report):
        console.print(_paragraph(finding, names), soft_wrap=True)


def _print_summary(console: Console, report: Report) -> None:
    """A line for each code, errors first: in how many wheels, and the first of them."""
    wheels: dict[str, dict[str, Finding]] = {}
    for finding in (*report.errors, *report.warnings):
        wheels.setdefault(finding.code, {}).setdefault(finding.wheel, finding)
    if wheels:
        console.print(f"{'Code':<20} Wheels  For example")
    for code, found in wheels.items():
        first = next(iter(found.values()))
        example = _plain(f"{first.wheel}: {first.message}".removeprefix(": "))
        line = f"[{_colour(first)}]{code:<20}[/] {len(found):>6}  {example}"
        console.print(line, no_wrap=True, overflow="ellipsis")


def _plain(text: str) -> str:
    """Text from a wheel, with nothing in it that a terminal or rich would obey."""
    from rich.markup import escape

    return escape(visible(text))


def _colour_verdict(found: list[Finding]) -> str:
    errors = sum(finding.severity == "error" for finding in found)
    warnings = len(found) - errors
    parts = [f"[red]{_count(errors, 'error')}[/]"] if errors else []
    parts += [f"[yellow]{_count(warnings, 'warning')}[/]"] if warnings else []
    return ", ".join(parts) or "[green]ok[/]"


def _paragraph(finding: Finding, names: list[str]) -> str:
    head = f"[{_colour(finding)}]{finding.severity}[/] {finding.code}"
    lines = [f"{head}: {_plain(finding.message)}", f"  hint: {_plain(finding.hint)}"]
    lines += [f"  in {_plain(name)}" for name in names if name]
    return "\n".join([*lines, f"  see {finding.page}"])


def _colour(finding: Finding) -> str:
    return "red" if finding.severity == "error" else "yellow"


def _alike(report: Report) -> list[tuple[Finding, list[str]]]:
    """The same words about several wheels become one paragraph; errors come first."""
    rows: dict[tuple[str, str, str], tuple[Finding, list[str]]] = {}
    for finding in (*report.errors, *report.warnings):
        key = (finding.code, finding.message, finding.hint)
        rows.setdefault(key, (finding, []))[1].append(finding.wheel)
    return list(rows.values())


def _verdict(report: Report) -> str:
    counts = [
        _count(len(report.wheels), "wheel"),
        _count(len(report.errors), "error"),
        _count(len(report.warnings), "warning"),
    ]
    return f"Checked {counts[0]}: {counts[1]}, {counts[2]}"


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}" + ("" if number == 1 else "s")


def to_sarif(report: Report) -> dict[str, Any]:
    """The findings as SARIF 2.1.0, for GitHub's code scanning."""
    from go_to_wheel.check.report import PAGES, RULES

    codes = sorted({finding.code for finding in report.findings})
    driver = {
        "name": "go-to-wheel check",
        "version": __version__,
        "rules": [
            {
                "id": code,
                "shortDescription": {"text": RULES[code].title},
                "help": {"text": f"{RULES[code].fix} ({PAGES}#{code})"},
                "defaultConfiguration": {"level": RULES[code].severity},
            }
            for code in codes
        ],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": list(_sarif_results(report.findings))}],
    }


def _sarif_results(findings: Iterable[Finding]) -> Iterable[dict[str, Any]]:
    for finding in findings:
        # a finding about a whole set has no file; code scanning wants a place for each
        place = {"artifactLocation": {"uri": quote(finding.wheel or "dist")}}
        yield {
            "ruleId": finding.code,
            "level": finding.severity,
            "message": {"text": f"{visible(finding.message)}\nhint: {visible(finding.hint)}"},
            "locations": [{"physicalLocation": place}],
        }

"""`go-to-wheel check`: the verdict on finished wheels."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING

import click

from go_to_wheel.cli.messages import format_size, visible

if TYPE_CHECKING:
    from go_to_wheel.check.report import Finding, Report

_FORMATS = ("table", "json", "github")
#: Wide enough for any file name when the output is no terminal.
_FILE_WIDTH = 200


@click.command("check")
@click.argument("wheels", nargs=-1, type=click.Path(), metavar="[WHEELS]...")
@click.option(
    "--expect",
    metavar="NAMES",
    help="Platforms that must be there, with commas; none: any set (default: the default ones).",
)
@click.option("--run", "runs", is_flag=True, help="Run the programs too, where that is possible.")
@click.option(
    "--test-command",
    metavar="COMMAND",
    help="What --run runs, such as 'tool selftest' (default: each command with --version).",
)
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; short for --format json.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="table",
    help="What to print: a table, JSON, or annotations for GitHub Actions.",
)
@click.pass_context
def command(
    ctx: click.Context,
    wheels: tuple[str, ...],
    expect: str | None,
    runs: bool,
    test_command: str | None,
    strict: bool,
    as_json: bool,
    form: str,
) -> None:
    """Check wheels from any tool before they are uploaded.

    WHEELS are files, or folders of them; without any, the folder 'dist'. Reports what
    PyPI would refuse, what would fail when installed, and where the program inside
    contradicts the wheel's tags. Nothing is unpacked or run without --run, which installs
    each wheel with pip and uv and runs its commands. Linux programs for other processors
    run under qemu-user.

    Exits with 1 on errors, and with --strict on warnings too.
    """
    from go_to_wheel.check.run import check_wheels

    paths = wheels or ("dist",)
    report = check_wheels(paths, expect=_parse_expect(expect))
    if runs or test_command:
        report = _run(report, paths, test_command)
    if as_json or form == "json":
        click.echo(json.dumps({**report.to_json(), "ok": report.ok(strict)}, indent=2))
    elif form == "github":
        _print_annotations(report)
    else:
        _print_table(report)
    ctx.exit(0 if report.ok(strict) else 1)


def _parse_expect(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [] if text.strip() == "none" else text.split(",")


def _run(report: Report, paths: tuple[str, ...], test_command: str | None) -> Report:
    from go_to_wheel.check.trial import with_runs
    from go_to_wheel.process import Runner

    try:
        words = None if test_command is None else shlex.split(test_command)
    except ValueError as error:
        raise click.UsageError(f"--test-command {test_command!r}: {error}") from None
    if words == []:
        raise click.UsageError("--test-command is empty")
    return with_runs(report, paths, Runner(), words or ())


def _print_annotations(report: Report) -> None:
    """Workflow commands: GitHub shows each at the run, and error or warning in its colour."""
    for finding in report.findings:
        title = _escape_property(f"{finding.code} in {finding.wheel or 'the set'}")
        lines = [finding.message, *([f"hint: {finding.hint}"] if finding.hint else [])]
        text = "%0A".join(map(_escape_data, lines))
        click.echo(f"::{finding.severity} title={title}::{text}")
    for note in report.not_run:
        click.echo(f"::notice title=not run::{_escape_data(note)}")
    click.echo(_verdict(report))


def _escape_data(text: str) -> str:
    return visible(text).replace("%", "%25")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


def _print_table(report: Report) -> None:
    """A row for each wheel, then each finding in full, then the verdict."""
    from rich.console import Console
    from rich.table import Table

    table = Table("Wheel", "Size", "Verdict")
    table.columns[0].overflow = "fold"
    table.columns[1].justify = "right"
    for wheel in report.wheels:
        found = [finding for finding in report.findings if finding.wheel == wheel.file]
        table.add_row(_plain(wheel.file), format_size(wheel.size), _colour_verdict(found))
    width = None if sys.stdout.isatty() else _FILE_WIDTH
    console = Console(highlight=False, emoji=False, width=width)
    console.print(table)
    for finding, names in _alike(report):
        console.print(_paragraph(finding, names), soft_wrap=True)
    for run in report.runs:
        output = run.output.splitlines()[0] if run.output else f"exit code {run.exit_code}"
        line = f"{' '.join(run.command)} -> {output}  ({run.manner}, {run.wheel})"
        console.print(f"ran     {_plain(line)}", soft_wrap=True)
    for note in report.not_run:
        console.print(f"[yellow]not run[/] {_plain(note)}", soft_wrap=True)
    console.print(_verdict(report))


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
    colour = "red" if finding.severity == "error" else "yellow"
    lines = [f"[{colour}]{finding.severity}[/] {finding.code}: {_plain(finding.message)}"]
    lines += [f"  hint: {_plain(finding.hint)}"] if finding.hint else []
    return "\n".join([*lines, *(f"  in {_plain(name)}" for name in names if name)])


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

"""`go-to-wheel check`: the verdict on finished wheels, for people, GitHub Actions and SARIF."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from go_to_wheel import __version__
from go_to_wheel.cli.build import option
from go_to_wheel.cli.messages import format_size, note, visible

if TYPE_CHECKING:
    from rich.console import Console

    from go_to_wheel.check.report import Finding, Report

_PYPROJECT = Path("pyproject.toml")
#: Wide enough for any file name when the output is no terminal.
_FILE_WIDTH = 200
#: More wheels than this are summed up by code, more notes are counted, unless all are asked for.
_MANY, _FEW = 12, 5
_COLOURS = {"error": "red", "warning": "yellow"}


@click.command("check")
@click.argument("wheels", nargs=-1, type=click.Path(), metavar="[WHEELS | NAME[==VERSION]]...")
@option(
    "--expect NAMES",
    "Platforms that must be there, with commas; none: any set "
    "(default: the default ones; with NAME any set).",
)
@option("--platform,platforms NAMES", "With NAME: check only the wheels for these platforms.")
@option("--index-url URL", "The index for names (default: pip's).")
@option("--select CODES", "Report only these codes, such as binary,zip.")
@option("--ignore CODES", "Don't report these codes.")
@option("--run,runs", "Run the programs too, where that is possible.", is_flag=True)
@option(
    "--test-command COMMAND",
    "What --run runs, such as 'tool selftest' (default: each command with --version).",
)
@option("--strict", "Fail on warnings too.", is_flag=True)
@option("--all,everything", "Show every finding, even of many wheels.", is_flag=True)
@option("--json,as_json", "Print JSON; short for --format json.", is_flag=True)
@option(
    "--format,form",
    "What to print: a table, JSON, annotations for GitHub Actions, or SARIF.",
    type=click.Choice(["table", "json", "github", "sarif"]),
    default="table",
)
def command(
    wheels: tuple[str, ...],
    strict: bool,
    everything: bool,
    as_json: bool,
    form: str,
    **options: Any,
) -> None:
    """Check wheels from any tool, before or after the upload.

    WHEELS are files, or folders of them; without any, the folder 'dist'. NAME is a project
    on the index that pip is configured for: all wheels and the sdist of its newest release,
    or of VERSION. A file or folder of that name comes first.

    Reports what PyPI would refuse, what would fail when installed, and where the program
    inside contradicts the wheel's tags. Nothing is unpacked or run without --run, which
    installs each wheel with pip and uv and runs its commands. Linux programs for other
    processors run under qemu-user.

    Exits with 1 on errors, and with --strict on warnings too.
    """
    report = _report(wheels or ("dist",), **options)
    if as_json or form == "json":
        click.echo(json.dumps({**report.to_json(), "ok": report.ok(strict)}, indent=2))
    elif form == "sarif":
        click.echo(json.dumps(_to_sarif(report), indent=2))
    elif form == "github":
        _print_annotations(report)
    else:
        _print_table(report, everything)
    click.get_current_context().exit(0 if report.ok(strict) else 1)


def _report(
    wheels: tuple[str, ...],
    expect: str | None,
    platforms: str | None,
    index_url: str | None,
    select: str | None,
    ignore: str | None,
    runs: bool,
    test_command: str | None,
) -> Report:
    from go_to_wheel.check.run import check_wheels
    from go_to_wheel.check.trial import with_runs
    from go_to_wheel.process import Runner

    chosen = list(_codes(select, ignore))
    paths, is_release = _find(wheels, platforms, index_url)
    names = ("none" if is_release else "default") if expect is None else expect
    expected = [] if names.strip() == "none" else names.split(",")
    report = check_wheels(paths, expect=expected).filtered(*chosen)
    if not runs and not test_command:
        return report
    try:
        words = None if test_command is None else shlex.split(test_command)
    except ValueError as error:
        raise click.UsageError(f"--test-command {test_command!r}: {error}") from None
    if words == []:
        raise click.UsageError("--test-command is empty")
    return with_runs(report, paths, Runner(), words or ()).filtered(*chosen)


def _find(
    arguments: tuple[str, ...], platforms: str | None, index_url: str | None
) -> tuple[list[str | Path], bool]:
    """The paths that were named, and those of releases, which go when the command ends.

    The second value is whether there are releases among them.
    """
    from go_to_wheel.check.index import Index, is_release
    from go_to_wheel.platforms import parse_selection
    from go_to_wheel.process import Runner

    targets = parse_selection(platforms.split(",")) if platforms else ()
    releases = [text for text in arguments if is_release(text) and not Path(text).exists()]
    if (platforms or index_url) and not releases:
        option = "--platform" if platforms else "--index-url"
        raise click.UsageError(f"{option} is for a project's name; {arguments[0]!r} is a path")
    paths: list[str | Path] = [text for text in arguments if text not in releases]
    for path in map(str, paths):
        if is_release(path) and not Path(path).suffix:
            note(f"{path!r} is a path here, which is checked; no index is asked for that project")
    if not releases:
        return paths, False
    index, seen = Index(index_url, Runner()), set()

    def show(file: str, done: int, size: int | None) -> None:
        if file not in seen:
            seen.add(file)
            note(f"downloading {file}" + (f", {format_size(size)}" if size else ""))

    scratch = tempfile.TemporaryDirectory(prefix="go-to-wheel-")
    folder = click.get_current_context().with_resource(scratch)
    for number, text in enumerate(releases):
        note(f"there is no path {text!r}; checking the project of that name on {index.shown}")
        paths += index.fetch(text, Path(folder, str(number)), targets, show)
    return paths, True


def _codes(select: str | None, ignore: str | None) -> Iterator[list[str]]:
    """The codes to report and not to report: of the options, or else of pyproject.toml."""
    from go_to_wheel.sources.files import TEXT_LIMIT, read_file

    table: dict[str, Any] = {}
    with suppress(OSError, ValueError, LookupError, TypeError):  # somebody else's business here
        text = read_file(_PYPROJECT, None, TEXT_LIMIT).decode()
        table = {**tomllib.loads(text)["tool"]["go-to-wheel"]["check"]}
    for key, given in (("select", select), ("ignore", ignore)):
        codes = table.get(key) if given is None else given
        listed = codes.split(",") if isinstance(codes, str) else codes or []
        yield [str(code).strip() for code in listed if str(code).strip()]


def _print_annotations(report: Report) -> None:
    """Workflow commands: GitHub shows each at the run, and error or warning in its colour."""

    def escape(text: str) -> str:
        return visible(text).replace("%", "%25")

    for finding in report.findings:
        title = escape(f"{finding.code} in {finding.wheel or 'the set'}")
        title = title.replace(":", "%3A").replace(",", "%2C")
        lines = [finding.message, f"hint: {finding.hint}", f"see {finding.page}"]
        click.echo(f"::{finding.severity} title={title}::{'%0A'.join(map(escape, lines))}")
    for text in report.not_run:
        click.echo(f"::notice title=not run::{escape(text)}")
    click.echo(_verdict(report))


def _print_table(report: Report, everything: bool) -> None:
    """A row for each wheel, each finding in full, then the verdict; a summary for many wheels."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _FILE_WIDTH
    console = Console(highlight=False, emoji=False, width=width)
    is_short = len(report.wheels) > _MANY and not everything
    (_print_summary if is_short else _print_wheels)(console, report)
    for run in report.runs:
        output = run.output.splitlines()[0] if run.output else f"exit code {run.exit_code}"
        line = f"{' '.join(run.command)} -> {output}  ({run.manner}, {run.wheel})"
        console.print(f"ran     {_plain(line)}", soft_wrap=True)
    shown = report.not_run[: _FEW if is_short else None]
    for text in shown:
        console.print(f"[yellow]not run[/] {_plain(text)}", soft_wrap=True)
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
        found = [finding.severity for finding in report.findings if finding.wheel == wheel.file]
        counts = [(found.count(kind), kind, colour) for kind, colour in _COLOURS.items()]
        parts = [f"[{colour}]{_count(n, kind)}[/]" for n, kind, colour in counts if n]
        verdict = ", ".join(parts) or "[green]ok[/]"
        table.add_row(_plain(wheel.file), format_size(wheel.size), verdict)
    console.print(table)
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in (*report.errors, *report.warnings):
        alike.setdefault((finding.code, finding.message, finding.hint), []).append(finding)
    for (code, message, hint), same in alike.items():
        head = f"[{_COLOURS[same[0].severity]}]{same[0].severity}[/] {code}"
        lines = [f"{head}: {_plain(message)}", f"  hint: {_plain(hint)}"]
        lines += [f"  in {_plain(finding.wheel)}" for finding in same if finding.wheel]
        console.print("\n".join([*lines, f"  see {same[0].page}"]), soft_wrap=True)


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
        line = f"[{_COLOURS[first.severity]}]{code:<20}[/] {len(found):>6}  {example}"
        console.print(line, no_wrap=True, overflow="ellipsis")


def _plain(text: str) -> str:
    """Text from a wheel, with nothing in it that a terminal or rich would obey."""
    from rich.markup import escape

    return escape(visible(text))


def _verdict(report: Report) -> str:
    errors, warnings = _count(len(report.errors), "error"), _count(len(report.warnings), "warning")
    return f"Checked {_count(len(report.wheels), 'wheel')}: {errors}, {warnings}"


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}" + ("" if number == 1 else "s")


def _to_sarif(report: Report) -> dict[str, Any]:
    """The findings as SARIF 2.1.0, for GitHub's code scanning."""
    from go_to_wheel.check.report import PAGES, RULES

    rules = [
        {
            "id": code,
            "shortDescription": {"text": RULES[code].title},
            "help": {"text": f"{RULES[code].fix} ({PAGES}#{code})"},
            "defaultConfiguration": {"level": RULES[code].severity},
        }
        for code in sorted({finding.code for finding in report.findings})
    ]
    driver = {"name": "go-to-wheel check", "version": __version__, "rules": rules}
    # a finding about a whole set has no file; code scanning wants a place for each
    places = [quote(finding.wheel or "dist") for finding in report.findings]
    results = [
        {
            "ruleId": finding.code,
            "level": finding.severity,
            "message": {"text": f"{visible(finding.message)}\nhint: {visible(finding.hint)}"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}}}],
        }
        for finding, uri in zip(report.findings, places, strict=True)
    ]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }

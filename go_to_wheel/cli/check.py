"""`go-to-wheel check`: checks wheels; prints a table, JSON, GitHub annotations or SARIF."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from go_to_wheel import __version__
from go_to_wheel.cli.build import PATH, option
from go_to_wheel.cli.messages import format_size, note, visible

if TYPE_CHECKING:
    from go_to_wheel.check.report import Finding, Report

#: With more wheels the table has a line for each code; further notes are counted. Not with --all.
_MAX_WHEELS, _MAX_NOT_RUN = 12, 5
_COLOURS = {"error": "red", "warning": "yellow"}


@click.command("check")
@click.argument("wheels", nargs=-1, metavar="[WHEELS | NAME[==VERSION]]...", **PATH)
@option(
    "--expect NAMES",
    "Comma-separated platforms that the wheels must cover, or none "
    "(default: the default platforms; with NAME none).",
)
@option("--platform,platforms NAMES", "With NAME: the platforms whose wheels are checked.")
@option("--index-url URL", "With NAME: the package index (default: pip's).")
@option("--select CODES", "Report only these codes, such as binary,zip.", callback=None)
@option("--ignore CODES", "Don't report these codes.", callback=None)
@option("--run,runs", "Also run the commands, where possible.", is_flag=True)
@option(
    "--test-command COMMAND",
    "Command for --run, such as 'tool selftest' (default: each command with --version).",
)
@option("--strict", "Fail on warnings too.", is_flag=True)
@option("--all,everything", "Show every finding, even for many wheels.", is_flag=True)
@option("--json,as_json", "Print JSON; short for --format json.", is_flag=True)
@option(
    "--format,output_format",
    "What to print: a table, JSON, annotations for GitHub Actions, or SARIF.",
    type=click.Choice(["table", "json", "github", "sarif"]),
    default="table",
)
def command(
    wheels: tuple[str, ...],
    strict: bool,
    everything: bool,
    as_json: bool,
    output_format: str,
    **options: Any,
) -> None:
    """Check wheels from any tool, before or after the upload.

    WHEELS are files, or folders of them; without any, the folder 'dist'. NAME is a project
    on the index that pip is configured for: all wheels and the sdist of its newest release,
    or of VERSION. A file or folder of that name comes first.

    Reports what PyPI would refuse, what would fail when installed, and where the program
    inside contradicts the wheel's tags. Nothing is unpacked or run without --run, which
    installs each wheel with pip and runs its commands. Linux programs for other
    processors run under qemu-user.

    Exits with 1 on errors, and with --strict on warnings too.
    """
    report = _check(wheels or ("dist",), options)
    if as_json or output_format == "json":
        click.echo(json.dumps({**report.to_json(), "ok": report.ok(strict)}, indent=2))
    elif output_format == "sarif":
        click.echo(json.dumps(_to_sarif(report), indent=2))
    elif output_format == "github":
        _print_annotations(report)
    else:
        click.echo("\n".join(_format_table(report, everything)))
    click.get_current_context().exit(0 if report.ok(strict) else 1)


def _check(wheels: tuple[str, ...], options: dict[str, Any]) -> Report:
    from go_to_wheel.check.run import run_commands
    from go_to_wheel.check.wheel_set import check_wheels

    chosen, expect, command = list(_read_codes(options)), options["expect"], options["test_command"]
    try:
        words = shlex.split(command or "")
    except ValueError as error:
        raise click.UsageError(f"--test-command {command!r}: {error}") from None
    paths, is_release = _find_files(wheels, options["platforms"], options["index_url"])
    names = ("none" if is_release else "default") if expect is None else expect
    report = check_wheels(paths, expect=[] if names.strip() == "none" else names.split(","))
    if options["runs"] or words:
        report = run_commands(report, paths, words)
    return report.filtered(*chosen)


def _find_files(
    arguments: tuple[str, ...], platforms: str | None, index_url: str | None
) -> tuple[list[str | Path], bool]:
    """The named paths and the downloaded releases, and whether there are releases.

    Downloads are removed when the command ends.
    """
    from go_to_wheel.check.index import Index, is_release
    from go_to_wheel.platforms import parse_selection, this_machine
    from go_to_wheel.process import Runner

    targets = parse_selection(platforms, this_machine()) if platforms else ()
    releases = [text for text in arguments if is_release(text) and not Path(text).exists()]
    if (platforms or index_url) and not releases:
        option = "--platform" if platforms else "--index-url"
        raise click.UsageError(f"{option} is for a project's name; {arguments[0]!r} is a path")
    paths: list[str | Path] = [text for text in arguments if text not in releases]
    for path in map(str, paths):
        if is_release(path) and not Path(path).suffix:
            note(f"{path!r} is a path here, so no project of that name is looked up")
    if releases:
        index = Index(index_url, Runner(), releases[0])
        scratch = tempfile.TemporaryDirectory(prefix="go-to-wheel-")
        folder = click.get_current_context().with_resource(scratch)
        for number, text in enumerate(releases):
            note(f"there is no path {text!r}; checking the project of that name on {index.shown}")
            paths += index.fetch(text, Path(folder, str(number)), targets, note)
    return paths, bool(releases)


def _read_codes(options: dict[str, Any]) -> Iterator[list[str]]:
    """The codes of --select and --ignore, else those in pyproject.toml."""
    from go_to_wheel.sources.files import TEXT_LIMIT, read_file

    table: dict[str, Any] = {}
    with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):  # builds report it
        text = read_file(Path("pyproject.toml"), None, TEXT_LIMIT).decode()
        table = {**tomllib.loads(text)["tool"]["go-to-wheel"]["check"]}
    for key in ("select", "ignore"):
        codes = table.get(key) if options[key] is None else options[key]
        listed = codes.split(",") if isinstance(codes, str) else codes or []
        yield [str(code).strip() for code in listed if str(code).strip()]


def _print_annotations(report: Report) -> None:
    """Print workflow commands, which GitHub shows as annotations of the run."""

    def escape(text: str) -> str:
        return visible(text).replace("%", "%25")

    for finding in report.findings:
        title = escape(f"{finding.code} in {finding.wheel or 'the set'}")
        title = title.replace(":", "%3A").replace(",", "%2C")
        lines = [finding.message, f"hint: {finding.hint}", f"see {finding.page}"]
        click.echo(f"::{finding.severity} title={title}::{'%0A'.join(map(escape, lines))}")
    for text in report.not_run:
        click.echo(f"::notice title=not run::{escape(text)}")
    click.echo(_format_verdict(report))


def _format_table(report: Report, everything: bool) -> Iterator[str]:
    """A line for each wheel, each finding in full, then the totals; for many wheels a summary."""
    is_short = len(report.wheels) > _MAX_WHEELS and not everything
    width = max(len(visible(wheel.file)) for wheel in report.wheels)
    for wheel in () if is_short else report.wheels:
        found = Counter(row.severity for row in report.findings if row.wheel == wheel.file)
        counts = [
            click.style(_plural(n, kind), _COLOURS[kind]) for kind, n in sorted(found.items())
        ]
        verdict = ", ".join(counts or [click.style("ok", "green")])
        yield f"{visible(wheel.file):{width}} {format_size(wheel.size):>9}  {verdict}"
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for row in (*report.errors, *report.warnings):
        key = (row.code,) if is_short else (row.code, row.message, row.hint)
        alike.setdefault(key, []).append(row)
    if is_short and alike:
        yield f"{'Code':<20} Wheels  For example"
    for first, *more in alike.values():
        yield from _format_code(first, more) if is_short else _format_finding(first, more)
    for run in report.runs:
        output = run.output.splitlines()[0] if run.output else f"exit code {run.exit_code}"
        line = f"{' '.join(run.command)} -> {output}  ({run.manner}, {run.wheel})"
        yield f"ran     {visible(line)}"
    shown = report.not_run[: _MAX_NOT_RUN if is_short else None]
    left = len(report.not_run) - len(shown)
    for text in (*shown, *[f"and {left} more"] * bool(left)):
        yield f"{click.style('not run', 'yellow')} {visible(text)}"
    yield _format_verdict(report)
    if is_short and report.findings:
        yield "--all shows each finding in full"


def _format_finding(first: Finding, more: list[Finding]) -> Iterator[str]:
    """A finding in full, and all wheels that have it."""
    severity = click.style(first.severity, _COLOURS[first.severity])
    yield f"{severity} {first.code}: {visible(first.message)}"
    yield f"  hint: {visible(first.hint)}"
    yield from (f"  in {visible(finding.wheel)}" for finding in (first, *more) if finding.wheel)
    yield f"  see {first.page}"


def _format_code(first: Finding, more: list[Finding]) -> Iterator[str]:
    """A line for a code: in how many wheels, and the first of them."""
    count = len({finding.wheel for finding in (first, *more)})
    example = visible(f"{first.wheel}: {first.message}".removeprefix(": "))
    width = shutil.get_terminal_size((200, 0)).columns  # 200 without a terminal
    line = f"{first.code:<20} {count:>6}  {example}"[:width]
    yield click.style(line[:20], _COLOURS[first.severity]) + line[20:]


def _format_verdict(report: Report) -> str:
    found = f"{_plural(len(report.errors), 'error')}, {_plural(len(report.warnings), 'warning')}"
    return f"Checked {_plural(len(report.wheels), 'wheel')}: {found}"


def _plural(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}" + ("" if number == 1 else "s")


def _to_sarif(report: Report) -> dict[str, Any]:
    """The findings as SARIF 2.1.0, for GitHub's code scanning."""
    from go_to_wheel.check.report import RULES

    rules, results = {}, []
    for row in report.findings:
        rules[row.code] = {
            "id": row.code,
            "shortDescription": {"text": RULES[row.code].title},
            "help": {"text": f"{RULES[row.code].fix} ({row.page})"},
            "defaultConfiguration": {"level": row.severity},
        }
        text = f"{visible(row.message)}\nhint: {visible(row.hint)}"
        # a finding about a whole set has no file; code scanning wants a place for each
        place = {"physicalLocation": {"artifactLocation": {"uri": quote(row.wheel or "dist")}}}
        result = {"ruleId": row.code, "level": row.severity, "message": {"text": text}}
        results.append({**result, "locations": [place]})
    listed = [rules[code] for code in sorted(rules)]
    tool = {"name": "go-to-wheel check", "version": __version__, "rules": listed}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": tool}, "results": results}],
    }

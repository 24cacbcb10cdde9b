"""`go-to-wheel check`: the verdict on finished wheels."""

from __future__ import annotations

import json
import shlex
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from go_to_wheel.cli.findings import print_annotations, print_table, to_sarif
from go_to_wheel.cli.messages import format_size, note

if TYPE_CHECKING:
    from go_to_wheel.check.report import Report

_FORMATS = ("table", "json", "github", "sarif")
_PYPROJECT = Path("pyproject.toml")


@click.command("check")
@click.argument("wheels", nargs=-1, type=click.Path(), metavar="[WHEELS | NAME[==VERSION]]...")
@click.option(
    "--expect",
    metavar="NAMES",
    help="Platforms that must be there, with commas; none: any set "
    "(default: the default ones; with NAME any set).",
)
@click.option(
    "--platform",
    "platforms",
    metavar="NAMES",
    help="With NAME: check only the wheels for these platforms.",
)
@click.option("--index-url", metavar="URL", help="The index for names (default: pip's).")
@click.option("--select", metavar="CODES", help="Report only these codes, such as binary,zip.")
@click.option("--ignore", metavar="CODES", help="Don't report these codes.")
@click.option("--run", "runs", is_flag=True, help="Run the programs too, where that is possible.")
@click.option(
    "--test-command",
    metavar="COMMAND",
    help="What --run runs, such as 'tool selftest' (default: each command with --version).",
)
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--all", "everything", is_flag=True, help="Show every finding, even of many wheels.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; short for --format json.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="table",
    help="What to print: a table, JSON, annotations for GitHub Actions, or SARIF.",
)
@click.pass_context
def command(
    ctx: click.Context,
    wheels: tuple[str, ...],
    expect: str | None,
    platforms: str | None,
    index_url: str | None,
    select: str | None,
    ignore: str | None,
    runs: bool,
    test_command: str | None,
    strict: bool,
    everything: bool,
    as_json: bool,
    form: str,
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
    from go_to_wheel.check.run import check_wheels

    chosen = _codes(select, ignore)
    with _found(wheels or ("dist",), platforms, index_url) as (paths, is_release):
        expected = _parse_expect(expect, is_release)
        report = check_wheels(paths, expect=expected).filtered(*chosen)
        if runs or test_command:
            report = _run(report, paths, test_command).filtered(*chosen)
    if as_json or form == "json":
        click.echo(json.dumps({**report.to_json(), "ok": report.ok(strict)}, indent=2))
    elif form == "sarif":
        click.echo(json.dumps(to_sarif(report), indent=2))
    elif form == "github":
        print_annotations(report)
    else:
        print_table(report, everything)
    ctx.exit(0 if report.ok(strict) else 1)


def _parse_expect(text: str | None, is_release: bool) -> list[str] | None:
    if text is None:
        return [] if is_release else None
    return [] if text.strip() == "none" else text.split(",")


@contextmanager
def _found(
    arguments: tuple[str, ...], platforms: str | None, index_url: str | None
) -> Iterator[tuple[list[str | Path], bool]]:
    """The paths that were named, and those of releases, which are downloaded and removed again.

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
    for text in arguments:
        if is_release(text) and Path(text).exists() and not Path(text).suffix:
            note(f"{text!r} is a path here, which is checked; no index is asked for that project")
    paths: list[str | Path] = [text for text in arguments if text not in releases]
    if not releases:
        yield paths, False
        return
    index = Index(index_url, Runner())
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as folder:
        for number, text in enumerate(releases):
            note(f"there is no path {text!r}; checking the project of that name on {index.shown}")
            paths += index.fetch(text, Path(folder, str(number)), targets, _progress())
        yield paths, True


def _progress() -> Callable[[str, int, int | None], None]:
    """A line on stderr for each file that is downloaded."""
    seen = set()

    def show(file: str, done: int, size: int | None) -> None:
        if file not in seen:
            seen.add(file)
            note(f"downloading {file}" + (f", {format_size(size)}" if size else ""))

    return show


def _codes(select: str | None, ignore: str | None) -> tuple[list[str], list[str]]:
    """The codes to report and not to report: of the options, or else of pyproject.toml."""
    table: Any = {}
    if _PYPROJECT.is_file():
        try:
            tool = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8")).get("tool", {})
            table = tool.get("go-to-wheel", {}).get("check", {})
        except (OSError, ValueError, AttributeError):  # somebody else's business here
            table = {}
    chosen = []
    for key, given in (("select", select), ("ignore", ignore)):
        configured = table.get(key, []) if isinstance(table, dict) else []
        codes = configured if given is None else given
        codes = codes.split(",") if isinstance(codes, str) else codes
        chosen.append([str(code).strip() for code in codes if str(code).strip()])
    return chosen[0], chosen[1]


def _run(report: Report, paths: list[str | Path], test_command: str | None) -> Report:
    from go_to_wheel.check.trial import with_runs
    from go_to_wheel.process import Runner

    try:
        words = None if test_command is None else shlex.split(test_command)
    except ValueError as error:
        raise click.UsageError(f"--test-command {test_command!r}: {error}") from None
    if words == []:
        raise click.UsageError("--test-command is empty")
    return with_runs(report, paths, Runner(), words or ())

"""`go-to-wheel verify`: rebuild a wheel and compare."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import click

from go_to_wheel.builder.rebuild import compare_wheels, locate_request, read_recipe, rebuild
from go_to_wheel.cli.build import as_json, option, parse_request, verbose
from go_to_wheel.cli.messages import make_runner, note, printable
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.sources.files import BINARY_LIMIT, read_file


@click.command("verify")
@click.argument("wheel", type=click.Path())
@option("--source SOURCE", "The program's source (default: the module that the wheel names).")
@as_json
@verbose
@click.argument("build_options", nargs=-1, type=click.UNPROCESSED, metavar="[-- BUILD OPTIONS]")
def command(
    wheel: str, source: str | None, as_json: bool, verbose: bool, build_options: tuple[str, ...]
) -> int:
    """Rebuild a wheel from its source and compare the two.

    Builds with the Go, the options and the date that WHEEL records. A SOURCE in a git
    repository is taken at the recorded commit, without touching the checkout. Options of
    the build that the wheel doesn't record (--readme, for example) go after '--'.

    Exits with 0 when the two are the same bytes, with 1 and the first difference if not.
    """
    name = Path(wheel).name
    original = read_file(Path(wheel), None, BINARY_LIMIT)
    recipe = read_recipe(original, name)
    for text in recipe.notes:
        note(text)
    runner = make_runner(verbose)
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as folder:
        scratch = Path(folder)
        request = locate_request(recipe, source, runner, os.environ, scratch)
        request = _with_options(request, build_options, scratch / "dist")
        path = rebuild(recipe, request, runner, os.environ)
        difference = compare_wheels(original, path.read_bytes())
    file, sha256 = path.name, recipe.anatomy.sha256
    identical = difference is None and file == name
    place, details = difference or ("", [])
    if as_json:
        found = {"place": place, "details": details} if difference else None
        result = {"wheel": name, "identical": identical, "sha256": sha256, "built": file}
        click.echo(json.dumps({**result, "difference": found}, indent=2))
    elif identical:
        click.echo(f"identical: {name} (sha256 {sha256})")
    else:
        click.echo(f"different: {name}" + (f" comes out as {file}" if file != name else ""))
        for line in [f"first difference in {place}", *details] if difference else ():
            click.echo(f"  {printable(line)}")
    return 0 if identical else 1


def _with_options(request: BuildRequest, more: tuple[str, ...], output: Path) -> BuildRequest:
    """The request with the options that the user adds, which count more."""
    added = parse_request([*more, "--", request.source])
    given = {
        field.name: getattr(added, field.name)
        for field in fields(added)
        if getattr(added, field.name) not in (field.default, ())
    }
    return replace(request, **given, output_dir=str(output))

"""`go-to-wheel verify`: rebuild a wheel and compare."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from go_to_wheel.cli.messages import note, printable

if TYPE_CHECKING:
    from go_to_wheel.builder.rebuild import Recipe
    from go_to_wheel.check.compare import Difference
    from go_to_wheel.config.request import BuildRequest
    from go_to_wheel.process import Runner


@click.command("verify")
@click.argument("wheel", type=click.Path())
@click.option(
    "--source",
    metavar="SOURCE",
    help="Where the program's source is (default: the released module that the wheel names).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Show the commands that run.")
@click.argument("build_options", nargs=-1, type=click.UNPROCESSED, metavar="[-- BUILD OPTIONS]")
def command(
    wheel: str, source: str | None, as_json: bool, verbose: bool, build_options: tuple[str, ...]
) -> int:
    """Rebuild a wheel from its source and compare the two.

    Builds with the Go, the options and the date that WHEEL records. A SOURCE in a git
    repository is taken at the recorded commit, without touching the checkout. Options of
    the build that the wheel doesn't record (--readme, for example) go behind '--'.

    Exits with 0 when the two are the same bytes, with 1 and the first difference if not.
    """
    from go_to_wheel.builder.rebuild import read_recipe
    from go_to_wheel.check.compare import compare_wheels
    from go_to_wheel.cli.build import echo_command
    from go_to_wheel.process import Runner
    from go_to_wheel.sources.files import BINARY_LIMIT, read_file

    path = Path(wheel)
    original = read_file(path, None, BINARY_LIMIT)
    recipe = read_recipe(original, path.name)
    for text in recipe.notes:
        note(text)
    runner = Runner(echo_command if verbose else None)
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as folder:
        file, built = _rebuild(recipe, source, build_options, runner, Path(folder))
    difference = compare_wheels(original, built)
    _print(path.name, file, recipe, difference, as_json)
    return 0 if difference is None and file == path.name else 1


def _rebuild(
    recipe: Recipe, source: str | None, more: tuple[str, ...], runner: Runner, scratch: Path
) -> tuple[str, bytes]:
    """The name and bytes of the wheel as it comes out now."""
    from go_to_wheel.builder.plan import plan_build
    from go_to_wheel.builder.rebuild import require_go
    from go_to_wheel.builder.run import run_build

    request = _request(recipe, source, runner, scratch)
    request = _with_options(request, more, scratch / "dist")
    require_go(recipe, request.go_binary, runner, os.environ)
    plan = plan_build(request, runner, {**os.environ, **recipe.environ})
    path = run_build(plan).wheels[0].path
    return path.name, path.read_bytes()


def _request(recipe: Recipe, source: str | None, runner: Runner, scratch: Path) -> BuildRequest:
    """What to build: the folder at the recorded commit, or the released module."""
    from go_to_wheel.builder.rebuild import check_out, request_in, request_of_module
    from go_to_wheel.errors import InvalidOptionsError
    from go_to_wheel.sources.git import Git, guard_git

    if source and Path(source).is_dir():
        folder = Path(source).resolve()
        git = Git(folder, runner, guard_git(folder, runner, os.environ))
        return request_in(recipe, check_out(git, recipe.commit, scratch))
    if source or recipe.released:
        return request_of_module(recipe, source or recipe.released)
    raise InvalidOptionsError(
        ["the wheel names no released module to build it from"],
        "name the folder with the program's source: --source DIR",
    )


def _with_options(request: BuildRequest, more: tuple[str, ...], output: Path) -> BuildRequest:
    """The request with the options that the user adds, which count more."""
    from go_to_wheel.cli.build import parse_request

    added = parse_request([*more, "--", request.source])
    given = {
        field.name: getattr(added, field.name)
        for field in fields(added)
        if getattr(added, field.name) not in (field.default, ())
    }
    return replace(request, **given, output_dir=str(output))


def _print(
    name: str, file: str, recipe: Recipe, difference: Difference | None, as_json: bool
) -> None:
    if as_json:
        found = {"place": difference.place, "details": difference.details} if difference else None
        result = {
            "wheel": name,
            "identical": difference is None and file == name,
            "sha256": recipe.anatomy.sha256,
            "built": file,
            "difference": found,
        }
        click.echo(json.dumps(result, indent=2))
        return
    if file != name:
        click.echo(f"different: {name} comes out as {file}")
    elif difference is None:
        click.echo(f"identical: {name} (sha256 {recipe.anatomy.sha256})")
    else:
        click.echo(f"different: {name}")
    if difference:
        click.echo(f"  first difference in {printable(difference.place)}")
        for line in difference.details:
            click.echo(f"  {printable(line)}")

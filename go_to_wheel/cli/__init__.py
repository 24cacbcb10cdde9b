"""The command line: the only part of the package that parses arguments, prints and exits.

Its modules import little besides click, so that `--help` and shell completion are fast.
"""

from __future__ import annotations

import os
import signal
import sys
from difflib import get_close_matches
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from go_to_wheel import __version__
from go_to_wheel.cli import build, check, inspect, project
from go_to_wheel.cli.messages import fail
from go_to_wheel.errors import explain

_INTERRUPTED = 130


class _Group(click.Group):
    """`go-to-wheel SOURCE` is `go-to-wheel build SOURCE`; one help text shows both."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands:
            similar = get_close_matches(args[0], self.commands, 1)
            if similar and not args[0].startswith("-") and not os.path.lexists(args[0]):
                message = f"No such command or source {args[0]!r}. Did you mean {similar[0]!r}?"
                raise click.UsageError(message, ctx)
            args = ["build", *args]
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "SOURCE [OPTIONS]")
        build.command.format_help_text(ctx, formatter)
        build_ctx = click.Context(build.command, info_name=ctx.info_name)
        build.command.format_options(build_ctx, formatter)
        self.format_commands(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text(f"go-to-wheel {__version__} (go-to-wheel -V prints this)")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        items = super().shell_complete(ctx, incomplete)
        names = {item.value for item in items}
        if incomplete.startswith("-"):
            more = build.command.shell_complete(click.Context(build.command), incomplete)
            items += [item for item in more if item.value not in names]
        elif not items or "/" in incomplete:
            items.append(CompletionItem(incomplete, type="dir"))
        return items


@click.group(cls=_Group, no_args_is_help=True, context_settings={"ignore_unknown_options": True})
@click.version_option(__version__, "-V", message="%(prog)s %(version)s", help="Print version.")
def cli() -> None:
    """Turn programs written in Go into Python wheels."""
    from go_to_wheel.process import private_temporary_folder

    click.get_current_context().with_resource(private_temporary_folder())


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script for a shell.

    \b
    bash, in ~/.bashrc:               eval "$(go-to-wheel completion bash)"
    zsh, in ~/.zshrc after compinit:  eval "$(go-to-wheel completion zsh)"
    fish, in config.fish:             go-to-wheel completion fish | source
    """
    shells: Any = get_completion_class(shell)
    click.echo(shells(cli, {}, "go-to-wheel", "_GO_TO_WHEEL_COMPLETE").source())


for _command in (build.command, check.command, inspect.command, *project.COMMANDS, completion):
    cli.add_command(_command)


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit: 0 success, 1 failure, 2 usage error, 130 interrupted."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    sys.exit(_flush_output(run(args)))


def _flush_output(code: int) -> int:
    """Flush standard output, at whose failure Python would exit with 120; return the exit code."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError as error:
        sys.stdout = None  # not flushed again at exit
        if not code and not isinstance(error, BrokenPipeError):
            fail(*(explain(error) or ()))
        return code or 1
    return code


def run(args: list[str] | None = None) -> int:
    """Run the command line and return its exit code; errors are printed to stderr."""
    try:
        result: Any = cli.main(args, prog_name="go-to-wheel", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        _show_usage_error(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        fail("interrupted; no wheel was written")
        return _INTERRUPTED
    except Exception as error:
        explained = explain(error)
        if not explained:
            raise
        fail(*explained)
        return getattr(error, "exit_code", 1)


def _show_usage_error(error: click.ClickException) -> None:
    if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2's; its message is the help
        click.echo(error.format_message(), err=True)
        return
    context = getattr(error, "ctx", None)
    hint = f"see '{context.command_path} --help'" if context else ""
    if getattr(error, "option_name", "") == "--version":
        hint = "--version sets the wheel's version; go-to-wheel -V prints go-to-wheel's"
    message = " ".join(error.format_message().split())  # click puts choices on lines
    if context and "unexpected extra argument" in message:
        hint = " ".join(context.get_usage().split()).replace("Usage:", "write")
    fail(message, hint)

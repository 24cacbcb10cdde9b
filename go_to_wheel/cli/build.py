"""`go-to-wheel SOURCE`: build wheels from a Go program. Other commands share its options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import click

from go_to_wheel.config.request import BuildRequest

F = TypeVar("F", bound=Callable[..., Any])
#: The fields of a request that have an option, in the order of the help.
OPTIONS = {item.name: item for item in fields(BuildRequest) if item.metadata}


def refuse_empty(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """The value of an option or argument, unless it is empty, as a shell variable may be."""
    texts = value if isinstance(value, tuple) else (value,)
    if any(isinstance(text, str) and not text.strip() for text in texts):
        kind = parameter.param_type_name.capitalize()
        raise click.UsageError(f"{kind} {parameter.opts[0]!r} is empty.")
    return value


def option(declared: str, text: str, **more: Any) -> Callable[[F], F]:
    """An option, declared as "--name", "--jobs N" or "-v,--verbose"."""
    names, _, metavar = declared.partition(" ")
    more = {"metavar": metavar or None, "callback": refuse_empty, **more}
    return click.option(*names.split(","), help=text, **more)


#: What arguments that are paths have in common.
PATH: dict[str, Any] = {"type": click.Path(), "callback": refuse_empty}
verbose = option("-v,--verbose", "Show the commands that run.", is_flag=True)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _convert(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Convert an option's value to that of the request's field."""
    default = OPTIONS[str(parameter.name)].default
    if isinstance(default, bool):
        return value != default  # a flag inverts its field
    value = refuse_empty(context, parameter, value)
    if isinstance(value, tuple) and parameter.name == "set_values":
        for text in value:
            if text.find("=") < 1:
                what = "is not VAR=VALUE (write main.commit={commit})"
                raise click.UsageError(f"--set {text!r} {what}.")
        value = dict(text.split("=", 1) for text in value)
    return value or default if isinstance(value, tuple | dict) else value


def request_option(name: str) -> Callable[[F], F]:
    """The option for a field of the request."""
    default, more = OPTIONS[name].default, dict(OPTIONS[name].metadata)
    names = more.pop("names", [f"--{name.replace('_', '-')}"])
    if isinstance(default, bool):  # click 8.3 takes default=True for any flag_value
        more["is_flag"], default = True, False
    elif choices := more.pop("choices", None):
        more["type"] = click.Choice(choices)
    elif least := more.pop("least", None):
        more["type"] = click.IntRange(min=least)
    elif more["metavar"] in ("DIR", "PATH"):
        more["type"] = click.Path(readable=False)  # Go needs to be executable only
    more["show_default"] = isinstance(default, str)
    return click.option(*names, name, default=default, callback=_convert, **more)


@click.command("build", short_help="Build wheels from a Go program (the default).")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...", **PATH)
def command(
    sources: tuple[str, ...], dry_run: bool, as_json: bool, verbose: bool, **options: Any
) -> int:
    """Compile a Go program for every platform and wrap each binary into a Python wheel.

    SOURCE is a folder in a Go module, a package with its version
    (github.com/owner/tool@latest), or finished programs: archives, binaries, or a folder
    of them such as GoReleaser's dist. The wheels are ready for `twine upload`.
    """
    from go_to_wheel.cli.report import print_plan, run

    if not sources and not options["binaries"]:
        what = "a folder in a Go module, or module@version"
        raise click.UsageError(f"Missing argument 'SOURCE': {what}.")
    request = _request(sources, options)
    if dry_run:
        print_plan(request, as_json, verbose)
        return 0
    return run(request, as_json, verbose)


_dry_run = option("--dry-run", "Show the plan; compile nothing.", is_flag=True)
for _add_option in (*map(request_option, OPTIONS), _dry_run, as_json, verbose):
    _add_option(command)


def _request(sources: Sequence[str], options: dict[str, Any]) -> BuildRequest:
    """The request for a build's options; several sources are the files of a release."""
    source, *others = sources or [""]
    if others:
        options["binaries"] = (source, *others, *options["binaries"])
    return BuildRequest("" if others else source, **options)


def parse_request(args: Sequence[str]) -> BuildRequest:
    """Parse a build's command line; options about the output are ignored."""
    options = command.make_context("go-to-wheel build", list(args)).params
    return _request(options["sources"], {name: options[name] for name in OPTIONS})

"""Prints messages to stderr, with the program's name as a prefix.

Text from a wheel, a project or a program is escaped by `visible`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from go_to_wheel.process import Host

_MOVING = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"


def fail(message: str, hint: str = "") -> None:
    """Print an `error:` line and a `hint:` line for each line of the hint."""
    _print("error", message)
    for line in hint.split("\n") if hint else ():
        _print("hint", line)


def note(*messages: str) -> None:
    """Print a `note:` line for each message."""
    for message in messages:
        _print("note", message)


def _print(kind: str, message: str) -> None:
    first, *rest = message.split("\n")
    click.echo(f"go-to-wheel: {kind}: {visible(first)}", err=True)
    for line in rest:
        click.echo(f"  {printable(line)}", err=True)


def visible(text: str) -> str:
    """The text with control, line-end, bidirectional, invisible and unassigned characters escaped.

    So it can't move the cursor, change, hide or reorder other output, or look like our own line.
    """
    return "".join(
        char
        if char.isprintable() or (char.isspace() and char not in _MOVING)  # a blank, of any width
        else char.encode("unicode_escape", "surrogatepass").decode("ascii")
        for char in text
    )


def printable(text: str) -> str:
    """Like `visible`, but with line ends and tabs."""
    return "".join(char if char in "\n\t" else visible(char) for char in text)


def format_size(size: int) -> str:
    """A size in bytes with a decimal unit: "812 B", "1.2 MB"."""
    if size < 1000:
        return f"{size} B"
    value, unit = size / 1000, "kB"
    if value >= 999.95:
        value, unit = value / 1000, "MB"
    return f"{value:.1f} {unit}"


def make_host(verbose: bool = False) -> Host:
    """This host; `verbose` shows each command that runs."""
    from go_to_wheel.process import Host, Runner

    def show(line: str) -> None:
        click.echo(f"+ {printable(line)}", err=True)

    return Host(runner=Runner(show if verbose else None))

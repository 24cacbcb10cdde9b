"""Everything but results goes to stderr, with the program's name in front.

Whatever comes from a wheel, a project or a program is printed through `visible`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from go_to_wheel.process import Runner

_MOVING = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"


def fail(message: str, hint: str = "") -> None:
    """An `error:` part and, on lines of their own, what to do next."""
    _print("error", message)
    for line in hint.split("\n") if hint else ():
        _print("hint", line)


def note(message: str) -> None:
    """Something the user should know that stopped nothing."""
    _print("note", message)


def _print(kind: str, message: str) -> None:
    first, *rest = message.split("\n")
    click.echo(f"go-to-wheel: {kind}: {visible(first)}", err=True)
    for line in rest:
        click.echo(f"  {printable(line)}", err=True)


def visible(text: str) -> str:
    """The text on one line that a terminal shows as it is.

    Control, line-end, bidirectional, invisible and unassigned characters are escaped as in
    Python's string literals, so that no text can move the cursor, colour, hide or reorder
    what is around it, or pass for a line of ours.
    """
    return "".join(
        char
        if char.isprintable() or (char.isspace() and char not in _MOVING)  # a blank, of any width
        else char.encode("unicode_escape", "surrogatepass").decode("ascii")
        for char in text
    )


def printable(text: str) -> str:
    """The same for a text of ours with several lines and tabs, which stay."""
    return "".join(char if char in "\n\t" else visible(char) for char in text)


def format_size(size: int) -> str:
    """Bytes in the unit a person reads ("812 B", "1.2 MB"; powers of 1000)."""
    if size < 1000:
        return f"{size} B"
    value, unit = size / 1000, "kB"
    if value >= 999.95:
        value, unit = value / 1000, "MB"
    return f"{value:.1f} {unit}"


def make_runner(verbose: bool = False) -> Runner:
    """What starts child processes; `verbose` shows each command."""
    from go_to_wheel.process import Runner

    return Runner((lambda line: click.echo(f"+ {printable(line)}", err=True)) if verbose else None)

"""Everything but results goes to stderr, with the program's name in front."""

from __future__ import annotations

import click

_PROGRAM = "go-to-wheel"


def fail(message: str, hint: str = "") -> None:
    """An `error:` part and, on lines of their own, what to do next."""
    _say("error", message)
    for line in hint.splitlines():
        _say("hint", line)


def note(message: str) -> None:
    """Something the user should know that stopped nothing."""
    _say("note", message)


def _say(kind: str, message: str) -> None:
    first, *rest = printable(message).splitlines() or [""]
    click.echo(f"{_PROGRAM}: {kind}: {first}", err=True)
    for line in rest:
        click.echo(f"  {line}", err=True)


def printable(text: str) -> str:
    """The text with control characters (but line ends and tabs) escaped."""
    return "".join(char if char.isprintable() or char in "\n\t" else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def format_size(size: int) -> str:
    """Bytes in the unit a person reads ("812 B", "1.2 MB"; powers of 1000)."""
    if size < 1000:
        return f"{size} B"
    value, unit = size / 1000, "kB"
    if value >= 999.95:
        value, unit = value / 1000, "MB"
    return f"{value:.1f} {unit}"

"""A finished program, built here or prebuilt: its facts, what is wrong with it, its tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.match import check_target
from go_to_wheel.binary.read import read_facts
from go_to_wheel.binary.search import contains
from go_to_wheel.errors import BinaryError
from go_to_wheel.platforms import Target, go_minor, platform_tags

#: Stands in for no (or a self-made) Go release: its minimum is below what any header states.
_UNKNOWN_GO = "go1.17"


def inspect_program(
    stream: BinaryIO, target: Target, *, prebuilt: bool = False, private: Iterable[bytes] = ()
) -> BinaryFacts:
    """The facts of a program for `target`, read from an open, seekable stream.

    `private` are byte strings that it must not contain, such as the folder it was built in.
    Raises BinaryError with one line for each reason why it can't be shipped as that target.
    """
    facts = read_facts(stream)
    faults = check_target(facts, target, prebuilt)
    leaked = sorted(contains(stream, private)) if private else []
    faults += [f"it contains the builder's path {path.decode()!r}" for path in leaked]
    if faults:
        raise BinaryError("\n".join(faults))
    return facts


def tags_for(programs: Sequence[BinaryFacts], target: Target) -> tuple[str, ...]:
    """The sorted platform tags that fit all programs of one wheel, read from the programs."""
    minimums = [facts.minimum_macos for facts in programs if facts.minimum_macos]
    newest = max(map(_release, programs), key=go_minor)
    return platform_tags(target, newest, max(minimums, default=None))


def _release(facts: BinaryFacts) -> str:
    version = facts.go.version if facts.go else ""
    try:
        go_minor(version)
    except ValueError:
        return _UNKNOWN_GO
    return version

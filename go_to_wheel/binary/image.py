"""What the three format readers hand over: facts so far, and where things lie."""

from __future__ import annotations

from dataclasses import dataclass

from go_to_wheel.binary.facts import BinaryFacts


@dataclass(frozen=True)
class Span:
    """A range of the file that is mapped at a virtual address."""

    address: int
    offset: int
    size: int


@dataclass(frozen=True)
class Image:
    """A parsed executable.

    `build_info` is where Go's linker puts its build information (a section of its own, or
    the data it would be in), None when there is no such place; `spans` map addresses to
    the file; `system_hint` is the GOOS that the format itself states, if it does.
    """

    facts: BinaryFacts
    spans: tuple[Span, ...] = ()
    build_info: Span | None = None
    system_hint: str = ""

    def offset_of(self, address: int) -> int | None:
        """Where in the file the byte at a virtual address lies."""
        for span in self.spans:
            if span.address <= address < span.address + span.size:
                return span.offset + address - span.address
        return None

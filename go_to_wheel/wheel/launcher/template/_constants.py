"""What varies between wheels; written when this one was built."""

from __future__ import annotations

DISTRIBUTION: str = "example-program"
VERSION: str = "1.0"
COMMANDS: tuple[str, ...] = ("example-program",)
LAYOUT: str = "native"
EXECUTABLE_SUFFIX: str = ""
EDITABLE_BINARIES: dict[str, str] = {}
NESTED: bool = False
PRIVATE: tuple[str, ...] = ()

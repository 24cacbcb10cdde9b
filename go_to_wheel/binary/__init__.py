"""What an executable is, read from its own bytes.

`read_facts` takes an open, seekable binary stream and returns format, system, machine,
what the loader needs, and what Go recorded about the build. `inspect_program` adds whether
that fits a target, `tags_for` which platform tags follow. Nothing here opens a file, and no
input makes it crash, hang or allocate what the input asks for: what can't be read is a
`BinaryError` that names what the file is instead.
"""

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo, GoModule, describe
from go_to_wheel.binary.match import check_target, level_faults
from go_to_wheel.binary.program import inspect_program, tags_for
from go_to_wheel.binary.read import read_facts
from go_to_wheel.binary.search import contains

__all__ = [
    "BinaryFacts",
    "GoBuildInfo",
    "GoModule",
    "check_target",
    "contains",
    "describe",
    "inspect_program",
    "level_faults",
    "read_facts",
    "tags_for",
]

"""What an executable really is, read from its own bytes.

`read_facts` takes an open, seekable binary stream and tells format, system, machine,
what the loader will need, and what Go recorded about the build. Nothing here opens a
file, and no input makes it crash, hang or allocate what the input asks for: what can't
be read is a `BinaryError` that says what the file is instead.
"""

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo, GoModule, describe
from go_to_wheel.binary.match import check_target, level_faults
from go_to_wheel.binary.read import read_facts
from go_to_wheel.binary.search import contains

__all__ = [
    "BinaryFacts",
    "GoBuildInfo",
    "GoModule",
    "check_target",
    "contains",
    "describe",
    "level_faults",
    "read_facts",
]

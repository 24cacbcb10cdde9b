"""On any tree the scanner finds what a few lines of Python find."""

from __future__ import annotations

import os
import subprocess
import tempfile

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scanner_support import MAGIC

DATABASE = MAGIC + bytes(496)
CONTENTS = (b"", b"plain", MAGIC, MAGIC[:-1], b"x" + MAGIC, DATABASE, DATABASE * 3, DATABASE + b"x")

# A small alphabet makes for clashes, dots, and bytes that are no UTF-8.
names = st.binary(min_size=1, max_size=6).map(
    lambda raw: bytes(b"ab.\n\xff\xc3*\\ "[byte % 9] for byte in raw)
)
names = names.filter(lambda name: name not in (b".", b".."))
trees = st.recursive(
    st.sampled_from(CONTENTS),
    lambda inner: st.dictionaries(names, inner, max_size=6),
    max_leaves=25,
)
folders = st.dictionaries(names, trees, max_size=8)


def write(folder: bytes, content: dict[bytes, object]) -> None:
    for name, what in content.items():
        path = os.path.join(folder, name)
        if isinstance(what, dict):
            os.mkdir(path)
            write(path, what)
        elif isinstance(what, bytes):
            with open(path, "wb") as file:
                file.write(what)


def reference(folder: bytes, depth: int, hidden: bool, quick: bool) -> set[bytes]:
    found: set[bytes] = set()
    for entry in os.scandir(folder) if depth else ():
        if entry.name.startswith(b".") and not hidden:
            continue
        if entry.is_dir(follow_symlinks=False):
            found |= reference(entry.path, depth - 1, hidden, quick)
        elif entry.is_file(follow_symlinks=False):
            with open(entry.path, "rb") as file:
                data = file.read()
            if data.startswith(MAGIC) and not (quick and (len(data) < 512 or len(data) % 512)):
                found.add(entry.path)
    return found


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    content=folders,
    depth=st.integers(0, 5),
    hidden=st.booleans(),
    quick=st.booleans(),
    workers=st.integers(1, 9),
)
def test_same_as_python(
    scanner: str, content: dict[bytes, object], depth: int, hidden: bool, quick: bool, workers: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = os.path.realpath(os.fsencode(name))
        write(folder, content)
        flags = ["-0", "--max-depth", str(depth), "--workers", str(workers)]
        flags += ["--no-hidden"] * (not hidden) + ["--quick"] * quick
        done = subprocess.run(
            [scanner, *flags, folder], capture_output=True, timeout=240, check=True
        )
        found = done.stdout.split(b"\0")[:-1]
        assert sorted(found) == sorted(reference(folder, depth, hidden, quick))
        assert done.stderr == b""

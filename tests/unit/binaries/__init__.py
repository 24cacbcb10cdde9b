"""Real executables with everything zero that `read_facts` does not look at; see make.py."""

from __future__ import annotations

import lzma
from functools import cache
from pathlib import Path

from go_to_wheel.binary.fat import join_images

_HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in _HERE.glob("*.xz"))


@cache
def load(name: str) -> bytes:
    """One of the executables, at its full size; "darwin-universal2" is made of two."""
    if name == "darwin-universal2":
        return join_images([load("darwin-amd64"), load("darwin-arm64")])
    return lzma.decompress((_HERE / f"{name}.xz").read_bytes())

"""Real executables with everything zero that `read_facts` does not look at; see make.py."""

from __future__ import annotations

import lzma
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in _HERE.glob("*.xz"))


@cache
def load(name: str) -> bytes:
    """One of the executables, at its full size."""
    return lzma.decompress((_HERE / f"{name}.xz").read_bytes())

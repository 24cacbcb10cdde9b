"""A Python library that carries a Go helper."""

from __future__ import annotations

import sys

from ._launcher import get_binary_path, run

__all__ = ["count", "get_binary_path", "main"]


def count(text: str) -> int:
    """How many words a text has."""
    result = run(text.split(), capture_output=True, check=True)
    return int(result.stdout)


def main() -> None:
    """The library's own command."""
    print(count(" ".join(sys.argv[1:])))

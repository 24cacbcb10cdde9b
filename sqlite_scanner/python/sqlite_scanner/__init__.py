"""Finds SQLite databases below folders, whatever the files are called.

`scan` and `ascan` run the scanner and yield what it finds as typed records; `run`,
`get_binary_path` and `main` are for using the program as it is.
"""

from __future__ import annotations

from ._launcher import (
    ProgramNotFound,
    __version__,
    get_binary_path,
    main,
    run,
)

# Type checkers take this for true; at run time the records are imported when asked for, so
# that starting the program by way of Python stays quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._scan import Match, Problem, Progress, Record, ScanError, ScanOptions, ascan, scan

__all__ = [
    "Match",
    "Problem",
    "ProgramNotFound",
    "Progress",
    "Record",
    "ScanError",
    "ScanOptions",
    "__version__",
    "ascan",
    "get_binary_path",
    "main",
    "run",
    "scan",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import _scan

        return getattr(_scan, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Makes `python -m sqlite_scanner` start the program."""

import sys

from ._launcher import main

#: Go's 64-bit programs reserve this much before any code of theirs runs, and panic without it.
_ADDRESS_SPACE = 704 * 2**20


def _check_address_space() -> None:
    """Exit with one line where the limit (RLIMIT_AS) is too low for the program to start."""
    try:
        from resource import RLIMIT_AS, getrlimit
    except ImportError:  # Windows has no such limit
        return
    limit, _ = getrlimit(RLIMIT_AS)
    if 0 <= limit < _ADDRESS_SPACE and sys.maxsize > 2**32:  # a negative one is none
        sys.exit(
            f"sqlite-scanner: error: too little address space: {limit >> 20} MB;"
            f" allow {_ADDRESS_SPACE >> 20} MB (ulimit -v {_ADDRESS_SPACE >> 10})"
        )


if __name__ == "__main__":
    _check_address_space()
    main()

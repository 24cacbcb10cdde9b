"""Twine's own check, when twine is installed."""

from __future__ import annotations

import importlib.util
import threading

from go_to_wheel.check.report import Finding, Findings

#: Twine renders the README, for which docutils may take minutes; larger METADATA is skipped.
MAX_METADATA = 256 << 10
#: docutils has global state.
_ONE_AT_A_TIME = threading.Lock()


def is_installed() -> bool:
    """Whether twine can be imported."""
    return importlib.util.find_spec("twine") is not None


def run_twine(path: str) -> Findings:
    """What `twine check` finds in one file, plain and with --strict; it prints nothing."""
    from twine.commands import check

    stream = check._WarningStream()
    try:
        with _ONE_AT_A_TIME:
            warnings, ok = check._check_file(path, stream)
    except Exception as error:  # noqa: BLE001 (twine raises anything for an odd wheel)
        warnings, ok = [f"{type(error).__name__}: {error}"], False
    output = " ".join("; ".join([*warnings, str(stream)]).split()).rstrip("; ")
    if not ok:
        yield Finding("twine", f"twine refuses it: {output or 'no reason given'}")
    elif warnings:
        yield Finding("twine-strict", f"twine warns: {output}")

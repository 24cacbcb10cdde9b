"""Twine's own check, when twine is installed."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
from collections.abc import Iterator

from go_to_wheel.check.report import Fault, Faults

#: Twine renders the README, for which docutils may take minutes; larger METADATA is skipped.
MAX_METADATA = 256 << 10


def is_installed() -> bool:
    """Whether twine can be imported."""
    return importlib.util.find_spec("twine") is not None


def run_twine(path: str) -> Faults:
    """What `twine check` finds in one file, plain and with --strict."""
    from twine.commands.check import check

    with _captured_messages() as messages, contextlib.redirect_stdout(io.StringIO()):
        try:
            failed = check([path], strict=False)
        except Exception as error:  # noqa: BLE001 (twine raises anything for an odd wheel)
            failed = True
            messages.append(f"{type(error).__name__}: {error}")
    output = " ".join("; ".join(messages).split())
    if failed:
        yield Fault("twine", f"twine refuses it: {output or 'no reason given'}")
    elif messages:
        yield Fault("twine-strict", f"twine warns: {output}")


@contextlib.contextmanager
def _captured_messages() -> Iterator[list[str]]:
    """What twine logs while the block runs, instead of on standard error."""
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("twine")
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield messages
    finally:
        logger.propagate = propagate
        logger.removeHandler(handler)

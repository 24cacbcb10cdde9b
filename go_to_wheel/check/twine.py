"""Twine's own check, when twine is installed."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
from collections.abc import Iterator

from go_to_wheel.check.report import Fault, Faults


def is_installed() -> bool:
    """Whether twine can be imported."""
    return importlib.util.find_spec("twine") is not None


def run_twine(path: str) -> Faults:
    """What `twine check --strict` says of one file."""
    from twine.commands.check import check

    with _captured_messages() as messages, contextlib.redirect_stdout(io.StringIO()):
        try:
            failed = check([path], strict=True)
        except Exception as error:  # twine raises what the wheel makes it stumble over
            failed = True
            messages.append(str(error))
    if failed:
        said = "; ".join(messages) or "no reason given"
        yield Fault("twine", f"twine's check refuses it: {said}".replace("\n", " "))


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

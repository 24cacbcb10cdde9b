"""Twine's own check, when twine is installed."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import threading
from collections.abc import Iterator
from types import ModuleType

from go_to_wheel.check.report import Finding, Findings

#: Twine renders the README, for which docutils may take minutes; larger METADATA is skipped.
MAX_METADATA = 256 << 10
#: Twine's logger and docutils are global.
_ONE_AT_A_TIME = threading.Lock()


def is_installed() -> bool:
    """Whether twine can be imported."""
    return importlib.util.find_spec("twine") is not None


def run_twine(path: str) -> Findings:
    """What `twine check` finds in one file, plain and with --strict."""
    from twine.commands import check

    with _ONE_AT_A_TIME, _captured_messages(check) as messages:
        try:
            failed = check.check([path], strict=False)
        except Exception as error:  # noqa: BLE001 (twine raises anything for an odd wheel)
            failed = True
            messages.append(f"{type(error).__name__}: {error}")
    output = " ".join("; ".join(messages).split())
    if failed:
        yield Finding("twine", f"twine refuses it: {output or 'no reason given'}")
    elif messages:
        yield Finding("twine-strict", f"twine warns: {output}")


@contextlib.contextmanager
def _captured_messages(module: ModuleType) -> Iterator[list[str]]:
    """What the module logs, which prints nothing meanwhile; other threads go on printing."""
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("twine")
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    before = vars(module).get("print", print)
    vars(module)["print"] = lambda *words, **options: None
    try:
        yield messages
    finally:
        vars(module)["print"] = before
        logger.propagate = propagate
        logger.removeHandler(handler)

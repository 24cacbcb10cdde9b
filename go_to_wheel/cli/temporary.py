"""One folder for everything temporary, removed however the command ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from go_to_wheel.process import hold_signals

#: Where child processes look: POSIX, then Windows.
_VARIABLES = ("TMPDIR", "TEMP", "TMP")


@contextmanager
def private_temporary_folder() -> Iterator[None]:
    """Put the temporary files of this process and its children into one folder, then remove it.

    Go leaves its work folder behind when it is interrupted, and an interrupted
    TemporaryDirectory leaves its own; a signal during the removal changes nothing.
    """
    before = {name: os.environ.get(name) for name in _VARIABLES}
    folder = None
    try:
        with hold_signals():
            folder = _make_folder()
            if folder:
                tempfile.tempdir = folder
                os.environ.update(dict.fromkeys(_VARIABLES, folder))
        yield
    finally:
        with hold_signals() as came:
            if folder:
                tempfile.tempdir = None
                shutil.rmtree(folder, ignore_errors=True)
                for name, value in before.items():
                    os.environ.pop(name)
                    if value is not None:
                        os.environ[name] = value
            came.clear()  # it ends anyway


def _make_folder() -> str | None:
    try:
        return tempfile.mkdtemp(prefix="go-to-wheel-")
    except OSError:  # the command that needs one fails with a message
        return None

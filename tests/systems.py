"""What Windows lacks, so that tests about it are left out there, each with its reason."""

from __future__ import annotations

import sys

import pytest


def _not_on_windows(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(sys.platform == "win32", reason=reason)


needs_links = _not_on_windows("symbolic links need a privilege on Windows")
needs_modes = _not_on_windows("files on Windows have no modes")
needs_pipes = _not_on_windows("named pipes and devices are files on POSIX only")
needs_names = _not_on_windows("Windows has no such file names")
needs_scripts = _not_on_windows("Windows runs no file that starts with #!")
needs_signals = _not_on_windows("signals are of POSIX")

"""Prints a scan's progress and result on standard error."""

from __future__ import annotations

import sys
import time

import click

from .catalog import Catalog
from .text import format_count, visible

_MAX_SKIPPED = 20  # lines of one scan
_REDRAW_SECONDS = 0.1


class Terminal:
    """Prints a progress line on terminals, and what each scan skipped and found."""

    def __init__(self, catalog: Catalog, quiet: bool, serve: bool) -> None:
        self._catalog = catalog
        self._quiet = quiet
        self._max_skipped = _MAX_SKIPPED if serve else None  # a page lists the others
        self._shown_at = 0.0
        self._drawn = False
        self._reported: set[bytes] = set()

    def progress(self) -> None:
        """Redraw the progress line, at most ten times a second."""
        now = time.monotonic()
        if self._quiet or not sys.stderr.isatty() or now - self._shown_at < _REDRAW_SECONDS:
            return
        self._shown_at = now
        seen = self._catalog.progress
        counts = [(seen.files, "file"), (seen.matches, "database"), (seen.folders, "folder")]
        line = ", ".join(format_count(count, word) for count, word in counts)
        click.echo(f"\r\x1b[KScanning: {line}", err=True, nl=False)
        self._drawn = True

    def finished(self) -> None:
        """Print newly skipped files and the result of the scan."""
        if self._drawn:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._drawn = False
        if self._quiet:
            return
        self._print_skipped()
        catalog = self._catalog
        if catalog.error:
            click.echo(f"Scan failed: {visible(catalog.error)}", err=True)
        elif catalog.scans == 1:
            click.echo(
                f"Found {format_count(len(catalog.entries), 'database')} "
                f"in {catalog.duration:.1f} s, "
                f"{len(catalog.skipped):,} skipped",
                err=True,
            )

    def _print_skipped(self) -> None:
        fresh = [s for path, s in self._catalog.skipped.items() if path not in self._reported]
        self._reported.update(skip.path for skip in fresh)
        for skip in fresh[: self._max_skipped]:
            click.echo(f"Skipping {skip.shown_path}: {skip.reason}. {skip.advice}", err=True)
        more = len(fresh[self._max_skipped :]) if self._max_skipped else 0
        if more:
            click.echo(f"Skipping {more:,} more: see the Skipped tab", err=True)

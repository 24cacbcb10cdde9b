"""``datasette scan DIR --search TEXT``: what the databases contain, on the terminal."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Any

import click

from .database import ScannedDatabase
from .searching import ContentSearch, TablesFound, Unsearched
from .state import State
from .text import format_count, format_size, visible
from .text_search import TableMatches

FOUND, NOTHING, FAILED = 0, 1, 2  # exit codes, as grep's


async def search_all(ds: Any, state: State, text: str, as_json: bool) -> int:
    """Scan, then search everything that was found and print it as it comes; the exit code."""
    try:
        await state.scan_task.scan()
        found = [e for e in state.catalog.entries.values() if e.status != "gone"]
        databases = {e.name: ScannedDatabase(ds, e, state.reader) for e in found}
        search = ContentSearch(databases.values(), text, _may_view, state.reader)
        began = time.monotonic()
        any_matches = False
        async for event in search.events():
            if isinstance(event, TablesFound):
                any_matches = True
                for table in event.tables:
                    _print_table(databases[event.database], table, as_json)
            elif isinstance(event, Unsearched):
                path = databases[event.database].entry.shown_path
                where = f"{path}: table {visible(event.table)}" if event.table else path
                click.echo(f"Not searched completely: {where}: {visible(event.reason)}", err=True)
        size, seconds = format_size(search.size), time.monotonic() - began
        counted = format_count(search.count, "database")
        click.echo(f"Searched {counted}, {size}, in {seconds:.1f} s", err=True)
        if not (state.catalog.is_complete and search.is_complete):
            return FAILED
        return FOUND if any_matches else NOTHING
    finally:
        await state.stop()


async def _may_view(_database: str, _table: str) -> bool:
    return True  # whoever runs the command can read the files


def _print_table(db: ScannedDatabase, table: TableMatches, as_json: bool) -> None:
    if as_json:
        row = {"database": db.name, "path": db.entry.shown_path, "matches": table.matches}
        click.echo(json.dumps({**row, **asdict(table)}))
        return
    plus = "" if table.complete else "+"
    columns = ", ".join(f"{visible(name)} {n:,}{plus}" for name, n in table.columns.items())
    path = click.style(db.entry.shown_path, bold=True)
    click.echo(f"{path}: {visible(table.table)} ({columns})")
    for quotation in table.quotations:
        parts = [
            click.style(visible(part), reverse=True) if i % 2 else visible(part)
            for i, part in enumerate(quotation.parts)
        ]
        click.echo(f"    {''.join(parts).strip()}")

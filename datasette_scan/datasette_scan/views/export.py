"""The catalogue as JSON and CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from datasette import Response

from ..catalog import SORTS
from ..text import is_formula
from .access import SECURITY_HEADERS, Json
from .listing import load_listing


async def page_json(datasette: Any, request: Any) -> Response:
    """``/-/scan.json``: rows as ``q``, ``status``, ``since``, ``_size`` and ``_next`` select."""
    listing = await load_listing(datasette, request)
    if isinstance(listing, Response):
        return listing
    body: Json = {
        "ok": True,
        **listing.progress(),
        "total": listing.total,
        "next": listing.next_token(),
        "rows": [listing.row(e) for e in listing.shown()],
    }
    if listing.sees_paths and request.args.get("tab") == "skipped":
        body["skipped_files"] = [
            {"path": s.shown_path, "reason": s.reason, "advice": s.advice}
            for s in listing.state.catalog.skipped.values()
        ]
    return Response.json(body, headers=SECURITY_HEADERS)


async def page_csv(datasette: Any, request: Any) -> Response:
    """``/-/scan.csv``: every row that fits."""
    listing = await load_listing(datasette, request)
    if isinstance(listing, Response):
        return listing
    columns = [*SORTS[:1], *(c for c in SORTS[1:] if listing.sees_paths or c != "path"), "detail"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    for entry in listing.entries:
        writer.writerow({k: _cell(v) for k, v in listing.row(entry).items()})
    return Response(
        out.getvalue(),
        headers={**SECURITY_HEADERS, "content-disposition": 'attachment; filename="databases.csv"'},
        content_type="text/csv; charset=utf-8",
    )


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and is_formula(value) else value

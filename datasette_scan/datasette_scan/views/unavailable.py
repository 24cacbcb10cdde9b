"""The page for unreadable databases, and for names that a scan may still find."""

from __future__ import annotations

from typing import Any

from datasette import NotFound, Response

from .. import compat, permissions
from ..errors import ReadOnlyError, StillScanningError, UnavailableError
from ..state import state_of
from ..text import visible


def explain(ds: Any, request: Any, exception: Exception) -> Any:
    """A response to this plugin's errors, and to names that may still be found; else None."""
    if isinstance(exception, NotFound):
        name = _may_be_found(ds, request)
        if name:
            return _answer(ds, request, StillScanningError(f"{visible(name)} is not found yet"))
    if isinstance(exception, (UnavailableError, ReadOnlyError)):
        return _answer(ds, request, exception)
    return None


def _may_be_found(ds: Any, request: Any) -> str | None:
    """The name of the requested database, if it is unknown and a scan is under way."""
    catalog = state_of(ds).catalog
    if not state_of(ds).settings.active or (catalog.scans and not catalog.scanning):
        return None
    name = compat.database_name(compat.strip_base_url(ds, request.path))
    return None if name in ("", "-") or name in ds.databases else name


def _wants_json(request: Any) -> bool:
    accepted = request.headers.get("accept", "")
    return (
        request.path.endswith(".json")
        or "format=json" in request.query_string
        or ("application/json" in accepted and "text/html" not in accepted)
    )


async def _answer(ds: Any, request: Any, exception: UnavailableError | ReadOnlyError) -> Response:
    name = compat.database_name(compat.strip_base_url(ds, request.path))
    if name in ds.databases and not await compat.may_view_database(ds, request.actor, name):
        return Response.text("Forbidden", status=403)  # on 0.65 it may be read before that
    status, word, advice = exception.status, exception.word, exception.advice
    sees_paths = await compat.is_allowed(ds, request.actor, permissions.VIEW)
    message = visible(str(exception)) if sees_paths else f"This database is {word}"
    retry = exception.retry_seconds
    headers = {"retry-after": str(retry)} if retry else {}
    if _wants_json(request):
        body = {"ok": False, "error": message, "status": status, "title": word}
        return Response.json({**body, "advice": advice}, status, headers)
    html = await ds.render_template(
        "scan_unavailable.html",
        {
            "word": word,
            "message": message,
            "advice": advice,
            "retry": retry,
            "back": ds.urls.path("/-/scan"),
        },
        request=request,
    )
    return Response.html(html, status, headers)

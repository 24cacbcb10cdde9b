"""The buttons that scan again and read a database again."""

from __future__ import annotations

from typing import Any

from datasette import Forbidden, Response

from .. import compat, permissions
from ..request_guard import RequestInfo, is_from_another_site
from ..state import state_of
from .access import check_instance, find_database


async def rescan(datasette: Any, request: Any) -> Response:
    """``POST /-/scan/rescan``: scan again now."""
    if request.method != "POST":
        return _post_only()
    await _check_own_page(datasette, request, "A scan is started")
    if not await compat.is_allowed(datasette, request.actor, permissions.RESCAN):
        raise Forbidden("You do not have permission to start a scan")
    started = state_of(datasette).scan_task.request_scan()
    if "application/json" in request.headers.get("accept", ""):
        return Response.json({"ok": True, "started": started})
    return Response.redirect(datasette.urls.path("/-/scan"), status=303)


async def refresh(datasette: Any, request: Any) -> Response:
    """``POST /-/scan/refresh``: drop a database's private copy and its cached facts."""
    if request.method != "POST":
        return _post_only()
    await _check_own_page(datasette, request, "A database is read again")
    name = str((await request.post_vars()).get("name") or "")
    db = await find_database(datasette, request.actor, name)
    reader = state_of(datasette).reader
    await reader.pages.run(reader.opener.forget, db.entry.path)
    db.entry.fingerprint = 0
    return Response.redirect(str(datasette.urls.database(name)), status=303)


def _post_only() -> Response:
    return Response.json({"ok": False, "error": "POST only"}, 405, {"allow": "POST"})


async def _check_own_page(ds: Any, request: Any, action: str) -> None:
    """Raise Forbidden for a POST from another site, and for actors without view-instance.

    Also under --cors; Datasette 0.65 asks for a token only with cookies.
    """
    info = RequestInfo.from_headers("POST", request.scheme, request.scope["headers"])
    if is_from_another_site(info):
        raise Forbidden(f"{action} from this server's own pages only")
    await check_instance(ds, request)

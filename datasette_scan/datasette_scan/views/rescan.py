"""The button that starts a scan."""

from __future__ import annotations

from typing import Any

from datasette import Forbidden, Response

from .. import compat, permissions
from ..request_guard import RequestInfo, is_from_another_site
from ..state import state_of
from .listing import check_instance


async def rescan(datasette: Any, request: Any) -> Response:
    """``POST /-/scan/rescan``: scan again now."""
    if request.method != "POST":
        return Response.json({"ok": False, "error": "POST only"}, 405, {"allow": "POST"})
    info = RequestInfo.from_headers("POST", request.scheme, request.scope["headers"])
    if is_from_another_site(info):  # also under --cors; 0.65 asks for a token only with cookies
        raise Forbidden("A scan is started from this server's own pages only")
    await check_instance(datasette, request)
    if not await compat.is_allowed(datasette, request.actor, permissions.RESCAN):
        raise Forbidden("You do not have permission to start a scan")
    started = state_of(datasette).scan_task.request_scan()
    if "application/json" in request.headers.get("accept", ""):
        return Response.json({"ok": True, "started": started})
    return Response.redirect(datasette.urls.path("/-/scan"), status=303)

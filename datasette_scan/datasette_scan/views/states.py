"""What the states mean, and reading a database again."""

from __future__ import annotations

from typing import Any

from datasette import Forbidden, NotFound, Response

from .. import compat
from ..database import ScannedDatabase
from ..request_guard import RequestInfo, is_from_another_site
from ..state import state_of
from ..states import MEANINGS
from .listing import SAFETY, check_instance


async def states_page(datasette: Any, request: Any) -> Response:
    """``/-/scan/states``: each state in words."""
    await check_instance(datasette, request)
    context = {"meanings": MEANINGS, "back": datasette.urls.path("/-/scan")}
    html = await datasette.render_template("scan_states.html", context, request=request)
    return Response.html(html, headers=SAFETY)


async def refresh(datasette: Any, request: Any) -> Response:
    """``POST /-/scan/refresh``: let go of a database's private copy and what was known of it."""
    if request.method != "POST":
        return Response.json({"ok": False, "error": "POST only"}, 405, {"allow": "POST"})
    info = RequestInfo.from_headers("POST", request.scheme, request.scope["headers"])
    if is_from_another_site(info):
        raise Forbidden("A database is read again from this server's own pages only")
    await check_instance(datasette, request)
    name = str((await request.post_vars()).get("name") or "")
    db = datasette.databases.get(name)
    if not isinstance(db, ScannedDatabase) or not await compat.may_view_database(
        datasette, request.actor, name
    ):
        raise NotFound(f"No database {name!r} was found")
    state = state_of(datasette)
    await state.reader.call(lambda: state.reader.forget(db.entry.path))
    db.entry.mark = 0
    return Response.redirect(str(datasette.urls.database(name)), status=303)

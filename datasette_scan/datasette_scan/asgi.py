"""ASGI middleware: refuses foreign requests, starts the scan, refreshes requested databases."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from . import compat
from .database import ScannedDatabase, listing_databases
from .names import alias_hash
from .request_guard import RequestInfo
from .state import State, state_of
from .visitor import Visitor, current_visitor, paths_shown

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LIST_PAGES = ("/-/home", "/-/home.json", "/.json", "/.jsono")
_PATH_PAGES = ("/-/databases", "/-/databases.json")


def wrap(ds: Any) -> Callable[[App], App]:
    """Datasette's ``asgi_wrapper`` hook."""
    state = state_of(ds)
    if not state.settings.active:
        return lambda app: app
    return lambda app: ScanMiddleware(app, ds, state)


class ScanMiddleware:
    """Wraps Datasette's application."""

    def __init__(self, app: App, ds: Any, state: State) -> None:
        self._app = app
        self._ds = ds
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, self._lifespan(receive), send)
        elif scope["type"] in ("http", "websocket"):
            await self._handle_checked(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _lifespan(self, receive: Receive) -> Receive:
        """On Datasette 0.65, which has no shutdown hook, start and stop with the server."""
        if compat.HAS_CATALOG:
            return receive

        async def receive_lifespan() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._state.scan_task.start()
            elif message["type"] == "lifespan.shutdown":
                await self._state.stop()
            return message

        return receive_lifespan

    async def _handle_checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope.get("method", "GET")
        info = RequestInfo.from_headers(method, scope.get("scheme", "http"), scope["headers"])
        reason = await self._state.refusal(info, self._ds.cors)
        if reason is None:
            handle = self._handle_http if scope["type"] == "http" else self._app
            await handle(scope, receive, send)
        elif scope["type"] == "http":
            await _answer(send, 403, json.dumps({"ok": False, "error": reason, "status": 403}))
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})

    async def _handle_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._state.settings.complete_first:  # under --get
            await self._state.scan_task.scan_once()
        elif not compat.HAS_CATALOG:  # on 0.65 the first request may have to start it
            self._state.scan_task.start()
        raw = scope.get("raw_path")
        path = raw.decode("latin-1").partition("?")[0] if raw else str(scope["path"])
        path = compat.strip_base_url(self._ds, path)
        db = self._ds.databases.get(compat.database_name(path))
        visitor = Visitor(self._ds, scope)
        visiting = current_visitor.set(visitor)
        shown = paths_shown.set(path in _PATH_PAGES and await visitor.may_see_paths())
        listed = listing_databases.set(
            path in _LIST_PAGES or (path == "/" and not self._state.settings.home)
        )
        try:
            location = await self._refresh_or_redirect(path, db, visitor)
            if location is not None:
                query = scope.get("query_string", b"").decode("latin-1")
                await _answer(send, 302, "", location=location + ("?" + query if query else ""))
                return
            with self._state.scan_task.serving_page():
                await self._app(scope, receive, _with_state_header(send, db))
        finally:
            listing_databases.reset(listed)
            paths_shown.reset(shown)
            current_visitor.reset(visiting)

    async def _refresh_or_redirect(self, path: str, db: Any, visitor: Visitor) -> str | None:
        """Refresh the database that a path names, or return the URL that an alias redirects to."""
        if isinstance(db, ScannedDatabase):
            await self._state.scan_task.refresh(db)
        if db is not None:
            return None
        first, slash, rest = path[1:].partition("/")
        _, dot, extension = first.partition(".")
        digest = alias_hash(compat.database_name(path))
        entry = self._state.catalog.find_by_hash(digest) if digest else None
        if entry is None or not entry.attached:
            return None
        if not await compat.may_view_database(self._ds, await visitor.actor(), entry.name):
            return None
        return str(self._ds.urls.database(entry.name)) + dot + extension + slash + rest


def _with_state_header(send: Send, db: Any) -> Send:
    """Add a header that says how a scanned database was read, for JSON and CSV too."""
    if not isinstance(db, ScannedDatabase):
        return send

    async def send_with_state(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 400:
            label = db.reading_status[1].encode("ascii", "replace")
            headers = [*message.get("headers", []), (b"datasette-scan", label)]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_state


async def _answer(send: Send, status: int, body: str, location: str | None = None) -> None:
    headers = [(b"content-type", b"application/json; charset=utf-8")]
    if location is not None:
        headers.append((b"location", location.encode("latin-1")))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})

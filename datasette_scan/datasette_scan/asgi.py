"""The ASGI wrapper: refuses foreign requests, starts the scan, opens what a path names."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from . import compat
from .database import ScannedDatabase, listing
from .names import alias_hash
from .request_guard import RequestInfo
from .state import State, state_of
from .visitor import Visitor, current_visitor, paths_shown

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LISTS = ("/-/home", "/-/home.json", "/.json", "/.jsono")
_PATHS = ("/-/databases", "/-/databases.json")


def wrap(ds: Any) -> Callable[[App], App]:
    """Datasette's ``asgi_wrapper`` hook."""
    state = state_of(ds)
    if not state.settings.active:
        return lambda app: app
    return lambda app: Wrapper(app, ds, state)


class Wrapper:
    """One application inside another."""

    def __init__(self, app: App, ds: Any, state: State) -> None:
        self._app = app
        self._ds = ds
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, self._lifespan(receive), send)
        elif scope["type"] in ("http", "websocket"):
            await self._guarded(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _lifespan(self, receive: Receive) -> Receive:
        """Datasette 0.65 has no hooks for this; 1.0 has, and they do it there."""
        if compat.HAS_CATALOG:
            return receive

        async def watched() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._state.scan_task.start()
            elif message["type"] == "lifespan.shutdown":
                await self._state.stop()
            return message

        return watched

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope.get("method", "GET")
        info = RequestInfo.from_headers(method, scope.get("scheme", "http"), scope["headers"])
        reason = await self._state.refusal(info, self._ds.cors)
        if reason is None:
            go_on = self._http if scope["type"] == "http" else self._app
            await go_on(scope, receive, send)
        elif scope["type"] == "http":
            await _answer(send, 403, json.dumps({"ok": False, "error": reason, "status": 403}))
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._scan_due()
        path = self._path(scope)
        db = self._database(path)
        visitor = Visitor(self._ds, scope)
        visiting = current_visitor.set(visitor)
        shown = paths_shown.set(path in _PATHS and await visitor.may_see_paths())
        listed = listing.set(path in _LISTS or (path == "/" and not self._state.settings.home))
        try:
            moved = await self._wake(path, db, visitor)
            if moved is not None:
                query = scope.get("query_string", b"").decode("latin-1")
                await _answer(send, 302, "", location=moved + ("?" + query if query else ""))
                return
            with self._state.scan_task.page():
                await self._app(scope, receive, _labelled(send, db))
        finally:
            listing.reset(listed)
            paths_shown.reset(shown)
            current_visitor.reset(visiting)

    async def _scan_due(self) -> None:
        """Under ``--get`` the scan comes first; on 0.65 the first request may have to start it."""
        if self._state.settings.complete_first:
            await self._state.scan_task.scan_once()
        elif not compat.HAS_CATALOG:
            self._state.scan_task.start()

    def _path(self, scope: Scope) -> str:
        raw = scope.get("raw_path")
        path = raw.decode("latin-1").partition("?")[0] if raw else str(scope["path"])
        return compat.path_within(self._ds, path)

    def _database(self, path: str) -> Any:
        return self._ds.databases.get(compat.database_name(path))

    async def _wake(self, path: str, db: Any, visitor: Visitor) -> str | None:
        """Make the database of a path ready; or say where an alias leads."""
        if isinstance(db, ScannedDatabase):
            await self._state.scan_task.wake(db)
        if db is not None:
            return None
        first, slash, rest = path[1:].partition("/")
        _, dot, extension = first.partition(".")
        digest = alias_hash(compat.database_name(path))
        entry = self._state.catalog.by_alias(digest) if digest else None
        if entry is None or not entry.attached or not await visitor.may_view(entry.name):
            return None
        return str(self._ds.urls.database(entry.name)) + dot + extension + slash + rest


def _labelled(send: Send, db: Any) -> Send:
    """Answers that show a scanned database say how it was read: also those that are no pages."""
    if not isinstance(db, ScannedDatabase):
        return send

    async def labelled(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 400:
            label = db.reading_state.encode("ascii", "replace")
            headers = [*message.get("headers", []), (b"datasette-scan", label)]
            message = {**message, "headers": headers}
        await send(message)

    return labelled


async def _answer(send: Send, status: int, body: str, location: str | None = None) -> None:
    headers = [(b"content-type", b"application/json; charset=utf-8")]
    if location is not None:
        headers.append((b"location", location.encode("latin-1")))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})

"""The ASGI wrapper: who may talk to the server, when the scan starts, what is woken.

A page on the web can make a browser ask a server on this machine under a name that its
owner controls (DNS rebinding). Such a request carries that name in ``Host``, so only names
of this machine, the address served on and configured names are answered.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from datasette.utils import tilde_decode

from . import compat
from .database import ScannedDatabase, listing
from .names import alias_hash
from .settings import is_loopback
from .state import State, state_of
from .text import visible

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 (compared with, not bound to)
_LISTS = ("/-/home", "/-/home.json", "/.json", "/.jsono")


def host_name(header: str) -> str:
    """The name in a Host header, without its port."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.rpartition(":")[0].lower() if ":" in header else header.lower()


def is_host_allowed(name: str, served_on: str, extra: tuple[str, ...]) -> bool:
    """Whether a request under this name may be answered."""
    plain = name.rstrip(".")
    if is_loopback(plain) or plain == served_on.strip("[]") or plain in extra:
        return True
    if served_on not in _EVERYWHERE:
        return False
    # Served on every address: numbers cannot be rebound, and this machine knows its name.
    return _is_number(plain) or plain in (socket.gethostname().lower(), socket.getfqdn().lower())


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def wrap(ds: Any) -> Callable[[App], App]:
    """Datasette's ``asgi_wrapper`` hook."""
    state = state_of(ds)
    if not state.settings.active:
        return lambda app: app

    def wrapper(app: App) -> App:
        return Guard(app, ds, state)

    return wrapper


class Guard:
    """One application inside another."""

    def __init__(self, app: App, ds: Any, state: State) -> None:
        self._app = app
        self._ds = ds
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, self._lifespan(receive), send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _lifespan(self, receive: Receive) -> Receive:
        """Datasette 0.65 has no hooks for this; 1.0 has, and they do it there."""
        if compat.HAS_CATALOG:
            return receive

        async def watched() -> MutableMapping[str, Any]:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._state.scan_task.start()
            elif message["type"] == "lifespan.shutdown":
                await self._state.stop()
            return message

        return watched

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = _header(scope, b"host")
        settings = self._state.settings
        if not settings.uds and not is_host_allowed(host_name(host), settings.host, settings.hosts):
            await _answer(send, 403, _refusal(host))
            return
        if not compat.HAS_CATALOG:
            self._state.scan_task.start()
        path = self._path(scope)
        db = self._database(path)
        moved = await self._wake(path, db)
        if moved is not None:
            query = scope.get("query_string", b"").decode("latin-1")
            await _answer(send, 302, "", location=moved + ("?" + query if query else ""))
            return
        token = listing.set(path in _LISTS or (path == "/" and not settings.home))
        try:
            with self._state.scan_task.page():
                await self._app(scope, receive, _labelled(send, db))
        finally:
            listing.reset(token)

    def _path(self, scope: Scope) -> str:
        raw = scope.get("raw_path")
        path = raw.decode("latin-1").partition("?")[0] if raw else str(scope["path"])
        base = str(self._ds.setting("base_url"))
        return "/" + path[len(base) :] if path.startswith(base) else path

    def _database(self, path: str) -> Any:
        segment = path[1:].partition("/")[0].partition(".")[0]
        return self._ds.databases.get(tilde_decode(segment)) if segment else None

    async def _wake(self, path: str, db: Any) -> str | None:
        """Make the database of a path ready; or say where an alias leads."""
        if isinstance(db, ScannedDatabase):
            await self._state.scan_task.wake(db)
        if db is not None:
            return None
        first, slash, rest = path[1:].partition("/")
        segment, dot, form = first.partition(".")
        digest = alias_hash(tilde_decode(segment))
        entry = self._state.catalog.by_alias(digest) if digest else None
        if entry is None or not entry.attached:
            return None
        return str(self._ds.urls.database(entry.name)) + dot + form + slash + rest


def _labelled(send: Send, db: Any) -> Send:
    """Answers of a scanned database say how it was read: also those that are no pages."""
    if not isinstance(db, ScannedDatabase):
        return send

    async def labelled(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            label = db.reading_state.encode("ascii", "replace")
            headers = [*message.get("headers", []), (b"datasette-scan", label)]
            message = {**message, "headers": headers}
        await send(message)

    return labelled


def _header(scope: Scope, name: bytes) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k.lower() == name), "")


def _refusal(host: str) -> str:
    return json.dumps(
        {
            "ok": False,
            "error": f"this server does not answer for the host {visible(host)!r}; "
            "start it with --host, or add the name to the setting hosts of datasette-scan",
        }
    )


async def _answer(send: Send, status: int, body: str, location: str | None = None) -> None:
    headers = [(b"content-type", b"application/json; charset=utf-8")]
    if location is not None:
        headers.append((b"location", location.encode("latin-1")))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})

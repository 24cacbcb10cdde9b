"""What a request's actor may see."""

from __future__ import annotations

import json
import time
from typing import Any

from datasette import Forbidden, NotFound

from .. import compat, permissions
from ..database import ScannedDatabase
from ..state import State, state_of

Json = dict[str, Any]
SECURITY_HEADERS = {
    "cache-control": "private, no-store",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
}
_VIEWABLE_SECONDS = 2.0


class View:
    """A view of one request. Subclasses await ``check_permissions`` before they load data."""

    def __init__(self, ds: Any, request: Any) -> None:
        self.ds = ds
        self.request = request
        self.state: State = state_of(ds)
        self.sees_paths = False

    async def check_permissions(self) -> None:
        """Set ``sees_paths``. Raises Forbidden for actors without view-instance."""
        await check_instance(self.ds, self.request)
        self.sees_paths = await compat.is_allowed(self.ds, self.request.actor, permissions.VIEW)

    async def viewable_names(self) -> set[str]:
        """The scanned databases that the actor may see, cached for two seconds."""
        state, actor = self.state, self.request.actor
        key = json.dumps(actor, sort_keys=True, default=str)
        now = time.monotonic()
        state.viewable = {k: v for k, v in state.viewable.items() if v[0] > now}
        until, known, seen = state.viewable.get(key, (now + _VIEWABLE_SECONDS, set(), set()))
        if len(known) < len(state.catalog.attached):  # it only grows
            names = set(state.catalog.attached)
            seen = seen | await compat.viewable_databases(self.ds, actor, list(names - known))
            state.viewable[key] = (until, names, seen)
        return seen


async def check_instance(ds: Any, request: Any) -> None:
    """Raise Forbidden for actors without view-instance."""
    if not await compat.is_allowed(ds, request.actor, "view-instance", default=True):
        raise Forbidden("You do not have permission to view this Datasette")


async def find_database(ds: Any, actor: Any, name: str) -> ScannedDatabase:
    """A scanned database that an actor may see. Raises NotFound."""
    db = ds.databases.get(name)
    if isinstance(db, ScannedDatabase) and await compat.may_view_database(ds, actor, name):
        return db
    raise NotFound(f"No database {name!r} was found")

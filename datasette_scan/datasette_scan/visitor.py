"""The sender of the current request and their permissions, each read once.

Datasette's ``Database`` objects do not know who queries them. For results that depend on the
actor (databases joined by ``--crossdb``, paths), this reads the actor as Datasette's router does.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterable
from typing import Any

from datasette.plugins import pm
from datasette.utils import await_me_maybe
from datasette.utils.asgi import Request

from . import compat, permissions

# The sender of the current request. Code outside of requests may do everything.
current_visitor: contextvars.ContextVar[Visitor | None] = contextvars.ContextVar(
    "scan_visitor", default=None
)
# Whether the current page may show paths.
paths_shown: contextvars.ContextVar[bool] = contextvars.ContextVar("scan_paths", default=False)


def file_names_hidden() -> bool:
    """Whether SQL that runs now must not see where files are."""
    return current_visitor.get() is not None and not paths_shown.get()


class Visitor:
    """The sender of one request."""

    def __init__(self, ds: Any, scope: Any) -> None:
        self._ds = ds
        self._request = Request(scope, None)
        self._actor: list[Any] = []
        self._may_see_paths: bool | None = None

    async def actor(self) -> Any:
        """The actor, or None for an anonymous one."""
        if not self._actor:
            self._actor.append(await self._authenticate())
        return self._actor[0]

    async def _authenticate(self) -> Any:
        actor = None
        with contextlib.suppress(Exception):  # Datasette's router reports it
            for result in pm.hook.actor_from_request(datasette=self._ds, request=self._request):
                # Each is awaited, also after the first actor: a coroutine may not be dropped.
                found = await await_me_maybe(result)
                actor = actor or found
        return actor or self._request.scope.get("actor") or None

    async def may_see_paths(self) -> bool:
        """Whether this actor has scan-view."""
        if self._may_see_paths is None:
            actor = await self.actor()
            self._may_see_paths = await compat.is_allowed(self._ds, actor, permissions.VIEW)
        return self._may_see_paths

    async def may_query(self, names: Iterable[str], limit: int) -> list[str]:
        """The first ``limit`` of ``names`` that may be viewed and queried with SQL."""
        actor = await self.actor()
        names = list(names)
        viewable = await compat.viewable_databases(self._ds, actor, names)
        found: list[str] = []
        for name in names:
            if len(found) == limit:
                break
            if name in viewable and await compat.may_execute_sql(self._ds, actor, name):
                found.append(name)
        return found

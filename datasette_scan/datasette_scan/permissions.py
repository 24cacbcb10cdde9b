"""scan-view (full paths, the Skipped tab) and scan-rescan, on Datasette 0.65 and 1.0.

On a server that only this machine can reach, everybody has both, unless the setting
``allow`` restricts them. On any other server, only the root actor has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datasette.utils import actor_matches_allow

from . import compat

VIEW = "scan-view"
RESCAN = "scan-rescan"
ACTIONS = {
    VIEW: "See full paths and what a scan skipped",
    RESCAN: "Start a scan",
}
# Actions allowed on a scanned database; all others write.
_READS = frozenset(
    {"view-database", "view-database-download", "view-table", "view-query", "execute-sql"}
)


def decide(allow: Mapping[str, Any], local: bool, actor: Any, action: str) -> bool | None:
    """Whether an actor has one of this plugin's permissions; None for no opinion.

    Without an opinion the answer is no, unless Datasette's own configuration or another
    plugin says yes.
    """
    if action in allow:
        return bool(actor_matches_allow(actor, allow[action]))
    return True if local or (actor and actor.get("id") == "root") else None


def actions() -> list[Any]:
    """Datasette 1.0: the actions to register."""
    from datasette.permissions import Action

    return [Action(name=name, description=text) for name, text in ACTIONS.items()]


def rules(ds: Any, allow: Mapping[str, Any], local: bool, actor: Any, action: str) -> Any:
    """Datasette 1.0: SQL that allows or denies an action; None for no opinion."""
    from datasette.permissions import PermissionSQL

    if action in ACTIONS:
        verdict = decide(allow, local, actor, action)
        if verdict is None:
            return None
        reason = "datasette-scan"
        return PermissionSQL.allow(reason) if verdict else PermissionSQL.deny(reason)
    known = ds.actions.get(action)
    if known is None or known.resource_class is None or action in _READS:
        return None
    return PermissionSQL(sql=compat.deny_writes_sql(), params={})

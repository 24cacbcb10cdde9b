"""Datasette plugin: finds every SQLite database below folders and serves them. Hooks only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any

import click
from datasette import hookimpl

from . import asgi as _asgi
from . import cli as _cli
from . import compat as _compat
from . import crossdb as _crossdb
from . import permissions as _permissions
from . import views as _views
from .state import state_of as _state_of
from .views import banner as _banner
from .views import templates as _templates
from .views import unavailable as _unavailable


@hookimpl
def register_commands(cli: click.Group) -> None:
    """``datasette scan``."""
    _cli.register(cli)


@hookimpl
def startup(datasette: Any) -> Awaitable[None]:
    """Prepare the scan."""
    return _state_of(datasette).start(datasette)


@hookimpl(optionalhook=True)
def shutdown(datasette: Any) -> Callable[[], Any] | None:
    """Datasette 1.0: stop the scan and close all files."""
    return _state_of(datasette).stop


@hookimpl
def asgi_wrapper(datasette: Any) -> Callable[[Any], Any]:
    """Check host and origin; probe a scanned database again when it is requested."""
    return _asgi.wrap(datasette)


@hookimpl
def register_routes(datasette: Any) -> list[tuple[str, Any]]:
    """The catalogue's pages."""
    return _views.routes(_state_of(datasette))


@hookimpl(tryfirst=True)
def handle_exception(datasette: Any, request: Any, exception: Exception) -> Any:
    """The error page of a scanned database that cannot be read."""
    return _unavailable.explain(datasette, request, exception)


@hookimpl(optionalhook=True)
def register_actions(datasette: Any) -> list[Any]:
    """Datasette 1.0: scan-view and scan-rescan."""
    return _permissions.actions()


@hookimpl(optionalhook=True)
def permission_resources_sql(datasette: Any, actor: Any, action: str) -> Any:
    """Datasette 1.0: who may view and rescan; scanned databases are read-only."""
    state = _state_of(datasette)
    if not state.settings.active:
        return None
    settings = state.settings
    return _permissions.rules(datasette, settings.allow, settings.local, actor, action)


@hookimpl(specname="permission_resources_sql", optionalhook=True, wrapper=True)
def narrow_permission_sql() -> Generator[None, list[Any], list[Any]]:
    """Datasette 1.0: limit its rules for SQLite's statistics to requested databases."""
    return _compat.narrow_rules((yield))


@hookimpl(optionalhook=True)
def permission_allowed(datasette: Any, actor: Any, action: str) -> bool | None:
    """Datasette 0.65: who may view and rescan."""
    if action not in _permissions.ACTIONS:
        return None
    settings = _state_of(datasette).settings
    return _permissions.decide(settings.allow, settings.local, actor, action)


@hookimpl
def prepare_jinja2_environment(env: Any, datasette: Any) -> None:
    """Filters for the catalogue's templates, and a slot for the banner on Datasette 0.65.

    Datasette calls this hook first, before it adds its databases to its own catalogue.
    """
    state = _state_of(datasette)
    if state.settings.active:
        _crossdb.replace_memory(datasette, state.reader, state.settings.memory)
    _templates.prepare_templates(env)


@hookimpl
def extra_css_urls(
    datasette: Any, template: str | None, database: str | None, request: Any
) -> list[str]:
    """Our style sheet, with dark mode for Datasette's own pages."""
    return _templates.style_sheets(datasette, template, database, request)


@hookimpl
def extra_template_vars(
    datasette: Any,
    database: str | None,
    table: str | None,
    columns: list[str] | None,
    view_name: str | None,
) -> dict[str, Any]:
    """The columns to filter by; Datasette 0.65: the banner of a scanned database."""
    maker = _banner.bind_banner(datasette, database, view_name == "database", table)
    db = datasette.databases.get(database)
    return {"scan_banner": maker, **_banner.filter_columns(db, table or "", columns or [])}


@hookimpl
def filters_from_request(request: Any, database: str, table: str, datasette: Any) -> Awaitable[Any]:
    """A table's page: no sort by a collation that is missing."""
    return _banner.refuse_sorting(datasette, request, database, table)


@hookimpl(optionalhook=True)
def top_database(datasette: Any, request: Any, database: str) -> Any:
    """Datasette 1.0: the banner of a scanned database."""
    return _banner.banner(datasette, request, database, whole=True)


@hookimpl(optionalhook=True)
def top_table(datasette: Any, request: Any, database: str, table: str) -> Any:
    """The same on table pages."""
    return _banner.banner(datasette, request, database, table=table)


@hookimpl(optionalhook=True)
def top_row(datasette: Any, request: Any, database: str) -> Any:
    """The same on row pages."""
    return _banner.banner(datasette, request, database)


@hookimpl(optionalhook=True)
def top_query(datasette: Any, request: Any, database: str) -> Any:
    """The same on query pages."""
    return _banner.banner(datasette, request, database)

"""The differences between the two lines of Datasette, 0.65 and 1.0."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import datasette.database
from datasette import Forbidden
from datasette.plugins import pm
from datasette.utils import await_me_maybe, tilde_decode

from .sqlite import quote_name

# Datasette 1.0 keeps a catalogue of schemas that its pages and permissions read.
HAS_CATALOG = hasattr(datasette.database.Database, "_execute_fn")

_SCANNED_TABLE = "datasette_scan_databases"
_CATALOG_TABLES = (
    "catalog_columns",
    "catalog_foreign_keys",
    "catalog_indexes",
    "catalog_views",
    "catalog_tables",
)


def attach(ds: Any, databases: Iterable[Any]) -> None:
    """Attach databases in one step: add_database() would copy the dictionary for each."""
    ds.databases = {**ds.databases, **{db.name: db for db in databases}}


def limit_sorting(ds: Any, sortable: Callable[[str, str], list[str] | None]) -> None:
    """Offer sorts only by the ``sortable`` columns of (database, table); None allows all."""
    name = "table_config" if HAS_CATALOG else "table_metadata"
    plain = getattr(ds, name)

    def limited(config: dict[str, Any], database: str, table: str) -> dict[str, Any]:
        allowed = sortable(database, table)
        if allowed is None:
            return config
        wanted = config.get("sortable_columns", allowed)
        return {**config, "sortable_columns": [c for c in wanted if c in allowed]}

    async def table_config(database: str, table: str) -> dict[str, Any]:
        return limited(await plain(database, table), database, table)

    def table_metadata(database: str, table: str) -> dict[str, Any]:
        return limited(plain(database, table), database, table)

    setattr(ds, name, table_config if HAS_CATALOG else table_metadata)


def strip_base_url(ds: Any, path: str) -> str:
    """A request's path without the setting ``base_url``."""
    base = str(ds.setting("base_url"))
    return "/" + path[len(base) :] if path.startswith(base) else path


def database_name(path: str) -> str:
    """The database that a path within Datasette names; "" for none."""
    return str(tilde_decode(path[1:].partition("/")[0].partition(".")[0]))


def load_extensions(ds: Any, connection: Any) -> None:
    """Load Datasette's extensions into a connection, without calling other plugins."""
    connection.text_factory = lambda text: str(text, "utf-8", "replace")
    if not ds.sqlite_extensions:
        return
    connection.enable_load_extension(True)
    try:
        for extension in ds.sqlite_extensions:
            path, entrypoint = extension if isinstance(extension, tuple) else (extension, None)
            if entrypoint is None:
                connection.load_extension(path)
            else:
                connection.execute("SELECT load_extension(?, ?)", [path, entrypoint])
    finally:
        connection.enable_load_extension(False)


def get_template(ds: Any, name: str) -> Any:
    """A template of Datasette's environment."""
    environment = ds.get_jinja_environment() if HAS_CATALOG else ds.jinja_env
    return environment.get_template(name)


def query_url(ds: Any, database: str, sql: str) -> str:
    """The page that runs a query."""
    path = str(ds.urls.database(database)) + ("/-/query" if HAS_CATALOG else "")
    return f"{path}?{urlencode({'sql': sql})}"


# -- permissions


async def is_allowed(ds: Any, actor: Any, action: str, default: bool = False) -> bool:
    """Whether an actor may do an action without a resource."""
    if HAS_CATALOG:
        return bool(await ds.allowed(action=action, actor=actor))
    return bool(await ds.permission_allowed(actor, action, default=default))


async def _is_allowed_on(ds: Any, actor: Any, action: str, *names: str) -> bool:
    """Datasette 1.0: on a database, or on (database, table)."""
    from datasette.resources import DatabaseResource, TableResource

    resource = DatabaseResource(*names) if len(names) == 1 else TableResource(*names)
    return bool(await ds.allowed(action=action, resource=resource, actor=actor))


async def may_view_database(ds: Any, actor: Any, name: str) -> bool:
    """Whether an actor may see one database."""
    if HAS_CATALOG:
        return await _is_allowed_on(ds, actor, "view-database", name)
    visible, _ = await ds.check_visibility(
        actor, permissions=[("view-database", name), "view-instance"]
    )
    return bool(visible)


async def may_view_table(ds: Any, actor: Any, database: str, table: str) -> bool:
    """Whether an actor may see one table, whose name is spelled as in the schema."""
    if HAS_CATALOG:
        return await _is_allowed_on(ds, actor, "view-table", database, table)
    return await _hooks_allow(ds, actor, database, table)


async def may_download(ds: Any, actor: Any, database: str) -> bool:
    """Whether an actor may download one database."""
    if HAS_CATALOG:
        return await _is_allowed_on(ds, actor, "view-database-download", database)
    needed = [("view-database-download", database), ("view-database", database), "view-instance"]
    try:
        await ds.ensure_permissions(actor, needed)
    except Forbidden:
        return False
    return True


async def may_execute_sql(ds: Any, actor: Any, name: str) -> bool:
    """Whether an actor may send SQL to one database."""
    if HAS_CATALOG:
        return await _is_allowed_on(ds, actor, "execute-sql", name)
    return bool(await ds.permission_allowed(actor, "execute-sql", name, default=True))


async def viewable_databases(ds: Any, actor: Any, names: Iterable[str]) -> set[str]:
    """Those of ``names`` that an actor may see."""
    if HAS_CATALOG:  # its own SQL for this lists every database, and takes a second with many
        names = set(names)
        decide, with_rules = await _rules(ds, actor, "view-database")
        others = names - with_rules if decide("/", None) else set()
        return others | {name for name in names & with_rules if decide(name, None)}
    shared = await _shared_verdict(ds, actor)
    own = set(names) if shared is None else set(names) & set(ds.metadata("databases") or {})
    verdicts = {name: await may_view_database(ds, actor, name) for name in own}
    return {name for name in names if verdicts.get(name, shared)}


async def _shared_verdict(ds: Any, actor: Any) -> bool | None:
    """Datasette 0.65: the permission for every database without its own block in metadata.

    None where plugins decide, since they may decide differently for each database.
    """
    hooks = {impl.plugin_name for impl in pm.hook.permission_allowed.get_hookimpls()}
    if hooks - {"datasette.default_permissions", "scan"} or pm.hook.get_metadata.get_hookimpls():
        return None
    return await may_view_database(ds, actor, "/")  # no database is called that


async def viewable_tables(
    ds: Any, actor: Any, wanted: Mapping[str, Iterable[str]]
) -> dict[str, list[str]]:
    """The tables of each database that an actor may see; opens nothing."""
    if HAS_CATALOG:
        decide, _ = await _rules(ds, actor, "view-table", list(wanted))
        return {db: [t for t in tables if decide(db, t)] for db, tables in wanted.items()}
    found: dict[str, list[str]] = {}
    for db, tables in wanted.items():
        found[db] = [t for t in tables if await _hooks_allow(ds, actor, db, t)]
    return found


async def _hooks_allow(ds: Any, actor: Any, database: str, table: str) -> bool:
    """Datasette 0.65: what check_visibility returns, without opening the database."""
    for action, resource in (("view-table", (database, table)), ("view-database", database)):
        verdict = None
        for check in pm.hook.permission_allowed(
            datasette=ds, actor=actor, action=action, resource=resource
        ):
            found = await await_me_maybe(check)
            verdict = verdict if found is None else found
        if verdict is not None:
            return bool(verdict)
    return True


async def _rules(
    ds: Any, actor: Any, action: str, parents: list[str] | None = None
) -> tuple[Callable[[str, str | None], bool], set[str]]:
    """Datasette 1.0: a function that decides about (parent, child), and the parents with rules.

    The most specific rule decides, and deny wins over allow, as in its ``actions_sql``. With
    ``parents`` only their rules are read: some rules have a row for each database.
    """
    from datasette.utils.actions_sql import build_permission_rules_sql

    sql, params, restrictions = await build_permission_rules_sql(ds, actor, action)
    verdicts: dict[tuple[Any, Any], bool] = {}
    if sql:
        for parent, child, allow in await _read_rules(
            ds, "parent, child, allow", sql, params, parents
        ):
            key = (parent, child and child.lower())
            verdicts[key] = verdicts.get(key, True) and bool(allow)
    limits = []
    for restriction in restrictions:
        rows = await _read_rules(ds, "parent, child", restriction, params, parents)
        limits.append({(parent, child and child.lower()) for parent, child in rows})

    def decide(parent: str, child: str | None) -> bool:
        keys = ((parent, child and child.lower()), (parent, None), (None, None))
        if not all(any(key in limit for key in keys) for limit in limits):
            return False
        return next((verdicts[key] for key in keys if key in verdicts), False)

    named = {parent for rules in (verdicts, *limits) for parent, _ in rules if parent is not None}
    return decide, named


async def _read_rules(
    ds: Any, columns: str, sql: str, params: Mapping[str, Any], parents: list[str] | None
) -> list[Any]:
    query, given = f"SELECT {columns} FROM ({sql})", dict(params)
    if parents is not None:
        query += " WHERE parent IS NULL OR parent IN (SELECT value FROM json_each(:scan_parents))"
        given["scan_parents"] = json.dumps(parents)
    return [tuple(row) for row in (await ds.get_internal_database().execute(query, given)).rows]


async def list_databases(datasette: Any, request: Any) -> Any:
    """Datasette 0.65's ``/-/databases``, for what the actor may see, as 1.0 has it."""
    from datasette.views.special import JsonDataView

    databases = datasette._connected_databases()
    names = [database["name"] for database in databases]
    viewable = await viewable_databases(datasette, request.actor, names)
    shown = [database for database in databases if database["name"] in viewable]
    view = JsonDataView(datasette, "databases.json", lambda: shown)
    return await view.dispatch_request(request)


# -- Datasette 1.0's catalogue of schemas


async def prepare_catalog(ds: Any) -> None:
    """Create the table of scanned databases."""
    if HAS_CATALOG:
        await ds.get_internal_database().execute_write_script(
            f"DROP TABLE IF EXISTS {_SCANNED_TABLE};"
            f"CREATE TABLE {_SCANNED_TABLE} (database_name TEXT PRIMARY KEY) WITHOUT ROWID;"
        )


async def add_to_catalog(ds: Any, databases: Iterable[Any]) -> None:
    """Add databases to Datasette's catalogue, without their tables."""
    if not HAS_CATALOG:
        return
    rows = [(db.name, db.path) for db in databases]

    def write(connection: Any) -> None:
        connection.executemany(
            "INSERT OR REPLACE INTO catalog_databases (database_name, path, is_memory, "
            "schema_version) VALUES (?, ?, 0, NULL)",
            rows,
        )
        connection.executemany(
            f"INSERT OR IGNORE INTO {_SCANNED_TABLE} VALUES (?)",
            [row[:1] for row in rows],
        )

    await ds.get_internal_database().execute_write_fn(write)


async def publish_schema(ds: Any, db: Any) -> bool:
    """Add the readable tables of one database to Datasette's catalogue.

    False where it cannot be read, which the page that is about to be made says.
    """
    if not HAS_CATALOG:
        return True
    hidden = frozenset(db.entry.missing)
    try:
        rows = await db.execute_fn(lambda connection: _schema_rows(connection, db.name, hidden))
        await db.read_derived_tables()
    except Exception:  # noqa: BLE001 (SQLite's, or Datasette's about a schema that is not text)
        return False

    def write(connection: Any) -> None:
        for table in _CATALOG_TABLES:
            connection.execute(f"DELETE FROM {table} WHERE database_name = ?", [db.name])
        for table, inserts in rows.items():
            if inserts:
                marks = ", ".join("?" * len(inserts[0]))
                connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", inserts)

    await ds.get_internal_database().execute_write_fn(write)
    return True


def _schema_rows(connection: Any, name: str, hidden: frozenset[str]) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {table: [] for table in reversed(_CATALOG_TABLES)}
    master = connection.execute(
        "SELECT type, name, rootpage, sql FROM sqlite_master WHERE type IN ('table', 'view')"
    ).fetchall()
    for kind, table, rootpage, sql in master:
        if table in hidden:
            continue
        if kind == "view":
            rows["catalog_views"].append((name, table, rootpage, sql))
            continue
        rows["catalog_tables"].append((name, table, rootpage, sql))
        for pragma, target, width in (
            ("table_xinfo", "catalog_columns", 7),
            ("foreign_key_list", "catalog_foreign_keys", 8),
            ("index_list", "catalog_indexes", 5),
        ):
            found = connection.execute(f"PRAGMA {pragma}({quote_name(table)})").fetchall()
            rows[target] += [(name, table, *tuple(row)[:width]) for row in found]
    return rows


def narrow_rules(rules: list[Any]) -> list[Any]:
    """Limit Datasette 1.0's rules for SQLite's statistics to databases whose tables it knows.

    It has four rows for each database, which with thousands of databases exceed its time
    limit for a query on every page. Databases without known tables have no such pages.
    """
    for rule in rules:
        if "sqlite_statistics_names" in (getattr(rule, "params", None) or {}):
            known = "FROM (SELECT DISTINCT database_name FROM catalog_tables)"
            rule.sql = rule.sql.replace("FROM catalog_databases", known)
    return rules


def deny_writes_sql() -> str:
    """SQL with a rule for every scanned database that denies."""
    return (
        f"SELECT database_name AS parent, NULL AS child, 0 AS allow, "
        f"'scanned databases are read-only' AS reason FROM {_SCANNED_TABLE}"
    )

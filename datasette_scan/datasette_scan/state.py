"""One Datasette instance's settings, catalogue, reader and scan task."""

from __future__ import annotations

import asyncio
import functools
import weakref
from dataclasses import replace
from typing import Any

import click
from datasette.utils import StartupError

from . import compat
from .catalog import Catalog
from .changes import History
from .database import ScannedDatabase, sortable_columns
from .errors import UsageError
from .reader import Reader
from .request_guard import Policy, RequestInfo, refusal
from .scanning import ScanTask
from .settings import Settings, local_hostnames, parse_config
from .sqlite import sqlite3

_states: weakref.WeakKeyDictionary[Any, State] = weakref.WeakKeyDictionary()
_from_command: list[Settings] = []


class State:
    """The plugin's state for one Datasette; threads and limits only once something is read."""

    def __init__(self, ds: Any, settings: Settings) -> None:
        self._ds = weakref.proxy(ds)
        self.settings = settings
        self.catalog = Catalog(settings.find.roots)
        self.history = History()
        self._local_hostnames: frozenset[str] = frozenset()
        self._own: tuple[Any, list[str]] = (None, [])
        self.searches = 0  # in contents, under way
        # By actor: until when it holds, the names that were checked, and those that may be seen.
        self.viewable: dict[str, tuple[float, set[str], set[str]]] = {}

    @functools.cached_property
    def reader(self) -> Reader:
        """Reads scanned files."""
        threads = 4 if self._ds.setting("num_sql_threads") else 0
        settings = self.settings
        return Reader(settings.snapshot_bytes, threads, settings.find.roots, settings.memory_bytes)

    @functools.cached_property
    def scan_task(self) -> ScanTask:
        """Scans, now and later."""
        return ScanTask(self._ds, self.settings, self.catalog, self.reader, self.history)

    def datasette_databases(self) -> list[str]:
        """The names of the databases that Datasette serves itself.

        They are looked up once: when databases are added or removed, it has a new dictionary.
        """
        databases, names = self._own
        if databases is not self._ds.databases:
            databases = self._ds.databases
            own = {n: db for n, db in databases.items() if not isinstance(db, ScannedDatabase)}
            names = [name for name in own if name != "_internal"]
            self._own = databases, names
        return names

    async def refusal(self, info: RequestInfo, cors: bool) -> str | None:
        """Why a request is not answered; this machine's names are looked up when needed."""
        reason = refusal(self._policy(cors), info)
        if reason is not None and not self.settings.local and not self._local_hostnames:
            self._local_hostnames = await asyncio.to_thread(local_hostnames)
            reason = refusal(self._policy(cors), info)
        return reason

    def _policy(self, cors: bool) -> Policy:
        settings = self.settings
        served_on = None if settings.uds else settings.host
        return Policy(served_on, settings.hosts, self._local_hostnames, cors)

    async def start(self, ds: Any) -> None:
        """Datasette starts: prepare its catalogue and, on 1.0, the scan."""
        if not self.settings.active:
            return
        compat.limit_sorting(ds, functools.partial(sortable_columns, ds))
        await compat.prepare_catalog(ds)
        if compat.HAS_CATALOG and not self.settings.complete_first:
            ds.add_background_task(lambda _: self.scan_task.run(), name="datasette-scan")

    async def stop(self) -> None:
        """The server ends: the scan, the threads, the files, the private copies."""
        if self.settings.active:
            await self.scan_task.stop()
            self.reader.close()


def close_readers() -> None:
    """Remove every private copy, however the command ends."""
    for state in list(_states.values()):
        if state.settings.active:
            state.reader.close()


def set_command_settings(settings: Settings | None) -> None:
    """The arguments of ``datasette scan``, for the Datasette that it is about to create."""
    _from_command[:] = [settings] if settings else []


def state_of(ds: Any) -> State:
    """The state of a Datasette, made at the first call. Raises StartupError."""
    state = _states.get(ds)
    if state is None:
        try:
            settings = _merge(parse_config(ds.plugin_config("datasette-scan") or {}))
            if settings.active:
                check_sqlite()
        except UsageError as error:
            raise StartupError(str(error)) from error
        state = _states[ds] = State(ds, settings)
    return state


def check_sqlite() -> None:
    """Raise UsageError for a SQLite whose parser can't be stopped.

    An interrupt doesn't: SQLite checks for one only at blanks, which a schema need not have.
    """
    if not hasattr(sqlite3.Connection, "setlimit"):
        raise UsageError(
            f"pysqlite3, which Datasette uses here (SQLite {sqlite3.sqlite_version}), can't limit "
            "what a hostile file costs; remove it: pip uninstall pysqlite3 pysqlite3-binary"
        )


def _merge(configured: Settings) -> Settings:
    """The command's settings with what only the configuration says."""
    if _from_command:
        given = _from_command[0]
        find = replace(given.find, exclude=given.find.exclude + configured.find.exclude)
        return replace(
            given,
            find=find,
            interval=configured.interval if given.interval is None else given.interval,
            hosts=(*given.hosts, *configured.hosts),
            allow=configured.allow,
            snapshot_bytes=configured.snapshot_bytes,
            memory_bytes=configured.memory_bytes,
        )
    context = click.get_current_context(silent=True)
    params = context.params if context else {}
    host = str(params.get("host") or "127.0.0.1")
    return replace(configured, host=host.lower(), uds=bool(params.get("uds")))

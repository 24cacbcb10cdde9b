"""Reads the schema of a found file, or finds out why it cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .applications import identify
from .diagnosis import START, diagnose
from .errors import CorruptError, RefusedError, TooComplexError, UnavailableError, is_damage
from .finder import Match
from .opening import Mode, Opener, ReadInfo
from .opening.connection import interrupted_when, time_limit
from .opening.fingerprint import read_fingerprint
from .schema import VIRTUAL
from .sqlite import quote_name, sqlite3
from .system_limits import get_advice
from .text import visible, visible_path

_NAMES_SHOWN = 200
_NAMES_SIZE = 4000
_NAMES_READ = 5000  # which an application is recognised by
_MAX_NAME_LENGTH = 1000
_COLLATIONS = 20  # that are tried
_SECONDS = 2.0
_COLLATION = re.compile(
    r"\bCOLLATE\s+(?:[\"'`\[]([^\"'`\],]{1,100})[\"'`\]]|(\w{1,100}))", re.IGNORECASE
)
# SQLite reads such a schema, and stores none; whoever expects text fails.
_NOT_TEXT = (
    "SELECT 1 FROM sqlite_master WHERE typeof(type) <> 'text' OR typeof(name) <> 'text' "
    "OR typeof(tbl_name) <> 'text' OR typeof(sql) NOT IN ('text', 'null')"
)
_TOKENIZER = re.compile(r"(?:no such|unknown) tokenizer: (\S{1,100})")

# Virtual table modules → the SQLite extension that brings them.
_EXTENSIONS = (
    ("virtualspatialindex", "spatialite"),
    ("virtual", "spatialite"),
    ("vec0", "sqlite-vec"),
    ("vss0", "sqlite-vss"),
    ("vectorlite", "vectorlite"),
    ("crsql", "cr-sqlite"),
    ("spellfix1", "spellfix"),
    ("zipfile", "zipfile"),
    ("closure", "transitive_closure"),
)
# Statuses of files that stay out of the catalogue and go to the Skipped tab.
SKIPPED = frozenset({"corrupt", "denied", "unreadable", TooComplexError.word})


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The contents of one file, or why it can't be read."""

    status: str
    detail: str = ""
    advice: str = ""
    tables: str = ""
    table_count: int = 0
    missing: tuple[str, ...] = ()
    application: str = ""
    size: int = 0
    mtime_ns: int = 0
    fingerprint: int = 0
    schema_hash: int = 0
    identity: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class _Schema:
    tables: tuple[str, ...]
    count: int
    collations: tuple[str, ...]  # missing ones
    unreadable: tuple[tuple[str, str], ...]  # (table, what it needs)
    digest: int


def hash_fingerprint(path: bytes) -> int:
    """A number that changes when the file or its journals do; 0 for one that can't be read."""
    try:
        return hash(read_fingerprint(path).without_shm())
    except UnavailableError:
        return 0


def probe_file(
    opener: Opener,
    match: Match,
    prepare: Callable[[sqlite3.Connection], None] | None = None,
    seconds: float = _SECONDS,
) -> ProbeResult:
    """Read one file's schema, for at most ``seconds``. Never raises for what the file is.

    Raises RefusedError, OSError or RuntimeError when the system refuses what reading needs.
    """

    def read(connection: sqlite3.Connection) -> _Schema:
        is_late = time_limit(seconds)
        with interrupted_when(connection, is_late):
            return _read_schema(connection, is_late)

    shown = visible_path(match.path)
    try:
        fingerprint = read_fingerprint(match.path)
        if not match.valid:
            raise CorruptError(match.reason or "the header is damaged")
        schema, info = opener.read(match.path, read, prepare, keep=False, seconds=seconds)
    except CorruptError as error:
        return _diagnosed(opener, match, error)
    except RefusedError:
        raise
    except UnavailableError as error:
        return _refused(match, error)
    except sqlite3.Error as error:
        if "interrupted" in str(error):  # by the progress handler
            return _refused(match, TooComplexError(f"{shown} takes more than {seconds:g} s"))
        return _diagnosed(opener, match, CorruptError(f"{shown}: {error}"))
    except Exception as error:
        if isinstance(error, (OSError, RuntimeError)) and get_advice(error):
            raise  # about this process, not about the file
        return _refused(match, UnavailableError(f"{shown}: {error!r}"))
    needs = tuple(sorted({*schema.collations, *(need for _, need in schema.unreadable)}))
    return ProbeResult(
        status=_status(info, needs),
        detail=f"needs {', '.join(needs)}" if needs else "",
        tables=_join_names(schema.tables),
        table_count=schema.count,
        missing=tuple(table for table, _ in schema.unreadable),
        application=identify(
            visible_path(match.path),
            frozenset(name.lower() for name in schema.tables),
            match.application_id,
            match.application,
        ),
        size=fingerprint.main.size,
        mtime_ns=fingerprint.main.mtime_ns,
        fingerprint=hash(fingerprint.without_shm()),
        schema_hash=schema.digest,
        identity=fingerprint.identity,
    )


def _join_names(names: tuple[str, ...]) -> str:
    """The first names, a line each, none of them cut in half."""
    text = "\n".join(names[:_NAMES_SHOWN])
    return text if len(text) <= _NAMES_SIZE else text[:_NAMES_SIZE].rpartition("\n")[0]


def _status(info: ReadInfo, needs: tuple[str, ...]) -> str:
    if needs:
        return "partly readable"
    if info.orphaned_log:
        return "not closed cleanly"
    return {Mode.LIVE: "live", Mode.COPY: "snapshot"}.get(info.mode, "ready")


def _diagnosed(opener: Opener, match: Match, error: CorruptError) -> ProbeResult:
    """Replace the error by a better diagnosis, if the start of the file allows one."""
    result = _refused(match, error)
    try:
        found = diagnose(opener.read_bytes(match.path, START), match.size)
    except UnavailableError:
        return result
    if not found:
        return result
    reason, advice = found
    return replace(result, detail=reason, advice=advice)


def _refused(match: Match, error: UnavailableError) -> ProbeResult:
    return ProbeResult(
        status=error.word,
        detail=visible(str(error)),
        advice=error.advice,
        size=match.size,
        fingerprint=hash_fingerprint(match.path),
    )


def _read_schema(connection: sqlite3.Connection, is_late: Callable[[], bool]) -> _Schema:
    if connection.execute(_NOT_TEXT).fetchone():
        raise CorruptError("its schema has a name or SQL that is not text")
    rows = connection.execute(
        "SELECT CAST(name AS TEXT), substr(sql, 1, 2000), type, rootpage "
        "FROM sqlite_master "
        "WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    names: list[str] = []
    modules: list[tuple[str, str]] = []
    collations: set[str] = set()
    count = digest = 0
    for name, sql, kind, rootpage in rows:
        count += 1
        digest = hash((digest, name, sql, rootpage))
        if len(names) < _NAMES_READ:
            names.append(str(name)[:_MAX_NAME_LENGTH])
        if len(collations) < _NAMES_READ:  # a comment may have a million
            found = _COLLATION.findall(str(sql))
            collations.update((inside or plain).lower() for inside, plain in found)
        if "\0" in str(name):  # which no program can create, and no query can name
            raise CorruptError(f"the name of the {kind} {visible(name[:100])} has a null character")
        virtual = VIRTUAL.match(str(sql))
        if kind == "table" and (virtual or rootpage == 0):
            modules.append((str(name), virtual.group(1) if virtual else ""))
    unreadable = []
    for name, module in modules:
        need = _find_need(connection, name, module)
        if is_late():  # which is no need, though it failed for that
            raise TooComplexError(f"{len(modules):,} virtual tables take too long to open")
        if need:
            unreadable.append((name, need))
    unknown = tuple(
        f"collation {visible(name)}"
        for name in sorted(collations)[:_COLLATIONS]
        if not _has_collation(connection, name)
    )
    return _Schema(tuple(names), count, unknown, tuple(unreadable), digest)


def _has_collation(connection: sqlite3.Connection, name: str) -> bool:
    try:  # PRAGMA collation_list also has those that a schema only names
        connection.execute(f'SELECT 1 WHERE 1 = 1 COLLATE "{name}"')
    except sqlite3.OperationalError:
        return False
    return True


def _find_need(connection: sqlite3.Connection, table: str, module: str) -> str:
    """The missing module or tokenizer of a virtual table, "" if it can be read."""
    try:
        # a row, since newer FTS5 reads its index with the first one only
        connection.execute(f"SELECT 1 FROM {quote_name(table)} LIMIT 1")
    except sqlite3.OperationalError as error:
        tokenizer = _TOKENIZER.search(str(error))
        if tokenizer:
            return f"tokenizer {visible(tokenizer.group(1))}"
        module = module or str(error).removeprefix("no such module: ")[:100]
        extensions = (e for prefix, e in _EXTENSIONS if module.lower().startswith(prefix))
        return f"extension {next(extensions, visible(module))}"
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise
        return f"repair of {visible(table[:100])}"  # its shadow tables: the others can be read
    return ""

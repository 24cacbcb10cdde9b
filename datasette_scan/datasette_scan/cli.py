"""``datasette scan``: the real ``serve`` command, with a scan beside it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import click

from .catalog import Entry
from .cli_search import search_all
from .errors import ScanError, UnavailableError, UsageError
from .finder import FindOptions, check_globs, kill_scanners
from .opening.fingerprint import read_fingerprint
from .settings import Settings, absolute_roots, allowed_hosts
from .state import State, check_sqlite, close_readers, set_command_settings, state_of
from .system_limits import check_resources, describe
from .text import format_count, format_size, visible, visible_path
from .text_search import check_text

T = TypeVar("T")

_REPEAT_SECONDS = 0.5


def register(cli: click.Group) -> None:
    """Add the command, with every option of the installed Datasette's ``serve``."""
    serve = cli.commands.get("serve")
    if serve is None:
        return

    @cli.command(context_settings={"show_default": False})
    @click.argument("paths", type=click.Path(), nargs=-1)
    @click.option(
        "--scan-interval",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Scan again every SECONDS, or less often when a scan takes long",
    )
    @click.option(
        "--exclude",
        multiple=True,
        metavar="GLOB",
        help="Leave out files and folders that match (as in .gitignore); can be repeated",
    )
    @click.option("--max-depth", type=click.IntRange(min=0), help="Go no deeper than this")
    @click.option(
        "--all",
        "include_all",
        is_flag=True,
        help="Also look into caches, node_modules and .git, which are left out otherwise",
    )
    @click.option(
        "--allow-host",
        multiple=True,
        metavar="NAME",
        help="Also answer requests for this host; can be repeated, * is every host",
    )
    @click.option("--list", "list_only", is_flag=True, help="Print what is found and exit")
    @click.option(
        "--search",
        metavar="TEXT",
        help="Print which tables contain TEXT and exit, with 1 if none does",
    )
    @click.option("--json", "as_json", is_flag=True, help="With --list or --search: print JSON")
    @click.pass_context
    def scan(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> None:
        """Find every SQLite database below folders and serve them with Datasette

        PATHS are folders, which are scanned, and database files, which are served; the
        current directory if there are none. Nothing that is found is ever written to.
        """
        try:
            run(context, serve, paths or (".",), options)
        except BrokenPipeError:
            raise  # the reader closed the pipe; click exits quietly
        except (OSError, MemoryError, RuntimeError) as error:
            refusal = describe(error)
            if not refusal:
                raise
            _discard_unwritten_output()
            raise click.ClickException(refusal) from error

    scan.params += [p for p in serve.params if isinstance(p, click.Option)]


def _discard_unwritten_output() -> None:
    """Discard output that can't be written: Python would try again at exit, and exit with 120."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        sys.stdout = None


def run(
    context: click.Context, serve: Any, paths: tuple[str, ...], options: dict[str, Any]
) -> None:
    """Pass the folders to the hooks and everything else to ``serve``."""
    text = options["search"]
    if options["as_json"] and not options["list_only"] and text is None:
        raise click.UsageError("--json goes with --list or --search")
    if options["list_only"] and text is not None:
        raise click.UsageError("--list and --search exclude each other")
    if (options["list_only"] or text is not None) and sys.stdout is None:
        raise click.ClickException("standard output is closed; send it somewhere: > FILE")
    check_resources()
    folders, files = split_paths(paths)
    passed = {p.name: options[p.name] for p in serve.params if p.name in options}
    make_instance = functools.partial(serve.callback, return_instance=True, **passed)
    try:
        if text is not None:
            check_search(text)
        settings = make_settings(folders if text is None else paths, options)
        check_sqlite()
        check_globs(settings.find.exclude)
    except ScanError as error:
        raise click.ClickException(str(error)) from error
    set_command_settings(settings)
    with _handle_signals() as signals:
        try:
            if text is not None:
                ds = make_instance(files=())
                search = search_all(ds, state_of(ds), text, options["as_json"])
                context.exit(_run(search, signals))
            elif options["list_only"]:
                context.exit(print_list(make_instance(files=files), options["as_json"], signals))
            else:
                _warn_if_public(settings)
                if passed.get("reload"):
                    import hupper  # Datasette 0.65 would start serve anew, with our arguments

                    hupper.start_reloader("datasette.cli.cli")
                with _open_catalogue_first(settings.active):
                    context.invoke(serve, files=files, **passed)
        finally:
            signals.ignored = True
            signals.delivered.set()
            kill_scanners()
            close_readers()
            set_command_settings(None)


def split_paths(paths: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The folders to scan and the files to serve, each once: 1.0 refuses two names of one file.

    Datasette puts file names into SQLite URIs as they are, and so opens another file, or
    makes one, where they contain ``%``, ``?`` or ``#``. Those are scanned instead.
    """
    roots = []
    files: dict[str, str] = {}
    for path in paths:
        if os.path.isdir(path) or (os.path.isfile(path) and set(path) & set("%?#")):
            roots.append(path)
        else:
            files.setdefault(os.path.realpath(path), path)
    return tuple(roots), tuple(files.values())


def make_settings(folders: tuple[str, ...], options: dict[str, Any]) -> Settings:
    """Settings from the command's options. Raises UsageError naming the bad one."""
    interval = options["scan_interval"]
    if interval is not None and not math.isfinite(interval):
        raise UsageError(f"--scan-interval needs a number of seconds, not {interval}")
    return Settings(
        find=FindOptions(
            roots=absolute_roots(folders),
            exclude=tuple(options["exclude"]),
            max_depth=options["max_depth"],
            include_all=options["include_all"],
        ),
        interval=interval,
        home=True,
        complete_first=bool(options.get("get")),
        serve=not options["list_only"] and options["search"] is None,
        quiet=False,
        memory=bool(options.get("memory") or options.get("crossdb")),
        host=str(options.get("host") or "127.0.0.1").lower(),
        uds=bool(options.get("uds")),
        hosts=allowed_hosts(options["allow_host"]),
    )


@dataclass
class _Signals:
    """The signals that end the command.

    ``delivered`` is set once the exception that a handler raised has ended what was running.
    """

    first: int = 0
    delivered: threading.Event = field(default_factory=threading.Event)
    ignored: bool = False


@contextlib.contextmanager
def _handle_signals() -> Iterator[_Signals]:
    """SIGTERM and SIGHUP end the command as Ctrl-C does; the first signal sets the exit code.

    A running server installs handlers of its own. Before that, Python drops an exception that
    a handler raises inside a weak reference's callback, of which imports run many: the signal
    is repeated until its exception is delivered.
    """
    signals = _Signals()

    def stop(number: int, _frame: object) -> None:
        if signals.ignored:
            return
        if number not in (signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(signal.SIGTERM)
            return
        if not signals.first:
            signals.first = number
            threading.Thread(target=_repeat_signal, args=[signals.delivered], daemon=True).start()
        is_ctrl_c = signals.first == signal.SIGINT
        raise KeyboardInterrupt if is_ctrl_c else SystemExit(128 + signal.SIGTERM)

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    handled = [n for n in numbers if before[n] is not signal.SIG_IGN]  # as under nohup
    for number in handled:
        signal.signal(number, stop)
    try:
        yield signals
    finally:
        for number in handled:
            signal.signal(number, before[number])


def _repeat_signal(delivered: threading.Event) -> None:
    """Send this process SIGTERM until one is delivered; a server may receive several."""
    while not delivered.wait(_REPEAT_SECONDS):
        if sys.platform == "win32":
            signal.raise_signal(signal.SIGTERM)
        else:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _run(work: Coroutine[Any, Any, T], signals: _Signals) -> T:
    """``asyncio.run``, whose clean-up after a signal no repetition of it interrupts."""
    with asyncio.Runner() as runner:
        try:
            return runner.run(work)
        except BaseException:
            signals.delivered.set()
            raise


@contextlib.contextmanager
def _open_catalogue_first(active: bool) -> Iterator[None]:
    """Make ``-o`` open the catalogue; Datasette would open a single database's page."""
    from datasette import cli as module  # importing it imports the plugins, this one too

    own = module.initial_path_for_datasette

    async def home(ds: Any) -> str:
        return str(ds.urls.instance())

    if active:
        module.initial_path_for_datasette = home
    try:
        yield
    finally:
        module.initial_path_for_datasette = own


def _warn_if_public(settings: Settings) -> None:
    if settings.active and not settings.local:
        click.secho(
            f"WARNING: everybody who can reach {settings.host} can read every database below "
            f"{len(settings.find.roots)} folder(s).\nCookies, messages and passwords are often "
            "stored in such files. Use the default host to serve this machine alone.",
            fg="red",
            bold=True,
            err=True,
        )


def check_search(text: str) -> None:
    """Raise UsageError for a text that --search can't find."""
    if not text.strip():
        raise UsageError("--search needs a text to look for")
    check_text(text)


def print_list(ds: Any, as_json: bool, signals: _Signals) -> int:
    """Scan once, print the found and the named databases, return the exit code."""
    state = state_of(ds)
    entries, refused = _run(_scan_all(ds, state), signals)
    entries.sort(key=lambda e: e.path)
    if as_json:
        click.echo(json.dumps([_row(e) for e in entries], indent=2))
    else:
        for e in entries:
            click.echo(
                f"{visible(e.name)}\t{e.status_words}\t{format_count(e.table_count, 'table')}\t"
                f"{format_size(e.size)}\t{e.application or '-'}\t{e.shown_path}"
            )
    for path, reason in sorted(refused.items()):
        click.echo(f"{visible_path(path)} cannot be served: {reason}", err=True)
    return 0 if state.catalog.is_complete and not refused else 1


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "path": entry.shown_path,
        "tables": entry.table_count,
        "size": entry.size,
        "application": entry.application or None,
        "status": entry.status,
        "detail": entry.status_words,
    }


async def _scan_all(ds: Any, state: State) -> tuple[list[Entry], dict[bytes, str]]:
    """The found and the named files, and the reasons for named files that cannot be read."""
    try:
        if state.settings.active:
            await state.scan_task.scan()
        entries, refused = await _scan_named(ds, state.settings)
        return [*state.catalog.entries.values(), *entries], refused
    finally:
        await state.stop()


async def _scan_named(ds: Any, settings: Settings) -> tuple[list[Entry], dict[bytes, str]]:
    """Probe the files that Datasette itself would serve; the first of several hard links."""
    named: dict[object, tuple[str, str]] = {}
    roots = []
    for name, db in ds.databases.items():
        if db.path:
            roots.append(os.fsencode(os.path.realpath(db.path)))
            named.setdefault(_identity(roots[-1]), (name, db.path))
    if not named:
        return [], {}
    ds.databases = {}  # what is served is left out of a scan
    find = FindOptions(tuple(roots), include_all=True)
    state = State(ds, replace(settings, find=find, quiet=True))
    try:
        await state.scan_task.scan()
    finally:
        await state.stop()
    catalog = state.catalog
    for entry in catalog.entries.values():
        entry.name, path = named.pop(_identity(entry.path), (entry.name, entry.path))
        entry.set_path(os.fsencode(os.path.abspath(path)))
    reasons = {_identity(skip.path): skip.reason for skip in catalog.skipped.values()}
    unknown = "it does not begin as a SQLite database does"
    return list(catalog.entries.values()), {
        os.fsencode(path): catalog.error or reasons.get(key, unknown)
        for key, (_, path) in named.items()
    }


def _identity(path: bytes) -> object:
    """The file itself, since the scanner may spell its path differently; else the path."""
    try:
        return read_fingerprint(path).identity
    except UnavailableError:
        return path

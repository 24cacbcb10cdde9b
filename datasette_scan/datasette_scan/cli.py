"""``datasette scan``: the real ``serve`` command, with a scan beside it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click

from .catalog import Entry
from .cli_search import search_all
from .contents import Wanted, parse_text
from .errors import ScanError, UsageError
from .finder import FindOptions, end_all, program
from .settings import Settings, absolute_roots, allowed_hosts
from .state import State, close_all, refuse_unlimited, set_command_settings, state_of
from .text import format_size, visible, visible_path

_REPEAT_SECONDS = 0.5
_OWN = {
    "paths",
    "scan_interval",
    "exclude",
    "max_depth",
    "include_all",
    "allow_host",
    "list_only",
    "search",
    "as_json",
}


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
            raise  # whoever reads has seen enough; click ends quietly
        except (OSError, MemoryError, RuntimeError) as error:
            raise click.ClickException(describe_refusal(error)) from error

    scan.params += [p for p in serve.params if isinstance(p, click.Option)]


def describe_refusal(error: Exception) -> str:
    """One line for what the system refused; other errors rise again."""
    text = str(error) or "out of memory"
    if isinstance(error, RuntimeError) and "start new thread" not in text:
        raise error
    if "No usable temporary directory" in text:
        return f"{text}; name one that can be written to: TMPDIR=…"
    return f"the system refuses: {text}; see its limits: ulimit -a"


def run(
    context: click.Context, serve: click.Command, paths: tuple[str, ...], options: dict[str, Any]
) -> None:
    """Hand the folders to the hooks and everything else to ``serve``."""
    text = options["search"]
    if options["as_json"] and not options["list_only"] and text is None:
        raise click.UsageError("--json goes with --list or --search")
    if options["list_only"] and text is not None:
        raise click.UsageError("--list and --search exclude each other")
    folders, files = split_paths(paths)
    passed = {key: value for key, value in options.items() if key not in _OWN}
    try:
        wanted = None if text is None else parse_wanted(text)
        settings = make_settings(folders if text is None else paths, options)
        refuse_unlimited()
        program()
    except ScanError as error:
        raise click.ClickException(str(error)) from error
    set_command_settings(settings)
    with _ended_by_signals() as ending:
        try:
            if wanted is not None:
                ds = _instance(context, serve, (), passed)
                search = search_all(ds, state_of(ds), wanted, options["as_json"])
                context.exit(asyncio.run(search))
            elif options["list_only"]:
                print_list(context, serve, files, passed, options["as_json"])
            else:
                _warn(settings)
                if passed.get("reload"):
                    _start_reloader()
                with _opening_the_catalogue(settings.active):
                    context.invoke(serve, files=files, **passed)
        finally:
            ending.set()
            end_all()
            close_all()
            set_command_settings(None)


def split_paths(paths: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What to scan and what to serve; each file once: 1.0 refuses two names of one file.

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
    """The options as one frozen object."""
    return Settings(
        find=FindOptions(
            roots=absolute_roots(folders),
            exclude=tuple(options["exclude"]),
            max_depth=options["max_depth"],
            include_all=options["include_all"],
        ),
        interval=options["scan_interval"],
        home=True,
        complete_first=bool(options.get("get")),
        serve=not options["list_only"] and options["search"] is None,
        quiet=False,
        memory=bool(options.get("memory") or options.get("crossdb")),
        host=str(options.get("host") or "127.0.0.1").lower(),
        uds=bool(options.get("uds")),
        hosts=allowed_hosts(options["allow_host"]),
    )


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[threading.Event]:
    """SIGTERM and SIGHUP end the command as Ctrl-C does; yields what is set once it is ending.

    A running server has handlers of its own, which stop it in good order. Before that Python
    drops an exception that a signal raises in a callback of a weak reference, of which imports
    make many: so the signal is repeated until the command really ends.
    """
    ending = threading.Event()

    def stop(number: int, _frame: object) -> None:
        if ending.is_set():
            return
        if number not in (signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(signal.SIGTERM)
            return
        threading.Thread(target=_repeat, args=[ending], daemon=True).start()
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + signal.SIGTERM)

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    handled = [n for n in numbers if before[n] is not signal.SIG_IGN]  # as under nohup
    for number in handled:
        signal.signal(number, stop)
    try:
        yield ending
    finally:
        for number in handled:
            signal.signal(number, before[number])


def _repeat(ending: threading.Event) -> None:
    """Send this process SIGTERM, which a server may hear more than once, until it is ending."""
    while not ending.wait(_REPEAT_SECONDS):
        if sys.platform == "win32":
            signal.raise_signal(signal.SIGTERM)
        else:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


@contextlib.contextmanager
def _opening_the_catalogue(wanted: bool) -> Iterator[None]:
    """``-o`` means the catalogue, where Datasette alone would open a single file's page."""
    from datasette import cli as module  # which imports the plugins, this one too

    own = module.initial_path_for_datasette

    async def home(ds: Any) -> str:
        return str(ds.urls.instance())

    if wanted:
        module.initial_path_for_datasette = home
    try:
        yield
    finally:
        module.initial_path_for_datasette = own


def _start_reloader() -> None:
    """Datasette 0.65 would start ``serve`` anew, with this command's arguments."""
    import hupper  # what Datasette itself reloads with

    hupper.start_reloader("datasette.cli.cli")


def _warn(settings: Settings) -> None:
    if settings.active and not settings.local:
        click.secho(
            f"WARNING: everybody who can reach {settings.host} can read every database below "
            f"{len(settings.find.roots)} folder(s).\nCookies, messages and passwords are often "
            "stored in such files. Use the default host to serve this machine alone.",
            fg="red",
            bold=True,
            err=True,
        )


def parse_wanted(text: str) -> Wanted:
    """What --search is to look for. Raises UsageError."""
    if not text.strip():
        raise UsageError("--search needs a text to look for")
    return parse_text(text)


def _instance(
    context: click.Context, serve: Any, files: tuple[str, ...], passed: dict[str, Any]
) -> Any:
    """A Datasette that does not serve."""
    defaults = {p.name: p.get_default(context) for p in serve.params if p.name != "files"}
    return serve.callback(files=files, return_instance=True, **{**defaults, **passed})


def print_list(
    context: click.Context,
    serve: Any,
    files: tuple[str, ...],
    passed: dict[str, Any],
    as_json: bool,
) -> None:
    """Scan once and print the catalogue and the files that are named."""
    ds = _instance(context, serve, files, passed)
    state = state_of(ds)
    entries, refused = asyncio.run(_look_at_all(ds, state))
    entries.sort(key=lambda e: e.path)
    if as_json:
        click.echo(json.dumps([_row(e) for e in entries], indent=2))
    else:
        for e in entries:
            click.echo(
                f"{visible(e.name)}\t{e.status_words}\t{e.table_count} tables\t"
                f"{format_size(e.size)}\t{e.application or '-'}\t{e.shown_path}"
            )
    for path, reason in sorted(refused.items()):
        click.echo(f"{visible_path(path)} cannot be served: {reason}", err=True)
    context.exit(1 if state.catalog.error or refused else 0)


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


async def _look_at_all(ds: Any, state: State) -> tuple[list[Entry], dict[bytes, str]]:
    """What is found, and the named files; of those that cannot be read, why."""
    try:
        if state.settings.active:
            await state.scan_task.scan()
        entries, refused = await _look_at_named(ds, state.settings)
        return [*state.catalog.entries.values(), *entries], refused
    finally:
        await state.stop()


async def _look_at_named(ds: Any, settings: Settings) -> tuple[list[Entry], dict[bytes, str]]:
    """The files that Datasette itself would serve, looked at as carefully as found ones."""
    named = {_real(db.path): (name, db.path) for name, db in ds.databases.items() if db.path}
    if not named:
        return [], {}
    ds.databases = {}  # what is served is left out of a scan
    find = FindOptions(tuple(named), include_all=True)
    state = State(ds, replace(settings, find=find, quiet=True))
    try:
        await state.scan_task.scan()
    finally:
        await state.stop()
    catalog = state.catalog
    for entry in catalog.entries.values():
        entry.name, path = named[entry.path]
        entry.show_as(os.fsencode(os.path.abspath(path)))
    reasons = dict.fromkeys(named, "it does not begin as a SQLite database does")
    reasons.update((p, s.reason) for p, s in catalog.skipped.items())
    return list(catalog.entries.values()), {
        os.fsencode(named[p][1]): catalog.error or reason
        for p, reason in reasons.items()
        if p not in catalog.entries
    }


def _real(path: Any) -> bytes:
    return os.fsencode(os.path.realpath(path))

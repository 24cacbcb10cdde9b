"""``datasette scan``: the real ``serve`` command, with a scan beside it."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import click

from .errors import FinderError
from .finder import FindOptions, program
from .settings import Settings, absolute_roots, is_loopback
from .state import set_command_settings, state_of
from .text import format_size, visible

_OWN = {"paths", "scan_interval", "exclude", "max_depth", "include_all", "list_only", "as_json"}


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
    @click.option("--list", "list_only", is_flag=True, help="Print what is found and exit")
    @click.option("--json", "as_json", is_flag=True, help="With --list: print JSON")
    @click.pass_context
    def scan(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> None:
        """Find every SQLite database below folders and serve them with Datasette

        PATHS are folders, which are scanned, and database files, which are served; the
        present folder if there are none. Nothing that is found is ever written to.
        """
        run(context, serve, paths or (".",), options)

    scan.params += [p for p in serve.params if isinstance(p, click.Option)]


def run(
    context: click.Context, serve: click.Command, paths: tuple[str, ...], options: dict[str, Any]
) -> None:
    """Hand the folders to the hooks and everything else to ``serve``."""
    if options["as_json"] and not options["list_only"]:
        raise click.UsageError("--json goes with --list")
    folders, files = split_paths(paths)
    passed = {key: value for key, value in options.items() if key not in _OWN}
    settings = make_settings(folders, options)
    try:
        program()
    except FinderError as error:
        raise click.ClickException(str(error)) from error
    set_command_settings(settings)
    try:
        if options["list_only"]:
            print_list(context, serve, files, passed, options["as_json"])
        else:
            _warn(settings)
            if passed.get("reload"):
                _start_reloader()
            context.invoke(serve, files=files, **passed)
    finally:
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
    listed = bool(options["list_only"])
    return Settings(
        find=FindOptions(
            roots=absolute_roots(folders),
            exclude=tuple(options["exclude"]),
            max_depth=options["max_depth"],
            include_all=options["include_all"],
        ),
        interval=options["scan_interval"],
        home=True,
        complete_first=listed or bool(options.get("get")),
        quiet=False,
        memory=bool(options.get("memory") or options.get("crossdb")),
        host=str(options.get("host") or "127.0.0.1").lower(),
        uds=bool(options.get("uds")),
    )


def _start_reloader() -> None:
    """Datasette 0.65 would start ``serve`` anew, with this command's arguments."""
    import hupper  # what Datasette itself reloads with

    hupper.start_reloader("datasette.cli.cli")


def _warn(settings: Settings) -> None:
    if settings.active and not settings.uds and not is_loopback(settings.host):
        click.secho(
            f"WARNING: everybody who can reach {settings.host} can read every database below "
            f"{len(settings.find.roots)} folder(s).\nCookies, messages and passwords are often "
            "kept in such files. Use the default host to serve this machine alone.",
            fg="red",
            bold=True,
            err=True,
        )


def print_list(
    context: click.Context,
    serve: Any,
    files: tuple[str, ...],
    passed: dict[str, Any],
    as_json: bool,
) -> None:
    """Scan once and print the catalogue."""
    defaults = {p.name: p.get_default(context) for p in serve.params if p.name != "files"}
    ds = serve.callback(files=files, return_instance=True, **{**defaults, **passed})
    state = state_of(ds)

    async def scan_once() -> None:
        await ds.invoke_startup()
        await state.stop()

    asyncio.run(scan_once())
    entries = sorted(state.catalog.entries.values(), key=lambda e: e.path)
    if as_json:
        rows = [
            {
                "name": e.name,
                "path": e.shown_path,
                "tables": e.table_count,
                "size": e.size,
                "application": e.application or None,
                "status": e.status,
                "detail": e.status_words,
            }
            for e in entries
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        for e in entries:
            click.echo(
                f"{visible(e.name)}\t{e.status_words}\t{e.table_count} tables\t"
                f"{format_size(e.size)}\t{e.application or '-'}\t{e.shown_path}"
            )
    context.exit(1 if state.catalog.error else 0)

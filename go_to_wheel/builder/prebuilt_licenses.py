"""The licence texts of what is linked into prebuilt binaries, fetched by the modules' names.

A binary records each module's path, version and h1 sum. A Go on this machine finds the sources
in its module cache or fetches them; a note names what is missing.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from go_to_wheel.binary.facts import GoBuildInfo, GoModule
from go_to_wheel.errors import ToolchainError
from go_to_wheel.golang.command import open_go
from go_to_wheel.licenses.notices import Notice, go_notice
from go_to_wheel.process import Runner
from go_to_wheel.sources.files import TEXT_LIMIT, list_license_files, read_file

#: Nothing else is handed to Go: the names come from the binaries.
_QUERY = re.compile(r"\w[\w.~/+-]*@v[\w.+-]*", re.ASCII)
#: Go prints one object after the other, and indents what is inside.
_BETWEEN = "}\n{"
_NAMES = re.compile(r'^\S+@\S+: |(?<=Get )"[^"]*"(?=:)')
_LOCAL = "it was replaced by a folder when the program was built"
_STRANGE = "no module has such a name"
_NO_FOLDER = "Go printed nothing about it"


def fetch_notices(
    infos: Sequence[GoBuildInfo], go_binary: str | None, runner: Runner, environ: Mapping[str, str]
) -> tuple[list[Notice], dict[str, str]]:
    """The texts of everything linked in, Go's own included; and what is missing, with reasons.

    Raises ToolchainError when `go_binary` is named and is no Go.
    """
    notices = [go_notice(info.version, None) for info in infos[:1]]
    wanted = {_query(module): module for info in infos for module in _modules(info)}
    missing = {query: _unfetchable(query) for query in wanted if not _QUERY.fullmatch(query)}
    fetchable = sorted(wanted.keys() - missing.keys())
    try:
        modules = _download(fetchable, go_binary, runner, environ) if fetchable else {}
    except ToolchainError as error:
        if go_binary:
            raise
        return notices, missing | dict.fromkeys(fetchable, error.message)
    for query in fetchable:
        folder, reason = _folder(modules.get(query, {}), wanted[query])
        if folder is None:
            missing[query] = reason
            continue
        module = wanted[query]
        texts = tuple(
            (path.name, read_file(path, folder, TEXT_LIMIT)) for path in list_license_files(folder)
        )
        notices.append(Notice(module.path, query.split("@")[1], texts))
    return sorted(notices, key=lambda notice: notice.module), missing


def _modules(info: GoBuildInfo) -> tuple[GoModule, ...]:
    """What is linked in; the program's own module when it was a released one."""
    return (*info.deps, info.main) if info.main and info.main.sum else info.deps


def format_missing(missing: Mapping[str, str]) -> str | None:
    """The note about licence texts that the wheels lack; None without any."""
    if not missing:
        return None
    reasons: dict[str, list[str]] = {}
    for query, reason in sorted(missing.items()):
        reasons.setdefault(reason, []).append(query)
    listed = "; ".join(f"{', '.join(queries)} ({reason})" for reason, queries in reasons.items())
    return f"the wheels lack the licence texts of {listed}"


def _query(module: GoModule) -> str:
    used = module.replace or module
    return f"{used.path}@{used.version}" if used.version else used.path


def _unfetchable(query: str) -> str:
    return _STRANGE if "@" in query else _LOCAL


def _download(
    queries: Sequence[str], go_binary: str | None, runner: Runner, environ: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """`go mod download`'s result for each; cached ones need no network."""
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as scratch:
        go = open_go(go_binary, runner, Path(scratch), environ)
        command = [go.program, "mod", "download", "-json", *queries]
        result = runner.run(command, Path(scratch), go.environment)
    try:
        modules = json.loads(f"[{result.stdout.strip().replace(_BETWEEN, '},{')}]")
    except ValueError:
        raise ToolchainError(f"{go.program!r}: {result.stderr.strip()}") from None
    return {f"{module.get('Path')}@{module.get('Version')}": module for module in modules}


def _folder(downloaded: Mapping[str, Any], module: GoModule) -> tuple[Path | None, str]:
    """Where a module's files are; None, and why, unless they are those linked in."""
    used = module.replace or module
    if downloaded.get("Error") or not downloaded.get("Dir"):
        return None, _short(str(downloaded.get("Error") or _NO_FOLDER))
    if used.sum and downloaded.get("Sum") != used.sum:
        return None, f"the module's sum is {downloaded.get('Sum')}, the program recorded {used.sum}"
    return Path(downloaded["Dir"]), ""


def _short(error: str) -> str:
    """Go's message without the module and address, which differ from module to module."""
    return " ".join(_NAMES.sub("", error).split())

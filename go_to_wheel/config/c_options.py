"""What the user says about C: the compiler, the C library, Apple's SDK, flags.

Flags are pyproject.toml's, which may be a stranger's. Those that could start a program, write a
file or depend on this machine are refused, as Go refuses them in #cgo lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from go_to_wheel.config.pyproject import FILE_NAME, TABLE, Project, Settings
from go_to_wheel.config.request import BuildRequest, split_flags
from go_to_wheel.platforms import Target

_OLDEST_GLIBC = "2.17"
#: The folder of pyproject.toml, in a flag; and what stands for it in a program.
_SOURCE, _NO_SOURCE = "${SRCDIR}", "/_/source"
#: The flags of a compiler, and of a linker; a word without a dash is a flag's value or a file.
_WORDS = r"[^-@].*|-O\w?|-pthread|-s|-w"
_COMPILER = re.compile(
    rf"{_WORDS}|-[DU]([A-Za-z_]\w*(=[^@]*)?)?|-(I|F|isystem|iquote|include|idirafter)([^-@].*)?"
    r"|-(ansi|pedantic|g\d?)|-(std|stdlib)=[\w+]+|-W[\w=+-]*|-m(?!llvm)[\w.,+-]+(=(?!native)[\w.,+-]+)?"
    r"|-f(?!(no-)?integrated)[A-Za-z0-9-]+|-f(visibility|tls-model|fp-contract|lto|sanitize)=[\w-]+"
)
_LINKER = re.compile(
    rf"{_WORDS}|-[lLF]([^-@].*)?|-(weak_)?framework|-static-lib(gcc|stdc\+\+)|-m[\w-]+"
    r"|-Wl,--?(no-)?(as-needed|whole-archive|gc-sections|start-group|end-group|Bstatic|Bdynamic"
    r"|export-dynamic|dead_strip|(subsystem|stack|z|framework|weak_framework|undefined)[,=][\w=-]+)"
)
#: Flags of Go's linker that start a program or write a file.
_POWERFUL = re.compile(r"--?(extld|extldflags|extar|tmpdir|o|(cpu|mem|block|benchmark)profile\w*)")


@dataclass(frozen=True)
class COptions:
    """How C is compiled: a command instead of zig, glibc's oldest version ("" for musl), Apple's
    SDK, more flags by target and variable, and the environment, which names compilers too.
    """

    cc: str | None = None
    glibc: str = ""
    sdk: Path | None = None
    flags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)


def c_options(
    request: BuildRequest, project: Project, targets: Sequence[Target], environ: Mapping[str, str]
) -> COptions:
    """The options for these targets; unchecked."""
    settings, root = project.settings, project.folder.resolve()
    libc = request.libc or settings.libc
    glibc = request.glibc or settings.glibc or (_OLDEST_GLIBC if libc == "glibc" else "")
    sdk = Path(request.sdk) if request.sdk else settings.sdk and root / settings.sdk
    found = {part.name: c_flags(settings, part) for each in targets for part in each.slices}
    flags = {name: _expand(variables, root) for name, variables in found.items()}
    return COptions(request.cc, glibc, sdk.resolve() if sdk else None, flags, environ)


def c_flags(settings: Settings, target: Target) -> dict[str, str]:
    """A target's C flags by variable, as pyproject.toml has them: the common ones, then its own."""
    tables = [settings.cgo_flags, settings.targets.get(target.name, {}).get("cgo-flags", {})]
    names = sorted({name for table in tables for name in table})
    return {name: " ".join(table[name] for table in tables if name in table) for name in names}


def _expand(flags: Mapping[str, str], root: Path) -> dict[str, str]:
    """The flags with the source's folder, which no program has then."""
    if not any(_SOURCE in text for text in flags.values()):
        return {**flags}
    hidden = {"CGO_CPPFLAGS": f"-ffile-prefix-map={_SOURCE}={_NO_SOURCE}"}
    names = sorted({*flags, *hidden})
    texts = {name: f"{flags.get(name, '')} {hidden.get(name, '')}" for name in names}
    return {
        name: " ".join(
            f'"{word}"' if re.search(r"[\s']", word) else f"'{word}'" if '"' in word else word
            for word in (word.replace(_SOURCE, root.as_posix()) for word in split_flags(text))
        )
        for name, text in texts.items()
    }


def c_faults(
    request: BuildRequest, settings: Settings, targets: Sequence[Target]
) -> Iterator[tuple[str, str]]:
    """What can't be meant, with what to do about it."""
    libc, glibc = request.libc or settings.libc, request.glibc or settings.glibc
    if request.cc and len({target.compile_key for target in targets}) > 1:
        yield (
            f"--cc {request.cc!r} is a compiler for one platform",
            "name each one's: CC_linux_arm64=COMMAND go-to-wheel --cgo …\n"
            "or build one platform: --platforms native",
        )
    if libc not in (None, "musl", "glibc"):
        yield f"libc {libc!r} is unknown; choose 'musl' or 'glibc'", ""
    elif glibc and libc == "musl":
        yield f"glibc {glibc!r} has no meaning with --libc musl", "leave one of them out"
    elif glibc and not (re.fullmatch(r"2\.\d{2}", glibc) and glibc >= _OLDEST_GLIBC):
        yield f"glibc {glibc!r} is not a version from {_OLDEST_GLIBC} on", ""
    given = (request.cc, libc, glibc, request.sdk or settings.sdk, settings.cgo_flags)
    options = ("--cc", "--libc", "--glibc", "--sdk", "cgo-flags")
    names = [name for name, value in zip(options, given, strict=True) if value]
    if names and not (request.cgo or settings.cgo):
        verb = "is" if len(names) == 1 else "are"
        yield f"{' and '.join(names)} {verb} about C, which is not compiled", "add --cgo"
    elif request.sdk and targets and not any(target.goos == "darwin" for target in targets):
        listed = ", ".join(target.name for target in targets)
        yield (
            f"--sdk {request.sdk!r} is for macOS, and only {listed} would be built",
            "leave it out, or add a platform: --platforms darwin-arm64",
        )
    yield from _flag_faults(settings)


def _flag_faults(settings: Settings) -> Iterator[tuple[str, str]]:
    """The flags of pyproject.toml that are refused."""
    common: dict[str, Any] = {"ldflags": settings.ldflags or "", "cgo-flags": settings.cgo_flags}
    tables = {TABLE: common}
    tables |= {f"{TABLE}.target.{name}": {**table} for name, table in settings.targets.items()}
    for place, table in tables.items():
        for word in split_flags(table.get("ldflags", "")):
            if _POWERFUL.fullmatch(word.partition("=")[0]):
                yield (
                    f"{FILE_NAME}: {place}.ldflags: {word!r} may start a program or write a file",
                    "flags for C belong into cgo-flags; this one is allowed as --ldflags=…",
                )
        for name, text in table.get("cgo-flags", {}).items():
            allowed = _LINKER if name == "CGO_LDFLAGS" else _COMPILER
            for word in split_flags(text):
                if not allowed.fullmatch(word):
                    yield (
                        f"{FILE_NAME}: {place}.cgo-flags.{name}: {word!r} is refused",
                        "flags that start programs, write files or depend on this machine are",
                    )

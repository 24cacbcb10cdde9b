"""What can't be meant about C: the compiler, the C library, Apple's SDK, flags.

Flags are pyproject.toml's, which may be a stranger's. Those that could start a program, write a
file or depend on this machine are refused, as Go refuses them in #cgo lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from go_to_wheel.config.options import Fault
from go_to_wheel.config.pyproject import FILE_NAME, TABLE
from go_to_wheel.config.request import OLDEST_GLIBC, MergedRequest, split_flags
from go_to_wheel.platforms import Target

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


def c_faults(request: MergedRequest, targets: Sequence[Target]) -> Iterator[Fault]:
    """What can't be meant, with what to do about it."""
    libc, glibc, sdk = request.libc, request.glibc, request.sdk
    if request.cc and len({target.compile_key for target in targets}) > 1:
        yield Fault(
            f"--cc {request.cc!r} is a compiler for one platform",
            "name each one's: CC_linux_arm64=COMMAND go-to-wheel --cgo …\n"
            "or build one platform: --platforms native",
        )
    if glibc and libc == "musl":
        yield Fault(f"glibc {glibc!r} has no meaning with --libc musl", "leave one of them out")
    elif glibc and not (re.fullmatch(r"2\.\d{2}", glibc) and glibc >= OLDEST_GLIBC):
        yield Fault(f"glibc {glibc!r} is not a version from {OLDEST_GLIBC} on")
    given = {"--cc": request.cc, "--libc": libc, "--glibc": glibc, "--sdk": sdk}
    names = [name for name, value in {**given, "cgo-flags": request.cgo_flags}.items() if value]
    systems = {target.goos for target in targets} or {"darwin"}
    if names and not request.cgo:
        verb = "is" if len(names) == 1 else "are"
        yield Fault(f"{' and '.join(names)} {verb} about C, which is not compiled", "add --cgo")
    elif sdk and "sdk" not in request.places and "darwin" not in systems:
        listed = ", ".join(target.name for target in targets)
        yield Fault(
            f"--sdk {sdk!r} is for macOS, and only {listed} would be built",
            "leave it out, or add a platform: --platforms darwin-arm64",
        )
    yield from _flag_faults(request)


def _flag_faults(request: MergedRequest) -> Iterator[Fault]:
    """The flags of pyproject.toml that are refused."""
    ldflags = request.ldflags if "ldflags" in request.places else ""
    tables: dict[str, Mapping[str, Any]] = {
        TABLE: {"ldflags": ldflags, "cgo-flags": request.cgo_flags},
        **{f"{TABLE}.target.{name}": table for name, table in request.target.items()},
    }
    for place, table in tables.items():
        for word in split_flags(table.get("ldflags", "")):
            if _POWERFUL.fullmatch(word.partition("=")[0]):
                yield Fault(
                    f"{FILE_NAME}: {place}.ldflags: {word!r} may start a program or write a file",
                    "flags for C belong into cgo-flags; this one is allowed as --ldflags=…",
                )
        for name, text in table.get("cgo-flags", {}).items():
            allowed = _LINKER if name == "CGO_LDFLAGS" else _COMPILER
            for word in split_flags(text):
                if "${" in word or not allowed.fullmatch(word):
                    yield Fault(
                        f"{FILE_NAME}: {place}.cgo-flags.{name}: {word!r} is refused",
                        "flags that start programs, write files or depend on this machine are; "
                        "${SRCDIR} belongs into #cgo lines",
                    )

"""The options about C: which C library, which compiler, and what makes no sense. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from go_to_wheel.config.pyproject import Settings
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.platforms import Target

_OLDEST_GLIBC = "2.17"


def glibc_of(request: BuildRequest, settings: Settings) -> str:
    """The glibc that C programs for Linux need, "" for static ones; unchecked."""
    libc = request.libc or settings.libc
    return request.glibc or settings.glibc or (_OLDEST_GLIBC if libc == "glibc" else "")


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
    elif (libc or glibc or request.cc) and not (request.cgo or settings.cgo):
        yield "--cc, --libc and --glibc are about C, which is not compiled", "add --cgo"

"""What earlier builds left for later ones: programs for Go to find up to date, and verdicts.

`go build -o` does not link again when the program at that place has the build ID that it
would get; linking is most of a build from a filled cache. So each finished program is kept
beside Go's own cache, and lent to the next build of the same package for the same target.
Whether it may be used is Go's decision alone; here only its bytes are checked. What it was
compressed to is kept as well, under the encoder's version, and what licence texts were found
to be.

A file is named `KEY-SHA256`. What was not used for five days is removed, as Go does with
its own, and the oldest when there is more than a gibibyte. Nothing here can fail a build: a
cache that can't be read or written is none. Files with other names are not ours.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from go_to_wheel import __version__

Pack = Callable[[bytes], bytes]
_T = TypeVar("_T")

_UNUSED_SECONDS = 5 * 24 * 3600
_LARGE = 1 << 16
_MOST_BYTES = 1 << 30
_OWN_NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]{64}|new-\w+")


@dataclass(frozen=True)
class Kept:
    """What is kept in a folder; None keeps nothing."""

    folder: Path | None = None

    def read(self, key: str, digest: str = "") -> bytes | None:
        """What is kept under `key`, if it is whole, and has this SHA-256 if one is given."""
        for path in self._find(f"{key}-{digest}"):
            with suppress(OSError):
                data = path.read_bytes()
                if make_digest(data) == path.name.rpartition("-")[2]:
                    with suppress(OSError):  # a cache that is read only
                        os.utime(path)
                    return data
                path.unlink()
        return None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept."""
        return not self._list()

    def recall(
        self, key: str, make: Callable[[], Any], parse: Callable[[Any], _T] = lambda value: value
    ) -> _T:
        """What `make` returned when it was last called under `key`, JSON values only, parsed."""
        try:
            return parse(json.loads(self.read(key) or b""))
        except (ValueError, TypeError, AttributeError, RecursionError):
            made = make()
            self.keep(key, json.dumps(made).encode())
            return parse(made)

    def lend(self, key: str, output: Path) -> str | None:
        """Put a copy of the program kept under `key` at `output`, if there is one.

        Returns its SHA-256, None when there is none or no room for it.
        """
        data = self.read(key)
        if data is None:
            return None
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_bytes(data)
            output.chmod(0o755)
        except OSError:  # no room: Go will say so if it has none either
            with suppress(OSError):
                output.unlink()
            return None
        return make_digest(data)

    def packing(self, pack: Pack, *levels: str) -> Pack:
        """The same encoder, which remembers what large files came to at its `levels`."""

        def remember(data: bytes) -> bytes:
            if self.folder is None or len(data) < _LARGE:
                return pack(data)
            key = make_key(__version__, _encoder(), *levels, make_digest(data))
            known = self.read(key)
            if known is None:
                known = pack(data)
                self.keep(key, known)
            return known

        return remember

    def keep(self, key: str, data: bytes) -> None:
        """Keep data under `key`, in place of what was there before."""
        if self.folder is None:
            return
        wanted = self.folder / f"{key}-{make_digest(data)}"
        with suppress(OSError):
            if wanted.exists():
                return
            self.folder.mkdir(exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.folder, prefix="new-")
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(data)
                Path(name).replace(wanted)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            for path in self._find(f"{key}-"):
                if path != wanted:
                    path.unlink(missing_ok=True)

    def remove_unused(self, now: float | None = None, most: int = _MOST_BYTES) -> None:
        """Remove what nobody asked for in five days, and the oldest beyond `most` bytes."""
        oldest = (time.time() if now is None else now) - _UNUSED_SECONDS
        total = 0
        ages = [(about.st_mtime, about.st_size, path) for path, about in self._list()]
        for used, size, path in sorted(ages, reverse=True):
            total += size
            if used < oldest or total > most:
                with suppress(OSError):
                    path.unlink()

    def _list(self, start: str = "") -> list[tuple[Path, os.stat_result]]:
        """The files whose names begin so."""
        found: list[tuple[Path, os.stat_result]] = []
        with suppress(OSError):
            for entry in os.scandir(self.folder) if self.folder else ():
                ours = entry.name.startswith(start) and _OWN_NAME.fullmatch(entry.name)
                if ours and entry.is_file(follow_symlinks=False):
                    found.append((Path(entry.path), entry.stat(follow_symlinks=False)))
        return found

    def _find(self, start: str) -> list[Path]:
        return [path for path, _ in self._list(start)]


def open_kept(cache: str | None) -> Kept:
    """What is kept in a Go build cache, less what is too old; none where there is no such one."""
    if not cache:
        return Kept(None)
    folder = Path(cache) / "go-to-wheel"
    try:
        if folder.is_symlink() or not Path(cache).is_dir():  # a link may lead to anybody's files
            return Kept(None)
    except OSError:
        return Kept(None)
    kept = Kept(folder)
    kept.remove_unused()
    return kept


@cache
def _encoder() -> str:
    return version("deflate")


def make_key(*parts: str) -> str:
    """The name of what these say: source folder, package, target, flags."""
    return make_digest("\0".join(parts).encode("utf-8", "surrogateescape"))[:32]


@cache
def digest_of(*modules: str) -> str:
    """What stands for the code of these modules: an answer is only as good as what made it."""
    codes = []
    for spec in map(find_spec, modules):
        read = getattr(spec.loader, "get_data", None) if spec else None
        codes += [read(spec.origin)] if spec and spec.origin and read else []
    return make_digest(b"".join(codes))


def make_digest(data: bytes) -> str:
    """The SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()

"""Programs of earlier builds, for Go to find up to date.

`go build -o` does not link again when the program at that place has the build ID that it
would get; linking is most of a build from a filled cache. So each finished program is kept
beside Go's own cache, and lent to the next build of the same package for the same target.
Whether it may be used is Go's decision alone; here only its bytes are checked. What it was
compressed to is kept as well, under the encoder's version.

A file is named `KEY-SHA256`. What was not used for five days is removed, as Go does with
its own. Nothing here can fail a build: a cache that can't be read or written is none.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

Pack = Callable[[bytes], bytes]

_UNUSED_SECONDS = 5 * 24 * 3600
_LARGE = 1 << 16


@dataclass(frozen=True)
class KeptPrograms:
    """The programs kept in a folder; None keeps nothing."""

    folder: Path | None

    def read(self, key: str) -> bytes | None:
        """What is kept under `key`, if it is whole."""
        for path in self._find(key):
            with suppress(OSError):
                data = path.read_bytes()
                if _digest(data) == path.name.rpartition("-")[2]:
                    os.utime(path)
                    return data
                path.unlink()
        return None

    def lend(self, key: str, output: Path) -> None:
        """Put a copy of the program kept under `key` at `output`, if there is one."""
        data = self.read(key)
        if data is not None:
            output.write_bytes(data)
            output.chmod(0o755)

    def packing(self, pack: Pack) -> Pack:
        """The same encoder, which remembers what large files came to."""

        def remember(data: bytes) -> bytes:
            if self.folder is None or len(data) < _LARGE:
                return pack(data)
            key = make_key(pack.__qualname__, version("deflate"), _digest(data))
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
        wanted = self.folder / f"{key}-{_digest(data)}"
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
            for path in self._find(key):
                if path != wanted:
                    path.unlink(missing_ok=True)

    def remove_unused(self, now: float | None = None) -> None:
        """Remove what nobody asked for in five days."""
        oldest = (time.time() if now is None else now) - _UNUSED_SECONDS
        if self.folder is None or not self.folder.is_dir():
            return
        for path in list(self.folder.iterdir()):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _find(self, key: str) -> list[Path]:
        return [] if self.folder is None else sorted(self.folder.glob(f"{key}-*"))


def make_key(*parts: str) -> str:
    """The name of what these say: source folder, package, target, flags."""
    return _digest("\0".join(parts).encode())[:32]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

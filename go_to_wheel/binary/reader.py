"""A stream that limits the size and the number of reads, whatever a header claims."""

from __future__ import annotations

import io
import struct
from typing import Any, BinaryIO

from go_to_wheel.errors import BinaryError

#: Bytes; no header, string or table of a real executable is larger.
MAX_READ = 1 << 20
#: Real executables need a few hundred to a few thousand; a loop in hostile input ends here.
MAX_READS = 40_000


class BoundedReader:
    """Bounded random access to `stream`, for parsers that don't validate their input.

    Reads past the end are short, as for files; too large or too many reads raise BinaryError.
    """

    def __init__(self, stream: BinaryIO, start: int = 0, size: int | None = None) -> None:
        """Reads `size` bytes from `start`, by default all; raises BinaryError past the end."""
        self._stream, self.start = stream, start
        self._position = 0
        self._reads_left = MAX_READS
        self.length = stream.seek(0, io.SEEK_END)
        if size is not None:
            self.require(start, size)
            self.length = size

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        left = max(0, self.length - self._position)
        wanted = left if size < 0 else min(size, left)
        if size > MAX_READ or wanted > MAX_READ:
            raise BinaryError(f"a header claims {max(size, wanted)} bytes at once")
        if not self._reads_left:
            raise BinaryError("its headers are too long or refer to each other in a circle")
        self._reads_left -= 1
        if not wanted:
            return b""
        self._stream.seek(self.start + self._position)
        data = self._stream.read(wanted)
        self._position += len(data)
        return data

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer at the end of the file."""
        self.seek(offset)
        return self.read(size)

    def unpack_at(self, layout: str, offset: int) -> tuple[Any, ...]:
        """The values of a `struct` layout; raises BinaryError when the file ends first."""
        self.require(offset, struct.calcsize(layout))
        return struct.unpack(layout, self.read_at(offset, struct.calcsize(layout)))

    def require(self, offset: int, size: int) -> None:
        """Raise BinaryError when the file ends before `offset + size`."""
        if (needed := offset + size) > self.length:
            sizes = f"it has {self.length} bytes, its headers claim {needed}"
            raise BinaryError(f"the file is cut short: {sizes}", "copy or download it again")

"""Size and CPU time of a program compressed by the encoders a wheel could use.

    python bench/encoders.py PROGRAM...

Prints a Markdown table; seconds of CPU time, the best of three, in one thread.
"""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import deflate

ROUNDS = 3
ENCODERS: dict[str, Callable[[bytes], bytes | bytearray]] = {
    "zlib, level 6 (pip wheel's)": lambda data: zlib.compress(data, 6, wbits=-15),
    "zlib, level 9": lambda data: zlib.compress(data, 9, wbits=-15),
    "libdeflate, level 7 (ours)": lambda data: deflate.deflate_compress(data, 7),
    "libdeflate, level 9": lambda data: deflate.deflate_compress(data, 9),
    "libdeflate, level 12": lambda data: deflate.deflate_compress(data, 12),
}


def measure(encode: Callable[[bytes], bytes | bytearray], data: bytes) -> tuple[int, float]:
    """Compressed size in bytes, and seconds of CPU time."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        size = len(encode(data))
        best = min(best, time.process_time() - start)
    return size, best


def main(programs: list[str]) -> int:
    if not programs:
        print("usage: python bench/encoders.py PROGRAM...", file=sys.stderr)
        return 2
    contents = {Path(program).name: Path(program).read_bytes() for program in programs}
    heads = "".join(f" {name}, {len(data):,} bytes | s |" for name, data in contents.items())
    print(f"| Encoder |{heads}")
    print("| --- |" + " ---: | ---: |" * len(contents))
    for title, encode in ENCODERS.items():
        cells = [measure(encode, data) for data in contents.values()]
        print(f"| {title} |" + "".join(f" {size:,} | {time:.2f} |" for size, time in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

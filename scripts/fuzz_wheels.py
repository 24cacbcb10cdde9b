"""Mutated wheels for `check`, `inspect`, `verify` and their output; the standard library is enough.

    python scripts/fuzz_wheels.py [COUNT] [FIRST]

Wheel number N is the same in every run. One is a finding when it gives anything but findings
or one of our errors, more than two seconds of CPU time, over 200 MB of memory, or a character
on the terminal that doesn't show. The numbers of findings are printed, with the reason.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import multiprocessing
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "unit")]

from binaries import NAMES, load  # noqa: E402
from hostile_wheels import CASES  # noqa: E402
from raw_zip import RawEntry, wheel_entries, write_zip  # noqa: E402

from go_to_wheel.builder.rebuild import compare_wheels, read_recipe  # noqa: E402
from go_to_wheel.check.wheel import check_wheel, read_wheel  # noqa: E402
from go_to_wheel.check.wheel_set import check_sets  # noqa: E402
from go_to_wheel.cli.inspect import format_rows, to_json  # noqa: E402
from go_to_wheel.cli.messages import visible  # noqa: E402
from go_to_wheel.errors import GoToWheelError  # noqa: E402

FILE = "thing-1.0-py3-none-any.whl"
CPU_SECONDS, MEMORY_MB = 2.0, 200
BATCH = 250
SBOM = (ROOT / "tests/golden/sbom.cyclonedx.json").read_bytes()
PROGRAMS = [data for name in NAMES for data in (load(name), load(name)[:6000])]
EXTREMES = [
    *(b"\0\0", b"\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\1\0\0\0"),
    *(b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"\x75\x70"),
]
TOKENS = [
    *(b"(", b")", b"[", b"{", b'"', b"'", b"\\", b",", b";", b":", b"<", b"@", b"=", b"%", b"/"),
    *(b"..", b"\r", b"\n", b"\n ", b"\t", b"\0", b"\x1b[2J", b"\xff", b"\xe2\x80\xae", b"9", b"a"),
    *(b"\xe2\x80\xa8", b"=?utf-8?q?", b"::error::", b"[red]", b"true", b"null", b" AND "),
    *(b"Version: 1\n", b"Name: ", b"Requires-Dist: ", b"Author-email: ", b"Project-URL: "),
    *(b"License-Expression: ", b"Description-Content-Type: ", b"Tag: ", b"sha256="),
    b"[console_scripts]\n",
]


def texts(rng: random.Random) -> list[RawEntry]:
    """The entries of a wheel with something of everything that is parsed."""
    info = "thing-1.0.dist-info"
    more = [
        RawEntry(f"{info}/entry_points.txt", b"[console_scripts]\nthing = thing:main\n"),
        RawEntry(f"{info}/sboms/thing.cdx.json", SBOM),
        RawEntry(f"{info}/licenses/LICENSE", b"text\n"),
        RawEntry("thing-1.0.data/scripts/thing", rng.choice(PROGRAMS), mode=0o100755),
        RawEntry("thing/lib.so", rng.choice(PROGRAMS)),
    ]
    return wheel_entries(*rng.sample(more, rng.randrange(len(more) + 1)))


def change_bytes(rng: random.Random, data: bytes) -> bytes:
    """One edit anywhere."""
    at, length = rng.randrange(len(data) + 1), min(rng.randrange(1, 40), len(data))
    kind = rng.randrange(6)
    if kind == 0:
        return data[:at] + rng.randbytes(length) + data[at + length :]
    if kind == 1:
        patch = rng.choice(EXTREMES)
        return data[:at] + patch + data[at + len(patch) :]
    if kind == 2:
        return data[:at] + data[at + length :]
    if kind == 3:
        return data[:at] + data[at : at + length] * rng.randrange(2, 50) + data[at:]
    if kind == 4:
        return data[:at]
    return data[:at] + rng.choice(TOKENS) * rng.choice([1, 2, 100, 5000, 20000]) + data[at:]


def change_header(rng: random.Random, data: bytes) -> bytes:
    """An extreme value in one of the zip's own structures."""
    mark = rng.choice([b"PK\1\2", b"PK\3\4", b"PK\5\6"])
    places = [at for at in range(len(data)) if data.startswith(mark, at)]
    if not places:
        return change_bytes(rng, data)
    at, patch = rng.choice(places) + rng.randrange(4, 46), rng.choice(EXTREMES)
    return data[:at] + patch + data[at + len(patch) :]


def change_entry(rng: random.Random, entry: RawEntry) -> None:
    """One property of an entry."""
    names = ["../x", "/x", "con", "a\\b", "x\u202e", "\0", "", "x" * 5000, "thing", "x.pth", "x/"]
    changes: list[Callable[[], object]] = [
        lambda: setattr(entry, "name", rng.choice(names)),
        *[lambda: setattr(entry, "data", change_bytes(rng, entry.data))] * 20,
        lambda: setattr(entry, "method", rng.choice([0, 8, 9, 12, 14, 93, 99])),
        lambda: setattr(entry, "flags", rng.randrange(0x10000)),
        lambda: setattr(entry, "mode", rng.randrange(0x10000)),
        lambda: setattr(entry, "extra", rng.randbytes(rng.randrange(40))),
        lambda: setattr(entry, "size", rng.choice([0, 1, 0xFFFFFFFF, 1 << 20])),
        lambda: setattr(entry, "packed_size", rng.choice([0, 1, 0xFFFFFFFF, 1 << 20])),
        lambda: setattr(entry, "offset", rng.choice([0, 10, 0xFFFFFFFF])),
        lambda: setattr(entry, "local", {"name": rng.randbytes(4)}),
        lambda: setattr(entry, "gap", rng.randbytes(8)),
    ]
    rng.choice(changes)()


def make(number: int) -> bytes:
    """The wheel of this number."""
    rng = random.Random(number)
    if rng.random() < 0.1:
        data = rng.choice(list(CASES.values()))[0]()
    else:
        entries = texts(rng)
        for _ in range(rng.randrange(4)):
            change_entry(rng, rng.choice(entries))
        if rng.random() < 0.1:
            rng.shuffle(entries)
        data = write_zip(entries, comment=rng.choice([b"", b"", b"", b"x"]))
    for _ in range(rng.choice([0, 0, 0, 0, 0, 1, 1, 5])):
        data = rng.choice([change_bytes, change_header])(rng, data)
    return data


def shown(data: bytes) -> Iterator[str]:
    """What the commands would print."""
    verdict = check_wheel(io.BytesIO(data), FILE)
    findings = [*verdict.findings, *check_sets([verdict] * 2, [])]
    for finding in findings:
        if finding.code == "check-failed":
            raise RuntimeError(finding.message)
        yield from (finding.message, finding.hint)
    yield from (*verdict.not_run, *verdict.summary.programs)
    with contextlib.suppress(GoToWheelError):
        anatomy = read_wheel(io.BytesIO(data), FILE)
        json.dumps(to_json(anatomy))
        for _, texts in format_rows(to_json(anatomy), show_all=True):
            yield from texts
        read_recipe(data, FILE)
        difference = compare_wheels(data, write_zip(wheel_entries()))
        yield from difference[1] if difference else ()


def try_one(number: int) -> str:
    """The reason why this wheel is a finding, or nothing."""
    data = make(number)
    start = time.process_time()
    try:
        for text in shown(data):
            if not visible(text).isprintable():
                return f"shows {text!r}"
    except Exception:  # noqa: BLE001 (that is what is looked for)
        return traceback.format_exc().strip()
    used = time.process_time() - start
    return f"{used:.1f} s of CPU time" if used > CPU_SECONDS else ""


def try_batch(first: int) -> list[tuple[int, str]]:
    found = [
        (number, reason) for number in range(first, first + BATCH) if (reason := try_one(number))
    ]
    gc.collect()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return [*found, *([(first, f"{peak:.0f} MB in this batch")] if peak > MEMORY_MB else [])]


def main() -> None:
    count, first = map(int, [*sys.argv[1:], *["30000", "0"][len(sys.argv) - 1 :]])
    batches = range(first, first + count, BATCH)
    findings = 0
    with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=20) as pool:
        for found in pool.imap(try_batch, batches):
            for number, reason in found:
                findings += 1
                print(f"{number}: {reason}", flush=True)
    print(f"{len(batches) * BATCH} wheels, {findings} findings")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()

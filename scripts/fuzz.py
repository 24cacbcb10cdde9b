"""Coverage-guided fuzzing of what reads strangers' files, by atheris (not a dependency).

    pip install atheris . && python scripts/fuzz.py TARGET [SECONDS] [CORPUS]

An input is a finding when it gives anything but a verdict or one of our errors, needs more
than two seconds of CPU time, or takes the process above 512 MB.
"""

from __future__ import annotations

import contextlib
import io
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "unit"))

with atheris.instrument_imports(include=["go_to_wheel", "elftools", "zipfile", "packaging"]):
    from go_to_wheel.binary.facts import describe
    from go_to_wheel.binary.read import parse_build_info, read_facts
    from go_to_wheel.builder.rebuild import read_recipe
    from go_to_wheel.check.wheel import check_wheel, read_wheel
    from go_to_wheel.check.wheel_set import run_twine
    from go_to_wheel.cli.inspect import format_rows, to_json
    from go_to_wheel.cli.messages import printable
    from go_to_wheel.errors import BinaryError, WheelError

from binaries import load  # noqa: E402
from wheel_factory import INFO, PLATFORMS, PROGRAM, good  # noqa: E402

CPU_SECONDS = 2.0
MEMORY_MB = 512
WHEEL = good().file
#: The parts of a wheel that the target "parts" writes anew, after two bytes of length each.
PARTS = (f"{INFO}/METADATA", f"{INFO}/WHEEL", f"{INFO}/RECORD", f"{INFO}/entry_points.txt",
         f"{INFO}/sboms/hello.cyclonedx.json", PROGRAM)  # fmt: skip
FORMATS = {"elf": "linux freebsd netbsd openbsd illumos android", "macho": "darwin",
           "pe": "windows"}  # fmt: skip


def read_binary(data: bytes) -> None:
    """ELF, Mach-O or PE: facts, in words."""
    with contextlib.suppress(BinaryError):
        describe(read_facts(io.BytesIO(data))).encode()


def read_go_text(data: bytes) -> None:
    """The text that Go's linker leaves behind."""
    info = parse_build_info("go1.26.8", data.decode("utf-8", "replace"))
    for module in info.deps:
        printable(module.path + module.version).encode()


def inspect_whole(data: bytes) -> None:
    """A whole file: `check`, then `inspect`, as text and as JSON, and how to `verify`."""
    verdict = check_wheel(io.BytesIO(data), WHEEL)
    for finding in verdict.findings:
        printable(finding.message).encode()
    try:
        anatomy = read_wheel(io.BytesIO(data), WHEEL)
    except WheelError:
        return
    to_json(anatomy)
    with contextlib.suppress(WheelError):
        read_recipe(data, WHEEL)
    for _, texts in format_rows(to_json(anatomy), show_all=True):
        printable("\n".join(texts)).encode()


def read_parts(data: bytes) -> None:
    """A well-formed archive with these bytes as its texts and its program."""
    inspect_whole(join_wheel(data))


def ask_twine(data: bytes) -> None:
    """METADATA as twine and its renderers read it."""
    recipe = good()
    recipe.files[PARTS[0]] = data
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, WHEEL)
        path.write_bytes(recipe.build())
        list(run_twine(str(path)))


def join_wheel(data: bytes) -> bytes:
    files = dict(good().files)
    for path in PARTS:
        length = int.from_bytes(data[:2], "little")
        files[path], data = data[2 : 2 + length], data[2 + length :]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return stream.getvalue()


def binary_seeds(names: str) -> Iterator[bytes]:
    """The test's binaries: their headers, and whole where they are small."""
    for path in sorted((ROOT / "tests" / "unit" / "binaries").glob("*.xz")):
        if path.name.split("-")[0] in names.split():
            yield from (load(path.stem), load(path.stem)[:4096])


def go_seeds() -> Iterator[bytes]:
    yield (
        b"path\texample.com/a\nmod\texample.com/a\tv1.0.0\th1:abc=\ndep\tb.org/c\tv1.2.3\th1:d=\n"
        b'=>\te.org/f\tv1.0.0\th1:g=\nbuild\t-ldflags="-s -w \\u00e4 \\x00"\nbuild\tGOOS=linux\n'
        b"build\t`a`=`b`\n"
    )


def wheel_seeds() -> Iterator[bytes]:
    for target in PLATFORMS:
        recipe = good(target)
        yield recipe.build()
        recipe.methods = dict.fromkeys([*recipe.files, f"{INFO}/RECORD"], zipfile.ZIP_STORED)
        recipe.files = {path: data[:2048] for path, data in recipe.files.items()}
        yield recipe.build()


def part_seeds() -> Iterator[bytes]:
    recipe = good()
    sbom = (ROOT / "tests" / "golden" / "sbom.cyclonedx.json").read_bytes()
    texts = (recipe.files[PARTS[0]], recipe.files[PARTS[1]], recipe.good_record(),
             b"[console_scripts]\nhello = hello:main\n", sbom)  # fmt: skip
    for target in PLATFORMS:
        program = load(target)[:4096]
        yield b"".join(struct.pack("<H", len(text)) + text for text in (*texts, program))


def text_seeds() -> Iterator[bytes]:
    data = good().files[PARTS[0]]
    yield data
    data = data.replace(b"text/markdown", b"text/x-rst")
    yield data + b"\n.. _a: b\n\n.. include:: /x\n\n* `c`_\n"


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], Iterator[bytes]]]] = {
    **{
        name: (read_binary, lambda names=names: binary_seeds(names))  # type: ignore[misc]
        for name, names in FORMATS.items()
    },
    "goinfo": (read_go_text, go_seeds),
    "wheel": (inspect_whole, wheel_seeds),
    "parts": (read_parts, part_seeds),
    "twine": (ask_twine, text_seeds),
}


def timed(read: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def read_in_time(data: bytes) -> None:
        start = time.process_time()
        read(data)
        used = time.process_time() - start
        if used > CPU_SECONDS:
            raise RuntimeError(f"{used:.1f} s of CPU time for {len(data)} bytes")

    return read_in_time


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python scripts/fuzz.py {'|'.join(TARGETS)} [SECONDS] [CORPUS]")
    target, seconds = sys.argv[1], (sys.argv[2:3] or ["300"])[0]
    read, seeds = TARGETS[target]
    corpus = Path((sys.argv[3:4] or [f"build/fuzz/{target}"])[0])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-rss_limit_mb={MEMORY_MB}",
        "-timeout=30",
        "-max_len=1000000",
        "-print_final_stats=1",
        f"-artifact_prefix={corpus.parent}/{target}-",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], timed(read))
    atheris.Fuzz()


if __name__ == "__main__":
    main()

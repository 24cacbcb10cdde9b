"""From paths to a report: the part that opens files."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from go_to_wheel.check.group import check_groups
from go_to_wheel.check.report import Report, WheelSummary, completed, failure, findings_of
from go_to_wheel.check.sdist import SDIST_ENDINGS, check_sdist
from go_to_wheel.check.twine import MAX_METADATA, is_installed, run_twine
from go_to_wheel.check.wheel import Wheel, check_wheel
from go_to_wheel.errors import InvalidOptionsError, MissingPathError
from go_to_wheel.platforms import native_target, parse_selection

_NO_TWINE = "twine's check: twine is not installed; pip install 'go-to-wheel[check]'"
_TWINE_OFF = "twine's check: turned off"
#: Each takes up to some 100 MB of memory, for wheels at the limits.
_MAX_WORKERS = 8


def check_wheels(
    paths: Iterable[str | Path],
    *,
    expect: Sequence[str] | None = None,
    builder_paths: Sequence[str] = (),
    twine: bool = True,
    progress: Callable[[WheelSummary], None] = lambda wheel: None,
) -> Report:
    """The verdict on wheels (and sdists, named as files), given as files or as folders of them.

    `expect` names the targets of a complete set (None is the default set, an empty
    sequence any set); `builder_paths` are texts that no program should contain, such as
    the folder it was built in; without `twine`, twine's own check is skipped. `progress` is
    called with each wheel that was read, in order, from the thread that called this. Raises
    MissingPathError for a path that doesn't exist and InvalidOptionsError when there is
    nothing to check or a target is unknown.
    """
    names = ["default"] if expect is None else expect
    narrow = sys.maxsize <= 2**32
    here = (platform.machine(), sysconfig.get_platform(), narrow)
    native = native_target(sys.platform, *here)
    expected = parse_selection(names, native) if names else ()
    files = wheel_files(paths)
    with_twine = twine and is_installed()
    wheels, summaries, findings = [], [], []
    for path, (wheel, summary) in zip(files, _check_files(files, builder_paths), strict=True):
        progress(summary)
        wheels.append(wheel)
        summaries.append(summary)
        findings += wheel.findings
        if with_twine and wheel.readable:  # twine trusts its input
            if len(wheel.texts.get("METADATA", b"")) > MAX_METADATA:
                wheel.not_run.append("twine's check: METADATA is too large")
            else:
                findings += findings_of(path.name, run_twine(str(path)))
    not_run = [f"{wheel.file}: {note}" for wheel in wheels for note in wheel.not_run]
    if not with_twine:
        not_run.append(_NO_TWINE if twine else _TWINE_OFF)
    findings += [completed(finding, "") for finding in check_groups(wheels, expected)]
    return Report(tuple(summaries), tuple(findings), tuple(not_run))


def wheel_files(paths: Iterable[str | Path]) -> list[Path]:
    """The wheels, each once, in the order given; a folder stands for the wheels in it."""
    files: dict[Path, None] = {}
    for given in map(Path, paths):
        if not given.exists():
            raise MissingPathError(
                f"there is no file {str(given)!r}", "name wheels, or the folder they are in"
            )
        found = sorted(given.glob("*.whl")) if given.is_dir() else [given]
        for path in found:  # opening a pipe would block, reading a device never end
            if not path.is_file():
                raise MissingPathError(f"{str(path)!r} is not a file", "name wheels")
        files.update(dict.fromkeys(found))
    if not files:
        raise InvalidOptionsError(["there is no wheel to check"], "build one: go-to-wheel SOURCE")
    return list(files)


def _check_files(
    files: Sequence[Path], builder_paths: Sequence[str]
) -> Iterator[tuple[Wheel, WheelSummary]]:
    """Inflating and hashing run in threads, which end with this function.

    An interruption closes the files, so that the threads stop at their next read.
    """
    opened: set[BinaryIO] = set()

    def check(path: Path) -> tuple[Wheel, WheelSummary]:
        try:
            with path.open("rb") as stream:
                opened.add(stream)
                if path.name.endswith(SDIST_ENDINGS):
                    wheel = check_sdist(stream, path.name)
                else:
                    wheel = check_wheel(stream, path.name, builder_paths)
                opened.discard(stream)
        except OSError as error:
            wheel = Wheel(path.name, findings=[completed(failure("it", error), path.name)])
        summary = wheel.summary()
        wheel.programs, wheel.files = [], []  # those of a hundred wheels would take memory
        return wheel, summary

    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_WORKERS)) as pool:
        try:
            yield from pool.map(check, files)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for stream in list(opened):
                stream.close()
            raise

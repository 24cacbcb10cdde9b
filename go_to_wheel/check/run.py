"""From paths to a report: the part that opens files."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
import sysconfig
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from go_to_wheel.check import report
from go_to_wheel.check.filename import serves
from go_to_wheel.check.report import Finding, Findings, Report, WheelSummary
from go_to_wheel.check.wheel import Wheel, check_wheel
from go_to_wheel.errors import InvalidOptionsError, MissingPathError
from go_to_wheel.platforms import Target, native_target, parse_selection

#: Twine renders the README, for which docutils may take minutes; larger METADATA is skipped.
_MAX_METADATA = 256 << 10
#: docutils has global state.
_ONE_AT_A_TIME = threading.Lock()
#: What pip takes from one wheel for all of a release.
_COMPARED = ("Name", "Version", "Requires-Dist", "Requires-Python", "Provides-Extra")
#: What is linked in, and so the licences, may differ from system to system. So may line
#: ends, which a checkout on Windows may have changed.
_IGNORED = (b"License-Expression:", b"License-File:")
#: Each takes up to some 100 MB of memory, for wheels at the limits.
_MAX_WORKERS = 8


def check_wheels(
    paths: Iterable[str | Path],
    *,
    expect: Sequence[str] | None = None,
    twine: bool = True,
    progress: Callable[[WheelSummary], None] = lambda wheel: None,
) -> Report:
    """The verdict on wheels (and sdists, named as files), given as files or as folders of them.

    `expect` names the targets of a complete set (None is the default set, an empty
    sequence any set); without `twine`, twine's own check is skipped. `progress` is
    called with each wheel that was read, in order, from the thread that called this. Raises
    MissingPathError for a path that doesn't exist and InvalidOptionsError when there is
    nothing to check or a target is unknown.
    """
    names = ["default"] if expect is None else expect
    here = (platform.machine(), sysconfig.get_platform(), sys.maxsize <= 2**32)
    native = native_target(sys.platform, *here)
    expected = parse_selection(names, native) if names else ()
    files = wheel_files(paths)
    with_twine = twine and importlib.util.find_spec("twine") is not None
    wheels, summaries, findings = [], [], []
    for path, (wheel, summary) in zip(files, _check_files(files), strict=True):
        progress(summary)
        wheels.append(wheel)
        summaries.append(summary)
        findings += wheel.findings
        if with_twine and wheel.readable:  # twine trusts its input
            if len(wheel.texts.get("METADATA", b"")) > _MAX_METADATA:
                wheel.not_run.append("twine's check: METADATA is too large")
            else:
                findings += report.findings_of(path.name, run_twine(str(path)))
    not_run = [f"{wheel.file}: {note}" for wheel in wheels for note in wheel.not_run]
    if not with_twine:
        why = "twine is not installed; pip install 'go-to-wheel[check]'" if twine else "turned off"
        not_run.append(f"twine's check: {why}")
    findings += [report.completed(finding, "") for finding in check_groups(wheels, expected)]
    return Report(tuple(summaries), tuple(findings), tuple(not_run))


def run_twine(path: str) -> Findings:
    """What `twine check` finds in one file, plain and with --strict; it prints nothing."""
    from twine.commands import check

    stream = check._WarningStream()
    try:
        with _ONE_AT_A_TIME:
            warnings, ok = check._check_file(path, stream)
    except Exception as error:  # noqa: BLE001 (twine raises anything for an odd wheel)
        warnings, ok = [f"{type(error).__name__}: {error}"], False
    output = " ".join("; ".join([*warnings, str(stream)]).split()).rstrip("; ")
    if not ok:
        yield Finding("twine", f"twine refuses it: {output or 'no reason given'}")
    elif warnings:
        yield Finding("twine-strict", f"twine warns: {output}")


def wheel_files(paths: Iterable[str | Path]) -> list[Path]:
    """The wheels, each once, in the order given; a folder stands for the wheels in it."""
    files: dict[Path, None] = {}
    for given in map(Path, paths):
        if not given.exists():
            hint = "name wheels, or the folder they are in"
            raise MissingPathError(f"there is no file {str(given)!r}", hint)
        for path in sorted(given.glob("*.whl")) if given.is_dir() else [given]:
            if not path.is_file():  # opening a pipe would block, reading a device never end
                raise MissingPathError(f"{str(path)!r} is not a file", "name wheels")
            files[path] = None
    if not files:
        raise InvalidOptionsError(["there is no wheel to check"], "build one: go-to-wheel SOURCE")
    return list(files)


def _check_files(files: Sequence[Path]) -> Iterator[tuple[Wheel, WheelSummary]]:
    """Inflating and hashing run in threads, which end with this function.

    An interruption closes the files, so that the threads stop at their next read.
    """
    opened: set[BinaryIO] = set()

    def check(path: Path) -> tuple[Wheel, WheelSummary]:
        try:
            with path.open("rb") as stream:
                opened.add(stream)
                wheel = check_wheel(stream, path.name)
                opened.discard(stream)
        except OSError as error:
            wheel = Wheel(
                path.name, findings=[report.completed(report.failure("it", error), path.name)]
            )
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


def check_groups(wheels: Iterable[Wheel], expected: Sequence[Target]) -> Findings:
    """What is wrong with the wheels of each project, taken together."""
    groups: dict[str, list[Wheel]] = defaultdict(list)
    for wheel in wheels:
        if wheel.name.tags:  # an sdist has none
            groups[wheel.name.name].append(wheel)
    for project, members in sorted(groups.items()):
        yield from report.guarded(f"{project}: the set", _check_group(project, members, expected))


def _check_group(project: str, members: list[Wheel], expected: Sequence[Target]) -> Findings:
    versions = sorted({member.name.version for member in members})
    if len(versions) > 1:
        yield Finding("set-version", f"{project}: wheels of {', '.join(map(str, versions))}")
    yield from _check_metadata(members)
    yield from _check_duplicates(members)
    tags = {tag for member in members for tag in member.name.platforms}
    missing = [target.name for target in expected if not any(serves(tag, target) for tag in tags)]
    if missing and "any" not in tags:
        yield Finding("set-missing", f"{project}: no wheel for {', '.join(missing)}")


def _check_metadata(members: list[Wheel]) -> Findings:
    first: dict[object, Wheel] = {}
    for member in members:
        other = first.setdefault(member.name.version, member)
        texts = [wheel.texts.get("METADATA", b"") for wheel in (member, other)]
        lines, others = ([x for x in t.splitlines() if not x.startswith(_IGNORED)] for t in texts)
        if lines != others and all(texts):
            stated, other_stated = map(_compared, (member, other))
            code = "set-description" if stated == other_stated else "set-metadata"
            yield Finding(code, f"its METADATA is not that of {other.file}", wheel=member.file)


def _compared(wheel: Wheel) -> list[list[str]]:
    return [sorted(map(str, wheel.metadata.get_all(name, []))) for name in _COMPARED]


def _check_duplicates(members: list[Wheel]) -> Findings:
    owners: dict[object, Wheel] = {}
    for member in members:
        clashes: dict[str, list[str]] = defaultdict(list)
        for tag in sorted(member.name.tags, key=str):
            owner = owners.setdefault((member.name.version, tag), member)
            if owner is not member:
                clashes[owner.file].append(tag.platform)
        for owner_file, platforms in clashes.items():
            text = f"{owner_file} has the tag {', '.join(dict.fromkeys(platforms))} too"
            yield Finding("set-duplicate", text, wheel=member.file)

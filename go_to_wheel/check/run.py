"""From paths to a report: the part that opens files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from go_to_wheel.check.group import check_groups
from go_to_wheel.check.report import Finding, Report
from go_to_wheel.check.twine import is_installed, run_twine
from go_to_wheel.check.wheel import WheelVerdict, check_wheel
from go_to_wheel.errors import InvalidOptionsError, MissingPathError
from go_to_wheel.platforms import Target, default_targets, parse_selection

_NO_TWINE = "twine's check: twine is not installed; install go-to-wheel[check]"
_TWINE_LEFT_OUT = "twine's check: left out"


def check_wheels(
    paths: Iterable[str | Path],
    *,
    expect: Sequence[str] | None = None,
    builder_paths: Sequence[str] = (),
    twine: bool = True,
) -> Report:
    """The verdict on wheels, given as files or as folders that hold them.

    `expect` names the targets that a complete set has (None is the default set, an empty
    sequence asks for none); `builder_paths` are texts that no program should hold, such as
    the folder it was built in; without `twine`, twine's own check is left out. Raises
    MissingPathError for a path that isn't there and InvalidOptionsError when there is
    nothing to check or a target is unknown.
    """
    expected = _expected(expect)
    files = wheel_files(paths)
    with_twine = twine and is_installed()
    # Inflating and hashing let other threads run; the pool ends with this statement.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        jobs = [pool.submit(_check_file, path, builder_paths) for path in files]
    verdicts = [job.result() for job in jobs]
    if with_twine:  # one after the other: docutils is not made for threads
        for verdict, path in zip(verdicts, files, strict=True):
            _add_twine(verdict, path)
    members = [verdict.member for verdict in verdicts if verdict.member]
    not_run = [note for verdict in verdicts for note in verdict.not_run]
    if not with_twine:
        not_run.append(_NO_TWINE if twine else _TWINE_LEFT_OUT)
    findings: list[Finding] = [finding for verdict in verdicts for finding in verdict.findings]
    findings.extend(check_groups(members, expected))
    return Report(tuple(verdict.summary for verdict in verdicts), tuple(findings), tuple(not_run))


def _expected(names: Sequence[str] | None) -> tuple[Target, ...]:
    if names is None:
        return default_targets()
    return parse_selection(names) if names else ()


def wheel_files(paths: Iterable[str | Path]) -> list[Path]:
    """The wheels, each once, in the order given; a folder stands for the wheels in it."""
    files: dict[Path, None] = {}
    for given in map(Path, paths):
        if not given.exists():
            raise MissingPathError(
                f"there is no file {str(given)!r}", "name wheels, or the folder they are in"
            )
        found = sorted(given.glob("*.whl")) if given.is_dir() else [given]
        for path in found:  # a pipe would be waited for, a device might never end
            if not path.is_file():
                raise MissingPathError(f"{str(path)!r} is not a file", "name wheels")
        files.update(dict.fromkeys(found))
    if not files:
        raise InvalidOptionsError(["there is no wheel to check"], "build one: go-to-wheel SOURCE")
    return list(files)


def _check_file(path: Path, builder_paths: Sequence[str]) -> WheelVerdict:
    with path.open("rb") as stream:
        return check_wheel(stream, path.name, builder_paths)


def _add_twine(verdict: WheelVerdict, path: Path) -> None:
    if verdict.readable:  # twine reads what was found safe to read
        verdict.faults.extend(run_twine(str(path)))

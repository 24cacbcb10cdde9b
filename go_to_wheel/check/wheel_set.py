"""Checks wheels: each on its own, then those of each project as a set."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from packaging.metadata import Metadata, parse_email

from go_to_wheel.check import report
from go_to_wheel.check.filename import tag_fits
from go_to_wheel.check.report import Finding, Findings, Report, WheelSummary
from go_to_wheel.check.wheel import Wheel, check_wheel
from go_to_wheel.errors import InvalidOptionsError, MissingPathError, shortage_hint
from go_to_wheel.platforms import Target, parse_selection, this_machine

#: Twine renders the README, for which docutils may take minutes; larger METADATA is skipped.
_MAX_METADATA = 256 << 10
#: docutils has global state.
_TWINE_LOCK = threading.Lock()
#: Fields that pip takes from one wheel for all of a release.
_READ_BY_PIP = ("requires_python", "requires_dist", "provides_extra")
#: Fields that may differ: the linked modules and so the licences depend on the system, the others
#: on how METADATA is written.
_NOT_COMPARED = ("license_expression", "license_files", "metadata_version", "dynamic")
#: Each takes up to some 100 MB of memory, for wheels at the limits.
_MAX_WORKERS = 8


def check_wheels(
    paths: str | Path | Iterable[str | Path],
    *,
    expect: Sequence[str] | None = None,
    twine: bool = True,
    progress: Callable[[WheelSummary], None] = lambda wheel: None,
) -> Report:
    """Check the wheels at one or more paths, which may be folders; sdists are named as files.

    `expect` names the targets of a complete set (None: the default targets, empty: any set);
    without `twine`, `twine check` is skipped. `progress` is called with each wheel that was read,
    in order, in the calling thread. Raises MissingPathError for a path that doesn't exist,
    InvalidOptionsError when there is no wheel or a target is unknown.
    """
    names = ["default"] if expect is None else expect
    expected = parse_selection(names, this_machine()) if names else ()
    files = find_wheels(paths)
    with_twine = twine and find_spec("twine") is not None
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
                findings += report.limit_findings(path.name, run_twine(str(path)))
    not_run = [f"{wheel.file}: {note}" for wheel in wheels for note in wheel.not_run]
    if twine and not with_twine:
        not_run += ["twine's check: twine is not installed; pip install 'go-to-wheel[check]'"]
    findings += [finding.in_report("") for finding in check_sets(wheels, expected)]
    return Report(tuple(summaries), tuple(findings), tuple(not_run))


def run_twine(path: str) -> Findings:
    """Run `twine check` on one file, with and without --strict."""
    from twine.commands import check

    stream = check._WarningStream()
    try:
        with _TWINE_LOCK:
            warnings, ok = check._check_file(path, stream)
    except Exception as error:  # twine raises anything for an odd wheel
        if shortage_hint(error):
            raise
        warnings, ok = [f"{type(error).__name__}: {error}"], False
    output = " ".join("; ".join([*warnings, str(stream)]).split()).rstrip("; ")
    if not ok:
        yield Finding("twine", f"twine refuses it: {output or 'no reason given'}")
    elif warnings:
        yield Finding("twine-strict", f"twine warns: {output}")


def find_wheels(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    """The wheels, each once, in the order given; a folder stands for the wheels in it."""
    files: dict[Path, None] = {}
    for text in [paths] if isinstance(paths, str | Path) else paths:
        path = Path(text)
        if text == "" or not path.exists():  # Path("") is the current directory
            hint = "name wheels, or their folder: go-to-wheel check FOLDER"
            raise MissingPathError(f"there is no file or folder {str(text)!r}", hint)
        for file in sorted(path.glob("*.whl")) if path.is_dir() else [path]:
            if not file.is_file():  # opening a pipe would block, reading a device never end
                raise MissingPathError(f"{str(file)!r} is not a file", "go-to-wheel check FILE.whl")
            files[file] = None
    if not files:
        raise InvalidOptionsError(["there is no wheel to check"], "build one: go-to-wheel SOURCE")
    return list(files)


def _check_files(files: Sequence[Path]) -> Iterator[tuple[Wheel, WheelSummary]]:
    """Check files in threads; after an interrupt no further wheel is started."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_WORKERS)) as pool:
        yield from pool.map(_check_file, files)


def _check_file(path: Path) -> tuple[Wheel, WheelSummary]:
    """Check a file; the wheel's programs and files are dropped to save memory."""
    try:
        with path.open("rb") as stream:
            wheel = check_wheel(stream, path.name)
    except OSError as error:
        wheel = Wheel(path.name)
        wheel.findings = [report.unexpected_error("it", error).in_report(path.name)]
    summary = wheel.summary
    wheel.programs, wheel.files = [], []
    return wheel, summary


def check_sets(wheels: Iterable[Wheel], expected: Sequence[Target]) -> Findings:
    """Findings about the wheels of each project, taken together."""
    groups: dict[str, list[Wheel]] = defaultdict(list)
    for wheel in wheels:
        if wheel.name.tags:  # an sdist has none
            groups[wheel.name.name].append(wheel)
    for project, members in sorted(groups.items()):
        findings = _check_set(project, members, expected)
        yield from report.catch_errors(f"{project}: the set", findings)


def _check_set(project: str, members: list[Wheel], expected: Sequence[Target]) -> Findings:
    versions = sorted({member.name.version for member in members})
    if len(versions) > 1:
        yield Finding("set-version", f"{project}: wheels of {', '.join(map(str, versions))}")
    yield from _check_metadata(members)
    yield from _check_duplicates(members)
    tags = {tag for member in members for tag in member.name.platforms}
    missing = [t.name for t in expected if not any(tag_fits(tag, t) for tag in tags)]
    if missing and "any" not in tags:
        yield Finding("set-missing", f"{project}: no wheel for {', '.join(missing)}")


def _check_metadata(members: list[Wheel]) -> Findings:
    first: dict[object, Wheel] = {}
    for member in members:
        other = first.setdefault(member.name.version, member)
        texts = [wheel.texts.get("METADATA", b"") for wheel in (member, other)]
        if all(texts) and texts[0] != texts[1]:
            fields, other_fields = map(_parse_metadata, texts)
            if fields != other_fields:
                code = "set-description" if fields[0] == other_fields[0] else "set-metadata"
                yield Finding(code, f"its METADATA is not that of {other.file}", wheel=member.file)


def _parse_metadata(text: bytes) -> tuple[list[object], dict[str, object]]:
    """The fields that pip uses, parsed, and the others."""
    raw, _ = parse_email(text.replace(b"\r\n", b"\n"))
    excluded = (*_READ_BY_PIP, *_NOT_COMPARED)
    others = {key: value for key, value in raw.items() if key not in excluded}
    try:
        parsed = Metadata.from_raw(raw, validate=False)
        values = [getattr(parsed, name) for name in _READ_BY_PIP]
        return [set(value) if isinstance(value, list) else value for value in values], others
    except Exception:  # noqa: BLE001 (whatever a text causes is a finding of that wheel)
        return [raw.get(name) for name in _READ_BY_PIP], others


def _check_duplicates(members: list[Wheel]) -> Findings:
    owners: dict[object, Wheel] = {}
    for member in members:
        clashes: dict[str, list[str]] = defaultdict(list)
        for tag in sorted(member.name.tags, key=str):
            owner = owners.setdefault((member.name.version, member.name.build, tag), member)
            if owner is not member:
                clashes[owner.file].append(tag.platform)
        for owner_file, platforms in clashes.items():
            text = f"{owner_file} has the tag {', '.join(dict.fromkeys(platforms))} too"
            yield Finding("set-duplicate", text, wheel=member.file)

"""A plan -> finished wheels in the output folder, or nothing.

Threads: `run_build` starts one pool, hands it one job for each distinct binary and waits
for all of them before it returns or raises; on an interrupt it stops the child processes
first, then waits.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from go_to_wheel import __version__
from go_to_wheel.binary import BinaryFacts, check_target, contains, read_facts
from go_to_wheel.build.carried import sbom_entries
from go_to_wheel.build.plan import BuildPlan
from go_to_wheel.build.publish import list_neighbours, publish
from go_to_wheel.check import check_wheels
from go_to_wheel.config import BuildOptions
from go_to_wheel.errors import BinaryError, BuildFailedError, GoToWheelError, WheelError
from go_to_wheel.launcher import LauncherConstants, launcher_entries
from go_to_wheel.metadata import format_entry_points, format_metadata, format_wheel
from go_to_wheel.naming import distribution_name, import_name, wheel_file_name
from go_to_wheel.platforms import Target, platform_tags
from go_to_wheel.wheelfile import Entry, write_wheel

GENERATOR = f"go-to-wheel {__version__}"


@dataclass(frozen=True)
class Event:
    """Something happened to a target: "compile", "pack", "done" or "failed"."""

    target: str
    stage: str


EventSink = Callable[[Event], None]


@dataclass(frozen=True)
class BuiltWheel:
    """One finished wheel; sizes in bytes, `seconds` from compile to packed."""

    path: Path
    target: str
    tags: tuple[str, ...]
    size: int
    sha256: str
    binary_size: int
    go_version: str
    seconds: float


@dataclass(frozen=True)
class BuildReport:
    """What a build made. `failures` is empty unless it was told to keep going."""

    wheels: tuple[BuiltWheel, ...]
    failures: Mapping[str, GoToWheelError]
    notes: tuple[str, ...] = ()


def run_build(plan: BuildPlan, on_event: EventSink = lambda event: None) -> BuildReport:
    """Compile, inspect and pack every target, then publish the wheels.

    Raises BuildFailedError naming every target that failed, unless the options say to keep
    going; then the good wheels are published and the failures are in the report.
    """
    with _workshop() as work:
        made, failures = _make_all(plan, work, on_event)
        if failures and (not made or not plan.options.keep_going):
            raise BuildFailedError(failures)
        order = [target.name for target in plan.options.targets]
        made.sort(key=lambda wheel: order.index(wheel.target))
        findings = _check([wheel.path for wheel in made], [wheel.target for wheel in made])
        folder = plan.options.output_dir
        paths = publish([wheel.path for wheel in made], folder)
    wheels = tuple(replace(wheel, path=path) for wheel, path in zip(made, paths, strict=True))
    notes = (*plan.options.notes, *findings, *list_neighbours(folder, paths))
    return BuildReport(wheels, failures, notes)


def _check(wheels: Sequence[Path], targets: Sequence[str]) -> list[str]:
    """The verdict of `go-to-wheel check` on what was made: its warnings, as notes.

    Raises WheelError for its errors; only a wheel's size is left to the user, because an
    index other than PyPI may take it.
    """
    report = check_wheels(wheels, expect=targets)
    fatal = [finding for finding in report.errors if finding.code != "zip-too-large"]
    if fatal:
        lines = [f"{finding.wheel}: {finding.message} ({finding.code})" for finding in fatal]
        raise WheelError("\n".join(lines), "\n".join(finding.hint for finding in fatal))
    texts: dict[str, list[str]] = {}
    for finding in report.findings:
        texts.setdefault(finding.message, []).append(finding.wheel)
    return [f"{message} ({_count(names)})" for message, names in texts.items()]


def _count(wheels: Sequence[str]) -> str:
    return wheels[0] if len(wheels) == 1 else f"{len(wheels)} wheels"


@contextmanager
def _workshop() -> Iterator[Path]:
    """A temporary folder that no checkout's status ever shows, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as folder:
        work = Path(folder)
        (work / ".gitignore").write_text("*\n")
        yield work


def _make_all(
    plan: BuildPlan, work: Path, on_event: EventSink
) -> tuple[list[BuiltWheel], dict[str, GoToWheelError]]:
    """Every target's wheel or error. Unexpected exceptions stop everything and rise."""
    groups: dict[object, list[Target]] = {}
    for target in plan.options.targets:
        groups.setdefault(target.compile_key, []).append(target)
    pool = ThreadPoolExecutor(max_workers=plan.options.jobs)
    try:
        futures = {
            pool.submit(_make_group, plan, group, work / f"{index}", on_event): group
            for index, group in enumerate(groups.values())
        }
        wait(futures, return_when=FIRST_EXCEPTION)
        return _gather(futures)
    except BaseException:
        plan.go.runner.stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


GroupResult = tuple[list[BuiltWheel], GoToWheelError | None, BinaryFacts | None]


def _gather(
    futures: Mapping[Future[GroupResult], list[Target]],
) -> tuple[list[BuiltWheel], dict[str, GoToWheelError]]:
    made: list[BuiltWheel] = []
    failures: dict[str, GoToWheelError] = {}
    facts: dict[str, BinaryFacts] = {}
    for future, group in futures.items():
        wheels, error, seen = future.result()
        made.extend(wheels)
        if error:
            failures.update({target.name: error for target in group})
        elif seen:
            facts[group[0].name] = seen
    failures.update(_differing_stamps(facts))
    return [wheel for wheel in made if wheel.target not in failures], failures


def _differing_stamps(facts: Mapping[str, BinaryFacts]) -> dict[str, GoToWheelError]:
    """All binaries must come from one commit in one state, by one Go."""
    stamps = {name: _stamp(fact) for name, fact in facts.items()}
    if len(set(stamps.values())) < 2:
        return {}
    error = BinaryError(
        "the binaries carry different version control stamps: the source changed meanwhile",
        "build again from a source that rests",
    )
    return dict.fromkeys(stamps, error)


def _stamp(facts: BinaryFacts) -> tuple[str, ...]:
    if facts.go is None:
        return ()
    names = ("vcs.revision", "vcs.time", "vcs.modified")
    return (facts.go.version, *(facts.go.settings.get(name, "") for name in names))


def _make_group(
    plan: BuildPlan, group: Sequence[Target], work: Path, on_event: EventSink
) -> GroupResult:
    """One compile, and a wheel for each target that shares it."""
    started = time.monotonic()
    try:
        for target in group:
            on_event(Event(target.name, "compile"))
        program, facts = _make_binary(plan, group[0], work)
        wheels = []
        for target in group:
            on_event(Event(target.name, "pack"))
            wheels.append(_pack(plan, target, program, facts, work, started))
            on_event(Event(target.name, "done"))
        return wheels, None, facts
    except GoToWheelError as error:
        for target in group:
            on_event(Event(target.name, "failed"))
        return [], error, None


def _make_binary(plan: BuildPlan, target: Target, work: Path) -> tuple[bytes, BinaryFacts]:
    """Compile for one target and refuse what is not what it should be."""
    work.mkdir()
    output = work / f"program{target.exe_suffix}"
    plan.go.compile(plan.source.root, plan.source.package, target, output, plan.options.ldflags)
    with output.open("rb") as stream:
        facts = read_facts(stream)
        faults = check_target(facts, target)
        leaked = contains(stream, _builder_paths(plan, work))
    faults += [f"it contains the builder's path {path.decode()!r}" for path in sorted(leaked)]
    if faults:
        raise BinaryError("\n".join(faults))
    program = output.read_bytes()
    output.unlink()
    return program, facts


def _builder_paths(plan: BuildPlan, work: Path) -> list[bytes]:
    """Paths that only this machine has; with -trimpath none may be in a binary."""
    sources = [str(Path(plan.package.folder) / name) for name in plan.package.go_files]
    folders = [f"{folder}{os.sep}" for folder in plan.go.source_folders]
    return [path.encode() for path in (*sources, *folders, f"{work}{os.sep}")]


def _pack(
    plan: BuildPlan,
    target: Target,
    program: bytes,
    facts: BinaryFacts,
    work: Path,
    started: float,
) -> BuiltWheel:
    go_version = facts.go.version if facts.go else plan.go.version
    tags = platform_tags(target, go_version, facts.minimum_macos)
    project = plan.options.project
    path = work / wheel_file_name(project.name, project.version, tags)
    entries = wheel_entries(plan.options, target, tags, program)
    entries += sbom_entries(plan.options, [facts], plan.licenses)
    write_wheel(path, entries, plan.options.epoch)
    data = path.read_bytes()
    return BuiltWheel(
        path=path,
        target=target.name,
        tags=tags,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        binary_size=len(program),
        go_version=go_version,
        seconds=time.monotonic() - started,
    )


def wheel_entries(
    options: BuildOptions, target: Target, tags: Sequence[str], program: bytes
) -> list[Entry]:
    """Every file of one wheel but RECORD."""
    project = options.project
    package = import_name(project.name)
    stem = f"{distribution_name(project.name)}-{project.version}"
    info = f"{stem}.dist-info"
    constants = LauncherConstants(
        distribution=project.name,
        version=project.version,
        commands=(options.command,),
        layout=options.layout,
        executable_suffix=target.exe_suffix,
    )
    entries = [
        Entry(f"{package}/{name}", data) for name, data in launcher_entries(constants).items()
    ]
    folder = f"{stem}.data/scripts" if options.layout == "native" else f"{package}/bin"
    entries += [
        Entry(f"{folder}/{options.command}{target.exe_suffix}", program, executable=True),
        Entry(f"{info}/METADATA", format_metadata(project)),
        Entry(f"{info}/WHEEL", format_wheel(GENERATOR, tags)),
    ]
    entries += [Entry(f"{info}/licenses/{name}", data) for name, data in options.licenses]
    if options.layout == "python":
        scripts = format_entry_points({options.command: f"{package}:main"})
        entries.append(Entry(f"{info}/entry_points.txt", scripts))
    return entries

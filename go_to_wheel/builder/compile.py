"""A plan -> finished wheels in the output folder, or nothing.

Threads: `run_build` starts one pool, hands it one job for each distinct binary and waits
for all of them before it returns or raises; on an interrupt it stops the child processes
first, then waits.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from go_to_wheel.binary import BinaryFacts, check_target, contains, read_facts
from go_to_wheel.builder.carried import sbom_entries
from go_to_wheel.builder.kept import Kept, make_digest
from go_to_wheel.builder.plan import BuildPlan, check_plan, tags_of
from go_to_wheel.builder.publish import check_folder, list_neighbours, publish
from go_to_wheel.builder.version_var import keep_note, source_state, unread_version
from go_to_wheel.builder.workshop import workshop
from go_to_wheel.check import check_wheels
from go_to_wheel.config import BuildOptions
from go_to_wheel.errors import (
    BinaryError,
    BuildFailedError,
    GoToWheelError,
    OutputError,
    WheelError,
)
from go_to_wheel.naming import wheel_file_name
from go_to_wheel.platforms import Target
from go_to_wheel.sources import BinarySource
from go_to_wheel.toolchain import Go, usable_cpus
from go_to_wheel.wheel.archive import LEVEL, deflate_data, write_wheel
from go_to_wheel.wheel.entries import wheel_entries

#: Errors of the check that stop no build: an index other than PyPI may take a large wheel,
#: who asks for linux-amd64 and linux-amd64-musl gets both, and a build must not depend on
#: whether twine is there.
_LEFT_TO_THE_USER = ("zip-too-large", "set-duplicate", "twine")


@dataclass(frozen=True)
class Event:
    """Something happened to a target: "compile", "pack", "done" or "failed"."""

    target: str
    stage: str


EventSink = Callable[[Event], None]


@dataclass(frozen=True)
class Workplace:
    """Where and how a plan's programs are made.

    `processors` is this compile's share where several run at once, None for one alone.
    """

    plan: BuildPlan
    work: Path
    on_event: EventSink = lambda event: None
    processors: float | None = None


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


def run_build(
    plan: BuildPlan, on_event: EventSink = lambda event: None, *, fresh: bool = False
) -> BuildReport:
    """Compile, inspect and pack every target, then publish the wheels.

    `fresh` links every program anew, even one that Go would find up to date.

    Raises BuildFailedError naming every target that failed, unless the options say to keep
    going; then the good wheels are published and the failures are in the report.
    """
    check_folder(plan.options.output_dir)
    with workshop(_source_folder(plan)) as work:
        plan = replace(plan, kept=Kept(None), fresh={}) if fresh else plan
        made, failures, told = _make_all(Workplace(plan, work, on_event))
        if failures and (not made or not plan.options.keep_going):
            raise BuildFailedError(failures)
        order = [target.name for target in plan.options.targets]
        made.sort(key=lambda wheel: order.index(wheel.target))
        findings = _check(made, plan.options)
        folder = plan.options.output_dir
        paths = publish([wheel.path for wheel in made], folder)
    wheels = tuple(replace(wheel, path=path) for wheel, path in zip(made, paths, strict=True))
    notes = (*plan.options.notes, *told, *findings, *list_neighbours(folder, paths))
    return BuildReport(wheels, failures, notes)


def _check(made: Sequence[BuiltWheel], options: BuildOptions) -> list[str]:
    """The verdict of `go-to-wheel check` on what was made: its warnings, as notes.

    twine's own part, which takes longer than a compile, is left out unless there is a
    reStructuredText README for it to render. Raises WheelError for errors.
    """
    readme = options.project.readme
    report = check_wheels(
        [wheel.path for wheel in made],
        expect=[wheel.target for wheel in made],
        twine=readme is not None and readme.content_type == "text/x-rst",
    )
    fatal = [one for one in report.errors if not one.code.startswith(_LEFT_TO_THE_USER)]
    if fatal:
        lines = [f"{finding.wheel}: {finding.message} ({finding.code})" for finding in fatal]
        raise WheelError("\n".join(lines), "\n".join(finding.hint for finding in fatal))
    texts: dict[str, list[str]] = {}
    for finding in report.findings:
        texts.setdefault(finding.message, []).append(finding.wheel)
    return [f"{message} ({_count(names)})" for message, names in texts.items()]


def _count(wheels: Sequence[str]) -> str:
    return wheels[0] if len(wheels) == 1 else f"{len(wheels)} wheels"


def _source_folder(plan: BuildPlan) -> Path | None:
    return None if isinstance(plan.source, BinarySource) else plan.source.root


def _make_all(
    place: Workplace,
) -> tuple[list[BuiltWheel], dict[str, GoToWheelError], list[str]]:
    """Every target's wheel or error, and notes. Unexpected exceptions stop everything and rise."""
    plan = place.plan
    groups: dict[object, list[Target]] = {}
    for target in plan.options.targets:
        groups.setdefault(target.compile_key if plan.go else target.name, []).append(target)
    shares = share_processors(usable_cpus(), len(groups), plan.options.jobs)
    pool = ThreadPoolExecutor(max_workers=plan.options.jobs)
    try:
        futures = {}
        for index, (group, share) in enumerate(zip(groups.values(), shares, strict=True)):
            own = replace(place, work=place.work / f"{index}", processors=share)
            futures[pool.submit(_make_group, own, group)] = group
        wait(futures, return_when=FIRST_EXCEPTION)
        return _gather(futures)
    except BaseException:
        plan.runner.stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class Program:
    """A finished program of one command: its bytes and what was read from them."""

    data: bytes
    facts: BinaryFacts


@dataclass(frozen=True)
class Made:
    """What came of one compile: wheels and what was read from the programs, or an error."""

    wheels: Sequence[BuiltWheel] = ()
    facts: tuple[BinaryFacts, ...] = ()
    error: GoToWheelError | None = None
    notes: Sequence[str] = ()


def share_processors(processors: int, compiles: int, jobs: int) -> list[float | None]:
    """How many processors each compile may use, in the order in which they start.

    The last ones, when fewer are left than run at once, share what there is. None for a
    compile that is alone.
    """
    at_once = min(jobs, compiles)
    if at_once <= 1:
        return [None] * compiles
    last = compiles % at_once or at_once
    shares = [at_once] * (compiles - last) + [last] * last
    return [max(1.0, processors / neighbours) for neighbours in shares]


def _gather(
    futures: Mapping[Future[Made], list[Target]],
) -> tuple[list[BuiltWheel], dict[str, GoToWheelError], list[str]]:
    wheels: list[BuiltWheel] = []
    failures: dict[str, GoToWheelError] = {}
    facts: dict[str, tuple[BinaryFacts, ...]] = {}
    notes: list[str] = []
    for future, group in futures.items():
        made = future.result()
        wheels.extend(made.wheels)
        notes.extend(made.notes)
        if made.error:
            failures.update({target.name: made.error for target in group})
        elif made.facts:
            facts[group[0].name] = made.facts
    failures.update(_differing_stamps(facts))
    return [wheel for wheel in wheels if wheel.target not in failures], failures, notes


def _differing_stamps(
    facts: Mapping[str, tuple[BinaryFacts, ...]],
) -> dict[str, GoToWheelError]:
    """All binaries must come from one commit in one state, by one Go."""
    stamps = {name: tuple(map(_stamp, programs)) for name, programs in facts.items()}
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


def _look_up(place: Workplace) -> tuple[str, ...]:
    """The version variable's check -> what it notes."""
    before = len(place.plan.options.notes)
    return check_plan(place.plan, place.processors).options.notes[before:]


def _make_group(place: Workplace, group: Sequence[Target]) -> Made:
    """One compile, and a wheel for each target that shares it.

    Before the first one the version variable is looked up, beside the others: it compiles
    what the first one needs. Raises what check_plan raises.
    """
    plan, on_event = place.plan, place.on_event
    started = time.monotonic()
    for target in group:
        on_event(Event(target.name, "compile"))
    first = plan.unchecked and group[0] == plan.options.targets[0]
    before = source_state(plan.linked) if first else None
    notes = _look_up(place) if first else ()
    try:
        place.work.mkdir()
        programs = {
            command: make_program(place, group[0], index)
            for index, command in enumerate(plan.options.commands)
        }
        faults = unread_version(plan.options, *(one.data for one in programs.values()))
        if faults:
            raise BinaryError("\n".join(faults))
        if plan.covers_variable and before == source_state(plan.linked):
            digests = [make_digest(program.data) for program in programs.values()]
            keep_note(plan.kept, plan.options, digests, "".join(notes))
        wheels = []
        for target in group:
            on_event(Event(target.name, "pack"))
            wheels.append(_pack(place, target, programs, started))
            on_event(Event(target.name, "done"))
        facts = tuple(program.facts for program in programs.values())
        return Made(wheels, facts, notes=notes)
    except (GoToWheelError, OSError) as error:
        for target in group:
            on_event(Event(target.name, "failed"))
        return Made(error=_as_ours(error), notes=notes)


def _as_ours(error: GoToWheelError | OSError) -> GoToWheelError:
    """A full disk under the temporary folder is told like every other failure."""
    if isinstance(error, GoToWheelError):
        return error
    return OutputError(
        f"can't work in the temporary folder: {error.strerror or error}",
        "make room there, or choose another with TMPDIR",
    )


def make_program(place: Workplace, target: Target, index: int) -> Program:
    """One command for one target: compiled, or ready-made; what is not what it should be
    is refused."""
    plan = place.plan
    if isinstance(plan.source, BinarySource) or plan.go is None:
        return _take_program(plan, target, index)
    key = plan.keys(target)[index]
    data = plan.kept.read(key, plan.fresh[key]) if key in plan.fresh else None
    if data is None:
        output = place.work / f"program{index}{target.exe_suffix}"
        plan.kept.lend(key, output)
        root, package = plan.source.root, plan.source.packages[index]
        plan.go.compile(root, package, target, output, plan.options.ldflags, place.processors)
        data = output.read_bytes()
        output.unlink()
    stream = io.BytesIO(data)
    facts = read_facts(stream)
    faults = check_target(facts, target)
    leaked = contains(stream, _builder_paths(plan, plan.go, index, place.work))
    faults += [f"it contains the builder's path {path.decode()!r}" for path in sorted(leaked)]
    if faults:
        raise BinaryError("\n".join(faults))
    plan.kept.keep(key, data)
    return Program(data, facts)


def _take_program(plan: BuildPlan, target: Target, index: int) -> Program:
    """A ready-made binary, byte for byte; the plan was made from the same bytes."""
    command = plan.options.commands[index]
    binary = plan.binaries[target.name, command]
    data = binary.load()
    facts = read_facts(io.BytesIO(data))
    if facts != plan.facts[target.name, command]:
        raise BinaryError(f"{binary.label} changed meanwhile", "try again when it rests")
    return Program(data, facts)


def _builder_paths(plan: BuildPlan, go: Go, index: int, work: Path) -> list[bytes]:
    """Paths that only this machine has; with -trimpath none may be in a binary."""
    package = plan.packages[index]
    sources = [str(Path(package.folder) / name) for name in package.go_files]
    folders = [f"{folder}{os.sep}" for folder in go.source_folders]
    return [path.encode() for path in (*sources, *folders, f"{work}{os.sep}")]


def _pack(
    place: Workplace, target: Target, programs: Mapping[str, Program], started: float
) -> BuiltWheel:
    plan = place.plan
    facts = [program.facts for program in programs.values()]
    tags = tags_of(facts, target)
    project = plan.options.project
    path = place.work / wheel_file_name(project.name, project.version, tags)
    binaries = {command: program.data for command, program in programs.items()}
    entries = wheel_entries(plan.options, target, tags, binaries)
    entries += sbom_entries(plan.options, facts, plan.licenses)
    write_wheel(path, entries, plan.options.epoch, plan.kept.packing(deflate_data, str(LEVEL)))
    data = path.read_bytes()
    return BuiltWheel(
        path=path,
        target=target.name,
        tags=tags,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        binary_size=sum(map(len, binaries.values())),
        go_version=facts[0].go.version if facts[0].go else "unknown",
        seconds=time.monotonic() - started,
    )

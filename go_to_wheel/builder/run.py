"""A plan -> finished wheels in the output folder, or nothing.

Threads: `run_build` starts two pools and waits for all their jobs before it returns or
raises. One compiles, a job for each distinct program; the other, a single thread, lists what
is linked in and recognises its licences meanwhile. On an interrupt the child processes are
stopped first.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.match import tags_for
from go_to_wheel.builder.compile import Program, make_programs, temporary_folder
from go_to_wheel.builder.linked import Linked, linked_notes, list_targets
from go_to_wheel.builder.plan import BuildPlan
from go_to_wheel.builder.publish import check_folder, publish
from go_to_wheel.check.run import check_wheels
from go_to_wheel.config.options import BuildOptions
from go_to_wheel.errors import (
    BinaryError,
    BuildFailedError,
    GoToWheelError,
    OutputError,
    ToolchainError,
    WheelError,
)
from go_to_wheel.golang.environment import usable_cpus
from go_to_wheel.licenses import BundledLicenses
from go_to_wheel.naming import wheel_file_name
from go_to_wheel.platforms import Target
from go_to_wheel.process import wait_for
from go_to_wheel.sources.archives import Origin
from go_to_wheel.wheel.archive import encoder_note, write_wheel
from go_to_wheel.wheel.entries import sbom_entries, wheel_entries

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
    """The result of a build. `failures` is empty unless the options say to keep going."""

    wheels: tuple[BuiltWheel, ...]
    failures: Mapping[str, GoToWheelError]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The result of one job: wheels and what was read from the programs, or an error."""

    targets: Sequence[Target]
    wheels: Sequence[BuiltWheel] = ()
    facts: tuple[BinaryFacts, ...] = ()
    linked: Linked | None = None
    error: GoToWheelError | None = None


def run_build(plan: BuildPlan, on_event: EventSink = lambda event: None) -> BuildReport:
    """Compile, inspect and pack every target, check the wheels, then publish them.

    Raises BuildFailedError naming every target that failed, unless the options say to keep
    going; then the good wheels are published and the failures are in the report.
    """
    options = plan.options
    check_folder(options.output_dir)
    with temporary_folder(plan.source.root if plan.go else None) as work:
        outcomes = _run_jobs(plan, work, on_event)
        failures = _failures(outcomes)
        made = [wheel for outcome in outcomes for wheel in outcome.wheels]
        wheels = [wheel for wheel in made if wheel.target not in failures]
        if failures and (not wheels or not options.keep_going):
            raise BuildFailedError(failures)
        order = [target.name for target in options.targets]
        wheels.sort(key=lambda wheel: order.index(wheel.target))
        findings = _check(wheels, options)
        paths = publish([wheel.path for wheel in wheels], options.output_dir)
    published = [replace(wheel, path=path) for wheel, path in zip(wheels, paths, strict=True)]
    notes = [*options.notes, *_notes(outcomes), *findings, *filter(None, [encoder_note()])]
    return BuildReport(tuple(published), failures, tuple(notes))


def _run_jobs(plan: BuildPlan, work: Path, on_event: EventSink) -> list[Outcome]:
    """Every job's outcome. Unexpected exceptions stop everything and rise."""
    groups: dict[object, list[Target]] = {}
    for target in plan.options.targets:
        groups.setdefault(plan.compile_key(target), []).append(target)
    shares = share_processors(usable_cpus(), len(groups), plan.options.jobs)
    with ThreadPoolExecutor(1) as lister, ThreadPoolExecutor(plan.options.jobs) as compilers:
        try:
            futures = []
            for index, (group, share) in enumerate(zip(groups.values(), shares, strict=True)):
                linked = lister.submit(list_targets, plan, group[:1])
                make = partial(make_programs, plan, group[0], work / f"{index}", share)
                pack = partial(_pack, plan, work)
                futures.append(compilers.submit(_run_job, group, make, pack, linked, on_event))
            wait_for(futures)
            return [future.result() for future in futures]
        except BaseException:
            plan.runner.stop()
            compilers.shutdown(cancel_futures=True)
            lister.shutdown(cancel_futures=True)
            raise


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


def _run_job(
    targets: Sequence[Target],
    make: Callable[[], list[Program]],
    pack: Callable[[Target, Sequence[Program], BundledLicenses, float], BuiltWheel],
    linked: Future[Linked],
    on_event: EventSink,
) -> Outcome:
    """One compile, and a wheel for each target that shares it."""
    started = time.monotonic()

    def announce(stage: str) -> None:
        for target in targets:
            on_event(Event(target.name, stage))

    try:
        announce("compile")
        programs = make()
        licenses = linked.result().licenses
        announce("pack")
        wheels = [pack(target, programs, licenses, started) for target in targets]
        announce("done")
        return Outcome(targets, wheels, tuple(seen.facts for seen in programs), linked.result())
    except (GoToWheelError, OSError) as error:
        announce("failed")
        return Outcome(targets, error=_explain(error, linked))


def _explain(error: GoToWheelError | OSError, linked: Future[Linked]) -> GoToWheelError:
    """A hint for a full disk, and for what is undefined because its cgo files are left out."""
    if not isinstance(error, GoToWheelError):
        return OutputError(
            f"can't work in the temporary folder: {error.strerror or error}",
            "make room there, or choose another with TMPDIR",
        )
    if "undefined: " not in error.message or linked.exception():
        return error
    packages = [name for name in linked.result().without_cgo if f"# {name}\n" in error.message]
    if not packages:
        return error
    return ToolchainError(
        error.message,
        f"{', '.join(packages)} needs cgo: compile its C: go-to-wheel --cgo …\n"
        "or find a package in pure Go",
    )


def _pack(
    plan: BuildPlan,
    work: Path,
    target: Target,
    programs: Sequence[Program],
    licenses: BundledLicenses,
    started: float,
) -> BuiltWheel:
    options = plan.options
    facts = [program.facts for program in programs]
    tags = tags_for(facts, target)
    path = work / wheel_file_name(options.project.name, options.project.version, tags)
    binaries = {program.command: program.data for program in programs}
    entries = wheel_entries(options, licenses, target, tags, binaries)
    origins = dict.fromkeys(program.origin for program in programs if program.origin)
    entries += sbom_entries(options, licenses, facts, target, _provenance(origins))
    write_wheel(path, entries, options.epoch)
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


def _provenance(origins: Iterable[Origin]) -> dict[str, str]:
    """A release's files that programs are from, as the SBOM's properties."""
    found = {
        "release-file": [origin.file for origin in origins],
        "release-file-sha256": [origin.sha256 for origin in origins],
        "release-checksums": sorted({origin.listed for origin in origins}),
    }
    return {name: ", ".join(filter(None, texts)) for name, texts in found.items()}


def _failures(outcomes: Sequence[Outcome]) -> dict[str, GoToWheelError]:
    """Each failed target's error: all programs must come from one commit, by one Go."""
    stamps = {tuple(map(_stamp, outcome.facts)) for outcome in outcomes if outcome.facts}
    changed = BinaryError(
        "the source changed during the build: the programs record different commits or states",
        "build again",
    )
    return {
        target.name: error
        for outcome in outcomes
        if (error := outcome.error or (changed if len(stamps) > 1 else None))
        for target in outcome.targets
    }


def _notes(outcomes: Sequence[Outcome]) -> list[str]:
    linked = [outcome.linked for outcome in outcomes if outcome.linked]
    unknown = {name: why for found in linked for name, why in found.licenses.unknown.items()}
    return linked_notes(unknown, {package for found in linked for package in found.without_cgo})


def _stamp(facts: BinaryFacts) -> tuple[str, ...]:
    if facts.go is None:
        return ()
    names = ("vcs.revision", "vcs.time", "vcs.modified")
    return (facts.go.version, *(facts.go.settings.get(name, "") for name in names))


def _check(wheels: Sequence[BuiltWheel], options: BuildOptions) -> list[str]:
    """The verdict of `go-to-wheel check` on the wheels: its warnings, as notes.

    twine's own part, which takes longer than a compile, is left out unless there is a
    reStructuredText README for it to render. Raises WheelError for errors.
    """
    readme = options.project.readme
    report = check_wheels(
        [wheel.path for wheel in wheels],
        expect=[wheel.target for wheel in wheels],
        twine=readme is not None and readme.content_type == "text/x-rst",
    )
    local = ("platform-tag",) if any(target.tag for target in options.targets) else ()
    left = (*_LEFT_TO_THE_USER, *local)
    fatal = [found for found in report.errors if not found.code.startswith(left)]
    if fatal:
        lines = [f"{finding.wheel}: {finding.message} ({finding.code})" for finding in fatal]
        raise WheelError("\n".join(lines), "\n".join(finding.hint for finding in fatal))
    texts: dict[str, list[str]] = {}
    for finding in report.findings:
        texts.setdefault(finding.message, []).append(finding.wheel)
    return [
        f"{message} ({names[0] if len(names) == 1 else f'{len(names)} wheels'})"
        for message, names in texts.items()
    ]

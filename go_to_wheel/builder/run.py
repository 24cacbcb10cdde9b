"""Runs a plan: compiles, packs, checks and publishes the wheels.

Threads: `run_build` starts two pools and waits for their jobs before it returns or raises. One
compiles, a job for each distinct program; the other, a single thread, lists the linked packages
and reads their licences. An interrupt stops the child processes first.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.macho import join_images
from go_to_wheel.binary.match import inspect_program, platform_tags_for
from go_to_wheel.builder.linked import LinkedCode, format_linked_notes, inspect_linked
from go_to_wheel.builder.plan import BuildPlan
from go_to_wheel.builder.publish import publish, require_writable
from go_to_wheel.builder.version_var import find_unread_variables
from go_to_wheel.check.wheel_set import check_wheels
from go_to_wheel.config.options import BuildOptions
from go_to_wheel.errors import (
    BinaryError,
    BuildFailedError,
    GoToWheelError,
    OutputError,
    ToolchainError,
    WheelError,
    shortage_hint,
)
from go_to_wheel.golang.command import Go
from go_to_wheel.licenses import BundledLicenses
from go_to_wheel.platforms import Target
from go_to_wheel.process import usable_cpus, wait_for
from go_to_wheel.sources.prebuilt import ReleaseFile
from go_to_wheel.sources.readme import media_type
from go_to_wheel.wheel import entries
from go_to_wheel.wheel.archive import compression_note, write_wheel
from go_to_wheel.wheel.sbom import sbom_entries

#: Errors of the check that don't fail a build: other indexes than PyPI may accept large wheels,
#: linux-amd64 and linux-amd64-musl may be built together, and twine need not be installed.
_TOLERATED_CODES = ("zip-too-large", "set-duplicate", "twine")


@dataclass(frozen=True)
class Event:
    """A target's build entered a stage: "compile", "pack", "done" or "failed"."""

    target: str
    stage: str


ProgressCallback = Callable[[Event], None]


@dataclass(frozen=True)
class BuiltWheel:
    """One finished wheel; sizes in bytes, `seconds` from the start of the compile to the end."""

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
    """The result of a build; `failures` is empty unless `keep_going` is set."""

    wheels: tuple[BuiltWheel, ...]
    failures: Mapping[str, GoToWheelError]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuiltProgram:
    """The program of a command; `release_file` is the published file that it was taken from."""

    command: str
    data: bytes
    facts: BinaryFacts
    release_file: ReleaseFile | None = None


@dataclass(frozen=True)
class JobResult:
    """The result of one job: wheels and facts about the programs, or an error."""

    targets: Sequence[Target]
    wheels: Sequence[BuiltWheel] = ()
    facts: tuple[BinaryFacts, ...] = ()
    linked: LinkedCode | None = None
    error: GoToWheelError | None = None


def run_build(plan: BuildPlan, progress: ProgressCallback = lambda event: None) -> BuildReport:
    """Compile, inspect and pack every target, check the wheels, then publish them.

    Raises BuildFailedError naming every target that failed; with `keep_going` the other wheels
    are published and the report has the failures.
    """
    options = plan.options
    require_writable(options.output_dir)
    with temporary_folder(plan.source.root if plan.go else None) as work:
        results = _run_jobs(plan, work, progress)
        failures = _collect_failures(results)
        packed = {wheel.target: wheel for result in results for wheel in result.wheels}
        wheels = [packed[t.name] for t in options.targets if t.name not in failures]
        if failures and (not wheels or not options.request.keep_going):
            raise BuildFailedError(failures)
        files = [work / wheel.path.name for wheel in wheels]
        findings = _check_wheels(files, [wheel.target for wheel in wheels], options)
        publish(files, options.output_dir)
    linked_notes = format_linked_notes([result.linked for result in results if result.linked])
    notes = [*options.notes, *linked_notes, *findings, *filter(None, [compression_note()])]
    return BuildReport(tuple(wheels), failures, tuple(notes))


def _run_jobs(plan: BuildPlan, work: Path, progress: ProgressCallback) -> list[JobResult]:
    """Every job's result. Unexpected exceptions stop every job and propagate."""
    groups: dict[object, list[Target]] = {}
    for target in plan.options.targets:
        groups.setdefault(plan.compile_key(target), []).append(target)
    shares = divide_processors(usable_cpus(), len(groups), plan.jobs)

    def run(
        index: int, targets: Sequence[Target], share: float | None, linked: Future[LinkedCode]
    ) -> JobResult:
        """Compile once, and pack a wheel for each target with this program."""
        started = time.monotonic()

        def announce(stage: str) -> None:
            for target in targets:
                progress(Event(target.name, stage))

        try:
            announce("compile")
            programs = build_programs(plan, targets[0], work / f"{index}", share)
            licenses = linked.result().licenses
            announce("pack")
            wheels = [_pack(plan, work, t, programs, licenses, started) for t in targets]
            announce("done")
            return JobResult(targets, wheels, tuple(p.facts for p in programs), linked.result())
        except (GoToWheelError, OSError) as error:
            announce("failed")
            return JobResult(targets, error=_add_hint(error, linked))

    with ThreadPoolExecutor(1) as lister, ThreadPoolExecutor(plan.jobs) as compilers:
        try:
            futures = []
            for index, (group, share) in enumerate(zip(groups.values(), shares, strict=True)):
                linked = lister.submit(inspect_linked, plan, group[:1])
                futures.append(compilers.submit(run, index, group, share, linked))
            wait_for(futures)
            return [future.result() for future in futures]
        except BaseException:
            plan.runner.stop()
            compilers.shutdown(cancel_futures=True)
            lister.shutdown(cancel_futures=True)
            raise


def build_programs(
    plan: BuildPlan, target: Target, work: Path, processors: float | None = None
) -> list[BuiltProgram]:
    """Compile and inspect every command's program for a target, in the options' order.

    `processors` is this compile's share if several run in parallel. Raises ToolchainError with
    Go's message, BinaryError for a program that can't be shipped.
    """
    if plan.go is None:
        pairs = zip(plan.options.commands, plan.inputs.binaries[target.name], strict=True)
        return [BuiltProgram(name, b.load(), b.facts, b.release_file) for name, b in pairs]
    work.mkdir(exist_ok=True)
    programs = []
    for index, command in enumerate(plan.options.commands):
        output = work / f"program{index}{target.exe_suffix}"
        root, package = plan.source.root, plan.source.packages[index]
        images = []
        for part in target.slices:
            go = plan.go.with_tags(plan.options.request.build_tags_for(part))
            go.compile(root, package, part, output, plan.options.ldflags_for(part), processors)
            images.append(output.read_bytes())
            output.unlink()
        data = images[0] if len(images) == 1 else join_images(images)
        paths = _list_builder_paths(plan, plan.go, index, work)
        zig = plan.go.c_compiler(target.slices[0])
        facts = inspect_program(io.BytesIO(data), target, paths, bool(zig and zig.glibc))
        programs.append(BuiltProgram(command, data, facts))
    contents = [program.data for program in programs]
    for part in target.slices:
        flags, variables = plan.options.ldflags_for(part), plan.options.variables_for(part)
        if problems := find_unread_variables(flags, variables, contents):
            hint = "use the variable in the program, or leave it unset"
            raise BinaryError("\n".join(problems), hint)
    return programs


def _list_builder_paths(plan: BuildPlan, go: Go, index: int, work: Path) -> list[bytes]:
    """Paths on this machine that no binary may contain."""
    package = plan.inputs.packages[index]
    sources = [str(Path(package.folder) / name) for name in package.go_files]
    zig = [go.zig.zig_folder, go.zig.sdk] if go.zig else []
    folders = [go.root and go.standard_library / "runtime", go.module_cache, work, *zig]
    return [path.encode() for path in sources + [f"{f}{os.sep}" for f in folders if f]]


@contextmanager
def temporary_folder(source: Path | None = None) -> Iterator[Path]:
    """A temporary directory, outside `source` because a program may embed that folder.

    In a checkout git ignores it.
    """
    parent = None
    if source and Path(tempfile.gettempdir()).resolve().is_relative_to(source):
        parent = source.parent if os.access(source.parent, os.W_OK | os.X_OK) else None
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-", dir=parent) as folder:
        work = Path(folder)
        (work / ".gitignore").write_text("*\n")
        yield work


def divide_processors(processors: int, compiles: int, jobs: int) -> list[float | None]:
    """How many processors each compile may use, in their order; None if one runs at a time.

    The last compiles, if fewer than `jobs`, get larger shares.
    """
    at_once = min(jobs, compiles)
    if at_once <= 1:
        return [None] * compiles
    last = compiles % at_once or at_once
    shares = [at_once] * (compiles - last) + [last] * last
    return [max(1.0, processors / neighbours) for neighbours in shares]


def _add_hint(error: GoToWheelError | OSError, linked: Future[LinkedCode]) -> GoToWheelError:
    """Add the hint for an error of the system, or for names that need cgo files."""
    if not isinstance(error, GoToWheelError):
        return OutputError(
            f"can't work in the temporary folder: {error.strerror or error}",
            shortage_hint(error) or "choose another: TMPDIR=DIR go-to-wheel …",
        )
    if "undefined: " not in error.message or linked.exception():
        return error
    packages = [name for name in linked.result().without_cgo if f"# {name}\n" in error.message]
    hint = f"{', '.join(packages)} needs cgo: compile its C: go-to-wheel --cgo …\n"
    pure = "or find a package in pure Go"
    return ToolchainError(error.message, hint + pure) if packages else error


def _pack(
    plan: BuildPlan,
    work: Path,
    target: Target,
    programs: Sequence[BuiltProgram],
    licenses: BundledLicenses,
    started: float,
) -> BuiltWheel:
    options = plan.options
    facts = [program.facts for program in programs]
    tags = platform_tags_for(facts, target)
    path = work / options.file_name(tags)
    binaries = {program.command: program.data for program in programs}
    files = entries.wheel_entries(options, licenses, target, tags, binaries)
    releases = dict.fromkeys(p.release_file for p in programs if p.release_file)
    provenance = {
        "release-file": ", ".join(file.name for file in releases),
        "release-file-sha256": ", ".join(file.sha256 for file in releases),
        "release-checksums": ", ".join(sorted({file.checksums for file in releases} - {""})),
    }
    files += sbom_entries(options, licenses, facts, target, provenance)
    write_wheel(path, files, options.detected.epoch)
    data = path.read_bytes()
    return BuiltWheel(
        path=options.output_dir / path.name,
        target=target.name,
        tags=tags,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        binary_size=sum(map(len, binaries.values())),
        go_version=facts[0].go.version if facts[0].go else "unknown",
        seconds=time.monotonic() - started,
    )


def _collect_failures(results: Sequence[JobResult]) -> dict[str, GoToWheelError]:
    """Each failed target's error; all fail if the programs record different commits or Gos."""
    names = ("vcs.revision", "vcs.time", "vcs.modified")
    builds = {
        tuple((facts.go and facts.go.version, *map(facts.setting, names)) for facts in result.facts)
        for result in results
        if result.facts
    }
    changed = BinaryError(
        "the source changed during the build: the programs record different commits or states",
        "build again",
    )
    return {
        target.name: error
        for result in results
        if (error := result.error or (changed if len(builds) > 1 else None))
        for target in result.targets
    }


def _check_wheels(
    files: Sequence[Path], targets: Sequence[str], options: BuildOptions
) -> list[str]:
    """Check the wheels as `go-to-wheel check` does; return its warnings as notes.

    Slow `twine check` runs only for a reStructuredText README. Raises WheelError for errors.
    """
    kind = media_type(options.metadata.get("description_content_type", ""))
    report = check_wheels(files, expect=targets, twine=kind == "text/x-rst")
    local = ("platform-tag",) if any(target.tag for target in options.targets) else ()
    tolerated = (*_TOLERATED_CODES, *local)
    fatal = [finding for finding in report.errors if not finding.code.startswith(tolerated)]
    if fatal:
        lines = [f"{finding.wheel}: {finding.message} ({finding.code})" for finding in fatal]
        raise WheelError("\n".join(lines), "\n".join(finding.hint for finding in fatal))
    texts: dict[str, list[str]] = {}
    for finding in report.findings:
        text = f"{finding.message}; {finding.hint}" if finding.hint else finding.message
        texts.setdefault(text, []).append(finding.wheel)
    return [
        f"{message} ({names[0] if len(names) == 1 else f'{len(names)} wheels'})"
        for message, names in texts.items()
    ]

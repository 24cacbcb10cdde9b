"""A plan -> finished wheels in the output folder, or nothing; or an editable wheel (PEP 660).

Threads: `run_build` starts two pools and waits for all their jobs before it returns or
raises. One compiles, a job for each distinct program; the other, a single thread, lists what
is linked in and recognises its licences meanwhile. On an interrupt the child processes are
stopped first.
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
from dataclasses import dataclass, replace
from pathlib import Path

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.macho import join_images
from go_to_wheel.binary.match import Linkage, inspect_program, tags_for
from go_to_wheel.builder.linked import Linked, linked_notes, list_targets
from go_to_wheel.builder.plan import BuildPlan
from go_to_wheel.builder.publish import check_folder, publish, replaced_files
from go_to_wheel.builder.version_var import unread_variables
from go_to_wheel.check.run import check_wheels
from go_to_wheel.config.options import BuildOptions
from go_to_wheel.config.pyproject import Project
from go_to_wheel.errors import (
    BinaryError,
    BuildFailedError,
    GoToWheelError,
    OutputError,
    ToolchainError,
    WheelError,
)
from go_to_wheel.golang.command import Go
from go_to_wheel.licenses import BundledLicenses
from go_to_wheel.naming import wheel_file_name
from go_to_wheel.platforms import Target
from go_to_wheel.process import usable_cpus, wait_for
from go_to_wheel.sources.prebuilt import Origin
from go_to_wheel.wheel.archive import Entry, encoder_note, write_wheel
from go_to_wheel.wheel.entries import (
    data_entries,
    info_entries,
    launcher_files,
    sbom_entries,
    wheel_entries,
)

#: Errors of the check that stop no build: an index other than PyPI may take a large wheel,
#: who asks for linux-amd64 and linux-amd64-musl gets both, and a build must not depend on
#: whether twine is there.
_LEFT_TO_THE_USER = ("zip-too-large", "set-duplicate", "twine")
#: Where an editable install keeps its programs, in the project.
PROGRAM_FOLDER = ".go-to-wheel"


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
class Program:
    """The finished program of one command: its bytes and what was read from them.

    `origin` is the release's file that it is from.
    """

    command: str
    data: bytes
    facts: BinaryFacts
    origin: Origin | None = None


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
        if failures and (not wheels or not options.request.keep_going):
            raise BuildFailedError(failures)
        order = [target.name for target in options.targets]
        wheels.sort(key=lambda wheel: order.index(wheel.target))
        findings = _check(wheels, options)
        paths = publish([wheel.path for wheel in wheels], options.output_dir)
    published = [replace(wheel, path=path) for wheel, path in zip(wheels, paths, strict=True)]
    about = linked_notes([outcome.linked for outcome in outcomes if outcome.linked])
    notes = [*options.notes, *about, *findings, *filter(None, [encoder_note()])]
    return BuildReport(tuple(published), failures, tuple(notes))


def _run_jobs(plan: BuildPlan, work: Path, on_event: EventSink) -> list[Outcome]:
    """Every job's outcome. Unexpected exceptions stop everything and rise."""
    groups: dict[object, list[Target]] = {}
    for target in plan.options.targets:
        groups.setdefault(plan.compile_key(target), []).append(target)
    shares = share_processors(usable_cpus(), len(groups), plan.jobs)

    def run(
        index: int, targets: Sequence[Target], share: float | None, linked: Future[Linked]
    ) -> Outcome:
        """One compile, and a wheel for each target that shares it."""
        started = time.monotonic()

        def announce(stage: str) -> None:
            for target in targets:
                on_event(Event(target.name, stage))

        try:
            announce("compile")
            programs = make_programs(plan, targets[0], work / f"{index}", share)
            licenses = linked.result().licenses
            announce("pack")
            wheels = [_pack(plan, work, each, programs, licenses, started) for each in targets]
            announce("done")
            return Outcome(targets, wheels, tuple(p.facts for p in programs), linked.result())
        except (GoToWheelError, OSError) as error:
            announce("failed")
            return Outcome(targets, error=_explain(error, linked))

    with ThreadPoolExecutor(1) as lister, ThreadPoolExecutor(plan.jobs) as compilers:
        try:
            futures = []
            for index, (group, share) in enumerate(zip(groups.values(), shares, strict=True)):
                linked = lister.submit(list_targets, plan, group[:1])
                futures.append(compilers.submit(run, index, group, share, linked))
            wait_for(futures)
            return [future.result() for future in futures]
        except BaseException:
            plan.runner.stop()
            compilers.shutdown(cancel_futures=True)
            lister.shutdown(cancel_futures=True)
            raise


def make_programs(
    plan: BuildPlan, target: Target, work: Path, processors: float | None = None
) -> list[Program]:
    """Every command's program for a target, in the options' order.

    `processors` is this compile's share where several run at once. Raises ToolchainError in
    Go's own words, BinaryError for a program that can't be shipped.
    """
    work.mkdir(exist_ok=True)
    programs = []
    for index, command in enumerate(plan.options.commands):
        if plan.go is None:
            binary = plan.prebuilt[target.name, index]
            programs.append(Program(command, binary.load(), binary.facts, binary.origin))
            continue
        output = work / f"program{index}{target.exe_suffix}"
        root, package = plan.source.root, plan.source.packages[index]
        images = []
        for part in target.slices:
            go = plan.go.with_tags(plan.options.request.tags_for(part))
            go.compile(root, package, part, output, plan.options.ldflags_for(part), processors)
            images.append(output.read_bytes())
            output.unlink()
        data = images[0] if len(images) == 1 else join_images(images)
        private = _private_paths(plan, plan.go, index, work)
        zig = plan.go.c_compiler(target.slices[0])
        c: Linkage = "no C" if zig is None else "glibc" if zig.glibc else "static"
        facts = inspect_program(io.BytesIO(data), target, private=private, c=c)
        programs.append(Program(command, data, facts))
    flags, variables = plan.options.ldflags_for(target), plan.options.variables_for(target)
    faults = unread_variables(flags, variables, [program.data for program in programs])
    if faults and plan.go is not None:
        raise BinaryError("\n".join(faults))
    return programs


def _private_paths(plan: BuildPlan, go: Go, index: int, work: Path) -> list[bytes]:
    """Paths that only this machine has; with -trimpath none may be in a binary."""
    package = plan.found.packages[index]
    sources = [str(Path(package.folder) / name) for name in package.go_files]
    folders = [*go.source_folders, work, *([go.zig.folder, go.zig.sdk] if go.zig else [])]
    return [path.encode() for path in sources + [f"{f}{os.sep}" for f in folders if f]]


@contextmanager
def temporary_folder(source: Path | None = None) -> Iterator[Path]:
    """A temporary directory outside the source, removed at the end.

    If it has to be inside a checkout after all, git ignores it.
    """
    place = None
    usual = Path(tempfile.gettempdir()).resolve()
    if source and usual.is_relative_to(source.resolve()):
        candidates = ["/tmp", "/var/tmp", str(source.resolve().parent)]  # noqa: S108
        writable = (path for path in candidates if os.access(path, os.W_OK | os.X_OK))
        place = next((path for path in writable if not Path(path).is_relative_to(source)), None)
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-", dir=place) as folder:
        work = Path(folder)
        (work / ".gitignore").write_text("*\n")
        yield work


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
    hint = f"{', '.join(packages)} needs cgo: compile its C: go-to-wheel --cgo …\n"
    pure = "or find a package in pure Go"
    return ToolchainError(error.message, hint + pure) if packages else error


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
    path = work / wheel_file_name(options.project["name"], options.project["version"], tags)
    binaries = {program.command: program.data for program in programs}
    entries = wheel_entries(options, licenses, target, tags, binaries)
    origins = dict.fromkeys(program.origin for program in programs if program.origin)
    provenance = {
        "release-file": ", ".join(origin.file for origin in origins),
        "release-file-sha256": ", ".join(origin.sha256 for origin in origins),
        "release-checksums": ", ".join(sorted({origin.listed for origin in origins} - {""})),
    }
    entries += sbom_entries(options, licenses, facts, target, provenance)
    write_wheel(path, entries, options.detected.epoch)
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


def _failures(outcomes: Sequence[Outcome]) -> dict[str, GoToWheelError]:
    """Each failed target's error: all programs must come from one commit, by one Go."""
    names = ("vcs.revision", "vcs.time", "vcs.modified")
    stamps = {
        tuple((seen.go and seen.go.version, *map(seen.setting, names)) for seen in outcome.facts)
        for outcome in outcomes
        if outcome.facts
    }
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


def _check(wheels: Sequence[BuiltWheel], options: BuildOptions) -> list[str]:
    """The verdict of `go-to-wheel check` on the wheels: its warnings, as notes.

    twine's own part, which takes longer than a compile, is left out unless there is a
    reStructuredText README for it to render. Raises WheelError for errors.
    """
    report = check_wheels(
        [wheel.path for wheel in wheels],
        expect=[wheel.target for wheel in wheels],
        twine=options.project.get("description_content_type") == "text/x-rst",
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


def build_editable(plan: BuildPlan, project: Project) -> Path:
    """Compile into the project, write the editable wheel, return its path.

    The wheel holds the launcher with the program's absolute path; `go build -o` to that path
    is all it takes to try a change. A mixed project's package is imported from its own
    folder, which gets the launcher as a subfolder that ignores itself.
    """
    options, target = plan.options, plan.options.targets[0]
    with temporary_folder() as work:
        programs = make_programs(plan, target, work / "build")
        folder, suffix = project.folder / PROGRAM_FOLDER, target.exe_suffix
        paths = {folder / f"{program.command}{suffix}": program for program in programs}
        _write_files(folder, {path: program.data for path, program in paths.items()}, 0o755)
        tags = tags_for([program.facts for program in programs], target)
        places = {program.command: str(path) for path, program in paths.items()}
        entries = _editable_entries(plan, project, places, tags)
        path = work / wheel_file_name(options.project["name"], options.project["version"], tags)
        write_wheel(path, entries, options.detected.epoch)
        return publish([path], options.output_dir)[0]


def _editable_entries(
    plan: BuildPlan, project: Project, places: Mapping[str, str], tags: tuple[str, ...]
) -> list[Entry]:
    options = plan.options
    licenses = list_targets(plan, options.targets[:1]).licenses
    launcher = launcher_files(options, options.targets[0], places)
    entries = info_entries(options, licenses, tags, scripts=True) + data_entries(options)
    source = project.settings.python_source
    if source is not None:
        folder = (project.folder / source).resolve()
        pth = f"_{options.package}.pth"
        entries.append(Entry(pth, f"{folder}\n".encode()))
        if options.nested_launcher:
            files = {folder / entry.path: entry.data for entry in launcher}
            _write_files(next(iter(files)).parent, files, 0o644)
            return entries
    return [*launcher, *entries]


def _write_files(folder: Path, files: Mapping[Path, bytes], mode: int) -> None:
    """Write files to a folder that ignores itself."""
    hint = "an editable install keeps its program there"
    with replaced_files({folder / ".gitignore": b"*\n"}, hint), replaced_files(files, hint, mode):
        pass

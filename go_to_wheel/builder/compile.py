"""A plan's programs for one target: compiled or prebuilt, and inspected either way."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.macho import join_images
from go_to_wheel.binary.match import Linkage, inspect_program
from go_to_wheel.builder.plan import BuildPlan
from go_to_wheel.builder.version_var import unread_variables
from go_to_wheel.errors import BinaryError
from go_to_wheel.golang.command import Go
from go_to_wheel.platforms import Target
from go_to_wheel.sources.prebuilt import Origin


@dataclass(frozen=True)
class Program:
    """The finished program of one command: its bytes and what was read from them.

    `origin` is the release's file that it is from.
    """

    command: str
    data: bytes
    facts: BinaryFacts
    origin: Origin | None = None


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

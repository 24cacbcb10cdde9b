"""Builds a project's source archive, with every file that Go needs to build it elsewhere."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

from go_to_wheel.builder.detect import PKG_INFO
from go_to_wheel.builder.plan import BuildPlan, prepare_build
from go_to_wheel.builder.publish import publish
from go_to_wheel.config.pyproject import BACKEND, FILE_NAME, Project, read_project
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import SourceError
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import list_local_replacements, list_sources
from go_to_wheel.platforms import TARGETS
from go_to_wheel.process import Host, quote_path
from go_to_wheel.sources.files import FILE_LIMIT, open_file, read_up_to, require_printable_name
from go_to_wheel.sources.git import Git, guard_git
from go_to_wheel.sources.listing import find_data_files, format_secret_note, list_sdist_files
from go_to_wheel.wheel.archive import Entry, write_sdist
from go_to_wheel.wheel.entries import format_metadata

#: One target of each system, because Go compiles other files for each.
_SYSTEMS = tuple({target.goos: target for target in TARGETS}.values())
#: In bytes, of all files together.
_TOTAL_LIMIT = 1 << 30


def build_sdist(
    request: BuildRequest, host: Host, vendor: bool | None = None
) -> tuple[Path, tuple[str, ...]]:
    """Write the source archive of the project in `request.source`; return its path, and notes.

    `vendor` includes the dependencies, so that it builds without a module proxy; None takes
    pyproject.toml's setting. Raises SourceError for a project that can't be built elsewhere.
    """
    folder = Path(request.source).resolve()
    project = read_project(folder)
    if project is None or not project.uses_our_backend:
        raise SourceError(
            f"{request.source} has no {FILE_NAME} with build-backend = {BACKEND!r}: its source "
            "archive could not be installed",
            f"see what to write: go-to-wheel init --print {quote_path(request.source)}",
        )
    # the archive has none of the linked modules' licences, and no binary
    request = replace(request, dependency_licenses=False, compiles=False, stamp=False)
    plan = prepare_build(request, host)
    settings = project.settings
    git = Git(folder, guard_git(folder, host))
    names, secret = list_sdist_files(folder, git, settings.sdist_include, settings.sdist_exclude)
    paths = [folder / name for name in names]
    files = collect_entries(plan, project, paths, settings.vendor if vendor is None else vendor)
    name = plan.options.stem
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as work:
        path = Path(work) / f"{name}.tar.gz"
        write_sdist(path, name, files.values(), plan.options.detected.epoch)
        (path,) = publish([path], plan.options.output_dir)
    if left_out := sorted(secret - files.keys() - {*plan.options.detected.secret_files}):
        return path, (*plan.options.notes, format_secret_note(left_out))
    return path, plan.options.notes


def collect_entries(
    plan: BuildPlan, project: Project, paths: Iterable[Path], vendor: bool
) -> dict[str, Entry]:
    """Read the archive's files: the project's `paths`, PKG-INFO, licences of the repository."""
    source, go, root = plan.source, plan.go, project.folder
    if go is None or not source.root.is_relative_to(root):
        raise SourceError(
            f"the go.mod is above {root}: a source archive of that folder could not be built",
            f"move {FILE_NAME} beside the go.mod; [tool.go-to-wheel] package names the command",
        )
    files = _read_entries(_list_paths(plan, project, go, paths), root)
    if vendor:
        vendor_path = (source.root / "vendor").relative_to(root).as_posix()
        with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as work:
            folder = Path(work) / "vendor"
            go.query(["mod", "vendor", "-o", str(folder)], source.root)
            files |= _read_entries(folder.rglob("*"), folder, f"{vendor_path}/")
    elif outside := [
        f"{module} => {path}"
        for module, path in list_local_replacements(go, source.root)
        if not (source.root / path).resolve().is_relative_to(root)
    ]:
        raise SourceError(
            f"go.mod replaces modules by folders that the source archive won't have: "
            f"{', '.join(outside)}",
            "make an archive with its dependencies inside: vendor = true in "
            "[tool.go-to-wheel], or go-to-wheel sdist --vendor",
        )
    # a repository's LICENSE may be above the project
    for name, data in plan.options.detected.files.licenses:
        files.setdefault(name, Entry(name, data))
    # dynamic, because in a wheel they include the linked modules' licences
    dynamic = ["license-expression", "license-file"]
    metadata = format_metadata({**plan.options.metadata, "dynamic": dynamic})
    return {**files, PKG_INFO: Entry(PKG_INFO, metadata)}


def _read_entries(paths: Iterable[Path], root: Path, prefix: str = "") -> dict[str, Entry]:
    files: dict[str, Entry] = {}
    total = 0
    for path in sorted(paths, key=attrgetter("parts")):
        if path.is_relative_to(root) and path.exists() and not path.is_dir():
            name = f"{prefix}{path.relative_to(root).as_posix()}"
            require_printable_name(name)
            with open_file(path, root) as stream:
                data = read_up_to(stream, FILE_LIMIT)
                executable = bool(os.fstat(stream.fileno()).st_mode & 0o100)
            files[name] = Entry(name, data, executable)
            total += len(data)
            if total > _TOTAL_LIMIT:
                raise SourceError(
                    f"the files of {str(root)!r} have more than {_TOTAL_LIMIT:,} bytes",
                    "leave some out: sdist-exclude = ['/data/'] in [tool.go-to-wheel]",
                )
    return files


def _list_paths(plan: BuildPlan, project: Project, go: Go, listed: Iterable[Path]) -> set[Path]:
    """Every path for the archive; some may not exist.

    Files that the wheel is built from are included even if they are ignored, excluded or hidden.
    """
    root, source = project.folder, plan.source
    needed = list_sources(go, source.root, _SYSTEMS) | {root / FILE_NAME}
    python = root / (project.settings.python_source or "")
    needed |= {python / name for name, _ in plan.options.detected.python_files}
    needed |= set(find_data_files(root, project.settings.data_files).values())
    if project.readme_file is not None:
        readme = Path(os.path.abspath(project.readme_file))
        if not readme.is_relative_to(root):
            raise SourceError(
                f"{FILE_NAME}: the readme {str(readme)!r} is outside {str(root)!r}: the source "
                "archive would not have it, and could not be built",
                "put a README, or a link to that one, beside pyproject.toml",
            )
        needed.add(readme)
    if (source.root / "vendor" / "modules.txt").is_file():
        needed.update((source.root / "vendor").rglob("*"))
    output = plan.options.output_dir.resolve()
    outputs = {path for path in listed if root in output.parents and output in path.parents}
    outputs.add(output / f"{plan.options.stem}.tar.gz")
    return {*listed, source.root / "go.mod", source.root / "go.sum"} - outputs | needed

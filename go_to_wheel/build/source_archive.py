"""A project -> its source archive: everything that Go needs to build it elsewhere."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from go_to_wheel.build.look import PKG_INFO
from go_to_wheel.build.plan import BuildPlan, plan_build
from go_to_wheel.build.publish import publish
from go_to_wheel.config import BuildRequest, Project, read_project
from go_to_wheel.config.pyproject import BACKEND, FILE_NAME
from go_to_wheel.errors import SourceError
from go_to_wheel.metadata import ProjectMetadata, format_metadata
from go_to_wheel.sdist import sdist_name, write_sdist
from go_to_wheel.source import LAUNCHER_FOLDER, ModuleSource
from go_to_wheel.toolchain import Go, Runner

#: Folders that builds leave behind.
_LEFTOVERS = frozenset(("__pycache__", LAUNCHER_FOLDER, "dist", "build", "node_modules"))
_LEFTOVER_SUFFIXES = frozenset((".pyc", ".pyo", ".whl", ".egg-info"))


@dataclass(frozen=True)
class SourceFile:
    """A file of the archive: where it goes, and what is in it."""

    path: str
    data: bytes
    executable: bool = False


def build_sdist(
    request: BuildRequest, runner: Runner, environ: Mapping[str, str], vendor: bool | None = None
) -> Path:
    """Write the source archive of the project in `request.source`; return its path.

    `vendor` puts the dependencies in, so that it builds without a module proxy; None means
    as pyproject.toml says. Raises SourceError for what could not be built elsewhere.
    """
    folder = Path(request.source).resolve()
    project = read_project(folder)
    if project is None or not project.ours:
        raise SourceError(
            f"{request.source} has no {FILE_NAME} with build-backend = {BACKEND!r}: nobody could "
            "install its source archive",
            f'add: [build-system] requires = ["go-to-wheel>=1.0"], build-backend = "{BACKEND}"',
        )
    plan = plan_build(request, runner, environ)
    files = collect(plan, project, project.settings.vendor if vendor is None else vendor)
    stem = sdist_name(plan.options.project.name, plan.options.project.version)
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as work:
        path = Path(work) / f"{stem}.tar.gz"
        entries = ((file.path, file.data, file.executable) for file in files.values())
        write_sdist(path, stem, entries, plan.options.epoch)
        return publish([path], plan.options.output_dir)[0]


def collect(plan: BuildPlan, project: Project, vendor: bool) -> dict[str, SourceFile]:
    """The archive's files by path: the project's own, PKG-INFO, licences from above it."""
    source, go, root = plan.source, plan.go, project.folder
    if not isinstance(source, ModuleSource) or go is None or not source.root.is_relative_to(root):
        raise SourceError(
            f"the go.mod is above {root}: a source archive of that folder could not be built",
            f"move {FILE_NAME} beside the go.mod; [tool.go-to-wheel] package names the command",
        )
    if not vendor:
        _refuse_local_replacements(go, source, root)
    paths = {*_own_files(root, plan.runner), *_needed_files(go, source, plan)}
    files = {
        path.relative_to(root).as_posix(): _read(path, root)
        for path in sorted(paths)
        if path.is_relative_to(root) and path.is_file()
    }
    if vendor:
        files.update(_vendored(go, source, root))
    for name, data in plan.options.licenses:  # a repository's LICENSE lies above its modules
        files.setdefault(name, SourceFile(name, data))
    files[PKG_INFO] = SourceFile(PKG_INFO, format_metadata(_unsettled(plan.options.project)))
    return files


def _unsettled(project: ProjectMetadata) -> ProjectMetadata:
    """A wheel also carries the licences of what is linked in: these fields may differ there."""
    return replace(project, dynamic=("license-expression", "license-file"))


def _own_files(root: Path, runner: Runner) -> Iterator[Path]:
    """What git tracks or would track, else every file that is no leftover or hidden."""
    try:
        listed = runner.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], root
        )
        names = listed.stdout.split("\0") if listed.returncode == 0 else None
    except OSError:
        names = None
    if names is None or not any(names):
        yield from _walk(root)
    else:
        paths = (Path(name) for name in names if name)
        yield from (root / path for path in paths if not any(map(_is_leftover, path.parts)))
    if (root / "vendor" / "modules.txt").is_file():
        yield from (path for path in (root / "vendor").rglob("*") if path.is_file())


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if _is_leftover(entry.name) or (entry / "pyvenv.cfg").is_file():
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
        elif entry.is_file():
            yield entry


def _is_leftover(name: str) -> bool:
    hidden = name.startswith(".")
    return hidden or name in _LEFTOVERS or Path(name).suffix in _LEFTOVER_SUFFIXES


def _needed_files(go: Go, source: ModuleSource, plan: BuildPlan) -> set[Path]:
    """What Go compiles or embeds even if it is ignored or hidden, and the module's files."""
    found = go.list_sources(source.root, plan.options.targets[0])
    return {*found, source.root / "go.mod", source.root / "go.sum"}


def _read(path: Path, root: Path) -> SourceFile:
    try:
        data = path.read_bytes()
        executable = os.access(path, os.X_OK) and bool(path.stat().st_mode & 0o100)
    except OSError as error:
        raise SourceError(f"can't read {path}: {error.strerror}") from None
    return SourceFile(path.relative_to(root).as_posix(), data, executable)


def _refuse_local_replacements(go: Go, source: ModuleSource, root: Path) -> None:
    outside = [
        f"{module} => {path}"
        for module, path in go.list_local_replacements(source.root)
        if not (source.root / path).resolve().is_relative_to(root)
    ]
    if outside:
        raise SourceError(
            f"go.mod replaces modules by folders that the source archive won't have: "
            f"{', '.join(outside)}",
            "make an archive with its dependencies inside: vendor = true in "
            "[tool.go-to-wheel], or go-to-wheel sdist --vendor",
        )


def _vendored(go: Go, source: ModuleSource, root: Path) -> dict[str, SourceFile]:
    """`go mod vendor`'s folder, made elsewhere."""
    place = (source.root / "vendor").relative_to(root).as_posix()
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as work:
        made = Path(work) / "vendor"
        go.vendor(source.root, made)
        files = [path for path in sorted(made.rglob("*")) if path.is_file()]
        if not files:
            return {}  # the module needs no others
        read = (_read(path, made) for path in files)
        return {
            f"{place}/{file.path}": SourceFile(f"{place}/{file.path}", file.data, file.executable)
            for file in read
        }

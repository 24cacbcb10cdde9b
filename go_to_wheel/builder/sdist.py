"""A project -> its source archive: everything that Go needs to build it elsewhere."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from go_to_wheel.builder.look import PKG_INFO
from go_to_wheel.builder.plan import BuildPlan, check_plan, plan_build
from go_to_wheel.builder.publish import publish
from go_to_wheel.config import BuildRequest, Project, read_project
from go_to_wheel.config.metadata import ProjectMetadata
from go_to_wheel.config.pyproject import BACKEND, FILE_NAME
from go_to_wheel.errors import SourceError
from go_to_wheel.platforms import TARGETS
from go_to_wheel.process import Runner
from go_to_wheel.sources import LAUNCHER_FOLDER, ModuleSource, open_file, refuse_odd_name
from go_to_wheel.toolchain import Go
from go_to_wheel.wheel.metadata import format_metadata
from go_to_wheel.wheel.sdist import sdist_name, write_sdist

#: Folders that builds leave behind.
_LEFTOVERS = frozenset(("__pycache__", LAUNCHER_FOLDER, "dist", "build", "node_modules"))
_LEFTOVER_SUFFIXES = frozenset((".pyc", ".pyo", ".whl", ".egg-info"))
#: One target of each system: which files Go takes depends on it.
_SYSTEMS = tuple({target.goos: target for target in TARGETS}.values())


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
    # The licences of what is linked in are the wheel's: none of the archive's files.
    plan = check_plan(plan_build(replace(request, dependency_licenses=False), runner, environ))
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
    files = {
        path.relative_to(root).as_posix(): _read(path, root)
        for path in sorted(_paths(plan, project, go, source))
        if path.is_relative_to(root) and path.exists() and not path.is_dir()
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


def _paths(plan: BuildPlan, project: Project, go: Go, source: ModuleSource) -> set[Path]:
    """Every path that belongs in the archive; some may not be there.

    What Go compiles or embeds, the Python files and the README come along even if they are
    ignored or hidden: the wheel is made from them.
    """
    root = project.folder
    made = _is_made_by_us(root, plan)
    own = {path for path in _own_files(root, plan.runner) if not made(path)}
    needed = go.list_sources(source.root, _SYSTEMS)
    if project.settings.python_source is not None:
        python = root / project.settings.python_source
        needed |= {python / name for name, _ in plan.options.python_files}
    if project.readme_file is not None:
        needed.add(_readme_path(root, project.readme_file))
    return {*own, *needed, source.root / "go.mod", source.root / "go.sum"}


def _is_made_by_us(root: Path, plan: BuildPlan) -> Callable[[Path], bool]:
    """Tells what earlier builds left in the output folder, or this archive of old."""
    output, project = plan.options.output_dir.resolve(), plan.options.project
    own_folder = output != root and output.is_relative_to(root)
    archive = output / f"{sdist_name(project.name, project.version)}.tar.gz"
    return lambda path: path == archive or (own_folder and path.is_relative_to(output))


def _readme_path(root: Path, readme: Path) -> Path:
    path = Path(os.path.abspath(readme))
    if not path.is_relative_to(root):
        raise SourceError(
            f"{FILE_NAME}: the readme {str(path)!r} is outside {str(root)!r}: the source archive "
            "would not have it, and could not be built",
            "put a README, or a link to that one, beside pyproject.toml",
        )
    return path


def _own_files(root: Path, runner: Runner) -> Iterator[Path]:
    """What git tracks or would track, else every file that is no leftover; none is hidden."""
    tracked = _ask_git(root, runner, "--cached", "--recurse-submodules")
    untracked = _ask_git(root, runner, "--others", "--exclude-standard")
    if tracked or untracked:
        yield from (root / path for path in tracked if not any(map(_is_hidden, path.parts)))
        yield from (root / path for path in untracked if not any(map(_is_leftover, path.parts)))
    else:
        yield from _walk(root)
    if (root / "vendor" / "modules.txt").is_file():
        yield from (path for path in (root / "vendor").rglob("*") if path.is_file())


def _ask_git(root: Path, runner: Runner, *which: str) -> list[Path]:
    """`git ls-files`; [] without git or checkout."""
    try:
        listed = runner.run(["git", "ls-files", "-z", *which], root)
    except OSError:
        return []
    names = listed.stdout.split("\0") if listed.returncode == 0 else []
    return [Path(name) for name in names if name]


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if _is_leftover(entry.name) or (entry / "pyvenv.cfg").is_file():
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
        elif entry.exists():
            yield entry


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _is_leftover(name: str) -> bool:
    return _is_hidden(name) or name in _LEFTOVERS or Path(name).suffix in _LEFTOVER_SUFFIXES


def _read(path: Path, root: Path) -> SourceFile:
    refuse_odd_name(path.relative_to(root).as_posix())
    with open_file(path, root) as stream:
        data = stream.read()
        executable = bool(os.fstat(stream.fileno()).st_mode & 0o100)
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

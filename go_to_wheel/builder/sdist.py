"""A project -> its source archive: everything that Go needs to build it elsewhere."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from go_to_wheel.builder.identity import PKG_INFO
from go_to_wheel.builder.plan import BuildPlan, plan_build
from go_to_wheel.builder.publish import publish
from go_to_wheel.config.metadata import ProjectMetadata
from go_to_wheel.config.pyproject import BACKEND, FILE_NAME, Project, read_project
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.errors import SourceError
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import list_local_replacements, list_sources
from go_to_wheel.platforms import TARGETS
from go_to_wheel.process import Runner
from go_to_wheel.sources.files import FILE_LIMIT, open_file, refuse_odd_name
from go_to_wheel.sources.git import Git, guard_git
from go_to_wheel.sources.listing import list_files
from go_to_wheel.sources.module import ModuleSource
from go_to_wheel.wheel.metadata import format_metadata
from go_to_wheel.wheel.sdist import sdist_name, write_sdist

#: One target of each system: which files Go takes depends on it.
_SYSTEMS = tuple({target.goos: target for target in TARGETS}.values())


#: Bytes of all files together.
_TOTAL_LIMIT = 1 << 30


@dataclass(frozen=True)
class Sdist:
    """A finished source archive, and what the user should know about it."""

    path: Path
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SourceFile:
    """A file of the archive: where it goes, and what is in it."""

    path: str
    data: bytes
    executable: bool = False


def build_sdist(
    request: BuildRequest, runner: Runner, environ: Mapping[str, str], vendor: bool | None = None
) -> Sdist:
    """Write the source archive of the project in `request.source`.

    `vendor` puts the dependencies in, so that it builds without a module proxy; None takes
    pyproject.toml's setting. Raises SourceError for what could not be built elsewhere.
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
    plan = plan_build(replace(request, dependency_licenses=False), runner, environ)
    settings = project.settings
    git = Git(folder, runner, guard_git(folder, runner, environ))
    own = list_files(folder, git, settings.sdist_include, settings.sdist_exclude)
    files = collect(plan, project, own.paths, settings.vendor if vendor is None else vendor)
    stem = sdist_name(plan.options.project.name, plan.options.project.version)
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as work:
        path = Path(work) / f"{stem}.tar.gz"
        entries = ((file.path, file.data, file.executable) for file in files.values())
        write_sdist(path, stem, entries, plan.options.epoch)
        (path,) = publish([path], plan.options.output_dir)
    left_out = [name.as_posix() for name in own.secret if name.as_posix() not in files]
    return Sdist(path, (*plan.options.notes, *_secret_note(left_out)))


def _secret_note(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    return (
        f"left out, as their names are those of keys or passwords: {', '.join(names)} "
        "(to add one: sdist-include in [tool.go-to-wheel])",
    )


def collect(
    plan: BuildPlan, project: Project, own: Iterable[Path], vendor: bool
) -> dict[str, SourceFile]:
    """The archive's files by path: the project's `own`, PKG-INFO, licences from above it."""
    source, go, root = plan.source, plan.go, project.folder
    if go is None or not source.root.is_relative_to(root):
        raise SourceError(
            f"the go.mod is above {root}: a source archive of that folder could not be built",
            f"move {FILE_NAME} beside the go.mod; [tool.go-to-wheel] package names the command",
        )
    if not vendor:
        _refuse_local_replacements(go, source, root)
    files = _read_all(sorted(_paths(plan, project, go, source, own)), root)
    if vendor:
        files.update(_vendored(go, source, root))
    for name, data in plan.options.licenses:  # a repository's LICENSE lies above its modules
        files.setdefault(name, SourceFile(name, data))
    files[PKG_INFO] = SourceFile(PKG_INFO, format_metadata(_unsettled(plan.options.project)))
    return files


def _read_all(paths: Iterable[Path], root: Path) -> dict[str, SourceFile]:
    files: dict[str, SourceFile] = {}
    total = 0
    for path in paths:
        if path.is_relative_to(root) and path.exists() and not path.is_dir():
            file = _read(path, root)
            files[file.path] = file
            total += len(file.data)
            if total > _TOTAL_LIMIT:
                raise SourceError(
                    f"the files of {str(root)!r} have more than {_TOTAL_LIMIT:,} bytes",
                    "leave some out: sdist-exclude = ['/data/'] in [tool.go-to-wheel]",
                )
    return files


def _unsettled(project: ProjectMetadata) -> ProjectMetadata:
    """A wheel also has the licences of what is linked in: these fields may differ there."""
    return replace(project, dynamic=("license-expression", "license-file"))


def _paths(
    plan: BuildPlan, project: Project, go: Go, source: ModuleSource, own: Iterable[Path]
) -> set[Path]:
    """Every path that belongs in the archive; some may not be there.

    What Go compiles or embeds, the Python files and the README are in even if they are
    ignored, excluded or hidden: the wheel is built from them.
    """
    root = project.folder
    made = _is_made_by_us(root, plan)
    needed = list_sources(go, source.root, _SYSTEMS)
    if project.settings.python_source is not None:
        python = root / project.settings.python_source
        needed |= {python / name for name, _ in plan.options.python_files}
    if project.readme_file is not None:
        needed.add(_readme_path(root, project.readme_file))
    if (root / "vendor" / "modules.txt").is_file():
        needed |= {path for path in (root / "vendor").rglob("*") if path.is_file()}
    leftover = {path for path in own if made(path)}
    return {*own, source.root / "go.mod", source.root / "go.sum"} - leftover | needed


def _is_made_by_us(root: Path, plan: BuildPlan) -> Callable[[Path], bool]:
    """Whether a path is in the output folder of earlier builds, or this archive itself."""
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


def _read(path: Path, root: Path) -> SourceFile:
    refuse_odd_name(path.relative_to(root).as_posix())
    with open_file(path, root) as stream:
        data = stream.read(FILE_LIMIT)
        executable = bool(os.fstat(stream.fileno()).st_mode & 0o100)
    return SourceFile(path.relative_to(root).as_posix(), data, executable)


def _refuse_local_replacements(go: Go, source: ModuleSource, root: Path) -> None:
    outside = [
        f"{module} => {path}"
        for module, path in list_local_replacements(go, source.root)
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

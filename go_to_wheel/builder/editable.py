"""Editable installs (PEP 660): the program stays in the project, where it can be rebuilt.

The wheel holds the launcher with the program's absolute path; `go build -o` to that path is
all it takes to try a change. A mixed project's package is imported from its own folder,
which gets the launcher as a subfolder that ignores itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from go_to_wheel.binary.match import tags_for
from go_to_wheel.builder.compile import make_programs, temporary_folder
from go_to_wheel.builder.linked import list_targets
from go_to_wheel.builder.plan import BuildPlan
from go_to_wheel.builder.publish import publish, replaced_files
from go_to_wheel.config.pyproject import Project
from go_to_wheel.naming import distribution_name, wheel_file_name
from go_to_wheel.wheel.archive import Entry, write_wheel
from go_to_wheel.wheel.entries import data_entries, info_entries, launcher_files

#: Where an editable install keeps its programs, in the project.
PROGRAM_FOLDER = ".go-to-wheel"


def build_editable(plan: BuildPlan, project: Project) -> Path:
    """Compile into the project, write the editable wheel, return its path."""
    options, target = plan.options, plan.options.targets[0]
    with temporary_folder() as work:
        programs = make_programs(plan, target, work / "build")
        folder, suffix = project.folder / PROGRAM_FOLDER, target.exe_suffix
        paths = {folder / f"{program.command}{suffix}": program for program in programs}
        _write_files(folder, {path: program.data for path, program in paths.items()}, 0o755)
        tags = tags_for([program.facts for program in programs], target)
        places = {program.command: str(path) for path, program in paths.items()}
        entries = _entries(plan, project, places, tags)
        path = work / wheel_file_name(options.project.name, options.project.version, tags)
        write_wheel(path, entries, options.epoch)
        return publish([path], options.output_dir)[0]


def _entries(
    plan: BuildPlan, project: Project, places: Mapping[str, str], tags: tuple[str, ...]
) -> list[Entry]:
    options = plan.options
    licenses = list_targets(plan, options.targets[:1]).licenses
    launcher = launcher_files(options, options.targets[0], places)
    entries = info_entries(options, licenses, tags, scripts=True) + data_entries(options)
    source = project.settings.python_source
    if source is None:
        return [*launcher, *entries]
    folder = (project.folder / source).resolve()
    pth = f"_{distribution_name(options.project.name)}.pth"
    entries.append(Entry(pth, f"{folder}\n".encode()))
    if not options.nested_launcher:
        return [*launcher, *entries]
    files = {folder / entry.path: entry.data for entry in launcher}
    _write_files(next(iter(files)).parent, files, 0o644)
    return entries


def _write_files(folder: Path, files: Mapping[Path, bytes], mode: int) -> None:
    """Write files to a folder that ignores itself."""
    hint = "an editable install keeps its program there"
    with replaced_files({folder / ".gitignore": b"*\n"}, hint), replaced_files(files, hint, mode):
        pass

"""Builds an editable wheel (PEP 660), and the program in the project's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from go_to_wheel.binary.match import platform_tags_for
from go_to_wheel.builder.linked import inspect_linked
from go_to_wheel.builder.plan import BuildPlan
from go_to_wheel.builder.publish import publish, replaced_files
from go_to_wheel.builder.run import build_programs, temporary_folder
from go_to_wheel.config.pyproject import Project
from go_to_wheel.wheel import entries
from go_to_wheel.wheel.archive import Entry, write_wheel


def build_editable(plan: BuildPlan, project: Project) -> Path:
    """Compile into the project and write the editable wheel; return its path.

    The wheel has the launcher with the program's absolute path, so that `go build -o` to that
    path updates it. A project's Python package is imported from its own folder, to which the
    launcher is written as a subfolder with a .gitignore.
    """
    options, target = plan.options, plan.options.targets[0]
    with temporary_folder() as work:
        programs = build_programs(plan, target, work / "build")
        folder, suffix = project.folder / ".go-to-wheel", target.exe_suffix
        paths = {folder / f"{program.command}{suffix}": program for program in programs}
        _write_files(folder, {path: program.data for path, program in paths.items()}, 0o755)
        tags = platform_tags_for([program.facts for program in programs], target)
        program_paths = {program.command: str(path) for path, program in paths.items()}
        licenses = inspect_linked(plan, [target]).licenses
        launcher = entries.launcher_entries(options, target, program_paths)
        files = entries.dist_info_entries(options, licenses, tags, scripts=True)
        files += entries.data_entries(options)
        if (source := project.settings.python_source) is not None:
            folder = (project.folder / source).resolve()
            files.append(Entry(f"_{options.package}.pth", f"{folder}\n".encode()))
            if options.nested_launcher:
                nested = {folder / entry.path: entry.data for entry in launcher}
                _write_files(next(iter(nested)).parent, nested, 0o644)
                launcher = []
        path = work / options.file_name(tags)
        write_wheel(path, [*launcher, *files], options.detected.epoch)
        return publish([path], options.output_dir)[0]


def _write_files(folder: Path, files: Mapping[Path, bytes], mode: int) -> None:
    """Write files, and a .gitignore for all of them, to a folder."""
    hint = "an editable install stores its program there"
    with replaced_files({folder / ".gitignore": b"*\n"}, hint), replaced_files(files, hint, mode):
        pass

"""Prints a build's plan, progress and report."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from go_to_wheel.builder.linked import LinkedCode, format_linked_notes, inspect_linked
from go_to_wheel.builder.plan import BuildPlan, prepare_build
from go_to_wheel.builder.run import BuildReport, Event, run_build
from go_to_wheel.cli.messages import fail, format_size, make_host, note, printable
from go_to_wheel.config.request import BuildRequest

#: Keys of the plan that the text output shows separately.
_NOT_IN_TABLE = ("command", "notes", "origins", "platforms")


def run(request: BuildRequest, as_json: bool, verbose: bool) -> int:
    """Build, print the report, return the exit code."""
    with _status_line(disabled=verbose) as show:
        plan = prepare_build(request, make_host(verbose))
        stages: dict[str, str] = {}

        def count(event: Event) -> None:  # called from the build's threads
            stages[event.target] = "" if event.stage in ("done", "failed") else event.stage
            working = [f"{stage} {name}" for name, stage in list(stages.items()) if stage]
            finished, total = len(stages) - len(working), len(plan.options.targets)
            show(f"{finished}/{total} {', '.join(working)}")

        report = run_build(plan, count)
    if as_json:
        click.echo(json.dumps(format_report(plan, report), indent=2))
    else:
        click.echo(f"Built {len(report.wheels)} wheel(s):")
        for wheel in report.wheels:
            size, tags = format_size(wheel.size), " ".join(wheel.tags)
            click.echo(f"  {wheel.path}\n    {size:>8}  {wheel.seconds:5.1f} s  {tags}")
        note(*report.notes)
    for target, error in report.failures.items():
        fail(f"{target}: {error.message}", error.hint)
    return 1 if report.failures else 0


def print_plan(request: BuildRequest, as_json: bool, verbose: bool) -> None:
    """Print the plan of a build, each value with its source."""
    with _status_line(disabled=verbose):
        plan = prepare_build(request, make_host(verbose))
        described = format_plan(plan, inspect_linked(plan, plan.options.targets, strict=True))
    if as_json:
        click.echo(json.dumps(described, indent=2))
        return
    origins, width = described["origins"], max(map(len, described))
    for key, value in described.items():
        if key in _NOT_IN_TABLE or not value:
            continue
        shown = ", ".join(value) if isinstance(value, list) else value
        origin = f"  [{origins[key]}]" if key in origins else ""
        click.echo(printable(f"{key:<{width}}  {shown}{origin}"))
    click.echo(f"\nplatforms  [{origins['platforms']}]")
    for row in described["platforms"]:
        differences = [row["ldflags"]] if row["ldflags"] != described["ldflags"] else []
        differences += row["build_tags"] if row["build_tags"] != described["tags"] else []
        shown = f"  [{', '.join(differences)}]" if differences else ""
        click.echo(f"  {row['target']:<17} {row['file']}{shown}")
    note(*described["notes"])


def format_plan(plan: BuildPlan, linked: LinkedCode) -> dict[str, Any]:
    """The plan as --dry-run --json prints it."""
    options, metadata, licenses = plan.options, plan.options.metadata, linked.licenses
    texts, rows = ("summary", "requires_python", "author", "author_email"), []
    for target in options.targets:
        tags = plan.planned_tags(target)
        flags, build_tags = options.ldflags_for(target), options.request.build_tags_for(target)
        row = {"target": target.name, "tags": list(tags), "file": options.file_name(tags)}
        rows.append(row | {"ldflags": flags if plan.go else None, "build_tags": list(build_tags)})
    return {
        "name": metadata["name"],
        "version": metadata["version"],
        "command": options.commands[0],
        "commands": list(options.commands),
        "package": plan.inputs.packages[0].import_path,
        "module": plan.inputs.packages[0].module_path,
        "go": plan.go_version,
        "launcher": options.launcher,
        "ldflags": options.ldflags if plan.go else None,
        "tags": list(options.request.tags or ()),
        **{key: metadata.get(key) for key in texts},
        "license": licenses.expression,
        "license_files": [path for path, _ in licenses.files],
        "urls": [f"{label}, {url}" for label, url in metadata.get("project_urls", {}).items()],
        "readme": metadata.get("description_content_type"),
        "output_dir": str(options.output_dir),
        "notes": [*options.notes, *format_linked_notes([linked])],
        "platforms": rows,
        "origins": dict(options.origins),
    }


def format_report(plan: BuildPlan, report: BuildReport) -> dict[str, Any]:
    """The report as --json prints it; sizes in bytes."""
    return {
        "name": plan.options.metadata["name"],
        "version": plan.options.metadata["version"],
        "command": plan.options.commands[0],
        "wheels": [
            {
                "target": wheel.target,
                "file": wheel.path.name,
                "path": str(wheel.path.absolute()),
                "tags": list(wheel.tags),
                "size": wheel.size,
                "sha256": wheel.sha256,
                "binary_size": wheel.binary_size,
                "go": wheel.go_version,
                "seconds": round(wheel.seconds, 3),
            }
            for wheel in report.wheels
        ],
        "failed": [{"target": name, "error": e.message} for name, e in report.failures.items()],
        "notes": list(report.notes),
    }


@contextmanager
def _status_line(disabled: bool) -> Iterator[Callable[[str], None]]:
    """Show a status line on stderr, if that is a terminal; yields a function that replaces it."""
    if disabled or not sys.stderr.isatty():
        yield lambda text: None
        return

    def show(text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        click.echo(f"\r\x1b[K{text[:width]}", err=True, nl=False)

    show("reading the source; Go may download modules")
    try:
        yield show
    finally:
        show("")

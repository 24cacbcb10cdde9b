"""What a build prints: its plan or its report, as text or JSON, and its progress."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from go_to_wheel.builder.linked import Linked, linked_notes, list_targets
from go_to_wheel.builder.plan import BuildPlan, plan_build
from go_to_wheel.builder.run import BuildReport, Event, EventSink, run_build
from go_to_wheel.cli.messages import fail, format_size, make_runner, note, printable
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.naming import wheel_file_name

#: Shown in another way, or twice.
_NOT_IN_TABLE = ("command", "notes", "origins", "platforms")
#: What the plan calls the fields of [project].
_PLAN_KEYS = {
    "description": "summary",
    "requires-python": "requires_python",
    "author-email": "author_email",
    "command": "commands",
}


def run(request: BuildRequest, as_json: bool, verbose: bool) -> int:
    """Build, print the report, return the exit code."""
    with _status(disabled=verbose) as show:
        plan = plan_build(request, make_runner(verbose), os.environ)
        report = run_build(plan, _counter(show, len(plan.options.targets)))
    if as_json:
        click.echo(json.dumps(format_report(plan, report), indent=2))
    else:
        click.echo(f"Built {len(report.wheels)} wheel(s):")
        for wheel in report.wheels:
            size, tags = format_size(wheel.size), " ".join(wheel.tags)
            click.echo(f"  {wheel.path}\n    {size:>8}  {wheel.seconds:5.1f} s  {tags}")
        for text in report.notes:
            note(text)
    for target, error in report.failures.items():
        fail(f"{target}: {error.message}", error.hint)
    return 1 if report.failures else 0


def print_plan(request: BuildRequest, as_json: bool, verbose: bool) -> None:
    """What a build would do, each value with its source."""
    with _status(disabled=verbose):
        plan = plan_build(request, make_runner(verbose), os.environ)
        described = format_plan(plan, list_targets(plan, plan.options.targets, strict=True))
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
        own = [row["ldflags"]] if row["ldflags"] != described["ldflags"] else []
        own += row["build_tags"] if row["build_tags"] != described["tags"] else []
        shown = f"  [{', '.join(own)}]" if own else ""
        click.echo(f"  {row['target']:<17} {row['file']}{shown}")
    for text in described["notes"]:
        note(text)


def format_plan(plan: BuildPlan, linked: Linked) -> dict[str, Any]:
    """The plan as --dry-run --json prints it."""
    project, options, licenses = plan.options.project, plan.options, linked.licenses
    rows = []
    for target in options.targets:
        tags = plan.planned_tags(target)
        file = wheel_file_name(project["name"], project["version"], tags)
        flags, build_tags = options.ldflags_for(target), list(options.request.tags_for(target))
        own = {"ldflags": flags if plan.go else None, "build_tags": build_tags}
        rows.append({"target": target.name, "tags": list(tags), "file": file, **own})
    return {
        "name": project["name"],
        "version": project["version"],
        "command": options.commands[0],
        "commands": list(options.commands),
        "package": plan.package.import_path,
        "module": plan.package.module_path,
        "go": plan.go_version,
        "launcher": options.layout,
        "ldflags": options.ldflags if plan.go else None,
        "tags": list(options.request.tags or ()),
        "summary": project.get("summary"),
        "requires_python": project.get("requires_python"),
        "author": project.get("author"),
        "author_email": project.get("author_email"),
        "license": licenses.expression,
        "license_files": [path for path, _ in licenses.files],
        "urls": [f"{label}, {url}" for label, url in project.get("project_urls", {}).items()],
        "readme": project.get("description_content_type"),
        "output_dir": str(options.output_dir),
        "notes": [*options.notes, *linked_notes([linked])],
        "platforms": rows,
        "origins": {_PLAN_KEYS.get(key, key): text for key, text in options.origins.items()},
    }


def format_report(plan: BuildPlan, report: BuildReport) -> dict[str, Any]:
    """The report as --json prints it; sizes in bytes."""
    return {
        "name": plan.options.project["name"],
        "version": plan.options.project["version"],
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


def _counter(show: Callable[[str], None], total: int) -> EventSink:
    """What shows the build's events; called from its threads."""
    stages: dict[str, str] = {}

    def count(event: Event) -> None:
        stages[event.target] = "" if event.stage in ("done", "failed") else event.stage
        working = [f"{stage} {name}" for name, stage in list(stages.items()) if stage]
        show(f"{len(stages) - len(working)}/{total} {', '.join(working)}")

    return count


@contextmanager
def _status(disabled: bool) -> Iterator[Callable[[str], None]]:
    """A line on stderr, if that is a terminal; yields what replaces it."""
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

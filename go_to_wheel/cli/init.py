"""`go-to-wheel init`: make a Go module ready to be released as wheels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from go_to_wheel.builder.scaffold import check_files, plan_files, written_files
from go_to_wheel.cli.messages import note
from go_to_wheel.cli.options import go_binary, option, package
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.process import Runner


@click.command("init")
@click.argument("folder", type=click.Path(), default=".")
@option("--name", "Package name (default: from the module path).")
@package
@go_binary
@option("--split", "Build each platform in a job of its own.", is_flag=True)
@option("--print,only_print", "Print the files; write nothing.", is_flag=True)
@option("--force", "Overwrite existing files.", is_flag=True)
def command(folder: str, split: bool, only_print: bool, force: bool, **options: Any) -> None:
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
    shown = {_shown(path): content for path, content in files.items()}
    if only_print:
        for path, content in shown.items():
            click.echo(f"# {path}\n{content}")
        return
    with written_files(files, force):
        check_files(Path(folder), runner, os.environ)
    for path in shown:
        click.echo(f"wrote {path}")
    click.echo(
        "\nNext: read both files and commit them. On PyPI, add a trusted publisher:\n"
        "this repository, publish.yml, environment pypi. Then release by pushing a tag:\n"
        "git tag v1.2.3 && git push origin v1.2.3"
    )


def _shown(path: Path) -> str:
    """The path relative to the current directory, if it is below it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative

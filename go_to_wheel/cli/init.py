"""`go-to-wheel init`: make a Go module ready to be released as wheels."""

from __future__ import annotations

import os
from pathlib import Path

import click

from go_to_wheel.cli.messages import note


@click.command("init", short_help="Write pyproject.toml and a release workflow.")
@click.argument("folder", type=click.Path(), default=".")
@click.option("--name", help="Package name (default: from the module path).")
@click.option(
    "--package",
    metavar="DIR",
    multiple=True,
    help="Folder of the command, such as ./cmd/tool; repeat it for several commands.",
)
@click.option("--go-binary", metavar="PATH", help="Go to use (default: as found).")
@click.option("--print", "only_print", is_flag=True, help="Print the files; write nothing.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
def command(
    folder: str,
    name: str | None,
    package: tuple[str, ...],
    go_binary: str | None,
    only_print: bool,
    force: bool,
) -> None:
    """Write what a Go module needs to be released on PyPI.

    Writes pyproject.toml (so that pip, uv and build can build it) beside go.mod, and
    .github/workflows/publish.yml at the top of the repository: build on a tag, check, run
    on Linux, macOS and Windows, upload by Trusted Publishing.
    """
    from go_to_wheel.builder.scaffold import check_files, plan_files, write_files
    from go_to_wheel.config.request import BuildRequest
    from go_to_wheel.process import Runner

    request = BuildRequest(source=folder, name=name, package=package, go_binary=go_binary)
    runner = Runner()
    files, text = plan_files(Path(folder), request, runner, os.environ)
    if text:
        note(text)
    shown = {_shown(path): content for path, content in files.items()}
    if only_print:
        for path, content in shown.items():
            click.echo(f"# {path}\n{content}")
        return
    write_files(files, force, lambda: check_files(Path(folder), runner, os.environ))
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

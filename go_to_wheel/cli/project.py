"""`go-to-wheel init`, `sdist`, `platforms` and `verify`."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from go_to_wheel.cli.build import PATH, as_json, option, parse_request, request_option, verbose
from go_to_wheel.cli.messages import format_size, make_host, note, printable
from go_to_wheel.config.request import BuildRequest


@click.command("init")
@click.argument("folder", default=".", **PATH)
@request_option("name")
@request_option("package")
@request_option("go_binary")
@option("--split", "Build each platform in a job of its own.", is_flag=True)
@option("--print,only_print", "Print the files; write nothing.", is_flag=True)
@option("--force", "Overwrite existing files.", is_flag=True)
def init(folder: str, split: bool, only_print: bool, force: bool, **options: Any) -> None:
    """Write the files for releasing a Go module on PyPI.

    Writes pyproject.toml (so that pip, uv and build can build it) beside go.mod, and
    .github/workflows/publish.yml at the top of the repository: build on a tag, check, run
    on Linux, macOS and Windows, upload by Trusted Publishing.
    """
    from go_to_wheel.builder.scaffold import prepare_files, write_files

    host = make_host()
    files, tag, notes = prepare_files(BuildRequest(folder, **options), host, split)
    note(*notes)
    if only_print:
        for path, content in files.items():
            click.echo(f"# {os.path.relpath(path)}\n{content}")
        return
    write_files(files, options["go_binary"], host, force)
    for path in files:
        click.echo(f"wrote {os.path.relpath(path)}")
    click.echo(
        "\nNext: read both files and commit them. On PyPI, add a trusted publisher:\n"
        "this repository, publish.yml, environment pypi. Then release by pushing a tag:\n"
        f"git tag {tag} && git push origin {tag}"
    )


@click.command("sdist")
@click.argument("source", default=".", **PATH)
@request_option("output_dir")
@option(
    "--vendor/--no-vendor",
    "Include the dependencies, so that it builds without a module proxy.",
    default=None,
)
@request_option("go_binary")
@request_option("dev")
@verbose
def sdist(vendor: bool | None, verbose: bool, **options: Any) -> None:
    """Write a project's source archive.

    SOURCE is the folder of a pyproject.toml whose build backend is go-to-wheel (default: the
    current one).
    """
    from go_to_wheel.builder.sdist import build_sdist

    host = make_host(verbose).with_environ({"GOWORK": "off"})
    path, notes = build_sdist(BuildRequest(**options), host, vendor)
    click.echo("Built 1 source archive:")
    click.echo(f"  {path}\n    {format_size(path.stat().st_size):>8}")
    note(*notes)


@click.command("platforms")
@request_option("go_binary")
@as_json
def platforms(go_binary: str | None, as_json: bool) -> None:
    """List platforms, their tags and oldest systems.

    The oldest system depends on the Go in use; * marks the platforms built by default.
    """
    from go_to_wheel.golang.command import open_go
    from go_to_wheel.platforms import TARGETS, minimum_system, platform_tags

    version = open_go(go_binary, Path.cwd(), make_host()).version
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


@click.command("verify")
@click.argument("wheel", **PATH)
@option("--source SOURCE", "The program's source (default: the module that the wheel names).")
@as_json
@verbose
@click.argument("build_options", nargs=-1, type=click.UNPROCESSED, metavar="[-- BUILD OPTIONS]")
def verify(
    wheel: str, source: str | None, as_json: bool, verbose: bool, build_options: tuple[str, ...]
) -> int:
    """Rebuild a wheel from its source and compare the two.

    Builds with the Go, the options and the date that WHEEL records. A SOURCE in a git
    repository is taken at the recorded commit, without touching the checkout. Options of
    the build that the wheel doesn't record (--readme, for example) go after '--'.

    Exits with 0 when the two are the same bytes, with 1 and the first difference if not.
    """
    from go_to_wheel.builder.rebuild import compare_wheels, prepare_request, read_recipe, rebuild
    from go_to_wheel.errors import MissingPathError
    from go_to_wheel.sources.files import BINARY_LIMIT, read_file

    if not Path(wheel).is_file():
        usage = "go-to-wheel verify FILE.whl --source DIR"
        raise MissingPathError(f"{wheel!r} is not a wheel file", usage)
    if build_options and not build_options[0].startswith("-"):
        raise click.UsageError(f"unexpected argument {build_options[0]!r}: verify takes one wheel")
    added, unset = vars(parse_request(build_options)), vars(parse_request(()))
    if added["source"]:
        raise click.UsageError(f"unexpected argument {added['source']!r}: verify takes one wheel")
    given = {key: value for key, value in added.items() if value != unset[key]}
    name = Path(wheel).name
    original = read_file(Path(wheel), None, BINARY_LIMIT)
    recipe = read_recipe(original, wheel)
    note(*recipe.notes)
    host = make_host(verbose)
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as folder:
        scratch = Path(folder)
        request = prepare_request(recipe, source, host, scratch)
        request = replace(request, **given | {"output_dir": str(scratch / "dist")})
        path = rebuild(recipe, request, host)
        difference = compare_wheels(original, path.read_bytes())
    file, sha256 = path.name, recipe.wheel.sha256
    identical = difference is None and file == name
    place, details = difference or ("", [])
    if as_json:
        found = {"place": place, "details": details} if difference else None
        result = {"wheel": name, "identical": identical, "sha256": sha256, "built": file}
        click.echo(json.dumps({**result, "difference": found}, indent=2))
    elif identical:
        click.echo(f"identical: {name} (sha256 {sha256})")
    else:
        click.echo(f"different: {name}" + (f" comes out as {file}" if file != name else ""))
        for line in [f"first difference in {place}", *details] if difference else ():
            click.echo(f"  {printable(line)}")
    return 0 if identical else 1


COMMANDS = (init, platforms, sdist, verify)

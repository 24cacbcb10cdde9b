"""`go-to-wheel platforms`: every target, its tags and minimum system."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click


@click.command("platforms", short_help="List platforms, their tags and oldest systems.")
@click.option("--go-binary", metavar="PATH", help="Go to ask for its version (default: as found).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(go_binary: str | None, as_json: bool) -> None:
    """List every platform, its wheel tags and the oldest system it runs on.

    The oldest system depends on the Go in use; * marks the platforms built by default.
    """
    from go_to_wheel.golang.command import open_go
    from go_to_wheel.platforms import TARGETS, minimum_system, platform_tags
    from go_to_wheel.process import Runner

    go = open_go(go_binary, Runner(), Path.cwd(), os.environ)
    rows = [
        {
            "name": target.name,
            "default": target.default,
            "tags": list(platform_tags(target, go.version)),
            "minimum_system": minimum_system(target, go.version),
        }
        for target in TARGETS
    ]
    if as_json:
        click.echo(json.dumps({"go": go.version, "platforms": rows}, indent=2))
        return
    click.echo(f"With {go.version}:")
    for row in rows:
        mark = "*" if row["default"] else " "
        tags = ".".join(str(tag) for tag in row["tags"])  # type: ignore[attr-defined]
        click.echo(f"{mark} {row['name']:<17} {row['minimum_system']:<13} {tags}")

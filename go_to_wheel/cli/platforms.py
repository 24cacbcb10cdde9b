"""`go-to-wheel platforms`: every target, its tags and minimum system."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from go_to_wheel.cli.options import as_json, go_binary
from go_to_wheel.golang.command import open_go
from go_to_wheel.platforms import TARGETS, minimum_system, platform_tags
from go_to_wheel.process import Runner


@click.command("platforms")
@go_binary
@as_json
def command(go_binary: str | None, as_json: bool) -> None:
    """List every platform, its wheel tags and the oldest system it runs on.

    The oldest system depends on the Go in use; * marks the platforms built by default.
    """
    version = open_go(go_binary, Runner(), Path.cwd(), os.environ).version
    if as_json:
        rows = [
            {
                "name": target.name,
                "default": target.default,
                "tags": list(platform_tags(target, version)),
                "minimum_system": minimum_system(target, version),
            }
            for target in TARGETS
        ]
        click.echo(json.dumps({"go": version, "platforms": rows}, indent=2))
        return
    click.echo(f"With {version}:")
    for target in TARGETS:
        mark, tags = "*" if target.default else " ", ".".join(platform_tags(target, version))
        click.echo(f"{mark} {target.name:<17} {minimum_system(target, version):<13} {tags}")

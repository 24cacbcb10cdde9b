"""The build requirement that `init` writes: one that pip and uv can resolve."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from go_to_wheel import __version__
from go_to_wheel.errors import ToolchainError
from go_to_wheel.process import Runner

_NAME = "go-to-wheel"
_SECONDS = 60.0


@dataclass(frozen=True)
class Requirement:
    """What comes after the name, such as ">=1.0" or " @ git+https://…"; a note, or ""."""

    specifier: str
    note: str = ""


def find_requirement(runner: Runner) -> Requirement:
    """The release, if the configured index has it; else the repository this one is from.

    Where neither can be had elsewhere, the release, with a note on what to write instead.
    """
    major, minor, *_ = __version__.split(".")
    released = f">={major}.{minor}"
    if _resolves(f"{_NAME}{released}", runner):
        return Requirement(released)
    missing = f"the package index has no {_NAME}{released}"
    origin = _origin()
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        address = f"{vcs['vcs']}+{origin['url']}@{vcs['commit_id']}"
        return Requirement(f" @ {address}", f"{missing}; the files name {address}")
    where = origin.get("url", "git+https://HOST/OWNER/REPOSITORY")
    return Requirement(
        released,
        f"{missing}, so these files work only once it has one; until then write "
        f"'{_NAME} @ {where}' for it",
    )


def _resolves(requirement: str, runner: Runner) -> bool:
    """Whether pip, or uv where there is no pip, finds it as the user has configured them.

    They run in an empty folder: a project could have a module `pip` and settings for uv.
    """
    uv = os.environ.get("UV") or shutil.which("uv")
    dry_run = ["install", "--dry-run", "--no-deps", "--only-binary=:all:", "--quiet"]
    commands = [
        [sys.executable, "-m", "pip", *dry_run, "--ignore-installed", "--retries=0"],
        *([[uv, "pip", *dry_run, "--reinstall", "--python", sys.executable]] if uv else []),
    ]
    with tempfile.TemporaryDirectory() as empty:
        for command in commands:
            try:
                result = runner.run([*command, requirement], Path(empty), timeout=_SECONDS)
            except (OSError, ToolchainError):
                continue
            if "No module named pip" not in result.stderr:
                return result.returncode == 0
    return False


def _origin() -> dict[str, Any]:
    """Where this go-to-wheel was installed from, {} for an index (PEP 610)."""
    try:
        text = metadata.distribution(_NAME).read_text("direct_url.json")
        return dict(json.loads(text)) if text else {}
    except (metadata.PackageNotFoundError, ValueError):
        return {}

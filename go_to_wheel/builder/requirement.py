"""The build requirement that `init` writes: one that pip and uv can resolve."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from go_to_wheel import __version__
from go_to_wheel.errors import ToolchainError
from go_to_wheel.process import Result, Runner

_NAME = "go-to-wheel"
_SECONDS = 60.0
_PIP = (sys.executable, "-m", "pip")


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
        f"'{_NAME} @ {where}' instead",
    )


def _resolves(requirement: str, runner: Runner) -> bool:
    """Whether pip, or uv where there is no pip, finds it as the user has configured them.

    They run in an empty folder: a project could have a module `pip` and settings for uv.
    """
    uv = os.environ.get("UV") or shutil.which("uv")
    dry_run = ["install", "--dry-run", "--no-deps", "--only-binary=:all:", "--quiet"]
    result = _run([*_PIP, *dry_run, "--ignore-installed", "--retries=0", requirement], runner)
    if uv and (result is None or "No module named pip" in result.stderr):
        options = [*dry_run, "--reinstall", "--python", sys.executable, requirement]
        result = _run([uv, "pip", *options], runner)
    return result is not None and result.returncode == 0


def is_taken(name: str, runner: Runner) -> bool:
    """Whether the index that pip is configured for has a project of this name.

    False where that can't be found out: without pip, or without an index.
    """
    options = ["--pre", "--ignore-requires-python", "--retries=0", "--timeout=10"]
    result = _run([*_PIP, "index", "versions", *options, name], runner)
    return result is not None and result.returncode == 0


def _run(command: Sequence[str], runner: Runner) -> Result | None:
    with tempfile.TemporaryDirectory() as empty:
        try:
            return runner.run(command, Path(empty), timeout=_SECONDS)
        except (OSError, ToolchainError):
            return None


def _origin() -> dict[str, Any]:
    """Where this go-to-wheel was installed from, {} for an index (PEP 610)."""
    try:
        text = metadata.distribution(_NAME).read_text("direct_url.json")
        return dict(json.loads(text)) if text else {}
    except (metadata.PackageNotFoundError, ValueError):
        return {}

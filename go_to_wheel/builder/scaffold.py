"""What a Go module needs to be released as wheels: a pyproject.toml and a workflow.

The build requirement in them is one that pip and uv can resolve.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata, resources
from pathlib import Path, PurePosixPath
from typing import Any

from go_to_wheel import __version__
from go_to_wheel.builder.plan import BuildPlan, plan_build
from go_to_wheel.builder.publish import replaced_files
from go_to_wheel.config.pyproject import BACKEND, FILE_NAME
from go_to_wheel.config.request import AUTO, BuildRequest
from go_to_wheel.errors import InvalidOptionsError, OutputError, SourceError, ToolchainError
from go_to_wheel.process import Result, Runner
from go_to_wheel.sources.files import repository_root

WORKFLOW = ".github/workflows/publish.yml"
_MODULE_LINE = "  MODULE: .\n"
_RELEASE = "go-to-wheel[check]>=1.0,<2"
_NAME = "go-to-wheel"
_SECONDS = 60.0
_PIP = (sys.executable, "-m", "pip")


@dataclass(frozen=True)
class Requirement:
    """What comes after the name, such as ">=1.0" or " @ git+https://…"; a note, or ""."""

    specifier: str
    note: str = ""


def plan_files(
    folder: Path,
    request: BuildRequest,
    runner: Runner,
    environ: Mapping[str, str],
    split: bool = False,
) -> tuple[dict[Path, str], list[str]]:
    """The files to write for the module in `folder`, path -> text; and notes.

    With `split` the workflow builds each platform on a machine of its own. Raises what
    planning a build raises: SourceError when there is no program to build.
    """
    asked = replace(
        request,
        source=str(folder),
        platforms=["linux-amd64"],
        dependency_licenses=False,
        dev=True,
        set_version_var=AUTO,
    )
    variable = True
    try:
        plan = plan_build(asked, runner, environ)
    except InvalidOptionsError:  # no variable for the version, or something else
        variable = False
        plan = plan_build(replace(asked, set_version_var=request.set_version_var), runner, environ)
    if plan.go is None:
        raise SourceError(f"{folder} is not a folder of a Go module", "run it where go.mod is")
    module = plan.source.root
    top = repository_root(module) or module
    requirement = find_requirement(runner)
    below = PurePosixPath(module.relative_to(top).as_posix())
    files = {
        module / FILE_NAME: format_pyproject(plan, requirement, variable),
        top / WORKFLOW: format_workflow(below, requirement, split),
    }
    name = plan.options.project.name
    taken = f"the package index has a project {name!r}; unless it is yours, choose: --name NAME"
    notes = [requirement.note, taken if is_taken(name, runner) else ""]
    return files, [note for note in notes if note]


def check_files(folder: Path, runner: Runner, environ: Mapping[str, str]) -> None:
    """Plan a build from the files as written; raises what planning raises."""
    request = BuildRequest(source=str(folder), dependency_licenses=False, dev=True)
    plan_build(request, runner, environ)


def format_pyproject(plan: BuildPlan, requirement: Requirement, variable: bool) -> str:
    """A pyproject.toml with what the source does not say; the rest is detected.

    `variable` is whether the program has a variable for its version.
    """
    project, packages = plan.options.project, plan.source.packages
    license_ = (
        []
        if project.license_expression
        else ['# license = "MIT"  # an SPDX expression; no licence was recognised']
    )
    detected = ["license"] if project.license_expression else []
    dynamic = ["version", "description", *detected, "readme", "urls"]
    settings = [f"package = {_quote(packages[0])}"] if packages != (".",) else []
    if len(packages) > 1:
        named = zip(map(_quote, plan.options.commands), map(_quote, packages), strict=True)
        settings = [f"commands = {{ {', '.join(map(' = '.join, named))} }}"]
    settings += [f"set-version-var = {_quote(AUTO)}"] if variable else []
    lines = [
        "[build-system]",
        f"requires = [{_quote(f'go-to-wheel{requirement.specifier}')}]",
        f"build-backend = {_quote(BACKEND)}",
        "",
        "[project]",
        f"name = {_quote(project.name)}",
        *license_,
        "# Detected in the source at each build, unless a value is written here.",
        f"dynamic = [{', '.join(map(_quote, dynamic))}]",
        f"requires-python = {_quote(project.requires_python or '>=3.10')}",
        "",
        "[tool.go-to-wheel]",
        *settings,
    ]
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    """A TOML basic string, which JSON's strings are too."""
    return json.dumps(text, ensure_ascii=False)


def format_workflow(module: PurePosixPath, requirement: Requirement, split: bool = False) -> str:
    """The release workflow for a module at this path in its repository."""
    data = resources.files("go_to_wheel").joinpath("data")
    text = data.joinpath("publish.yml").read_text(encoding="utf-8")
    if split:
        head, _, rest = text.partition("  build:\n")
        jobs = data.joinpath("publish-split.yml").read_text(encoding="utf-8")
        text = f"{head}{jobs}\n  test:\n" + rest.partition("\n  test:\n")[2]
    if requirement.specifier.startswith(" @"):
        text = text.replace(_RELEASE, f"go-to-wheel[check]{requirement.specifier}")
    if str(module) == ".":
        return text
    return text.replace(_MODULE_LINE, f"  MODULE: {_quote(str(module))}\n")


@contextmanager
def written_files(files: Mapping[Path, str], force: bool = False) -> Iterator[None]:
    """Write all; when the block fails, everything is as it was.

    Raises OutputError when a file can't be written, or exists and `force` is not given.
    """
    existing = [str(path) for path in files if path.exists()]
    if existing and not force:
        raise OutputError(
            f"{' and '.join(existing)} already exist{'s' if len(existing) == 1 else ''}",
            "print what would be written: go-to-wheel init --print\n"
            "or overwrite: go-to-wheel init --force",
        )
    data = {path: text.encode() for path, text in files.items()}
    with replaced_files(data, "print what would be written: go-to-wheel init --print"):
        yield


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
    if uv and "No module named pip" in result.stderr:
        options = [*dry_run, "--reinstall", "--python", sys.executable, requirement]
        result = _run([uv, "pip", *options], runner)
    return result.returncode == 0


def is_taken(name: str, runner: Runner) -> bool:
    """Whether the index that pip is configured for has a project of this name.

    False where that can't be found out: without pip, or without an index.
    """
    options = ["--pre", "--ignore-requires-python", "--retries=0", "--timeout=10"]
    result = _run([*_PIP, "index", "versions", *options, name], runner)
    return result.returncode == 0


def _run(command: Sequence[str], runner: Runner) -> Result:
    with tempfile.TemporaryDirectory() as empty:
        try:
            return runner.run(command, Path(empty), timeout=_SECONDS)
        except (OSError, ToolchainError):
            return Result(command, 1, "", "No module named pip")  # or it does not answer


def _origin() -> dict[str, Any]:
    """Where this go-to-wheel was installed from, {} for an index (PEP 610)."""
    try:
        text = metadata.distribution(_NAME).read_text("direct_url.json")
        return dict(json.loads(text)) if text else {}
    except (metadata.PackageNotFoundError, ValueError):
        return {}

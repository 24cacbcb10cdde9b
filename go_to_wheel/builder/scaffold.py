"""What a Go module needs to be released as wheels: a pyproject.toml and a workflow.

The build requirement in them is one that pip and uv can resolve.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata, resources
from pathlib import Path, PurePosixPath
from typing import Any

from go_to_wheel import __version__
from go_to_wheel.builder.plan import BuildPlan, plan_build
from go_to_wheel.builder.publish import replaced_files
from go_to_wheel.check.index import Index
from go_to_wheel.config.pyproject import BACKEND, FILE_NAME
from go_to_wheel.config.request import AUTO, BuildRequest
from go_to_wheel.errors import GoToWheelError, InvalidOptionsError, OutputError, SourceError
from go_to_wheel.process import Runner
from go_to_wheel.sources.files import repository_root

WORKFLOW = ".github/workflows/publish.yml"
_MODULE_LINE = "  MODULE: .\n"
_RELEASE = "go-to-wheel[check]>=1.0,<2"
_NAME = "go-to-wheel"


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
    index = _open_index(runner)
    requirement, missing = find_requirement(index)
    below = PurePosixPath(module.relative_to(top).as_posix())
    files = {
        module / FILE_NAME: format_pyproject(plan, requirement, variable),
        top / WORKFLOW: format_workflow(below, requirement, split),
    }
    name = plan.options.project["name"]
    notes = [missing] if missing else []
    if index and index.has(name):
        notes.append(
            f"the package index has a project {name!r}; unless it is yours, choose: --name NAME"
        )
    return files, notes


def format_pyproject(plan: BuildPlan, requirement: str, variable: bool) -> str:
    """A pyproject.toml with what the source does not say; the rest is detected.

    `variable` is whether the program has a variable for its version.
    """
    project, packages = plan.options.project, plan.source.packages
    known = bool(project.get("license_expression"))
    own = "" if known else '# license = "MIT"  # an SPDX expression; no licence was recognised\n'
    detected = ["version", "description", *(["license"] if known else []), "readme", "urls"]
    settings = [f"package = {_quote(packages[0])}"] if packages != (".",) else []
    if len(packages) > 1:
        named = zip(map(_quote, plan.options.commands), map(_quote, packages), strict=True)
        settings = [f"commands = {{ {', '.join(map(' = '.join, named))} }}"]
    settings += [f"set-version-var = {_quote(AUTO)}"] if variable else []
    return f"""\
[build-system]
requires = [{_quote(f"{_NAME}{requirement}")}]
build-backend = {_quote(BACKEND)}

[project]
name = {_quote(project["name"])}
{own}# Detected in the source at each build, unless a value is written here.
dynamic = [{", ".join(map(_quote, detected))}]
requires-python = {_quote(project.get("requires_python", ">=3.10"))}

[tool.go-to-wheel]
""" + "".join(f"{line}\n" for line in settings)


def _quote(text: str) -> str:
    """A TOML basic string, which JSON's strings are too."""
    return json.dumps(text, ensure_ascii=False)


def format_workflow(module: PurePosixPath, requirement: str, split: bool = False) -> str:
    """The release workflow for a module at this path in its repository."""
    data = resources.files("go_to_wheel").joinpath("data")
    text = data.joinpath("publish.yml").read_text(encoding="utf-8")
    if split:
        head, _, rest = text.partition("  build:\n")
        jobs = data.joinpath("publish-split.yml").read_text(encoding="utf-8")
        text = f"{head}{jobs}\n  test:\n" + rest.partition("\n  test:\n")[2]
    if requirement.startswith(" @"):
        text = text.replace(_RELEASE, f"go-to-wheel[check]{requirement}")
    if str(module) == ".":
        return text
    return text.replace(_MODULE_LINE, f"  MODULE: {_quote(str(module))}\n")


def write_files(
    files: Mapping[Path, str], force: bool, folder: Path, runner: Runner, environ: Mapping[str, str]
) -> None:
    """Write all, and plan a build with them; when that fails everything is as it was.

    Raises what planning raises, and OutputError when a file can't be written, or exists and
    `force` is not given.
    """
    existing = [str(path) for path in files if path.exists()]
    see = "print what would be written: go-to-wheel init --print"
    if existing and not force:
        raise OutputError(
            f"{' and '.join(existing)} already exist{'s' if len(existing) == 1 else ''}",
            f"{see}\nor overwrite: go-to-wheel init --force",
        )
    request = BuildRequest(source=str(folder), dependency_licenses=False, dev=True)
    with replaced_files({path: text.encode() for path, text in files.items()}, see):
        plan_build(request, runner, environ)


def find_requirement(index: Index | None) -> tuple[str, str]:
    """What comes after our name, such as ">=1.0" or " @ git+https://…"; and a note, or "".

    The release if the index has it; else the repository that this one is from. Where neither
    can be had elsewhere, the release, with a note on what to write instead.
    """
    major, minor, *_ = __version__.split(".")
    released, origin = f">={major}.{minor}", _read_origin()
    if index.has(f"{_NAME}{released}") if index else not origin:  # it was installed from one
        return released, ""
    missing = f"the package index has no {_NAME}{released}"
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        address = f"{vcs['vcs']}+{origin['url']}@{vcs['commit_id']}"
        return f" @ {address}", f"{missing}; the files name {address}"
    where = origin.get("url", "git+https://HOST/OWNER/REPOSITORY")
    return released, (
        f"{missing}, so these files work only once it has one; until then write "
        f"'{_NAME} @ {where}' instead"
    )


def _open_index(runner: Runner) -> Index | None:
    """The index that pip is configured for; None without one, and without unearth."""
    try:
        return Index(None, runner)
    except (GoToWheelError, OSError):
        return None


def _read_origin() -> dict[str, Any]:
    """Where this go-to-wheel was installed from, {} for an index (PEP 610)."""
    try:
        return dict(json.loads(metadata.distribution(_NAME).read_text("direct_url.json") or "{}"))
    except (metadata.PackageNotFoundError, ValueError):
        return {}

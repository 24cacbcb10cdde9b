"""Generates the files for releasing a Go module as wheels: a pyproject.toml and a workflow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata, resources
from pathlib import Path, PurePosixPath
from typing import Any

from go_to_wheel import __version__
from go_to_wheel.builder.plan import BuildPlan, prepare_build
from go_to_wheel.builder.publish import replaced_files
from go_to_wheel.check.index import Index
from go_to_wheel.config.pyproject import BACKEND, FILE_NAME
from go_to_wheel.config.request import AUTO, BuildRequest
from go_to_wheel.errors import GoToWheelError, InvalidOptionsError, OutputError, SourceError
from go_to_wheel.process import Host
from go_to_wheel.sources.files import find_repository_root

WORKFLOW = ".github/workflows/publish.yml"
_MODULE_LINE, _TAGS_LINE = "  MODULE: .\n", '    tags: ["v*"]\n'
_RELEASE_REQUIREMENT = "go-to-wheel[check]>=1.0,<2"
_PROJECT = "go-to-wheel"


def prepare_files(
    request: BuildRequest, host: Host, split: bool = False
) -> tuple[dict[Path, str], str, list[str]]:
    """The files to write for a module, path -> text; an example of a release's tag; and notes.

    With `split` each platform is built in its own job. Raises what `prepare_build` raises.
    """
    probe = replace(request, platforms=["linux-amd64"], dependency_licenses=False, dev=True)
    variable = True
    try:
        plan = prepare_build(replace(probe, set_version_var=AUTO), Host(host.environ))
    except InvalidOptionsError:  # no variable for the version, say; that stops its runner
        variable = False
        plan = prepare_build(probe, host)
    if plan.go is None or plan.source.version is not None:
        raise SourceError(f"{request.source} is no folder of a Go module", "run it beside go.mod")
    module = plan.source.root
    top = find_repository_root(module) or module
    try:
        index: Index | None = Index(None, host.runner)
    except (GoToWheelError, OSError):  # pip is configured for none, or unearth is missing
        index = None
    requirement, note = find_requirement(index)
    module_path = PurePosixPath(module.relative_to(top).as_posix())
    files = {
        module / FILE_NAME: format_pyproject(plan, requirement, variable),
        top / WORKFLOW: format_workflow(module_path, requirement, split),
    }
    name = plan.options.metadata["name"]
    notes = [note] if note else []
    taken = f"the package index has a project {name!r}; unless it is yours, choose: --name NAME"
    notes += [taken] if index and index.has(name) else []
    return files, f"{format_tag_prefix(module_path)}v1.2.3", notes


def format_pyproject(plan: BuildPlan, requirement: str, variable: bool) -> str:
    """A pyproject.toml; `variable` is whether the program has a variable for its version."""
    metadata, packages = plan.options.metadata, plan.source.packages
    has_license = bool(metadata.get("license_expression"))
    example = '# license = "MIT"  # an SPDX expression; no licence was recognised\n'
    license_line = "" if has_license else example
    detected = ["version", "description", *(["license"] if has_license else []), "readme", "urls"]
    settings = [f"package = {_toml(packages[0])}"] if packages != (".",) else []
    if len(packages) > 1:
        named = zip(map(_toml, plan.options.commands), map(_toml, packages), strict=True)
        settings = [f"commands = {{ {', '.join(map(' = '.join, named))} }}"]
    settings += [f"set-version-var = {_toml(AUTO)}"] if variable else []
    return f"""\
[build-system]
requires = [{_toml(f"{_PROJECT}{requirement}")}]
build-backend = {_toml(BACKEND)}

[project]
name = {_toml(metadata["name"])}
{license_line}# Detected in the source at each build, unless a value is written here.
dynamic = [{", ".join(map(_toml, detected))}]
requires-python = {_toml(metadata.get("requires_python", ">=3.10"))}

[tool.go-to-wheel]
""" + "".join(f"{line}\n" for line in settings)


def _toml(text: str) -> str:
    """A TOML basic string, which JSON's strings are too."""
    return json.dumps(text, ensure_ascii=False)


def format_workflow(module: PurePosixPath, requirement: str, split: bool = False) -> str:
    """The release workflow for a module at this path of its repository."""
    data = resources.files("go_to_wheel").joinpath("data")
    text = data.joinpath("publish.yml").read_text(encoding="utf-8")
    if split:
        head, _, rest = text.partition("  build:\n")
        jobs = data.joinpath("publish-split.yml").read_text(encoding="utf-8")
        text = f"{head}{jobs}\n  test:\n" + rest.partition("\n  test:\n")[2]
    if requirement.startswith(" @"):
        text = text.replace(_RELEASE_REQUIREMENT, f"go-to-wheel[check]{requirement}")
    if str(module) == ".":
        return text
    # a filter pattern of GitHub's
    prefix = re.sub(r"([*+?!\[\]\\])", r"\\\1", format_tag_prefix(module))
    text = text.replace(_TAGS_LINE, f"    tags: [{_toml(f'{prefix}v*')}]\n")
    return text.replace(_MODULE_LINE, f"  MODULE: {_toml(str(module))}\n")


def format_tag_prefix(module: PurePosixPath) -> str:
    """The prefix of version tags of a module at this path ("tools/x/"), as in Go."""
    return "" if str(module) == "." else f"{module}/"


def write_files(files: Mapping[Path, str], go_binary: str | None, host: Host, force: bool) -> None:
    """Write the files, pyproject.toml first, and plan a build; if that fails, undo all changes.

    Raises what `prepare_build` raises, and OutputError when a file can't be written, or exists
    without `force`.
    """
    existing = [str(path) for path in files if path.exists()]
    see = "print the files: the same command with --print"
    if existing and not force:
        problem = f"{' and '.join(existing)} already exist{'s' if len(existing) == 1 else ''}"
        raise OutputError(problem, f"{see}\nor overwrite: the same command with --force")
    folder = str(next(iter(files)).parent)
    with replaced_files({path: text.encode() for path, text in files.items()}, see):
        request = BuildRequest(folder, go_binary=go_binary, dependency_licenses=False, dev=True)
        prepare_build(request, host)


def find_requirement(index: Index | None) -> tuple[str, str]:
    """The requirement after our name, such as ">=1.0" or " @ git+https://…"; and a note, or "".

    The release if the index has it; else the repository that this go-to-wheel was installed from;
    else the release, with a note on what to write instead.
    """
    major, minor, *_ = __version__.split(".")
    released, origin = f">={major}.{minor}", _read_origin()
    if index.has(f"{_PROJECT}{released}") if index else not origin:  # installed from an index
        return released, ""
    missing = f"{'the package index has no' if index else 'no package index was found for'} "
    missing += f"{_PROJECT}{released}"
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        address = f"{vcs['vcs']}+{origin['url']}@{vcs['commit_id']}"
        return f" @ {address}", f"{missing}; the files name {address}"
    where = origin.get("url", "git+https://HOST/OWNER/REPOSITORY")
    return released, (
        f"{missing}, so these files don't work until it is released; until then write "
        f"'{_PROJECT} @ {where}' instead"
    )


def _read_origin() -> dict[str, Any]:
    """The record of where this go-to-wheel was installed from, {} for an index (PEP 610)."""
    try:
        text = metadata.distribution(_PROJECT).read_text("direct_url.json")
        return dict(json.loads(text or "{}"))
    except (metadata.PackageNotFoundError, ValueError):
        return {}

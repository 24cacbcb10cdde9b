"""What a Go module needs to be released as wheels: a pyproject.toml and a workflow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import resources
from pathlib import Path, PurePosixPath

from go_to_wheel.builder.plan import BuildPlan, plan_build
from go_to_wheel.builder.publish import replaced_files
from go_to_wheel.builder.requirement import Requirement, find_requirement, is_taken
from go_to_wheel.config.pyproject import BACKEND, FILE_NAME
from go_to_wheel.config.request import AUTO, BuildRequest
from go_to_wheel.errors import InvalidOptionsError, OutputError, SourceError
from go_to_wheel.process import Runner
from go_to_wheel.sources.files import repository_root

WORKFLOW = ".github/workflows/publish.yml"
_MODULE_LINE = "  MODULE: .\n"
_RELEASE = "go-to-wheel[check]>=1.0,<2"


def plan_files(
    folder: Path,
    request: BuildRequest,
    runner: Runner,
    environ: Mapping[str, str],
    split: bool = False,
) -> tuple[dict[Path, str], list[str]]:
    """The files to write for the module in `folder`, path -> text; and notes.

    With `split` the workflow builds each platform on a machine of its own.

    Raises what planning a build raises: SourceError when there is no program to build.
    """
    plan, variable = _plan(replace(request, source=str(folder)), runner, environ)
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


def _plan(
    request: BuildRequest, runner: Runner, environ: Mapping[str, str]
) -> tuple[BuildPlan, bool]:
    """A plan without licences; whether there is a variable for the version."""
    asked = replace(request, platforms=["linux-amd64"], dependency_licenses=False, dev=True)
    with suppress(InvalidOptionsError):
        return plan_build(replace(asked, set_version_var=AUTO), runner, environ), True
    return plan_build(asked, runner, environ), False


def check_files(folder: Path, runner: Runner, environ: Mapping[str, str]) -> None:
    """Plan a build from the files as written; raises what planning raises."""
    request = BuildRequest(source=str(folder), dependency_licenses=False, dev=True)
    plan_build(request, runner, environ)


def format_pyproject(plan: BuildPlan, requirement: Requirement, variable: bool) -> str:
    """A pyproject.toml with what the source does not say; the rest is detected.

    `variable` is whether the program has a variable for its version.
    """
    project = plan.options.project
    dynamic = ["version", "description", "readme", "urls"]
    lines = [
        "[build-system]",
        f"requires = [{_quote(f'go-to-wheel{requirement.specifier}')}]",
        f"build-backend = {_quote(BACKEND)}",
        "",
        "[project]",
        f"name = {_quote(project.name)}",
    ]
    if project.license_expression:
        dynamic.insert(2, "license")
    else:
        lines.append('# license = "MIT"  # an SPDX expression; no licence was recognised')
    settings = _package_lines(plan)
    settings += [f"set-version-var = {_quote(AUTO)}"] if variable else []
    lines += [
        "# Detected in the source at each build, unless a value is written here.",
        f"dynamic = [{', '.join(map(_quote, dynamic))}]",
        f"requires-python = {_quote(project.requires_python or '>=3.10')}",
        "",
        "[tool.go-to-wheel]",
        *settings,
    ]
    return "\n".join(lines) + "\n"


def _package_lines(plan: BuildPlan) -> list[str]:
    packages = plan.source.packages
    if packages == (".",):
        return []
    if len(packages) == 1:
        return [f"package = {_quote(packages[0])}"]
    rows = [
        f"{_quote(command)} = {_quote(package)}"
        for command, package in zip(plan.options.commands, packages, strict=True)
    ]
    return [f"commands = {{ {', '.join(rows)} }}"]


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

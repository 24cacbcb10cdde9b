"""What a Go module needs to be released as wheels: a pyproject.toml and a workflow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import resources
from pathlib import Path, PurePosixPath

from go_to_wheel import __version__
from go_to_wheel.builder.plan import BuildPlan, plan_build
from go_to_wheel.config import BuildRequest
from go_to_wheel.config.pyproject import BACKEND, FILE_NAME
from go_to_wheel.errors import OutputError, SourceError
from go_to_wheel.process import Runner
from go_to_wheel.sources import ModuleSource, repository_root

WORKFLOW = ".github/workflows/publish.yml"
_MODULE_LINE = "  MODULE: .\n"


def plan_files(
    folder: Path, request: BuildRequest, runner: Runner, environ: Mapping[str, str]
) -> dict[Path, str]:
    """The files to write for the module in `folder`: path -> text.

    Raises what planning a build raises: SourceError when there is no program to build.
    """
    asked = replace(
        request,
        source=str(folder),
        platforms=["linux-amd64"],
        dependency_licenses=False,
        dev=True,
    )
    plan = plan_build(asked, runner, environ)
    if not isinstance(plan.source, ModuleSource):
        raise SourceError(f"{folder} is not a folder of a Go module", "run it where go.mod is")
    module = plan.source.root
    top = repository_root(module) or module
    return {
        module / FILE_NAME: format_pyproject(plan, plan.source),
        top / WORKFLOW: format_workflow(PurePosixPath(module.relative_to(top).as_posix())),
    }


def format_pyproject(plan: BuildPlan, source: ModuleSource) -> str:
    """A pyproject.toml that says what the source can't, and leaves the rest to be found out."""
    project = plan.options.project
    dynamic = ["version", "description", "readme", "urls"]
    lines = [
        "[build-system]",
        f"requires = [{_quote(_requirement())}]",
        f"build-backend = {_quote(BACKEND)}",
        "",
        "[project]",
        f"name = {_quote(project.name)}",
    ]
    if project.license_expression:
        dynamic.insert(2, "license")
    else:
        lines.append('# license = "MIT"  # an SPDX expression; no licence was recognised')
    lines += [
        "# Found out from the source at each build; a value written here wins over that.",
        f"dynamic = [{', '.join(map(_quote, dynamic))}]",
        f"requires-python = {_quote(project.requires_python or '>=3.10')}",
        "",
        "[tool.go-to-wheel]",
        *_package_lines(plan, source),
        'set-version-var = "auto"',
    ]
    return "\n".join(lines) + "\n"


def _package_lines(plan: BuildPlan, source: ModuleSource) -> list[str]:
    packages = source.packages
    if packages == (".",):
        return []
    if len(packages) == 1:
        return [f"package = {_quote(packages[0])}"]
    rows = [
        f"{_quote(command)} = {_quote(package)}"
        for command, package in zip(plan.options.commands, packages, strict=True)
    ]
    return [f"commands = {{ {', '.join(rows)} }}"]


def _requirement() -> str:
    major, minor, *_ = __version__.split(".")
    return f"go-to-wheel>={major}.{minor}"


def _quote(text: str) -> str:
    """A TOML basic string, which JSON's strings are too."""
    return json.dumps(text, ensure_ascii=False)


def format_workflow(module: PurePosixPath) -> str:
    """The release workflow for a module at this path in its repository."""
    text = resources.files("go_to_wheel").joinpath("data/publish.yml").read_text(encoding="utf-8")
    if str(module) == ".":
        return text
    return text.replace(_MODULE_LINE, f"  MODULE: {_quote(str(module))}\n")


def write_files(files: Mapping[Path, str], force: bool = False) -> None:
    """Write all; none when one is there already and `force` isn't given, or can't be written."""
    there = [str(path) for path in files if path.exists()]
    if there and not force:
        raise OutputError(
            f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} there already",
            "--print shows what would be written, --force overwrites",
        )
    new = [path for path in files if not path.exists()]
    try:
        for path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        for path in new:
            with suppress(OSError):
                path.unlink()
        raise OutputError(f"can't write {error.filename}: {error.strerror}") from None

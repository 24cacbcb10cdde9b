"""The Python API: build, check and inspect wheels.

Nothing is printed, and every function may run in several threads at once. `build_wheels` takes
the arguments of go-to-wheel 0.2 and more; `build_wheel` has 0.2's signature.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from go_to_wheel.builder.plan import prepare_build
from go_to_wheel.builder.publish import publish
from go_to_wheel.builder.run import BuildReport, ProgressCallback, run_build
from go_to_wheel.check.wheel import inspect_wheel
from go_to_wheel.check.wheel_set import check_wheels
from go_to_wheel.config.merge import merge
from go_to_wheel.config.metadata import parse_license
from go_to_wheel.config.options import Detected
from go_to_wheel.config.pyproject import Project
from go_to_wheel.config.request import DEFAULT_OUTPUT_DIR, BuildRequest
from go_to_wheel.config.resolve import (
    DEFAULT_DESCRIPTION,
    DEFAULT_REQUIRES_PYTHON,
    DEFAULT_VERSION,
    resolve,
)
from go_to_wheel.errors import InvalidOptionsError, MissingPathError
from go_to_wheel.licenses import BundledLicenses
from go_to_wheel.process import Host
from go_to_wheel.sources.files import BINARY_LIMIT, read_file
from go_to_wheel.sources.module import ModuleSource
from go_to_wheel.sources.readme import ProjectFiles, Readme
from go_to_wheel.wheel.archive import parse_epoch, write_wheel
from go_to_wheel.wheel.entries import wheel_entries

__all__ = [
    "DEFAULT_PLATFORMS",
    "PLATFORM_MAPPINGS",
    "BuildReport",
    "BuildRequest",
    "build",
    "build_wheel",
    "build_wheels",
    "check_wheels",
    "inspect_wheel",
]

#: 0.2's platforms -> GOOS, GOARCH and 0.2's platform tag. The tags of `build_wheels` depend on the
#: Go in use; `go-to-wheel platforms` lists them.
PLATFORM_MAPPINGS: dict[str, tuple[str, str, str]] = {
    "linux-amd64": ("linux", "amd64", "manylinux_2_17_x86_64"),
    "linux-arm64": ("linux", "arm64", "manylinux_2_17_aarch64"),
    "linux-amd64-musl": ("linux", "amd64", "musllinux_1_2_x86_64"),
    "linux-arm64-musl": ("linux", "arm64", "musllinux_1_2_aarch64"),
    "darwin-amd64": ("darwin", "amd64", "macosx_10_9_x86_64"),
    "darwin-arm64": ("darwin", "arm64", "macosx_11_0_arm64"),
    "windows-amd64": ("windows", "amd64", "win_amd64"),
    "windows-arm64": ("windows", "arm64", "win_arm64"),
}
#: The platforms that 0.2 built by default; without `platforms`, `build_wheels` builds six.
DEFAULT_PLATFORMS = list(PLATFORM_MAPPINGS)


def build(request: BuildRequest, progress: ProgressCallback = lambda event: None) -> BuildReport:
    """Build the wheels that `request` describes; the report has the wheels and all notes.

    `progress` is called with an `Event` at each step of a target, from the build's threads.
    Either every wheel is written or, unless `request.keep_going`, none. Raises what
    `build_wheels` raises.
    """
    return run_build(prepare_build(request, Host()), progress)


def build_wheels(
    go_dir: str,
    *,
    name: str | None = None,
    version: str | None = DEFAULT_VERSION,
    output_dir: str = DEFAULT_OUTPUT_DIR,
    entry_point: str | None = None,
    platforms: str | Sequence[str] | None = None,
    go_binary: str = "go",
    description: str | None = DEFAULT_DESCRIPTION,
    requires_python: str | None = DEFAULT_REQUIRES_PYTHON,
    author: str | None = None,
    author_email: str | None = None,
    license_: str | None = None,
    url: str | None = None,
    readme: str | None = None,
    ldflags: str | None = None,
    set_version_var: str | Sequence[str] | None = None,
    set_values: Mapping[str, str] | None = None,
    package: str | Sequence[str] | None = None,
    tags: str | Sequence[str] | None = None,
    launcher: str | None = None,
    jobs: int | None = None,
    binaries: Mapping[str, str | os.PathLike[str]] | None = None,
    dev: bool = False,
    progress: ProgressCallback = lambda event: None,
) -> list[str]:
    """Build one wheel for each platform and return their paths, in the order asked for.

    `go_dir` is a folder in a Go module, a package with its version ("example.com/tool@v1.2")
    or a GoReleaser `dist` folder; `package` a folder of the module that holds the command
    ("./cmd/x"), or several. `platforms` are target names (the six default ones if None) and
    `tags` build tags; each may be one text, with commas. `set_version_var` names one Go
    variable or several, `set_values` maps others to values such as "{commit}". `launcher` is
    "native" or "python", `binaries` maps target names to prebuilt programs. None for
    `version`, `description` or `requires_python` means: detect it, as the command line does;
    `dev` accepts the `.devN` version of a commit without a tag. `progress` and the rest are as
    in `build`, which also returns sizes, hashes and notes.

    Raises FileNotFoundError for paths that don't exist, ValueError for invalid values and
    sources, RuntimeError when Go is missing or a target can't be built, OSError when the output
    folder can't be written to; all of them are `errors.GoToWheelError` too.
    """
    request = BuildRequest(
        source=os.fspath(go_dir),
        name=name,
        version=version,
        output_dir=os.fspath(output_dir),
        entry_point=entry_point,
        platforms=platforms,
        go_binary=go_binary,
        description=description,
        requires_python=requires_python,
        author=author or None,
        author_email=author_email or None,
        license=license_ or None,
        url=url or None,
        readme=None if readme is None else os.fspath(readme),
        ldflags=ldflags,
        set_version_var=set_version_var,
        set_values=set_values,
        package=package,
        tags=tags,
        launcher=launcher,
        jobs=jobs,
        binaries=[f"{target}={os.fspath(path)}" for target, path in (binaries or {}).items()],
        dev=dev,
    )
    return [str(wheel.path) for wheel in build(request, progress).wheels]


def build_wheel(
    binary_path: str,
    output_dir: str,
    name: str,
    version: str,
    platform_tag: str,
    entry_point: str,
    is_windows: bool = False,
    description: str = DEFAULT_DESCRIPTION,
    requires_python: str = DEFAULT_REQUIRES_PYTHON,
    author: str | None = None,
    author_email: str | None = None,
    license_: str | None = None,
    url: str | None = None,
    readme_content: str | None = None,
) -> str:
    """Wrap one prebuilt binary into a wheel and return the wheel's path, as go-to-wheel 0.2 did.

    `platform_tag` is not compared with the binary ("win_amd64", or several joined by dots); use
    `go-to-wheel check` for that. Python starts the command `entry_point`; `is_windows` adds ".exe"
    to the program's name in the wheel. A `license_` that is not an SPDX expression becomes the
    License field; `readme_content` is Markdown. `build_wheels(binaries=...)` also reads tags,
    version and licences from the binaries.

    Raises FileNotFoundError without the binary, ValueError for invalid values, OSError when the
    output folder can't be written to.
    """
    if not Path(binary_path).is_file():
        raise MissingPathError(f"there is no binary {binary_path!r}", "build it first")
    if not re.fullmatch(r"\w+(\.\w+)*", platform_tag, re.ASCII):
        problem = f"platform_tag {platform_tag!r} is not a platform tag"
        raise InvalidOptionsError([problem], "see those of each platform: go-to-wheel platforms")
    data = read_file(Path(binary_path), None, BINARY_LIMIT)
    try:
        expression = parse_license(license_) if license_ else None
    except ValueError:
        expression = None
    request = BuildRequest(
        source="",
        name=name,
        version=version,
        output_dir=os.fspath(output_dir),
        entry_point=entry_point,
        platforms=["windows-amd64" if is_windows else "linux-amd64"],
        description=description,
        requires_python=requires_python,
        author=author or None,
        author_email=author_email or None,
        license=expression,
        url=url or None,
        launcher="python",
    )
    readme = Readme(readme_content, "text/markdown") if readme_content else None
    epoch = parse_epoch(os.environ.get("SOURCE_DATE_EPOCH"))
    source, project = ModuleSource(Path(), (), ""), Project(Path())
    detected = Detected(source, project, ProjectFiles(readme), epoch)
    options = resolve(merge(request, project), detected)
    if license_ and not expression:
        options = replace(options, metadata={**options.metadata, "license": license_})
    tags = tuple(platform_tag.split("."))
    licenses = BundledLicenses(expression, ())
    entries = wheel_entries(options, licenses, options.targets[0], tags, {entry_point: data})
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as work:
        path = Path(work, options.file_name(tags))
        write_wheel(path, entries, epoch)
        return str(publish([path], options.output_dir)[0])

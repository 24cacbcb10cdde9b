"""The Python API: build, check and inspect wheels.

Nothing is printed, and every function may run in several threads at once. `build_wheels` and
`build_wheel` have the signatures of go-to-wheel 0.2.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

from go_to_wheel.builder.plan import plan_build
from go_to_wheel.builder.publish import publish
from go_to_wheel.builder.run import BuildReport, EventSink, run_build
from go_to_wheel.check.run import check_wheels
from go_to_wheel.check.wheel import inspect_wheel
from go_to_wheel.config.metadata import parse_license
from go_to_wheel.config.options import (
    DEFAULT_DESCRIPTION,
    DEFAULT_REQUIRES_PYTHON,
    DEFAULT_VERSION,
    Detected,
)
from go_to_wheel.config.pyproject import Project
from go_to_wheel.config.request import DEFAULT_OUTPUT_DIR, BuildRequest, merge
from go_to_wheel.config.resolve import resolve
from go_to_wheel.errors import MissingPathError
from go_to_wheel.licenses import BundledLicenses
from go_to_wheel.naming import wheel_file_name
from go_to_wheel.process import Runner
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

#: 0.2's platforms -> GOOS, GOARCH and the platform tag that 0.2 gave. `build_wheels` gives
#: tags that fit the Go in use; `go-to-wheel platforms` lists them.
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
#: Parameters that have the name and the values of the request's fields.
_SAME_NAMES = {field.name for field in fields(BuildRequest)} - {
    *("source", "license", "binaries", "output_dir", "readme")
}


def build(request: BuildRequest, progress: EventSink = lambda event: None) -> BuildReport:
    """Build the wheels that `request` describes; the report has the wheels and all notes.

    `progress` is called with an `Event` at each step of a target, from the build's threads.
    Either every wheel is written or, unless `request.keep_going`, none. Raises what
    `build_wheels` raises.
    """
    return run_build(plan_build(request, Runner(), os.environ), progress)


def build_wheels(
    go_dir: str,
    *,
    name: str | None = None,
    version: str | None = DEFAULT_VERSION,
    output_dir: str = DEFAULT_OUTPUT_DIR,
    entry_point: str | None = None,
    platforms: Sequence[str] | None = None,
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
    tags: Sequence[str] | None = None,
    launcher: str | None = None,
    jobs: int | None = None,
    binaries: Mapping[str, str | os.PathLike[str]] | None = None,
    dev: bool = False,
    progress: EventSink = lambda event: None,
) -> list[str]:
    """Build one wheel for each platform and return their paths, in the order asked for.

    `go_dir` is a folder in a Go module, a package with its version ("example.com/tool@v1.2")
    or a GoReleaser `dist` folder; `package` a folder of the module that holds the command
    ("./cmd/x"), or several. `platforms` are target names (the six default ones if None),
    `set_version_var` names one Go variable or several, `set_values` maps others to values
    such as "{commit}", `tags` are build tags. `launcher` is "native" or "python", `binaries`
    maps target names to prebuilt programs. None for `version`, `description` or
    `requires_python` means: detect it, as the command line does; `dev` accepts the `.devN`
    version of a commit without a tag. `progress` and the rest are as in `build`, which also
    returns sizes, hashes and notes.

    Raises FileNotFoundError for paths that don't exist, ValueError for values and sources
    that can't be used, RuntimeError when Go is missing or a target can't be built, OSError
    when the output folder can't be written; all of them are `errors.GoToWheelError` too.
    """
    request = BuildRequest(
        source=os.fspath(go_dir),
        output_dir=os.fspath(output_dir),
        readme=None if readme is None else os.fspath(readme),
        license=license_,
        binaries=[f"{target}={os.fspath(path)}" for target, path in (binaries or {}).items()],
        **{name: value for name, value in locals().items() if name in _SAME_NAMES},
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
    """Wrap one finished binary into a wheel and return the wheel's path.

    The signature of go-to-wheel 0.2. `platform_tag` is taken as it is ("win_amd64", or several
    joined by dots) and the binary is not inspected: `go-to-wheel check` does both. The
    command `entry_point` is started by Python; `is_windows` gives the program in the wheel an
    ".exe". `license_` that is no SPDX expression goes into the License field as a text, and
    `readme_content` is Markdown. `build_wheels(binaries=...)` also reads tags, version and
    licences from the binaries.

    Raises FileNotFoundError without the binary, ValueError for values that no wheel can
    hold, OSError when the output folder can't be written.
    """
    if not Path(binary_path).is_file():
        raise MissingPathError(f"there is no binary {binary_path!r}", "build it first")
    data = read_file(Path(binary_path), None, BINARY_LIMIT)
    readme = Readme(readme_content, "text/markdown") if readme_content else None
    try:
        expression = parse_license(license_) if license_ else None
    except ValueError:
        expression = None
    request = BuildRequest(
        source="",
        output_dir=os.fspath(output_dir),
        platforms=["windows-amd64" if is_windows else "linux-amd64"],
        launcher="python",
        license=expression,
        **{name: value for name, value in locals().items() if name in _SAME_NAMES},
    )
    epoch = parse_epoch(os.environ.get("SOURCE_DATE_EPOCH"))
    source, project = ModuleSource(Path(), (), ""), Project(Path())
    detected = Detected(source, project, ProjectFiles(readme), epoch)
    options = resolve(merge(request, project), detected)
    if license_ and not expression:
        options = replace(options, project={**options.project, "license": license_})
    tags = tuple(platform_tag.split("."))
    licenses = BundledLicenses(expression, ())
    entries = wheel_entries(options, licenses, options.targets[0], tags, {entry_point: data})
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as work:
        file = wheel_file_name(options.project["name"], options.project["version"], tags)
        write_wheel(Path(work, file), entries, epoch)
        return str(publish([Path(work, file)], options.output_dir)[0])

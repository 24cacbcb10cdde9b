"""The Python API: `build_wheels`, with the names and defaults of go-to-wheel 0.2."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from go_to_wheel import config
from go_to_wheel.builder.plan import plan_build
from go_to_wheel.builder.run import run_build
from go_to_wheel.config import BuildRequest
from go_to_wheel.process import Runner


def build_wheels(
    go_dir: str,
    *,
    name: str | None = None,
    version: str | None = config.DEFAULT_VERSION,
    output_dir: str = config.DEFAULT_OUTPUT_DIR,
    entry_point: str | None = None,
    platforms: Sequence[str] | None = None,
    go_binary: str = "go",
    description: str | None = config.DEFAULT_DESCRIPTION,
    requires_python: str | None = config.DEFAULT_REQUIRES_PYTHON,
    author: str | None = None,
    author_email: str | None = None,
    license_: str | None = None,
    url: str | None = None,
    readme: str | None = None,
    ldflags: str | None = None,
    set_version_var: str | None = None,
    package: str | Sequence[str] | None = None,
    launcher: str | None = None,
    jobs: int | None = None,
    binaries: Mapping[str, str | os.PathLike[str]] | None = None,
    dev: bool = False,
) -> list[str]:
    """Build one wheel for each platform and return their paths, in the order asked for.

    `go_dir` is a folder in a Go module, a package with its version ("example.com/tool@v1.2")
    or a GoReleaser `dist` folder; `package` a folder of the module that holds the command
    ("./cmd/x"), or several. `platforms` are target names (the six default ones if None),
    `launcher` is "native" or "python", `binaries` maps target names to ready-made programs.
    None for `version`, `description` or `requires_python` means: find out, as the command
    line does; `dev` accepts the `.devN` version of a commit without a tag. Either every
    wheel is made or none.

    Raises FileNotFoundError for paths that don't exist, ValueError for values and sources
    that can't be used, RuntimeError when Go is missing or a target can't be built, OSError
    when the output folder can't be written; all of them are `errors.GoToWheelError` too.
    """
    request = BuildRequest(
        source=os.fspath(go_dir),
        package=package,
        name=name,
        version=version,
        output_dir=os.fspath(output_dir),
        entry_point=entry_point,
        platforms=platforms,
        go_binary=go_binary,
        description=description,
        requires_python=requires_python,
        author=author,
        author_email=author_email,
        license=license_,
        url=url,
        readme=os.fspath(readme) if readme is not None else None,
        ldflags=ldflags,
        set_version_var=set_version_var,
        launcher=launcher,
        jobs=jobs,
        binaries=[f"{name}={os.fspath(path)}" for name, path in (binaries or {}).items()],
        dev=dev,
    )
    report = run_build(plan_build(request, Runner(), os.environ))
    return [str(wheel.path) for wheel in report.wheels]

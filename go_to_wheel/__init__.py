"""Turn programs written in Go into Python wheels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from go_to_wheel.api import (
        DEFAULT_PLATFORMS,
        PLATFORM_MAPPINGS,
        BuildReport,
        BuildRequest,
        build,
        build_wheel,
        build_wheels,
        check_wheels,
        inspect_wheel,
    )

    __version__: str

__all__ = [
    "DEFAULT_PLATFORMS",
    "PLATFORM_MAPPINGS",
    "BuildReport",
    "BuildRequest",
    "__version__",
    "build",
    "build_wheel",
    "build_wheels",
    "check_wheels",
    "inspect_wheel",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":  # of the three distributions: in sqlite_scanner/pyproject.toml
        from importlib.metadata import version

        return version("go-to-wheel")
    if name in __all__:  # imported on demand, so that `go-to-wheel --help` stays quick
        from go_to_wheel import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

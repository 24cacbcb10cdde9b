"""Turn programs written in Go into Python wheels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from go_to_wheel.api import build_wheels

    __version__: str

__all__ = ["__version__", "build_wheels"]


def __getattr__(name: str) -> Any:
    # Imported when first asked for, so that `go-to-wheel --help` answers at once.
    if name == "build_wheels":
        from go_to_wheel.api import build_wheels

        return build_wheels
    if name == "__version__":  # of the three distributions: in sqlite_scanner/pyproject.toml
        from importlib.metadata import version

        return version("go-to-wheel")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

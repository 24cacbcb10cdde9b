"""Turn programs written in Go into Python wheels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from go_to_wheel.api import *  # noqa: F403

    __version__: str


def __getattr__(name: str) -> Any:
    from importlib import import_module, metadata

    if name == "__version__":  # of the three distributions: in sqlite_scanner/pyproject.toml
        return metadata.version("go-to-wheel")
    api = import_module("go_to_wheel.api")  # on demand, so that `go-to-wheel --help` stays quick
    if name in ("__all__", *api.__all__):
        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Options of the command and of the plugin's configuration → one frozen object."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import UsageError
from .finder import FindOptions

CONFIG_KEYS = frozenset(
    {"paths", "interval", "exclude", "max_depth", "all", "hosts", "allow", "snapshot_max_mb"}
)


@dataclass(frozen=True)
class Settings:
    """What to scan, how often, and who may see it."""

    find: FindOptions = field(default_factory=lambda: FindOptions(()))
    interval: float | None = None
    home: bool = False  # the catalogue is the page at /
    complete_first: bool = False  # answer nothing before the scan is complete
    serve: bool = True  # attach what is found, not only list it
    quiet: bool = True  # say nothing on the terminal
    memory: bool = True  # keep Datasette's _memory database
    host: str = "127.0.0.1"
    uds: bool = False
    hosts: tuple[str, ...] = ()
    allow: Mapping[str, Any] = field(default_factory=dict)
    snapshot_bytes: int = 256 << 20

    @property
    def active(self) -> bool:
        """Whether there is anything to scan."""
        return bool(self.find.roots)

    @property
    def hides_paths(self) -> bool:
        """Whether there are people who may see databases but not where they are."""
        return "scan-view" in self.allow or not (self.uds or is_loopback(self.host))


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own."""
    name = host.strip("[]").lower().rstrip(".")
    return (
        name in ("localhost", "::1")
        or name.endswith(".localhost")
        or (name.startswith("127.") and name.replace(".", "").isdigit())
    )


def absolute_roots(paths: list[str] | tuple[str, ...]) -> tuple[bytes, ...]:
    """Folders as absolute paths in bytes, each once, ``~`` resolved."""
    full = [os.fsencode(os.path.abspath(os.path.expanduser(p))) for p in paths]
    return tuple(dict.fromkeys(full))


def parse_config(config: Mapping[str, Any]) -> Settings:
    """The value of ``plugins: datasette-scan:``. Raises UsageError naming the bad key."""
    unknown = sorted(set(config) - CONFIG_KEYS)
    if unknown:
        raise UsageError(
            f"datasette-scan: unknown setting {unknown[0]!r}; "
            f"known are {', '.join(sorted(CONFIG_KEYS))}"
        )
    max_depth = _number(config, "max_depth", int, 0)
    megabytes = _number(config, "snapshot_max_mb", float, 0)
    return Settings(
        find=FindOptions(
            roots=absolute_roots(_strings(config, "paths")),
            exclude=_strings(config, "exclude"),
            max_depth=max_depth,
            include_all=bool(config.get("all", False)),
        ),
        interval=_number(config, "interval", float, 0),
        hosts=tuple(h.lower() for h in _strings(config, "hosts")),
        allow=dict(config.get("allow") or {}),
        snapshot_bytes=256 << 20 if megabytes is None else int(megabytes * (1 << 20)),
    )


def _strings(config: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = config.get(key) or ()
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
        raise UsageError(f"datasette-scan: {key} must be a list of texts, not {value!r}")
    return tuple(value)


def _number(config: Mapping[str, Any], key: str, kind: type, least: float) -> Any:
    value = config.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < least:
        raise UsageError(
            f"datasette-scan: {key} must be a number of at least {least}, not {value!r}"
        )
    return kind(value)

"""Options of the command and of the plugin's configuration → one frozen object."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import UsageError
from .finder import FindOptions
from .request_guard import is_loopback, parse_allowed_host, parse_host

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

CONFIG_KEYS = frozenset(
    {
        "paths",
        "interval",
        "exclude",
        "max_depth",
        "all",
        "hosts",
        "allow",
        "snapshot_max_mb",
        "memory_max_mb",
    }
)
_MAX_NUMBER = 1 << 40


@dataclass(frozen=True)
class Settings:
    """The folders to scan, how often, and who may see the result."""

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
    memory_bytes: int = 256 << 20

    @property
    def active(self) -> bool:
        """Whether there is anything to scan."""
        return bool(self.find.roots)

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.uds or is_loopback(self.host)


def local_hostnames() -> frozenset[str]:
    """This machine's names, in the form of ``parse_host``: alone, with a domain, in ".local".

    Takes seconds where no name server answers.
    """
    name = socket.gethostname()
    short = name.partition(".")[0]
    names = [name, short, f"{short}.local", socket.getfqdn(name)]
    with contextlib.suppress(OSError):
        canonical, aliases, _ = socket.gethostbyname_ex(name)
        names += [canonical, *aliases]
    parsed = (parse_host(name) for name in names)
    return frozenset(found[0] for found in parsed if found is not None)


def allowed_hosts(names: Iterable[str]) -> tuple[str, ...]:
    """The hosts to answer for, each once. Raises UsageError naming the bad one."""
    return tuple(dict.fromkeys(parse_allowed_host(name) for name in names))


def absolute_roots(paths: list[str] | tuple[str, ...]) -> tuple[bytes, ...]:
    """Folders as the scanner prints them: absolute, links and ``~`` resolved, each once."""
    return tuple(dict.fromkeys(os.fsencode(_resolve(os.path.expanduser(p))) for p in paths))


def _resolve(path: str) -> str:
    full, real = os.path.abspath(path), os.path.realpath(path)
    drives = [os.path.splitdrive(p)[0].lower() for p in (full, real)]
    if drives[0] != drives[1]:
        return full  # Windows: the scanner stays on a mapped drive
    if fcntl is not None and hasattr(fcntl, "F_GETPATH"):  # macOS: each name as it is listed
        with contextlib.suppress(OSError):
            fd = os.open(real, os.O_RDONLY | os.O_NONBLOCK)
            try:
                found = fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024))
            finally:
                os.close(fd)
            return os.fsdecode(found.rstrip(b"\0"))
    return real


def parse_config(config: Mapping[str, Any]) -> Settings:
    """The value of ``plugins: datasette-scan:``. Raises UsageError naming the bad key."""
    unknown = sorted(set(config) - CONFIG_KEYS)
    if unknown:
        raise UsageError(
            f"datasette-scan: unknown setting {unknown[0]!r}; "
            f"known are {', '.join(sorted(CONFIG_KEYS))}"
        )
    return Settings(
        find=FindOptions(
            roots=absolute_roots(_strings(config, "paths")),
            exclude=_strings(config, "exclude"),
            max_depth=_number(config, "max_depth", int, 0),
            include_all=bool(config.get("all", False)),
        ),
        interval=_number(config, "interval", float, 0),
        hosts=allowed_hosts(_strings(config, "hosts")),
        allow=dict(config.get("allow") or {}),
        snapshot_bytes=int(_number(config, "snapshot_max_mb", float, 0, 256) * (1 << 20)),
        memory_bytes=int(_number(config, "memory_max_mb", float, 16, 256) * (1 << 20)),
    )


def _strings(config: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = config.get(key) or ()
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
        raise UsageError(f"datasette-scan: {key} must be a list of strings, not {value!r}")
    return tuple(value)


def _number(
    config: Mapping[str, Any], key: str, kind: type, minimum: float, default: Any = None
) -> Any:
    value = config.get(key)
    if value is None:
        return default
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not minimum <= value <= _MAX_NUMBER:  # as nan never is
        raise UsageError(
            f"datasette-scan: {key} must be a number of at least {minimum}, not {value!r}"
        )
    return kind(value)

r"""Windows' paths in a form that its own rules neither change nor cut. Pure.

The form \\?\C:\x or \\?\UNC\server\share\x is taken as it is: longer than 260 characters, with
names that are devices otherwise ("aux.db") or end with a dot or blank.
"""

from __future__ import annotations

from urllib.parse import quote_from_bytes

_PREFIX = b"\\\\?\\"
_LONG = 248  # bytes from which on the short form may fail
_NUMBERED = (b"%s%d" % (name, number) for name in (b"com", b"lpt") for number in range(10))
_DEVICES = frozenset((b"con", b"prn", b"aux", b"nul", *_NUMBERED))


def extended_path(path: bytes) -> bytes:
    """An absolute path in the form that Windows takes as it is, where it needs that form."""
    if path.startswith(_PREFIX) or not (len(path) >= _LONG or _is_changed(path)):
        return path
    if path.startswith(b"\\\\"):
        return _PREFIX + b"UNC\\" + path[2:]
    return _PREFIX + path


def plain_path(path: bytes) -> bytes:
    """The usual form, to compare paths in."""
    if path.startswith(_PREFIX + b"UNC\\"):
        return b"\\\\" + path[8:]
    return path.removeprefix(_PREFIX)


def _is_changed(path: bytes) -> bool:
    return any(
        name.endswith((b".", b" ")) or name.split(b".")[0].rstrip().lower() in _DEVICES
        for name in path.split(b"\\")
    )


def format_uri(path: bytes, flags: str) -> str:
    """SQLite's URI for an absolute path. https://www.sqlite.org/uri.html"""
    path = extended_path(path.replace(b"/", b"\\"))
    if path.startswith(_PREFIX):
        return f"file:{quote_from_bytes(path, safe='')}?{flags}&vfs=win32-longpath"
    slashed = path.replace(b"\\", b"/")
    # A share's path begins with two slashes, after the two of an empty authority.
    front = "//" if slashed.startswith(b"//") else "/"
    return f"file:{front}{quote_from_bytes(slashed, safe='/')}?{flags}"

"""Module paths and remotes -> a project's web address. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

#: Hosts whose projects are at HOST/OWNER/NAME.
_FORGES = ("github.com", "gitlab.com", "codeberg.org", "bitbucket.org", "gitea.com", "git.sr.ht")
#: The Go project's own, where golang.org/x/… is.
_GOOGLE = "go.googlesource.com"
#: Hosts of module paths that are documented to stand for another one.
_ELSEWHERE = {
    r"golang\.org/x/([\w.-]+)": rf"https://{_GOOGLE}/\1",
    r"gopkg\.in/([\w-]+)/([\w-]+)\.v\d+": r"https://github.com/\1/\2",
    r"gopkg\.in/([\w-]+)\.v\d+": r"https://github.com/go-\1/\1",
}
_PATH_PART = re.compile(r"[\w.~+-]+", re.ASCII)
_SSH = re.compile(r"(?:ssh://)?(?:[\w.-]+@)?(?P<host>[\w.-]+)(?::\d+)?[:/](?P<path>.+)")


def forge_url(address: str, module_path: str = "") -> str | None:
    """A module path or a VCS remote -> the project's web address, when it has a known one.

    "github.com/o/tool/v2/cmd/x" and "git@github.com:o/tool.git" give
    "https://github.com/o/tool". Addresses on other hosts count only when the module path
    names that host: an internal server's name is nobody else's business. Passwords and
    user names are left out.
    """
    for pattern, place in _ELSEWHERE.items():
        if found := re.match(pattern, address):
            return found.expand(place)
    try:
        host, path = _split_address(address)
    except ValueError:  # not an address at all: "http://["
        return None
    parts = [part for part in path.removesuffix(".git").split("/") if part]
    if host == _GOOGLE and parts:
        return f"https://{host}/{parts[0]}" if _PATH_PART.fullmatch(parts[0]) else None
    known = host in _FORGES or (bool(host) and module_path.split("/")[0] == host)
    if not known or len(parts) < 2 or not all(map(_PATH_PART.fullmatch, parts)):
        return None
    project = parts[:2] if host in _FORGES and host != "gitlab.com" else _gitlab_parts(parts)
    project[-1] = project[-1].removesuffix(".git")
    return f"https://{host}/{'/'.join(project)}" if all(project) else None


def _gitlab_parts(parts: list[str]) -> list[str]:
    """GitLab has groups in groups; a remote's path is whole, a module path may end in /vN."""
    return [part for part in parts if not re.fullmatch(r"v\d+", part)]


def _split_address(address: str) -> tuple[str, str]:
    if re.match(r"https?://", address):
        parts = urlsplit(address)
        return (parts.hostname or "", parts.path)
    if "://" not in address and "@" not in address and ":" not in address:
        host, _, path = address.partition("/")
        return (host if "." in host else "", path)
    found = _SSH.fullmatch(address)
    return (found["host"], found["path"]) if found else ("", "")

"""A project's README and licence files as values, and where they are on the web. Pure.

PyPI shows a README away from its repository: there a link to `docs/use.md` leads nowhere.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

#: PyPI refuses longer ones.
SUMMARY_LIMIT = 512

#: A README's file suffix -> its Description-Content-Type, the best first.
CONTENT_TYPES = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".mkd": "text/markdown",
    ".mdown": "text/markdown",
    ".rst": "text/x-rst",
    ".txt": "text/plain",
    "": "text/plain",
}

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

#: Host -> where a file's page and its bytes are, below the project's address.
_PLACES = {
    "github.com": ("blob/{ref}", "raw/{ref}"),
    "gitlab.com": ("-/blob/{ref}", "-/raw/{ref}"),
    "codeberg.org": ("src/commit/{ref}", "raw/commit/{ref}"),
    "gitea.com": ("src/commit/{ref}", "raw/commit/{ref}"),
    "bitbucket.org": ("src/{ref}", "raw/{ref}"),
}
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif")
#: What a link can be part of, and what has none: code, comments, escaped characters.
_TOKEN = re.compile(
    r"""^[ ]{0,3}(?P<fence>(?P<char>[`~])(?P=char){2,}+) (?:(?<=~)[^\n]*|(?<=`)[^`\n]*) $
        (?: [\s\S]*? ^[ ]{0,3}(?P=fence)(?P=char)*[ \t]*$ | [\s\S]* )
    | (?<!`)(?P<ticks>`+)(?!`) (?:(?!\n\s*\n|\n[ ]{0,3}(?:```|~~~))[\s\S])*?
        (?<!`)(?P=ticks)(?!`)
    | ^[ ]{0,3}<!--[\s\S]*?-->[^\n]* | <!--[\s\S]*?--> | \\[\s\S]
    | (?P<tag> <(?:img|a|source|video)\b[^<>]*> )
    | ^[ ]{0,3}\[[^\]\n]+\]:[ \t]*<?(?P<defined>[^\s<>]+)
    | (?P<open> !?\[ )
    | (?P<close> \] ) (?: \([ \t]*<?(?P<target>[^\s()<>]+) )?""",
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"\b(?P<name>src|href)\s*=\s*[\"'](?P<target>[^\"'<>]+)[\"']", re.IGNORECASE
)

#: A link's target and whether it is a picture -> its address.
_Address = Callable[[str, bool], str]


@dataclass(frozen=True)
class Readme:
    """A long description and its content type ("text/markdown" …)."""

    text: str
    content_type: str


@dataclass(frozen=True)
class ProjectFiles:
    """Texts of the project: its README with that file's name and folder, and its licence files
    as (name, bytes)."""

    readme: Readme | None
    licenses: tuple[tuple[str, bytes], ...] = ()
    readme_name: str = ""
    readme_folder: str | None = None


NO_FILES = ProjectFiles(None)


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
    project = parts[:2]
    if host not in _FORGES or host == "gitlab.com":  # groups in groups; a path may end in /vN
        project = [part for part in parts if not re.fullmatch(r"v\d+", part)]
    project[-1] = project[-1].removesuffix(".git")
    return f"https://{host}/{'/'.join(project)}" if all(project) else None


def _split_address(address: str) -> tuple[str, str]:
    if re.match(r"https?://", address):
        parts = urlsplit(address)
        return (parts.hostname or "", parts.path)
    if "://" not in address and "@" not in address and ":" not in address:
        host, _, path = address.partition("/")
        return (host if "." in host else "", path)
    found = _SSH.fullmatch(address)
    return (found["host"], found["path"]) if found else ("", "")


def absolute_links(readme: Readme, home: str, ref: str, folder: str = "") -> Readme:
    """The Markdown README of the project at the address `home`, as it is at a commit.

    `folder` is the README's own in the repository. Other formats, unknown hosts and links
    that lead out of the repository stay as they are.
    """
    places = _PLACES.get(urlsplit(home).hostname or "")
    if readme.content_type != "text/markdown" or places is None or not ref:
        return readme
    page, raw = (f"{home}/{place.format(ref=ref)}" for place in places)

    def address(target: str, picture: bool) -> str:
        if not _is_relative(target):
            return target
        path, fragment = re.split(r"(?=[?#])", f"{target}#", maxsplit=1)
        start = "" if path.startswith("/") else folder  # from the repository's root
        inside = posixpath.normpath(posixpath.join(start, path.lstrip("/")))
        if inside.split("/")[0] == "..":
            return target
        return f"{raw if picture else page}/{inside}{fragment[:-1]}"

    return replace(readme, text=_rewrite(readme.text, address))


def relative_links(text: str) -> list[str]:
    """The targets in a Markdown text that are relative, each once."""
    found: list[str] = []

    def collect(target: str, picture: bool) -> str:
        found.append(target)
        return target

    _rewrite(text, collect)
    return list(dict.fromkeys(filter(_is_relative, found)))


def _is_relative(target: str) -> bool:
    """Whether it leads to a file beside the text; "#part" and "//host" don't."""
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    return bool(path) and not path.startswith("//") and ":" not in path.split("/")[0]


def _rewrite(text: str, address: _Address) -> str:
    """The text with new targets; matching brackets separate pictures from links."""
    brackets: list[str] = []
    parts: list[str] = []
    end = 0

    def put(target: str, start: int, picture: bool) -> None:
        nonlocal end
        parts.extend((text[end:start], address(target, picture)))
        end = start + len(target)

    place = 0
    while token := _TOKEN.search(text, place):
        place = token.end()
        if token["open"]:
            brackets.append(token["open"])
        elif token["close"]:
            kind = brackets.pop() if brackets else ""
            if token["target"] and kind:
                put(token["target"], token.start("target"), kind == "![")
            elif not kind:  # what follows is no target: "]([a](b)"
                place = token.end("close")
        elif target := token["defined"]:
            picture = target.split("#")[0].lower().endswith(_PICTURES)
            put(target, token.start("defined"), picture)
        elif token["tag"]:
            for found in _ATTRIBUTE.finditer(token["tag"]):
                start = token.start("tag") + found.start("target")
                put(found["target"], start, found["name"].lower() == "src")
    return "".join((*parts, text[end:]))

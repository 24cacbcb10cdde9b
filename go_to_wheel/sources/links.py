"""A README's relative links -> addresses at the commit that was built. Pure.

PyPI shows a README away from its repository: there `docs/use.md` leads nowhere.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from go_to_wheel.sources.readme import Readme

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
        inside = posixpath.normpath(posixpath.join(folder, path))
        if path.startswith("/"):  # from the repository's root
            inside = posixpath.normpath(path.lstrip("/"))
        outside = inside == ".." or inside.startswith("../")
        if outside:
            return target
        return f"{raw if picture else page}/{inside}{fragment[:-1]}"

    return replace(readme, text=_rewrite(readme.text, address))


def relative_links(text: str) -> list[str]:
    """The targets in a Markdown text that are relative, each once."""
    found: dict[str, None] = {}

    def collect(target: str, picture: bool) -> str:
        if _is_relative(target):
            found[target] = None
        return target

    _rewrite(text, collect)
    return list(found)


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

    for token in _TOKEN.finditer(text):
        if token["open"]:
            brackets.append(token["open"])
        elif token["close"]:
            kind = brackets.pop() if brackets else ""
            if token["target"] and kind:
                put(token["target"], token.start("target"), kind == "![")
        elif target := token["defined"]:
            picture = target.split("#")[0].lower().endswith(_PICTURES)
            put(target, token.start("defined"), picture)
        elif token["tag"]:
            for found in _ATTRIBUTE.finditer(token["tag"]):
                start = token.start("tag") + found.start("target")
                put(found["target"], start, found["name"].lower() == "src")
    return "".join((*parts, text[end:]))

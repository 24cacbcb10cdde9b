"""Texts and addresses -> a summary and a project URL. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from go_to_wheel.sources.readme import SUMMARY_LIMIT, Readme

if TYPE_CHECKING:
    from markdown_it.token import Token

#: Hosts whose projects are at HOST/OWNER/NAME.
_FORGES = ("github.com", "gitlab.com", "codeberg.org", "bitbucket.org", "gitea.com")
_SENTENCE_END = re.compile(r"(?<![.\s][A-Za-z])(?<!\be\.g)(?<!\bi\.e)([.!?])(?=\s|$)")
_NO_SUMMARY = re.compile(
    r"copyright|spdx-license-identifier|code generated|licensed under", re.IGNORECASE
)
_ENTRY_POINT = re.compile(
    r"entry ?-?point|\bmain (package|function|program)\b|^package main$", re.IGNORECASE
)
_PACKAGE_MAIN = re.compile(
    r"^package main (is|provides|implements|contains|defines|holds|has)? ?", re.IGNORECASE
)
#: Paragraphs about something else than the program.
_OTHER_SUBJECT = re.compile(
    r"available (for|on|in|as|from)|(latest )?(releases?|downloads?|sponsors?|news|updates?)\b"
    r"|(sponsor|support|fund|maintain|power|back)ed by|special thanks|thanks?\b|table of contents"
    r"|please|(note|warning|important|notice|attention|caution|see|click|visit|join|follow)\b"
    r"|(read|check|download|install|try|build|run|star|use|get) (it|the|this|us|out|more|with|via"
    r"|from|using|latest|a|status|started)\b|(help|support|sponsor|consider|contribut|donat|vote)"
    r"|(this|the) (project|repository|repo|tool|package|library) (is|has been) (no longer|now"
    r"|archived|deprecated|moved|unmaintained|looking|in (alpha|beta)|under)"
    r"|(deprecated|archived|obsolete|unmaintained|copyright|licensed|license|documentation|docs"
    r"|english|translations?|languages?|contents|badges?|status|todo|wip)\b"
    r"|(if|for|to|when|are|do|want|looking|we|we're|our|i|i'm|you|you're|your|here)\b",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s[/-]\s|[|·•]|\s[\u2013\u2014]\s")
_INTRODUCTION = re.compile(
    r"(about|introduction|intro|overview|description|summary|synopsis|purpose|what)\b",
    re.IGNORECASE,
)
_PATH_PART = re.compile(r"[\w.~+-]+", re.ASCII)
_SSH = re.compile(r"(?:ssh://)?(?:[\w.-]+@)?(?P<host>[\w.-]+)(?::\d+)?[:/](?P<path>.+)")


def summary_of_doc(doc: str) -> str | None:
    """The first sentence of a package's doc comment, None when it has none about the program.

    "Package main implements a server." gives "A server".
    """
    sentence = _first(doc)
    if sentence is None or _NO_SUMMARY.match(sentence) or _ENTRY_POINT.search(sentence):
        return None
    bare = _PACKAGE_MAIN.sub("", sentence)
    return bare[:1].upper() + bare[1:] if bare != sentence else sentence


def first_sentence(readme: Readme) -> str | None:
    """A README's first sentence about the program; None where no paragraph starts with one.

    Only the text under the title counts, and an introduction with a heading of its own.
    Badges, menus, downloads, notices and thanks are skipped.
    """
    is_markdown = readme.content_type == "text/markdown"
    paragraphs = (_markdown_paragraphs if is_markdown else _plain_paragraphs)(readme.text)
    return next(filter(None, map(_sentence, paragraphs)), None)


def _sentence(paragraph: str) -> str | None:
    """The first sentence of a paragraph, if it is one about a program."""
    sentence = _first(paragraph)
    if sentence is None or len(sentence.split()) < 3 or sentence.endswith("?"):
        return None
    if paragraph.rstrip().endswith(":") and sentence == " ".join(paragraph.split()).rstrip(".: "):
        return None
    if _OTHER_SUBJECT.match(sentence) or len(_SEPARATOR.findall(sentence)) > 1:
        return None
    return sentence


def _first(text: str) -> str | None:
    line = " ".join(text.split())
    end = _SENTENCE_END.search(line)
    sentence = (line[: end.end()] if end else line).rstrip(".:").strip()
    if not any(char.isalpha() for char in sentence) or not sentence.isprintable():
        return None
    return sentence if len(sentence) <= SUMMARY_LIMIT else None


def _markdown_paragraphs(text: str) -> Iterable[str]:
    """The paragraphs up to the first heading that is neither a title nor an introduction's."""
    from markdown_it import MarkdownIt  # takes long to load

    headings = 0
    for opening, inline in pairwise(MarkdownIt("commonmark").parse(text)):
        children = inline.children or ()
        if opening.type == "heading_open":
            headings += 1
            introduces = _INTRODUCTION.match("".join(map(_inline_text, children)))
            if headings > 1 and opening.tag != "h1" and not introduces:
                return
        if opening.type == "paragraph_open" and opening.level == 0 and not _is_menu(children):
            yield "".join(map(_inline_text, children))


def _is_menu(tokens: Sequence[Token]) -> bool:
    """Whether most of a paragraph's text is that of links."""
    depth = linked = total = 0
    for token in tokens:
        depth += token.nesting if token.type in ("link_open", "link_close") else 0
        length = sum(map(str.isalpha, _inline_text(token)))
        total += length
        linked += length if depth else 0
    return total > 0 and linked > 0.6 * total


def _inline_text(token: Token) -> str:
    if token.type in ("text", "code_inline"):
        return token.content
    return " " if token.type in ("softbreak", "hardbreak") else ""


def _plain_paragraphs(text: str) -> Iterable[str]:
    """Blocks of plain or reStructuredText that are not headings, directives or links."""
    blocks = [block.strip() for block in re.split(r"\n\s*\n", text)]
    return [block for block in blocks if block and not _is_markup(block)]


def _is_markup(block: str) -> bool:
    lines = block.splitlines()
    ruled = any(re.fullmatch(r"([^\w\s])\1{2,}", line.strip()) for line in lines)
    title = len(lines) == 1 and len(block) < 20
    return ruled or title or block.startswith(("..", "|", ":", "+-"))


def forge_url(address: str, module_path: str = "") -> str | None:
    """A module path or a VCS remote -> the project's web address, when it has a known one.

    "github.com/o/tool/v2/cmd/x" and "git@github.com:o/tool.git" give
    "https://github.com/o/tool". Addresses on other hosts count only when the module path
    names that host: an internal server's name is nobody else's business. Passwords and
    user names are left out.
    """
    try:
        host, path = _split_address(address)
    except ValueError:  # not an address at all: "http://["
        return None
    parts = [part for part in path.removesuffix(".git").split("/") if part]
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

"""Texts and addresses -> a summary and a project URL. Pure."""

from __future__ import annotations

import re
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
_PATH_PART = re.compile(r"[\w.~+-]+", re.ASCII)
_SSH = re.compile(r"(?:ssh://)?(?:[\w.-]+@)?(?P<host>[\w.-]+)(?::\d+)?[:/](?P<path>.+)")


def summary_of_doc(doc: str) -> str | None:
    """The first sentence of a package's doc comment, None when it is empty."""
    sentence = _first(doc)
    return None if sentence is None or _NO_SUMMARY.match(sentence) else sentence


def first_sentence(readme: Readme) -> str | None:
    """The first sentence of a README's first paragraph; headings and badges are skipped."""
    if readme.content_type == "text/markdown":
        paragraphs = _markdown_paragraphs(readme.text)
    else:
        paragraphs = _plain_paragraphs(readme.text)
    return next(filter(None, map(_first, paragraphs)), None)


def _first(text: str) -> str | None:
    line = " ".join(text.split())
    end = _SENTENCE_END.search(line)
    sentence = (line[: end.end()] if end else line).rstrip(".:").strip()
    if not any(char.isalpha() for char in sentence) or not sentence.isprintable():
        return None
    return sentence if len(sentence) <= SUMMARY_LIMIT else None


def _markdown_paragraphs(text: str) -> list[str]:
    from markdown_it import MarkdownIt  # takes long to load

    tokens = MarkdownIt("commonmark").parse(text)
    return [
        "".join(map(_inline_text, inline.children or ()))
        for opening, inline in pairwise(tokens)
        if opening.type == "paragraph_open" and opening.level == 0
    ]


def _inline_text(token: Token) -> str:
    if token.type in ("text", "code_inline"):
        return token.content
    return " " if token.type in ("softbreak", "hardbreak") else ""


def _plain_paragraphs(text: str) -> list[str]:
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

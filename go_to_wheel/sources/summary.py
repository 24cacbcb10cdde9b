"""Finds a one-sentence summary of a program in its doc comment or README. Pure.

A README is searched from its title to the first heading of another subject. The best sentence
defines the program ("Tool is a …"), the next best names its kind ("A …", "This command …"), then
comes the first about no other subject. No summary is better than a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice, zip_longest
from operator import itemgetter
from typing import TYPE_CHECKING

from go_to_wheel.sources.readme import Readme, media_type

if TYPE_CHECKING:
    from markdown_it.token import Token

#: PyPI refuses longer ones.
SUMMARY_LIMIT = 512
_SENTENCE_END = re.compile(r"(?<![.\s][A-Za-z])(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)([.!?])(?=\s|$)")
#: Doc comments about the file, or about the function `main`.
_NOT_ABOUT_PROGRAM = re.compile(
    r"^(copyright|spdx-license-identifier|code generated|licensed under)"
    r"|entry ?-?point|\bmain (package|function|program)\b|^package main$",
    re.IGNORECASE,
)
_DOES = r"(is|provides|implements|contains|defines|holds|has)"
_PACKAGE = re.compile(rf"^package (main( {_DOES})?|\S+ {_DOES}) ", re.IGNORECASE)
_ABOUT_ITSELF = re.compile(
    r"\b(readme|changelog|stands for|no longer|following|these)\b|\bsponsor", re.IGNORECASE
)
_LINKS_AND_COMMENTS = re.compile(r"<!--.*?(-->|\Z)|<a\b.*?(</a>|\Z)", re.DOTALL | re.IGNORECASE)
_BLOCK_TAG = re.compile(
    r"(?=<(?:p|div|td|li|h[1-4]|table|blockquote)\b)|</(?:p|div|td|li|h[1-4])>", re.IGNORECASE
)
_PRONUNCIATION = re.compile(r"\s*\(pron(oun|un)c[^)]*\)", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s[/-]\s|[|·•\u00bb\u203a]|\s[\u2013\u2014]\s")
_INTRODUCTION = re.compile(
    r"\W*(about|introduction|intro|overview|description|summary|synopsis|purpose|what)\b",
    re.IGNORECASE,
)
#: Kinds of program: "A tool …", "This command …".
_NAMES_KIND = re.compile(
    r"an? \w.*\b(for|to|that|which|of|in|with)\b(?!.* is )|this is an? \w"
    r"|this ((go|golang|cli|command[ -]line) )?(tool|command|program|package|library|linter|project"
    r"|utility|application|app|server|cli)\b.* \w+s\b",
    re.IGNORECASE,
)
#: Verbs after a program's name that don't define it.
_NO_DEFINITION = re.compile(
    r"(requires|supports|has|was|uses|works|comes|needs|does|stands|ships|depends|includes|exists"
    r"|assumes|expects|runs (on|in|with)"
    r"|(is|are) (?!an? |another |the |designed |intended |meant |able ))",
    re.IGNORECASE,
)


def summary_of_doc(doc: str) -> str | None:
    """The first sentence of a package's doc comment, None when it has none about the program.

    "Package main implements a server." gives "A server".
    """
    sentence = next(_sentences(doc), "")
    if not sentence or _NOT_ABOUT_PROGRAM.search(sentence):
        return None
    bare = _PACKAGE.sub("", sentence)
    return bare[:1].upper() + bare[1:] if bare != sentence else sentence


def summary_of_readme(readme: Readme, names: Collection[str]) -> str | None:
    """A README's best sentence about the program with one of these names; None without one."""
    is_markdown = media_type(readme.content_type) == "text/markdown"
    blocks = list((_markdown_blocks if is_markdown else _plain_blocks)(readme.text))
    titles = [words for kind, words in blocks if kind == "title"]
    pattern = "|".join(re.escape(name) for name in (*names, *titles[:1]) if name.strip())
    name = rf"(?:the |package )?(?:{pattern or '(?!)'})(?: command| tool| program| package)?"
    candidates = [rated for kind, words in blocks if kind == "text" for rated in _rate(words, name)]
    if not candidates or candidates[0][0] == 3:
        rated = [pair for title in titles for pair in _rate(title, name)]
        titled = [(rank, words) for rank, words in rated if len(words.split()) > 3]
        best = 1 if candidates and len(candidates[0][1].split()) > 15 else 0
        named = [(rank, words) for rank, words in (*candidates, *titled) if rank <= best]
        candidates = [*sorted(named, key=itemgetter(0)), *candidates, *titled]
    return candidates[0][1] if candidates else None


def _rate(text: str, name: str) -> Iterator[tuple[int, str]]:
    """The first two sentences of a paragraph, if they may be a summary, each with its rank."""
    for number, sentence in enumerate(islice(_sentences(text), 2)):
        rated = _rate_sentence(sentence, name)
        introduces = text.rstrip().endswith(f"{sentence[-9:]}:")
        if rated and rated[0] <= (2 if number or introduces else 3):
            yield rated


def _rate_sentence(sentence: str, name: str) -> tuple[int, str] | None:
    """A rank: defines the program (0), is about it (1), names its kind (2), another (3)."""
    if match := re.match(
        rf"{name}(?: ?:| ?[\u2013\u2014]| -+) +(?=\S+ \S)", sentence, re.IGNORECASE
    ):
        bare = sentence[match.end() :]
        return 0, bare[:1].upper() + bare[1:]
    if len(sentence.split()) < 3 or sentence.endswith("?") or not re.match(r"[\w`'(]", sentence):
        return None
    other = _other_subjects().match(sentence) or _ABOUT_ITSELF.search(sentence)
    if other or len(_SEPARATOR.findall(sentence)) > 1:
        return None
    if match := re.match(rf"{name}(?: |, )", sentence, re.IGNORECASE):
        rest = sentence[match.end() :].lstrip()
        if _NO_DEFINITION.match(rest):
            return None
        if re.match(r"(is |are )?(an?|another|the) ", rest, re.IGNORECASE):
            return 0, sentence
        if re.match(r"([a-z]+s|are|can|will) ", rest):
            return 1, sentence
    return 2 if _NAMES_KIND.match(sentence) else 3, sentence


@cache
def _other_subjects() -> re.Pattern[str]:
    """A pattern for the beginnings of sentences that are not about the program."""
    table = files("go_to_wheel").joinpath("data", "other-subjects.txt").read_text(encoding="utf-8")
    return re.compile("|".join(re.findall(r"^(?!#).+$", table, re.MULTILINE)), re.IGNORECASE)


def _sentences(text: str) -> Iterator[str]:
    """The sentences of a paragraph that can be a summary, without their full stops."""
    line = " ".join(_PRONUNCIATION.sub("", text).split())
    while line:
        end = _SENTENCE_END.search(line)
        sentence = (line[: end.end()] if end else line).rstrip(".:").strip()
        fits = sentence.isprintable() and len(sentence) <= SUMMARY_LIMIT
        if not fits or not any(map(str.isalpha, sentence)):
            return
        yield sentence
        line = line[end.end() :].lstrip() if end else ""


def _markdown_blocks(text: str) -> Iterator[tuple[str, str]]:
    """("title" or "text", words) up to the first heading of another subject."""
    from markdown_it import MarkdownIt  # takes long to load

    headings = 0
    tokens = MarkdownIt("commonmark").parse(text)
    for opening, inline in zip_longest(tokens, tokens[1:]):
        children = (inline.children if inline else None) or ()
        words = "".join(map(_inline_text, children))
        if opening.type == "heading_open":
            headings += 1
            if headings > 1 and opening.tag != "h1" and not _INTRODUCTION.match(words):
                return
            yield "title", words
        elif opening.type == "html_block":
            yield from _html_blocks(opening.content)
        elif opening.type == "paragraph_open" and opening.level < 2 and not _is_menu(children):
            yield "text", words


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


def _html_blocks(text: str) -> Iterator[tuple[str, str]]:
    """The text between tags of blocks, without that of links."""
    from html import unescape

    for block in _BLOCK_TAG.split(_LINKS_AND_COMMENTS.sub("", text)):
        words = unescape(re.sub(r"<[^>]*>", "", block))
        if words.strip():
            yield ("title" if block.lower().startswith("<h1") else "text"), words


def _plain_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Blocks of plain or reStructuredText that are not directives or links."""
    for block in re.split(r"\n\s*\n", text):
        lines = block.strip().splitlines()
        ruled = any(re.fullmatch(r"([^\w\s])\1{2,}", line.strip()) for line in lines)
        if lines and ruled:
            yield "title", next((line for line in lines if line[:1].isalnum()), "")
        elif lines and not block.strip().startswith(("..", "|", ":", "+-")):
            words = re.sub(r"\*\*|``|`([^`<]+?)\s*(<[^>]*>)?`__?", lambda m: m[1] or "", block)
            yield "text", words

"""A project's README and licence files as values, where they are on the web, summaries. Pure.

PyPI shows a README away from its repository: there a link to `docs/use.md` leads nowhere.

For a summary a README is searched from its title to the first heading that introduces something
else. Its best sentence is one that defines the program ("Tool is a …"), then one that names its
kind ("A …", "This command …"), then the first that is about no other subject. None is better than
a wrong one.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import unescape
from importlib.resources import files
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from markdown_it.token import Token

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
_TAG = re.compile(r"<(?:img|a|source|video)\b[^<>]*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\b(src|href)\s*=\s*[\"']([^\"'<>]+)[\"']", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
#: Where a link's target can be: after "](", in a definition, in a tag.
_TARGET = re.compile(
    r"(?P<before>\]\([ \t]*<?|^[ ]{0,3}\[[^\]\n]+\]:[ \t]*<?|\b(?:src|href)\s*=\s*[\"'])"
    r"(?P<target>[^\s()<>\"']+)",
    re.IGNORECASE,
)


_SENTENCE_END = re.compile(r"(?<![.\s][A-Za-z])(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)([.!?])(?=\s|$)")
_NO_SUMMARY = re.compile(
    r"copyright|spdx-license-identifier|code generated|licensed under", re.IGNORECASE
)
_ENTRY_POINT = re.compile(
    r"entry ?-?point|\bmain (package|function|program)\b|^package main$", re.IGNORECASE
)
_DOES = r"(is|provides|implements|contains|defines|holds|has)"
_PACKAGE = re.compile(rf"^package (main( {_DOES})?|\S+ {_DOES}) ", re.IGNORECASE)
_ABOUT_ITSELF = re.compile(
    r"\b(readme|changelog|stands for|no longer|following|these)\b|\bsponsor", re.IGNORECASE
)
_UNSEEN = re.compile(r"<!--.*?(-->|\Z)|<a\b.*?(</a>|\Z)", re.DOTALL | re.IGNORECASE)
_BLOCK = re.compile(
    r"(?=<(?:p|div|td|li|h[1-4]|table|blockquote)\b)|</(?:p|div|td|li|h[1-4])>", re.IGNORECASE
)
_PRONOUNCED = re.compile(r"\s*\(pron(oun|un)c[^)]*\)", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s[/-]\s|[|·•\u00bb\u203a]|\s[\u2013\u2014]\s")
_INTRODUCTION = re.compile(
    r"\W*(about|introduction|intro|overview|description|summary|synopsis|purpose|what)\b",
    re.IGNORECASE,
)
#: Kinds of program: "A tool …", "This command …".
_KIND = re.compile(
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
        path, fragment = re.split(r"(?=[?#])", f"{target}#", maxsplit=1)
        start = "" if path.startswith("/") else folder  # from the repository's root
        inside = posixpath.normpath(posixpath.join(start, path.lstrip("/")))
        if inside.split("/")[0] == "..":
            return target
        return f"{raw if picture else page}/{inside}{fragment[:-1]}"

    links, code = _find_links(readme.text)
    new = {target: address(target, picture) for target, picture in links.items()}
    lines = [
        line
        if number in code
        else _TARGET.sub(
            lambda found: found["before"] + new.get(found["target"], found["target"]), line
        )
        for number, line in enumerate(readme.text.split("\n"))
    ]
    return replace(readme, text="\n".join(lines))


def relative_links(text: str) -> list[str]:
    """The targets in a Markdown text that are relative, each once."""
    return list(_find_links(text)[0])


def _find_links(text: str) -> tuple[dict[str, bool], set[int]]:
    """The relative targets, and whether each is a picture's; the numbers of lines of code."""
    from markdown_it import MarkdownIt  # takes long to load

    parser = MarkdownIt("commonmark")
    parser.normalizeLink = str  # type: ignore[method-assign,assignment]
    found: dict[str, bool] = {}
    code: set[int] = set()
    blocks = parser.parse(text)
    for block in blocks:
        if block.type in ("fence", "code_block") and block.map:
            code.update(range(*block.map))
    for token in (part for block in blocks for part in (block, *(block.children or ()))):
        pairs = list(token.attrItems())
        if token.type in ("html_block", "html_inline"):
            tags = _TAG.findall(_COMMENT.sub("", token.content))
            pairs = [pair for tag in tags for pair in _ATTRIBUTE.findall(tag)]
        for name, target in pairs:
            if name.lower() in ("href", "src") and _is_relative(str(target)):
                found[str(target)] = found.get(str(target), False) or name.lower() == "src"
    return found, code


def _is_relative(target: str) -> bool:
    """Whether it leads to a file beside the text; "#part" and "//host" don't."""
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    return bool(path) and not path.startswith("//") and ":" not in path.split("/")[0]


def summary_of_doc(doc: str) -> str | None:
    """The first sentence of a package's doc comment, None when it has none about the program.

    "Package main implements a server." gives "A server".
    """
    sentence = next(_sentences(doc), "")
    if not sentence or _NO_SUMMARY.match(sentence) or _ENTRY_POINT.search(sentence):
        return None
    bare = _PACKAGE.sub("", sentence)
    return bare[:1].upper() + bare[1:] if bare != sentence else sentence


def summary_of_readme(readme: Readme, names: Collection[str] = ()) -> str | None:
    """A README's best sentence about the program with one of these names; None without one."""
    is_markdown = readme.content_type == "text/markdown"
    blocks = list((_markdown_blocks if is_markdown else _plain_blocks)(readme.text))
    titles = [words for kind, words in blocks if kind == "title"]
    known = "|".join(re.escape(name) for name in (*names, *titles[:1]) if name.strip())
    name = rf"(?:the |package )?(?:{known or '(?!)'})(?: command| tool| program| package)?"
    found = [rated for kind, words in blocks if kind == "text" for rated in _rate(words, name)]
    if not found or found[0].rank == 3:
        rated = [rated for title in titles for rated in _rate(title, name)]
        titled = [each for each in rated if len(each.words.split()) > 3]
        best = 1 if found and len(found[0].words.split()) > 15 else 0
        named = [each for each in (*found, *titled) if each.rank <= best]
        found = [*sorted(named, key=lambda each: each.rank), *found, *titled]
    return found[0].words if found else None


class _Rated(NamedTuple):
    """A sentence that defines the program (0), is about it (1), names a kind (2) or another (3)."""

    words: str
    rank: int


def _rate(text: str, name: str) -> Iterator[_Rated]:
    """The first two sentences of a paragraph, if they may be a summary."""
    for number, sentence in enumerate(islice(_sentences(text), 2)):
        rated = _rate_sentence(sentence, name)
        introduces = text.rstrip().endswith(f"{sentence[-9:]}:")
        if rated and rated.rank <= (2 if number or introduces else 3):
            yield rated


def _rate_sentence(sentence: str, name: str) -> _Rated | None:
    if found := re.match(
        rf"{name}(?: ?:| ?[\u2013\u2014]| -+) +(?=\S+ \S)", sentence, re.IGNORECASE
    ):
        bare = sentence[found.end() :]
        return _Rated(bare[:1].upper() + bare[1:], 0)
    if len(sentence.split()) < 3 or sentence.endswith("?") or not re.match(r"[\w`'(]", sentence):
        return None
    other = _other_subjects().match(sentence) or _ABOUT_ITSELF.search(sentence)
    if other or len(_SEPARATOR.findall(sentence)) > 1:
        return None
    if found := re.match(rf"{name}(?: |, )", sentence, re.IGNORECASE):
        rest = sentence[found.end() :].lstrip()
        if _NO_DEFINITION.match(rest):
            return None
        if re.match(r"(is |are )?(an?|another|the) ", rest, re.IGNORECASE):
            return _Rated(sentence, 0)
        if re.match(r"([a-z]+s|are|can|will) ", rest):
            return _Rated(sentence, 1)
    return _Rated(sentence, 2 if _KIND.match(sentence) else 3)


@cache
def _other_subjects() -> re.Pattern[str]:
    """Beginnings of sentences that are about something else than the program."""
    table = files("go_to_wheel").joinpath("data", "other-subjects.txt").read_text(encoding="utf-8")
    return re.compile("|".join(re.findall(r"^(?!#).+$", table, re.MULTILINE)), re.IGNORECASE)


def _sentences(text: str) -> Iterator[str]:
    """The sentences of a paragraph that can be a summary, without their full stops."""
    line = " ".join(_PRONOUNCED.sub("", text).split())
    while line:
        end = _SENTENCE_END.search(line)
        sentence = (line[: end.end()] if end else line).rstrip(".:").strip()
        fits = sentence.isprintable() and len(sentence) <= SUMMARY_LIMIT
        if not fits or not any(map(str.isalpha, sentence)):
            return
        yield sentence
        line = line[end.end() :].lstrip() if end else ""


def _markdown_blocks(text: str) -> Iterator[tuple[str, str]]:
    """("title" or "text", words) up to the heading of something else."""
    from markdown_it import MarkdownIt  # takes long to load

    headings = 0
    for opening, inline in pairwise([*MarkdownIt("commonmark").parse(text), None]):
        if opening is None:
            return
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
    for block in _BLOCK.split(_UNSEEN.sub("", text)):
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

"""Addresses of a project on code hosts, and a README's links there. Pure.

PyPI shows a README outside its repository, where a link to `docs/use.md` would be broken.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from urllib.parse import urlsplit

from go_to_wheel.sources.readme import Readme, media_type

#: Hosts with projects at HOST/OWNER/NAME -> a file's page and its bytes, below the project.
_FORGES = {
    "github.com": ("blob/{ref}", "raw/{ref}"),
    "gitlab.com": ("-/blob/{ref}", "-/raw/{ref}"),
    "codeberg.org": ("src/commit/{ref}", "raw/commit/{ref}"),
    "gitea.com": ("src/commit/{ref}", "raw/commit/{ref}"),
    "bitbucket.org": ("src/{ref}", "raw/{ref}"),
    "git.sr.ht": ("tree/{ref}/item", "blob/{ref}"),
}
#: The Go project's own, where golang.org/x/… is.
_GOOGLE = "go.googlesource.com"
#: Module paths on hosts that are documented aliases -> the project's address.
_VANITY_PATHS = {
    r"golang\.org/x/([\w.-]+)": rf"https://{_GOOGLE}/\1",
    r"gopkg\.in/([\w-]+)/([\w-]+)\.v\d+": r"https://github.com/\1/\2",
    r"gopkg\.in/([\w-]+)\.v\d+": r"https://github.com/go-\1/\1",
}
_PATH_PART = re.compile(r"[\w.~+-]+", re.ASCII)

#: The target of a link to a file beside the text, unlike "#part", "//host" and "mailto:x".
_RELATIVE = re.compile(r"(?!//)(?=[^?#])[^:/?#]*([/?#]|$)")
_LINK_TAG = re.compile(r"<(?:img|a|source|video)\b[^<>]*>", re.IGNORECASE)
_LINK_ATTRIBUTE = re.compile(r"\b(src|href)\s*=\s*[\"']([^\"'<>]+)[\"']", re.IGNORECASE)
#: Whether a Markdown text may have relative links; if not, it need not be parsed.
_POSSIBLE_LINK = re.compile(r"(\]\(|\]:|\b(src|href)\s*=)[\s<\"']*+(?!https?:|#)\S", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
#: Where a link's target can be: after "](", in a definition, in a tag.
_LINK_TARGET = re.compile(
    r"(?P<before>\]\([ \t]*<?|^[ ]{0,3}\[[^\]\n]+\]:[ \t]*<?|\b(?:src|href)\s*=\s*[\"'])"
    r"(?P<target>[^\s()<>\"']+)",
    re.IGNORECASE,
)


def forge_url(address: str, module_path: str = "") -> str | None:
    """The web address of a project from its module path or git remote; None if unknown.

    "github.com/o/tool/v2/cmd/x" and "git@github.com:o/tool.git" give "https://github.com/o/tool".
    Other hosts count only if the module path names them: an internal server's name is private.
    User names and passwords are removed.
    """
    for pattern, replacement in _VANITY_PATHS.items():
        if match := re.match(pattern, address):
            return match.expand(replacement)
    if "://" not in address:  # a module path, or git's short form: git@host:path
        address = f"ssh://{address.replace(':', '/', 1)}"
    try:
        url = urlsplit(address)
    except ValueError:  # no address: "http://["
        return None
    host = url.hostname or ""
    parts = [part for part in f"{url.path}/".partition(".git/")[0].split("/") if part]
    if host == _GOOGLE and parts:
        return f"https://{host}/{parts[0]}" if _PATH_PART.fullmatch(parts[0]) else None
    is_public = host in _FORGES or ("." in host and module_path.split("/")[0] == host)
    if not is_public or len(parts) < 2 or not all(map(_PATH_PART.fullmatch, parts)):
        return None
    project = parts[:2]
    if host not in _FORGES or host == "gitlab.com":  # groups in groups; a path may end in /vN
        project = [part for part in parts if not re.fullmatch(r"v\d+", part)]
    return f"https://{host}/{'/'.join(project)}"


def resolve_links(readme: Readme, project_url: str, ref: str, folder: str) -> Readme:
    """The README with its relative links resolved to pages of the commit `ref` at `project_url`.

    `folder` is the README's folder in the repository. Links that lead out of the repository,
    and READMEs that are not Markdown or on an unknown host, are not changed.
    """
    templates = _FORGES.get(urlsplit(project_url).hostname or "")
    if media_type(readme.content_type) != "text/markdown" or templates is None or not ref:
        return readme
    page, raw = (f"{project_url}/{template.format(ref=ref)}" for template in templates)

    def address(target: str, picture: bool) -> str:
        path, fragment = re.split(r"(?=[?#])", f"{target}#", maxsplit=1)
        start = "" if path.startswith("/") else folder  # from the repository's root
        inside = posixpath.normpath(posixpath.join(start, path.lstrip("/")))
        if inside.split("/")[0] == "..":
            return target
        return f"{raw if picture else page}/{inside}{fragment[:-1]}"

    links, code = find_relative_links(readme.text)
    new = {target: address(target, picture) for target, picture in links.items()}
    lines = [
        line
        if number in code
        else _LINK_TARGET.sub(
            lambda match: match["before"] + new.get(match["target"], match["target"]), line
        )
        for number, line in enumerate(readme.text.split("\n"))
    ]
    return replace(readme, text="\n".join(lines))


def find_relative_links(text: str) -> tuple[dict[str, bool], set[int]]:
    """The relative targets in a Markdown text, and whether each is a picture.

    Also the line numbers, from 0, of code blocks.
    """
    if not _POSSIBLE_LINK.search(text):
        return {}, set()
    from markdown_it import MarkdownIt  # takes long to load

    parser = MarkdownIt("commonmark")
    parser.normalizeLink = str  # type: ignore[method-assign,assignment]
    targets: dict[str, bool] = {}
    code: set[int] = set()
    for block in parser.parse(text):
        if block.type in ("fence", "code_block") and block.map:
            code.update(range(*block.map))
        for token in (block, *(block.children or ())):
            pairs = list(token.attrItems())
            if token.type in ("html_block", "html_inline"):
                tags = _LINK_TAG.findall(_COMMENT.sub("", token.content))
                pairs = [pair for tag in tags for pair in _LINK_ATTRIBUTE.findall(tag)]
            for name, target in pairs:
                if name.lower() in ("href", "src") and _RELATIVE.match(str(target)):
                    targets[str(target)] = targets.get(str(target), False) or name.lower() == "src"
    return targets, code

"""Relative links of a README, as PyPI has to show them."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from go_to_wheel.sources.links import find_relative_links, resolve_links
from go_to_wheel.sources.readme import Readme

HOME = "https://github.com/o/tool"
PAGE, RAW = f"{HOME}/blob/abc", f"{HOME}/raw/abc"


def linked(text: str, folder: str = "", home: str = HOME, kind: str = "text/markdown") -> str:
    return resolve_links(Readme(text, kind), home, "abc", folder).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](docs/a.md)", f"[a]({PAGE}/docs/a.md)"),
        ("[a](./docs/a.md#top)", f"[a]({PAGE}/docs/a.md#top)"),
        ('[a](docs/a.md "Title")', f'[a]({PAGE}/docs/a.md "Title")'),
        ("[a](<docs/a.md>)", f"[a](<{PAGE}/docs/a.md>)"),
        ("[a](/docs/a.md)", f"[a]({PAGE}/docs/a.md)"),
        ("[a](docs/)", f"[a]({PAGE}/docs)"),
        ("![a](a.png)", f"![a]({RAW}/a.png)"),
        ("![a](a.svg?raw=true)", f"![a]({RAW}/a.svg?raw=true)"),
        ("[![a](a.png)](docs/a.md)", f"[![a]({RAW}/a.png)]({PAGE}/docs/a.md)"),
        ("[![a](https://b.c/a.png)](LICENSE)", f"[![a](https://b.c/a.png)]({PAGE}/LICENSE)"),
        ("[a [b] c\nd](x.md)", f"[a [b] c\nd]({PAGE}/x.md)"),
        ("[a] ![b]\n\n[a]: docs/a.md\n[b]: a.png",
         f"[a] ![b]\n\n[a]: {PAGE}/docs/a.md\n[b]: {RAW}/a.png"),
        ("[a](a.png) ![b](a.png)", f"[a]({RAW}/a.png) ![b]({RAW}/a.png)"),
        ("[^1]\n\n[^1]: `x` is y", "[^1]\n\n[^1]: `x` is y"),
        ('<img width="9" src="a.png">', f'<img width="9" src="{RAW}/a.png">'),
        ("<a href='x.md'><img src='a.png'></a>",
         f"<a href='{PAGE}/x.md'><img src='{RAW}/a.png'></a>"),
        ("```\n[a](b)\n```\n[a](b)", f"```\n[a](b)\n```\n[a]({PAGE}/b)"),
        ("~~~~md\n[a](b)\n~~~\n[a](b)\n~~~~\n[a](b)",
         f"~~~~md\n[a](b)\n~~~\n[a](b)\n~~~~\n[a]({PAGE}/b)"),
        ("``` `` [a](b)", f"``` `` [a]({PAGE}/b)"),
        ("<!-- x -->```\n[a](b)```\n", f"<!-- x -->```\n[a]({PAGE}/b)```\n"),
    ],
)  # fmt: skip
def test_relative_links_become_absolute(text: str, expected: str) -> None:
    assert linked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "[a](https://b.c/d)", "[a](#top)", "[a](mailto:a@b.c)", "[a](//b.c/d)", "[a]()",
        "[a](../x)",
        "[a](../../etc/passwd)", "`[a](b)`", "``a ` [a](b)``", "<!-- [a](b) -->", "\\[a](b)",
        "a](b)", "[a] (b)", "f[0](x)`", "```\n[a](b)\n", "<b title='[a'>", "[a](data:image/png;x)",
        "<img alt='src=x'>", "[a][b]", "[x]",
    ],
)  # fmt: skip
def test_other_links_stay(text: str) -> None:
    assert linked(text) == text or text.startswith("f[0]")


@pytest.mark.parametrize(
    ("home", "link", "picture"),
    [
        ("https://gitlab.com/g/s/tool", "-/blob/abc/x", "-/raw/abc/y"),
        ("https://codeberg.org/o/tool", "src/commit/abc/x", "raw/commit/abc/y"),
        ("https://bitbucket.org/o/tool", "src/abc/x", "raw/abc/y"),
        ("https://git.sr.ht/~o/tool", "tree/abc/item/x", "blob/abc/y"),
    ],
)
def test_file_addresses_of_each_forge(home: str, link: str, picture: str) -> None:
    assert linked("[a](x) ![a](y)", home=home) == f"[a]({home}/{link}) ![a]({home}/{picture})"


@pytest.mark.parametrize("piece", ["<!--", "x<!--", "<a ", "<img src='a' "])
def test_unclosed_markup_takes_linear_time(piece: str) -> None:
    """A search from each of them to the end would take minutes."""
    assert linked(piece * 40_000) == piece * 40_000


def test_texts_without_relative_links_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    text = "[a](https://b.c)\n[d](\n <HTTP://e.f> '(x)') [g](#h)\n\n[i]:\n  https://j.k\n"
    assert find_relative_links(f"{text}<a href = 'https://l.m'>") == ({}, set())
    for other in ("[a](b)", "[a](\n<b>)", "[a]\n\n[a]:\n  b", "<img src='b'>"):
        with pytest.raises(ImportError):
            find_relative_links(text + other)


def test_links_stay_without_a_known_host() -> None:
    assert linked("[a](x)", home="https://git.example.com/o/tool") == "[a](x)"
    assert linked("[a](x)", kind="text/x-rst") == "[a](x)"
    assert linked("[a](x)", kind="text/plain; charset=UTF-8") == "[a](x)"
    assert linked("[a](x)", kind="Text/Markdown ; charset=UTF-8") == f"[a]({PAGE}/x)"
    assert resolve_links(Readme("[a](x)", "text/markdown"), HOME, "", "").text == "[a](x)"


def test_links_of_a_readme_in_a_subfolder() -> None:
    text = "[a](x.md) [b](../y.md) [c](../../z.md) [d](../../../no) [e](/e)"
    expected = f"[a]({PAGE}/cmd/t/x.md) [b]({PAGE}/cmd/y.md) [c]({PAGE}/z.md) [d](../../../no)"
    assert linked(text, "cmd/t") == f"{expected} [e]({PAGE}/e)"


def targets(text: str) -> list[str]:
    """What a Markdown parser finds."""
    found = []
    for token in MarkdownIt("commonmark").parse(text):
        for child in token.children or ():
            found += [str(child.attrs.get(name)) for name in ("href", "src") if name in child.attrs]
    return found


@given(st.lists(st.sampled_from(
    ["[a](b)", "![a](b.png)", "[![a](b)](c)", "`x`", "``", "*", "\n", "\n\n", " ", "text", "[", "]",
     "(", ")", "!", "\\", "<b>", "<!-- x -->", "# ", "> ", "```\n", "https://a.b", "[a](#b)"]
), max_size=12).map("".join))  # fmt: skip
def test_markdown_parser_finds_the_same_links(text: str) -> None:
    """As many as before, and none that is relative."""
    before, after = targets(text), targets(linked(text))
    assert len(before) == len(after)
    relative = [target for target in after if not target.startswith(("https://", "#"))]
    assert not relative

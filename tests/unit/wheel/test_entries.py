"""Core metadata: what goes in comes out, and nothing else does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.metadata import Metadata, RawMetadata, parse_email

from go_to_wheel import __version__
from go_to_wheel.config.metadata import (
    check_text,
    format_readme,
    parse_license,
)
from go_to_wheel.wheel.entries import format_entry_points, format_metadata, format_wheel

PROJECT: RawMetadata = {
    "metadata_version": "2.4",
    "name": "My-Tool",
    "version": "1.0",
    "summary": "Does it",
    "requires_python": ">=3.10",
    "description": "# My Tool\n\nText: with colon\n",
    "description_content_type": "text/markdown",
    "author": "Jäne",
    "author_email": "Jäne Doe <jane@example.com>",
    "license_expression": "MIT OR Apache-2.0",
    "license_files": ["LICENSE", "NOTICE"],
    "project_urls": {"Homepage": "https://example.com"},
}


def test_metadata_bytes() -> None:
    assert format_metadata(PROJECT).decode() == (
        "Metadata-Version: 2.4\n"
        "Name: My-Tool\n"
        "Version: 1.0\n"
        "Summary: Does it\n"
        "Description-Content-Type: text/markdown\n"
        "Author: Jäne\n"
        "Author-email: Jäne Doe <jane@example.com>\n"
        "License-Expression: MIT OR Apache-2.0\n"
        "License-File: LICENSE\n"
        "License-File: NOTICE\n"
        "Requires-Python: >=3.10\n"
        "Project-URL: Homepage, https://example.com\n"
        "\n"
        "# My Tool\n\nText: with colon\n"
    )


def test_wheel_file_bytes() -> None:
    assert format_wheel(("a_1", "b_2")).decode() == (
        "Wheel-Version: 1.0\n"
        f"Generator: go-to-wheel {__version__}\n"
        "Root-Is-Purelib: false\n"
        "Tag: py3-none-a_1\n"
        "Tag: py3-none-b_2\n"
        "\n"
    )


def test_entry_points_bytes() -> None:
    text = format_entry_points({"console_scripts": {"b": "tool:main", "a": "tool:main"}}).decode()
    assert text == "[console_scripts]\na = tool:main\nb = tool:main\n"


one_line = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1)
any_text = st.text(st.characters(exclude_categories=("Cs",)))


@given(summary=one_line, author=one_line, readme=any_text)
def test_no_value_becomes_another_header(summary: str, author: str, readme: str) -> None:
    if check_text("description", summary) or check_text("author", author):
        return
    project: RawMetadata = {
        "metadata_version": "2.4", "name": "tool", "version": "1.0", "summary": summary,
        "requires_python": ">=3.10", "description": readme,
        "description_content_type": "text/plain", "author": author,
    }  # fmt: skip
    raw, unknown = parse_email(format_metadata(project))
    assert unknown == {}
    assert raw.get("summary", "").split() == summary.split()
    assert raw["author"].split() == author.split()
    assert raw["name"] == "tool"
    assert "license" not in raw
    assert set(raw) <= {
        "metadata_version", "name", "version", "summary", "description",
        "description_content_type", "author", "requires_python",
    }  # fmt: skip


@given(any_text)
def test_summary_that_is_accepted_is_one_line(text: str) -> None:
    if check_text("description", text) is None:
        assert not re.search(r"[\r\n\x00]", text)
        assert len(text) <= 512


@pytest.mark.parametrize(
    "summary",
    ["a\nLicense: x", "a\r", "a\x1bb", "a\u2028b", "a\udcffb", "", "  "],
)
def test_bad_summaries(summary: str) -> None:
    assert check_text("description", summary) == (
        f"description {summary!r} is not one line of at most 512 characters"
    )


def test_long_summaries() -> None:
    assert check_text("description", "x" * 512) is None
    assert f"{'x' * 79}…' is not one line" in str(check_text("description", "x" * 513))


@pytest.mark.parametrize("author", ["", "  ", "a\nb", "a\x00", "a\u2028b", "J\udcff"])
def test_bad_authors(author: str) -> None:
    assert check_text("author", author) is not None


@pytest.mark.parametrize(
    "value",
    ["a@b.co", "Jane Doe <jane@example.com>", "a@b.co, C <c@d.ef>", "Jäne <j.d+x@e-x.ample>"],
)
def test_good_emails(value: str) -> None:
    assert check_text("author-email", value) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "jane",
        "a@b",
        "a b@c.de",
        "ä@b.cc",
        "a@ä.cc",
        "Jane <jane>",
        "a@b.co,",
        "a@b.co\nX: y",
        "<a@b.co",
    ],
)
def test_bad_emails(value: str) -> None:
    assert repr(value) in str(check_text("author-email", value))


@pytest.mark.parametrize("url", ["https://example.com", "http://127.0.0.1:8000/a?b#c"])
def test_good_urls(url: str) -> None:
    assert check_text("url", url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://x.y",
        "https://",
        "javascript:1",
        "https://a b",
        "https://[x",
        "https://a\nb",
        "https://ä.de",
    ],
)
def test_bad_urls(url: str) -> None:
    assert repr(url) in str(check_text("url", url))


@pytest.mark.parametrize("specifier", [">=3.10", ">=3.8,<4", "==3.*"])
def test_good_requires_python(specifier: str) -> None:
    assert check_text("requires-python", specifier) is None


@pytest.mark.parametrize("specifier", ["3.10", ">=3.x", ">=3.10; x", "", " "])
def test_bad_requires_python(specifier: str) -> None:
    assert repr(specifier) in str(check_text("requires-python", specifier))


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("mit", "MIT"),
        ("apache-2.0 or MIT", "Apache-2.0 OR MIT"),
        ("gpl-3.0-or-later", "GPL-3.0-or-later"),
        ("LicenseRef-Mine", "LicenseRef-Mine"),
    ],
)
def test_licences(text: str, expression: str) -> None:
    assert parse_license(text) == expression


@pytest.mark.parametrize("text", ["Apache 2", "proprietary", "MIT OR", "(MIT", "MIT\nX: y"])
def test_bad_licences(text: str) -> None:
    with pytest.raises(ValueError, match="SPDX") as caught:
        parse_license(text)
    assert repr(text) in str(caught.value)


def test_the_readme_says_how_to_install() -> None:
    readme = format_readme("my-tool", "Does it", ["mytool"])
    assert readme.content_type == "text/markdown"
    for words in ("# my-tool", "Does it", "`mytool`", "pip install my-tool", "mytool --help"):
        assert words in readme.text


def test_packaging_validates_what_we_write() -> None:
    assert Metadata.from_email(format_metadata(PROJECT)).name == "My-Tool"

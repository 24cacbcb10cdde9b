from __future__ import annotations

import pytest
from datasette_scan.text import (
    format_count,
    format_size,
    is_formula,
    parse_size,
    visible,
    visible_path,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain name.db", "plain name.db"),
        ("日本.db", "日本.db"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("two\nlines", "two\\x0alines"),
        ("c1\x9b", "c1\\x9b"),
        ("evil\u202etxt.exe", "evil\\u202etxt.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("tag\U000e0041", "tag\\U000e0041"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_other_bytes_are_shown_as_bytes() -> None:
    assert visible_path(b"/d/\xff.db") == "/d/\\xff.db"


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1536, "1.5 KB"),
        (5 << 20, "5.0 MB"),
        (3 << 40, "3.0 TB"),
    ],
)
def test_format_size(size: int, shown: str) -> None:
    assert format_size(size) == shown


@pytest.mark.parametrize(
    ("text", "size"),
    [("10", 10), ("1KB", 1024), ("1.5 MB", 3 << 19), ("2g", 2 << 30), ("1MiB", 1 << 20)],
)
def test_parse_size(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "big", "1PB", "1KBKB", "-"])
def test_parse_size_bad(text: str) -> None:
    with pytest.raises(ValueError):
        parse_size(text)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1234567, "1,234,567 files")]
)
def test_format_count(count: int, text: str) -> None:
    assert format_count(count, "file") == text


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(1)",
        "\uff1d1+1",  # full-width
        "\uff0b1",
        "\uff0d1",
        "\uff20SUM(1)",
        "\ufe661",  # small
        "\ufe621",
        "\ufe631",
        "\ufe6bSUM(1)",
        "\u22121",  # the minus sign
        "\u207a1",  # superscript
        " =1",
        "\t=1",
        "\r\n=1",
        "\u00a0\u3000=1",
        "\u202e=1",  # right-to-left override
        "\ufeff=1",
        "\u200b\u2066 \uff1d1",
    ],
)
def test_formulas(text: str) -> None:
    assert is_formula(text)


@pytest.mark.parametrize("text", ["", " ", "a=1", "/=1", "1-1", "'=1", "\u2014", "\u202ea"])
def test_texts_that_are_no_formula(text: str) -> None:
    assert not is_formula(text)

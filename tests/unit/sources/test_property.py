"""Any content of files gives a result or one of our errors, never a crash."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from go_to_wheel.config.metadata import check_text
from go_to_wheel.config.pyproject import KEYS, parse_settings
from go_to_wheel.errors import InvalidOptionsError, SourceError
from go_to_wheel.sources.git import TagRules, find_tag, format_development_version
from go_to_wheel.sources.links import forge_url
from go_to_wheel.sources.module import parse_query
from go_to_wheel.sources.readme import Readme
from go_to_wheel.sources.summary import summary_of_doc, summary_of_readme

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(KEYS)) | st.text(max_size=8), VALUES, max_size=4))
def test_settings(table: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidOptionsError):
        settings = parse_settings(table)
        assert isinstance(settings.package, tuple)


@given(st.text(), st.sampled_from(["text/markdown", "text/x-rst", "text/plain"]))
def test_what_is_found_is_a_summary(text: str, content_type: str) -> None:
    for found in (summary_of_doc(text), summary_of_readme(Readme(text, content_type), ())):
        assert found is None or check_text("description", found) is None


@given(
    st.text()
    | st.from_regex(r"(https?://|git@|ssh://)?github\.com[:/]\S{0,20}/\S{0,20}", fullmatch=True)
)
def test_what_is_found_is_an_address(text: str) -> None:
    url = forge_url(text)
    assert url is None or (check_text("url", url) is None and "@" not in url.split("/")[2])


@given(st.text())
def test_queries(text: str) -> None:
    with contextlib.suppress(SourceError):
        parse_query(text)


@given(
    st.lists(st.from_regex(r"v?\d{1,2}(\.\d{1,4}){0,3}([-+.][0-9a-z.+-]{1,9})?", fullmatch=True))
)
def test_tags_have_an_order_and_a_successor(tags: list[str]) -> None:
    tag, newest = find_tag(tags, TagRules())
    assert newest is None or newest == tag in tags
    assert newest is None or format_development_version(newest, 0, "0" * 40)

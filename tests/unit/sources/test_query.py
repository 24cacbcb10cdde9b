"""`path@version` as Go's commands write it."""

from __future__ import annotations

import pytest

from go_to_wheel.errors import SourceError
from go_to_wheel.sources.module import is_commit_version, parse_query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("github.com/o/tool@v1.2.3", ("github.com/o/tool", "v1.2.3")),
        ("example.com/tool/v2/cmd/x@latest", ("example.com/tool/v2/cmd/x", "latest")),
        ("rsc.io/2fa/@main", ("rsc.io/2fa", "main")),
        ("./folder", None),
        ("folder", None),
        ("./odd@folder", None),
        ("/odd@folder", None),
    ],
)
def test_queries_are_parsed(text: str, query: tuple[str, str] | None) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    "text", ["tool@v1", "a.b/c@", "a.b/c@v1@v2", "a b.c/d@v1", "-overlay=a.b/c@v1"]
)
def test_invalid_queries_are_refused(text: str) -> None:
    with pytest.raises(SourceError, match="neither a folder nor a package with its version"):
        parse_query(text)


@pytest.mark.parametrize(
    ("version", "commit"),
    [
        ("v1.2.3", False),
        ("latest", False),
        ("main", False),
        ("abcdef0", True),
        ("v0.0.0-20240102030405-abcdef012345", True),
        ("v1.2.4-0.20240102030405-abcdef012345", True),
    ],
)
def test_commit_versions_are_recognised(version: str, commit: bool) -> None:
    assert is_commit_version(version) is commit

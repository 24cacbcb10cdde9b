"""Hints for the usual errors of Go."""

from __future__ import annotations

import pytest

from go_to_wheel.golang.messages import explain


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("error obtaining VCS status: exit status 128", "safe.directory"),
        ("go: go.mod requires go >= 1.99 (running go 1.26)", "the Go in use is go1.26.8"),
        ("dial tcp: lookup proxy.example: no such host", "GOPROXY"),
        ("module lookup disabled by GOPROXY=off", "unset it"),
        ("reading https://proxy.example/x/-y/@v/list: 400 Bad Request", "GOPRIVATE=HOST"),
        ("missing go.sum entry for module", "go mod tidy"),
        ("undefined: x", ""),
    ],
)
def test_explanations(stderr: str, words: str) -> None:
    explained = explain(stderr, "go1.26.8")
    assert words in explained
    assert bool(explained) == bool(words)

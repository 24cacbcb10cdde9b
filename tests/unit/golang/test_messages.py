"""Hints for the usual errors of Go."""

from __future__ import annotations

import pytest

from go_to_wheel.golang.messages import explain, first_words
from go_to_wheel.process import Result


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("error obtaining VCS status: exit status 128", "safe.directory"),
        ("go: go.mod requires go >= 1.99 (running go 1.26)", "the Go in use is go1.26.8"),
        ("dial tcp: lookup proxy.example: no such host", "GOPROXY"),
        ("module lookup disabled by GOPROXY=off", "unset it"),
        ("reading https://proxy.example/x/-y/@v/list: 400 Bad Request", "GOPRIVATE=HOST"),
        ("missing go.sum entry for module", "go mod tidy"),
        ("a.go:4: fatal error: 'vips/vips.h' file not found", "the C header vips/vips.h"),
        ('error: unable to find static system library "vips" using', "the library vips"),
        ("ld.lld: error: undefined symbol: vips_init", "have vips_init"),
        ("a.go:4:30: error: invalid instruction mnemonic 'bogus'", "zig's assembler"),
        ("main.go:7:12: pattern a.js: no matching files found", "go generate"),
        ("undefined: x", ""),
    ],
)
def test_explanations(stderr: str, words: str) -> None:
    explained = explain(stderr, "go1.26.8")
    assert words in explained
    assert bool(explained) == bool(words)


def test_the_linkers_command_is_left_out() -> None:
    said = (
        "# x\nlink: running zig failed: exit status 1\n/a/zig cc -target x86_64 -o a.o\nerror: no"
    )
    assert first_words(Result([], 1, "", said)) == (
        "# x\nlink: running zig failed: exit status 1\nerror: no"
    )

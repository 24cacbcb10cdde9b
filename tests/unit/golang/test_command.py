"""What the go command is started with."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import pytest
from systems import needs_scripts

from go_to_wheel.golang.command import Go
from go_to_wheel.platforms import TARGETS
from go_to_wheel.process import Runner

BY_NAME = {target.name: target for target in TARGETS}


@pytest.mark.parametrize(
    ("target", "variables"),
    [
        ("linux-amd64", {"GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1"}),
        ("linux-armv6", {"GOOS": "linux", "GOARCH": "arm", "GOARM": "6"}),
        ("windows-386", {"GOOS": "windows", "GOARCH": "386", "GO386": "sse2"}),
        ("linux-s390x", {"GOOS": "linux", "GOARCH": "s390x"}),
    ],
)
def test_environment_for_a_target(target: str, variables: dict[str, str]) -> None:
    go = Go("go", "go1.26", {"HOME": "1"}, Runner())
    assert go.environment_for(BY_NAME[target]) == {"HOME": "1", **variables}


def fake_compile(
    tmp_path: Path, environment: dict[str, str], processors: int | None, ldflags: str = "-s"
) -> str:
    """What a Go that writes down how it was called with."""
    program = tmp_path / "go"
    called = tmp_path / "called"
    program.write_text(f'#!/bin/sh\necho "$GOMAXPROCS" "$@" > {quote(str(called))}\n')
    program.chmod(0o755)
    go = Go(str(program), "go1.26", {"PATH": "/bin:/usr/bin", **environment}, Runner())
    go.compile(tmp_path, ".", BY_NAME["linux-amd64"], tmp_path / "out", ldflags, processors)
    return called.read_text()


@needs_scripts
@pytest.mark.parametrize(
    ("ldflags", "stripped"),
    [
        ("-s -w", True),
        ("-s -w -X main.v=1", True),
        ("-s -w -X main.w=-w", True),
        ("-s -w -w=false", False),
        ("-s -w --s=0", False),
        ("-s -w '-w=false'", False),
    ],
)
def test_debug_information_is_not_compiled_for_nothing(
    tmp_path: Path, ldflags: str, stripped: bool
) -> None:
    called = fake_compile(tmp_path, {}, None, ldflags)
    assert called.startswith(f" build -trimpath -ldflags={ldflags} ")
    assert (" -gcflags=all=-dwarf=false " in called) == stripped


@needs_scripts
@pytest.mark.parametrize(
    ("environment", "processors", "begins"),
    [
        ({}, None, " build"),
        ({}, 2, "2 build"),
        ({"GOMAXPROCS": "7"}, 2, "7 build"),
    ],
)
def test_compiles_at_once_share_the_processors(
    tmp_path: Path, environment: dict[str, str], processors: int | None, begins: str
) -> None:
    called = fake_compile(tmp_path, environment, processors)
    assert called.startswith(begins)
    assert (" -p=2 " in called) == (begins == "2 build")


@needs_scripts
def test_user_process_limits_stay(tmp_path: Path) -> None:
    assert "-p" not in fake_compile(tmp_path, {"GOFLAGS": "-p=3"}, 1)

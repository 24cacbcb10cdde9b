"""Flags for C: joined, expanded, and which of them are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from go_to_wheel.config.merge import merge
from go_to_wheel.config.pyproject import Project, Settings
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.config.resolve import find_c_problems
from go_to_wheel.platforms import TARGETS

NAMES = {target.name: target for target in TARGETS}
LINUX, MAC = NAMES["linux-amd64"], NAMES["darwin-arm64"]
FLAGS = {"CGO_CFLAGS": "-DA", "CGO_LDFLAGS": "-lm"}
REQUEST = BuildRequest(".")
OWN = {"darwin-arm64": {"cgo-flags": {"CGO_CFLAGS": "-DB", "CGO_CXXFLAGS": "-DC"}}}


def problems(name: str, text: str) -> list[str]:
    settings = Settings(cgo=True, cgo_flags={name: text})
    return [
        message
        for message, _ in find_c_problems(merge(REQUEST, Project(Path(), settings)), [LINUX])
    ]


def test_a_targets_own_flags_come_last() -> None:
    request = merge(REQUEST, Project(Path(), Settings(cgo_flags=FLAGS, target=OWN)))
    assert request.cgo_flags_for(LINUX) == FLAGS
    assert request.cgo_flags_for(MAC) == {
        "CGO_CFLAGS": "-DA -DB",
        "CGO_CXXFLAGS": "-DC",
        "CGO_LDFLAGS": "-lm",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "CGO_CFLAGS",
            "-DSQLITE_ENABLE_FTS5 -DX=1 -UY -O3 -Wall -Wno-error=foo -std=gnu11 -pthread",
        ),
        (
            "CGO_CFLAGS",
            "-I include -I/usr/x -isystem y -include config.h -g0 -w -D_FORTIFY_SOURCE=2",
        ),
        ("CGO_CFLAGS", "-fvisibility=hidden -fno-strict-aliasing -fwrapv -fPIC -ffast-math"),
        ("CGO_CFLAGS", "-march=x86-64-v2 -msse4.2 -mno-avx -mcpu=cortex-a53+crypto"),
        ("CGO_CFLAGS", "'-DNAME=\"a b\"'"),
        ("CGO_CXXFLAGS", "-std=c++20 -fno-exceptions -fno-rtti"),
        ("CGO_LDFLAGS", "-L lib -lfoo -lstdc++ lib/libx.a -framework Cocoa -pthread -s"),
        ("CGO_LDFLAGS", "-Wl,--no-as-needed -Wl,-z,now -Wl,--subsystem,windows -mwindows"),
    ],
)
def test_usual_flags(name: str, text: str) -> None:
    assert problems(name, text) == []


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        *(
            ("CGO_CFLAGS", flag)
            for flag in (
                *("-fplugin=/tmp/x.so", "-fpass-plugin=x.so", "-Xclang", "-wrapper", "-B/tmp"),
                *("-mllvm", "-mllvm=-load=x", "-march=native", "-mtune=native", "@/tmp/flags"),
                *("-fno-integrated-as", "-fintegrated-as", "--config=/tmp/x", "-o", "-MF"),
                *("-Wa,--defsym", "-Wl,-plugin", "-Wp,-MD,/tmp/x", "-save-temps", "-target"),
                *("-I@x", "-specs=/tmp/x", "-fuse-ld=/tmp/x", "-ffile-prefix-map=/a=/b", "-DA=@x"),
            )
        ),
        *(
            ("CGO_LDFLAGS", flag)
            for flag in (
                *("-Wl,-plugin,/tmp/x.so", "-Wl,-o,/tmp/x", "-Wl,-Map,/tmp/x", "-fuse-ld=/tmp/x"),
                *("@/tmp/flags", "-Xlinker", "-fplugin=x", "-T", "-Wl,--dynamic-linker,/tmp/x"),
                *("-B/tmp", "-o", "-Wl,@/tmp/x", "-Wl,-rpath,/tmp", "-L${SRCDIR}/x"),
            )
        ),
    ],
)
def test_powerful_flags_are_refused(name: str, flag: str) -> None:
    (message,) = problems(name, f"-DA {flag}" if name == "CGO_CFLAGS" else f"-lm {flag}")
    assert message == f"pyproject.toml: tool.go-to-wheel.cgo-flags.{name}: {flag!r} is refused"


@pytest.mark.parametrize(
    ("flag", "refused"),
    [
        *(
            (flag, True)
            for flag in ("-extld=x", "--extld", "-extldflags=-static", "-o", "-extar=x")
        ),
        *((flag, True) for flag in ("-cpuprofile=/tmp/x", "-memprofile", "-tmpdir=/tmp")),
        *(
            (flag, False)
            for flag in ("-s", "-X", "-H=windowsgui", "-linkmode=external", "-w=false")
        ),
    ],
)
def test_flags_of_gos_linker(flag: str, refused: bool) -> None:
    found = list(
        find_c_problems(merge(REQUEST, Project(Path(), Settings(ldflags=f"-s {flag}"))), [LINUX])
    )
    assert len(found) == refused
    assert not list(
        find_c_problems(
            merge(BuildRequest(".", ldflags=flag), Project(Path(), Settings())), [LINUX]
        )
    )


def test_sdk_on_the_command_line_counts_more(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", Settings(sdk="My.sdk"))
    assert merge(REQUEST, project).sdk == str(tmp_path / "project" / "My.sdk")
    assert merge(BuildRequest(".", sdk="Other.sdk"), project).sdk == "Other.sdk"

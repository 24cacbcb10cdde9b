"""`check` and `binary` on what other tools really make."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pefile
import pytest

from go_to_wheel.binary.facts import BinaryFacts, describe
from go_to_wheel.binary.match import check_target
from go_to_wheel.binary.read import read_facts
from go_to_wheel.check.report import Report
from go_to_wheel.check.wheel_set import check_wheels
from go_to_wheel.errors import BinaryError
from go_to_wheel.golang.command import find_go
from go_to_wheel.platforms import parse_selection
from go_to_wheel.process import Host

MAIN = 'package main\n\nfunc main() { println("hello") }\n'
PEERS = ("go-to-wheel==0.2", "gowheels==0.2.0")
CLEAN = {"GOFLAGS": "", "GOAMD64": "v1", "GOARM64": "v8.0", "GOTOOLCHAIN": "local"}


@pytest.fixture(scope="module")
def go() -> str:
    return find_go(None, Path(), Host())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Go module with a program, and a package that isn't one."""
    folder = tmp_path_factory.mktemp("hello")
    (folder / "go.mod").write_text("module example.com/hello\n\ngo 1.21\n")
    (folder / "main.go").write_text(MAIN)
    (folder / "lib").mkdir()
    (folder / "lib" / "lib.go").write_text("package lib\n\nfunc One() int { return 1 }\n")
    return folder


@pytest.fixture(scope="module")
def build(go: str, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Build the program, or a package of the module, for a system."""
    results = tmp_path_factory.mktemp("built")

    def run(goos: str, goarch: str, *arguments: str, package: str = ".", **more: str) -> Path:
        program = results / "-".join(["x", goos, goarch, *more.values(), package.strip("./")])
        environment = {**os.environ, **CLEAN, "CGO_ENABLED": "0", "GOOS": goos, "GOARCH": goarch}
        command = [go, "build", "-trimpath", "-ldflags=-s -w", *arguments, "-o", program, package]
        subprocess.run(command, cwd=project, env={**environment, **more}, check=True)
        return program

    return run


def facts_of(path: Path) -> BinaryFacts:
    with path.open("rb") as stream:
        return read_facts(stream)


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the commands of the released tools."""
    folder = tmp_path_factory.mktemp("peers")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, *PEERS], check=True)
    return folder / "bin"


@pytest.fixture(scope="module")
def of_go_to_wheel_02(
    peers: Path, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Report:
    """The verdict on what go-to-wheel 0.2 makes."""
    dist = tmp_path_factory.mktemp("dist-02")
    chosen = "linux-amd64,darwin-arm64,windows-amd64"
    command = [peers / "go-to-wheel", project, "--name", "hello", "--version", "1.0"]
    subprocess.run(
        [*command, "--platforms", chosen, "--output-dir", dist],
        env={**os.environ, **CLEAN},
        check=True,
        capture_output=True,
    )
    return check_wheels([dist], expect=chosen.split(","))


def codes_for(report: Report, part: str) -> set[str]:
    return {finding.code for finding in report.findings if part in finding.wheel}


def test_findings_in_wheels_of_0_2(of_go_to_wheel_02: Report) -> None:
    report = of_go_to_wheel_02
    everywhere = {"twine-strict", "binary-stored", "license-missing"}
    # where the build, Go or its caches were in a folder that is known
    everywhere |= codes_for(report, "win_amd64") & {"binary-paths"}
    assert tempfile.gettempdir() != "/tmp" or "binary-paths" in everywhere
    assert codes_for(report, "manylinux") == {"binary-mode", *everywhere}
    assert codes_for(report, "macosx") == {"binary-mode", "binary-macos", *everywhere}
    assert codes_for(report, "win_amd64") == everywhere
    assert codes_for(report, "") == codes_for(report, "macosx")
    assert not report.ok()


def test_needed_macos_of_go_to_wheel_02(of_go_to_wheel_02: Report) -> None:
    (finding,) = [f for f in of_go_to_wheel_02.findings if f.code == "binary-macos"]
    assert "but the tag is 'macosx_11_0_arm64'" in finding.message
    assert finding.hint.startswith("tag it macosx_1")


def test_findings_in_a_wheel_of_gowheels(
    peers: Path, project: Path, build: Callable[..., Path], tmp_path: Path
) -> None:
    artifacts = {
        f"{goos}/{goarch}": build(goos, goarch)
        for goos, goarch in (("linux", "amd64"), ("darwin", "arm64"), ("windows", "amd64"))
    }
    command = [peers / "gowheels", "pypi", "--name", "hello", "--version", "1.0.0"]
    command += ["--mode", "local", "--platforms", ",".join(artifacts), "--output", tmp_path]
    for platform, path in artifacts.items():
        command += ["--artifact", f"{platform}:{path}"]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    report = check_wheels([tmp_path], expect=[])
    everywhere = {"twine-strict", "binary-stored", "license-missing", "zip-date"}
    assert codes_for(report, "manylinux") == everywhere
    assert codes_for(report, "macosx") == {"binary-macos", *everywhere}
    assert codes_for(report, "win_amd64") == everywhere


def test_a_good_wheel_of_another_tool(tmp_path: Path) -> None:
    """Ruff's wheel for glibc 2.17: a dynamic program that keeps its tag's promise."""
    command = ["uv", "tool", "run", "--quiet", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--platform", "manylinux2014_x86_64", "--dest", tmp_path]
    command += ["ruff==0.14.6"]
    subprocess.run(command, check=True)
    report = check_wheels([tmp_path], expect=["linux-amd64"])
    assert report.findings == ()
    (wheel,) = report.wheels
    assert "dynamically linked Linux x86_64 executable" in wheel.programs[0]
    assert "glibc 2.17" in wheel.programs[0]


@pytest.mark.parametrize(
    "name", ["linux-amd64", "linux-arm64", "darwin-arm64", "windows-amd64", "windows-arm64"]
)
def test_what_go_builds_fits_its_target(name: str, build: Callable[..., Path], go: str) -> None:
    (target,) = parse_selection([name])
    path = build(target.goos, target.goarch)
    facts = facts_of(path)
    assert check_target(facts, target) == []
    assert facts.go is not None
    result = subprocess.run([go, "version", "-m", path], check=True, capture_output=True, text=True)
    head, *lines = result.stdout.splitlines()
    assert head == f"{path}: {facts.go.version}"
    settings = dict(line.split("\t")[2].split("=", 1) for line in lines if "\tbuild\t" in line)
    assert facts.go.settings == settings


def test_package_that_is_not_main_is_named(build: Callable[..., Path]) -> None:
    path = build("linux", "amd64", package="./lib")
    with pytest.raises(BinaryError, match="an archive of a Go package that is not 'main'"):
        facts_of(path)


@pytest.mark.parametrize("goarch", ["amd64", "arm64"])
def test_pefile_agrees(goarch: str, build: Callable[..., Path]) -> None:
    path = build("windows", goarch)
    image = pefile.PE(str(path))
    imports = tuple(entry.dll.decode() for entry in image.DIRECTORY_ENTRY_IMPORT)
    assert facts_of(path).libraries == imports
    assert image.is_exe()


@pytest.mark.skipif(sys.platform != "linux", reason="reads an ELF interpreter's name")
def test_this_python() -> None:
    facts = facts_of(Path(sys.executable).resolve())
    assert describe(facts).startswith("a dynamically linked Linux ")
    assert facts.interpreter is not None
    assert Path(facts.interpreter).exists()
    assert "libc.so.6" in facts.libraries
    assert facts.minimum_glibc is not None
    assert facts.go is None


def test_a_wheel_is_never_unpacked(
    of_go_to_wheel_02: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checking writes nothing, not even to the folder for temporary files."""
    assert of_go_to_wheel_02.wheels
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../evil.py", b"evil")
    wheel = tmp_path / "dist" / "hello-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(stream.getvalue())
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    assert "zip-unsafe-name" in {finding.code for finding in check_wheels([wheel]).findings}
    assert sorted(tmp_path.rglob("*")) == before

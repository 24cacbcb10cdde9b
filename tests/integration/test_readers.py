"""Second opinions: other people's tools read, check, install and run what we wrote."""

from __future__ import annotations

import csv
import io
import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from installer.sources import WheelFile as InstallerWheel
from packaging.metadata import Metadata
from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename
from support import Built, native, run
from wheel.wheelfile import WheelFile

NATIVE = native()


def tool(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    assert found, f"{name} is a test dependency and should be here"
    return found


def test_packaging_reads_names_tags_and_metadata(hello_all: Built) -> None:
    for wheel in hello_all.wheels:
        name, version, build, tags = parse_wheel_filename(wheel.name)
        assert (name, str(version), build) == ("hello", "1.2.0rc1", ())
        with zipfile.ZipFile(wheel) as archive:
            metadata = archive.read("hello-1.2.0rc1.dist-info/METADATA")
            described = archive.read("hello-1.2.0rc1.dist-info/WHEEL").decode()
        stated = {line[5:] for line in described.splitlines() if line.startswith("Tag: ")}
        assert {str(tag) for tag in tags} == stated
        assert all(len(parse_tag(tag)) == 1 for tag in stated)
        parsed = Metadata.from_email(metadata)
        assert parsed.license_expression == "MIT AND BSD-3-Clause"
        assert parsed.license_files == ["LICENSE", "NOTICE", "go/LICENSE"]
        assert parsed.project_urls == {"Homepage": "https://example.com/hello"}
        assert parsed.description == "# hello\n\nSays hello. Grüße!\n"


def test_installer_accepts_record(hello_all: Built, hello_python: Built) -> None:
    for wheel in (*hello_all.wheels, *hello_python.wheels):
        with InstallerWheel.open(wheel) as source:
            source.validate_record(validate_contents=True)


def test_wheels_own_reader_checks_every_hash(hello_all: Built) -> None:
    for wheel in hello_all.wheels:
        with WheelFile(wheel) as archive:
            for name in archive.namelist():
                archive.read(name)


def test_record_is_plain_csv_with_lf(hello_all: Built) -> None:
    with zipfile.ZipFile(hello_all.wheels[0]) as archive:
        record = archive.read("hello-1.2.0rc1.dist-info/RECORD")
        assert b"\r" not in record
        rows = list(csv.reader(io.StringIO(record.decode())))
        assert [row[0] for row in rows] == archive.namelist()


def test_twine_is_content(hello_all: Built, hello_python: Built) -> None:
    wheels = (*hello_all.wheels, *hello_python.wheels)
    result = run(tool("twine"), "check", "--strict", *wheels)
    assert result.stdout.count("PASSED") == len(wheels)


def test_check_wheel_contents_is_content(hello_all: Built, hello_python: Built) -> None:
    run(tool("check-wheel-contents"), *hello_all.wheels, *hello_python.wheels)


@pytest.mark.skipif(sys.platform != "linux", reason="auditwheel runs on Linux only")
def test_auditwheel_finds_no_missing_library(hello_all: Built, hello_python: Built) -> None:
    for wheel in (hello_all.wheel(NATIVE), hello_python.wheels[0]):
        shown = " ".join(run(sys.executable, "-m", "auditwheel", "show", wheel).stdout.split())
        assert 'consistent with the following platform tag: "manylinux_2_5_x86_64"' in shown
        assert "references no external versioned symbols" in shown
        assert "requires no external shared libraries" in shown


def ways_to_run(uv: str, wheel: Path) -> dict[str, list[object]]:
    """Way of running without installing first -> the command."""
    python = sys.executable
    return {
        "uvx": [uv, "tool", "run", "--from", wheel, "hello"],
        "uv run --with": [uv, "run", "--no-project", "--with", wheel, "hello"],
        "python -m through uv run": [
            uv, "run", "--no-project", "--with", wheel, "python", "-m", "hello",
        ],
        "pipx run": [python, "-m", "pipx", "run", "--spec", wheel, "hello"],
    }  # fmt: skip


@pytest.mark.parametrize("way", ["uvx", "uv run --with", "python -m through uv run", "pipx run"])
@pytest.mark.parametrize("launcher", ["native", "python"])
def test_one_call_away(
    hello_all: Built, hello_python: Built, uv: str, tmp_path: Path, way: str, launcher: str
) -> None:
    wheel = hello_all.wheel(NATIVE) if launcher == "native" else hello_python.wheels[0]
    command = ways_to_run(uv, wheel)[way]
    env = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_DEFAULT_BACKEND": "uv"}
    result = run(*command, "--version", cwd=tmp_path, env=env)
    assert result.stdout.strip() == "hello v1.2.0-rc.1"
    failed = run(*command, "--exit", "7", cwd=tmp_path, env=env, check=False)
    assert failed.returncode == 7


@pytest.mark.parametrize("installer", ["pip", "uv"])
@pytest.mark.parametrize("launcher", ["native", "python"])
def test_installed_into_an_environment(
    hello_all: Built, hello_python: Built, uv: str, tmp_path: Path, installer: str, launcher: str
) -> None:
    wheel = hello_all.wheel(NATIVE) if launcher == "native" else hello_python.wheels[0]
    venv = tmp_path / "with space é"
    run(uv, "venv", "--quiet", "--seed", "--python", sys.executable, venv)
    python = venv / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [python, "-m", "pip"] if installer == "pip" else [uv, "pip"]
    target = [] if installer == "pip" else ["--python", python]
    run(*pip, "install", "--quiet", "--no-index", *target, wheel)
    program = python.with_name("hello")
    assert run(program, "--echo", "two words", "$x").stdout == "two words $x\n"
    result = run(python, "-c", "import hello; print(hello.__version__, hello.get_binary_path())")
    assert result.stdout.startswith("1.2.0rc1 ")
    found = Path(result.stdout.strip().split(" ", 1)[1])
    assert found.exists()
    assert (found == program) == (launcher == "native")
    script = "import hello; print(hello.run(['--exit', '3']).returncode)"
    assert run(python, "-c", script).stdout == "3\n"
    assert run(python, "-m", "hello", "--version").stdout == "hello v1.2.0-rc.1\n"
    listed = run(uv, "pip", "uninstall", "--python", python, "hello").stderr
    assert "Uninstalled 1 package" in listed
    assert not program.exists()


@pytest.mark.parametrize(
    "tag",
    [
        "manylinux2014_x86_64",
        "manylinux_2_17_x86_64",
        "musllinux_1_1_x86_64",
        "musllinux_1_2_x86_64",
    ],
)
def test_pip_for_another_platform(hello_all: Built, uv: str, tmp_path: Path, tag: str) -> None:
    """As AWS Lambda's and Alpine's users do; pip compares --platform to the letter."""
    index = tmp_path / "index"
    index.mkdir()
    shutil.copy(hello_all.wheel("linux-amd64"), index)
    run(
        uv, "run", "--no-project", "--with", "pip", "python", "-m", "pip", "install", "--quiet",
        "--no-index", "--find-links", index, "--platform", tag, "--only-binary", ":all:",
        "--target", tmp_path / "out", "hello",
        cwd=tmp_path,
    )  # fmt: skip
    assert (tmp_path / "out" / "hello" / "__init__.py").exists()

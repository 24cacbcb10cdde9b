"""Prebuilt binaries: the targets they are for, and what they do not record."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from binaries import load

from go_to_wheel import BuildRequest, build
from go_to_wheel.builder import detect
from go_to_wheel.builder.prebuilt import _identify_binaries
from go_to_wheel.check import wheel_set
from go_to_wheel.errors import BinaryError, InvalidOptionsError
from go_to_wheel.golang.packages import Package
from go_to_wheel.platforms import TARGETS, Target
from go_to_wheel.sources import prebuilt
from go_to_wheel.sources.prebuilt import BinarySource


def request(folder: Path, data: bytes, **asked: Any) -> BuildRequest:
    binary = folder / "program"
    binary.write_bytes(data)
    return BuildRequest(
        "",
        binaries=[f"linux-amd64={binary}"],
        output_dir=str(folder / "dist"),
        dependency_licenses=False,
        **asked,
    )


def test_a_target_without_a_binary_is_refused(tmp_path: Path) -> None:
    asked = request(tmp_path, load("linux-amd64"), platforms=["linux-amd64", "linux-arm64"])
    with pytest.raises(InvalidOptionsError) as caught:
        build(asked)
    assert caught.value.message == "platform 'linux-arm64': there is no binary for it"
    assert caught.value.hint.endswith("--platforms linux-amd64")
    assert not (tmp_path / "dist").exists()


def test_a_binary_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = next(target for target in TARGETS if target.name == "linux-amd64")
    monkeypatch.setattr(prebuilt, "this_machine", lambda: target)
    asked = replace(request(tmp_path, load("linux-amd64")), platforms=["linux-amd64"])
    (wheel,) = build(replace(asked, binaries=[f"native={tmp_path / 'program'}"])).wheels
    assert wheel.target == "linux-amd64"


def test_a_binary_for_a_local_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target("freebsd-amd64", "freebsd", "amd64", "x86_64", tag="freebsd_14_amd64")
    for module in (prebuilt, detect, wheel_set):
        monkeypatch.setattr(module, "this_machine", lambda: target)
    paths = {name: tmp_path / name for name in ("freebsd-amd64", "linux-amd64")}
    for name, path in paths.items():
        path.write_bytes(load(name))
    named = [f"native={paths['freebsd-amd64']}", f"linux-amd64={paths['linux-amd64']}"]
    source = prebuilt.read_binaries(named)
    assert [binary.target.name for binary in source.binaries] == ["linux-amd64", "freebsd-amd64"]
    asked = replace(request(tmp_path, b""), binaries=named[:1])
    (wheel,) = build(asked).wheels
    assert wheel.path.name.endswith("-py3-none-freebsd_14_amd64.whl")


def test_an_archives_file_names_the_command(tmp_path: Path) -> None:
    data = load("linux-amd64").replace(b"\xff Go buildinf:", b"\xff no buildinf:")
    with zipfile.ZipFile(tmp_path / "tool_1.2.3_linux_amd64.zip", "w") as archive:
        archive.writestr("tool", data)
    asked = replace(request(tmp_path, data), binaries=[str(tmp_path / archive.filename)])
    (wheel,) = build(asked).wheels
    assert wheel.path.name.startswith("tool-1.2.3-")


def test_a_program_without_build_information(tmp_path: Path) -> None:
    data = load("linux-amd64").replace(b"\xff Go buildinf:", b"\xff no buildinf:")
    with pytest.raises(InvalidOptionsError) as caught:
        build(request(tmp_path, data))
    assert caught.value.message == "no name found: the binaries record none"
    assert caught.value.hint == "pass one: --name my-tool"
    (wheel,) = build(request(tmp_path, data, name="my-tool")).wheels
    assert wheel.path.name.startswith("my_tool-0.1.0-py3-none-manylinux2014_x86_64.")


def version_of(recorded: str) -> str | None:
    """The version of binaries that record this one, in files named for 1.2.3."""
    package = Package("example.com/t", "main", "", "example.com/t", module_version=recorded)
    found = _identify_binaries(BuildRequest(""), BinarySource((), version="1.2.3"), package)
    return found.version and found.version.text


@pytest.mark.parametrize(
    "recorded",
    [
        "",
        "(devel)",
        "v1.2.3",
        "v1.2.3+dirty",
        "v0.0.0-20240102030405-abcdef012345",  # a shallow clone, without tags
        "v1.2.3-0.20240102030405-abcdef012345+dirty",
        "v1.2.3-rc.1.0.20240102030405-abcdef012345",
    ],
)
def test_file_names_outrank_a_commit(recorded: str) -> None:
    assert version_of(recorded) == "1.2.3"


@pytest.mark.parametrize("recorded", ["v1.2.4", "v1.2.3-rc.1", "v1.2.3-0.rc"])
def test_binaries_of_another_release(recorded: str) -> None:
    with pytest.raises(BinaryError) as caught:
        version_of(recorded)
    message = f"the binaries are version {recorded}, not 1.2.3 as in the files' names"
    assert caught.value.message == message

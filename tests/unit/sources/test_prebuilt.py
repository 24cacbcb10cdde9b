"""Ready-made binaries by name, and GoReleaser's `dist` folder (recorded from GoReleaser 2.5)."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from go_to_wheel.errors import InvalidOptionsError, SourceError
from go_to_wheel.platforms import default_targets
from go_to_wheel.sources.prebuilt import is_release, parse_binaries, read_release

RECORDED = Path(__file__).parents[2] / "data" / "goreleaser"
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def release(folder: Path, change: Change = lambda artifacts: artifacts) -> Path:
    """The recorded folder, with each binary's own path as its bytes."""
    dist = folder / "dist"
    dist.mkdir(parents=True)
    shutil.copy(RECORDED / "metadata.json", dist)
    artifacts = change(json.loads((RECORDED / "artifacts.json").read_text()))
    (dist / "artifacts.json").write_text(json.dumps(artifacts))
    for artifact in artifacts:
        path = folder / artifact["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if artifact["type"] == "Binary":
            path.write_bytes(artifact["path"].encode())
        elif artifact["type"] == "Archive":
            pack(path, artifact)
    return dist


def pack(path: Path, artifact: dict[str, Any]) -> None:
    suffix = ".exe" if artifact["goos"] == "windows" else ""
    names = [name.removesuffix(".exe") + suffix for name in artifact["extra"]["Binaries"]]
    members = {f"wrapped/{name}": f"{artifact['target']} {name}".encode() for name in names}
    members["README.md"] = b"read me"
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def without_binaries(artifacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [artifact for artifact in artifacts if artifact["type"] != "Binary"]


TARGETS = [*(target.name for target in default_targets()), "linux-armv7", "linux-armv6"]


def test_binaries_of_a_release(tmp_path: Path) -> None:
    dist = release(tmp_path)
    assert is_release(dist)
    source = read_release(dist)
    assert [target.name for target in source.targets] == TARGETS
    assert source.commands == ("alpha", "beta")
    assert (source.name, source.version) == ("pair", "1.4.0-rc.1")
    assert source.home == tmp_path
    assert source.notes == ("left out, because wheels have no tag for them: freebsd_amd64_v1",)
    for target in source.targets:
        binary = source.find(target, "beta")
        assert binary is not None
        assert f"beta_{target.goos}_{target.goarch}".encode() in binary.load()


def test_archives_of_a_release(tmp_path: Path) -> None:
    source = read_release(release(tmp_path, without_binaries))
    assert [target.name for target in source.targets] == TARGETS
    assert source.commands == ("alpha", "beta")
    loaded = {
        (target.name, command): binary.load()
        for target in source.targets
        for command in source.commands
        if (binary := source.find(target, command))
    }
    assert loaded["linux-armv6", "alpha"] == b"linux_arm_6 alpha"
    assert loaded["windows-arm64", "beta"] == b"windows_arm64_v8.0 beta.exe"
    assert len(loaded) == 16


def test_a_folder_that_was_moved(tmp_path: Path) -> None:
    moved = release(tmp_path / "project").rename(tmp_path / "elsewhere")
    source = read_release(moved)
    assert len(source.binaries) == 16


def test_other_instruction_sets_are_left_out(tmp_path: Path) -> None:
    def newer(artifacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        more = [{**artifact, "goamd64": "v3"} for artifact in artifacts if artifact.get("goamd64")]
        return [*more, *artifacts]

    source = read_release(release(tmp_path, newer))
    assert len(source.binaries) == 16


def test_programs_that_differ_between_platforms(tmp_path: Path) -> None:
    def lacking(artifacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            artifact
            for artifact in artifacts
            if artifact["type"] == "Binary"
            and (artifact["goos"], artifact["name"]) != ("windows", "beta.exe")
        ]

    with pytest.raises(SourceError, match="windows-amd64 has no 'beta', windows-arm64 has no"):
        read_release(release(tmp_path, lacking))


@pytest.mark.parametrize("text", ["[]", "{}", "nonsense", '[{"type": "Binary"}]'])
def test_folders_without_binaries(tmp_path: Path, text: str) -> None:
    dist = release(tmp_path, lambda artifacts: [])
    (dist / "artifacts.json").write_text(text)
    with pytest.raises(SourceError):
        read_release(dist)


@pytest.mark.parametrize("damage", [b"", b"not an archive"])
def test_damaged_archives(tmp_path: Path, damage: bytes) -> None:
    source = read_release(release(tmp_path, without_binaries))
    for path in (tmp_path / "dist").glob("pair_*"):
        path.write_bytes(damage)
    for binary in source.binaries:
        with pytest.raises(SourceError, match=r"can't read|holds no"):
            binary.load()


def test_archives_that_lack_what_they_promise(tmp_path: Path) -> None:
    dist = release(tmp_path, without_binaries)
    for path in dist.glob("*.tar.gz"):
        with tarfile.open(path, "w:gz"):
            pass
    binary = read_release(dist).binaries[0]
    with pytest.raises(SourceError, match=r"holds no 'alpha', which artifacts\.json promises"):
        binary.load()


def test_named_binaries(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    source = parse_binaries([f"linux-amd64={tmp_path}/a", f"windows-arm64={tmp_path}/b"])
    assert [target.name for target in source.targets] == ["linux-amd64", "windows-arm64"]
    assert [binary.load() for binary in source.binaries] == [b"one", b"two"]
    assert source.commands == ()


MISSHAPEN = "is not TARGET=PATH (write 'linux-amd64=build/tool')"


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        (["linux-amd64"], [f"binary 'linux-amd64' {MISSHAPEN}"]),
        (["linux-amd64="], [f"binary 'linux-amd64=' {MISSHAPEN}"]),
        (["linux-amd46=x"], ["unknown platform 'linux-amd46', did you mean 'linux-amd64'?"]),
        (["all=/dev/null"], ["binary 'all=/dev/null': name one platform, not a set"]),
        (["linux-amd64=/no/such"], ["binary 'linux-amd64=/no/such': no file '/no/such'"]),
        (
            ["freebsd-amd64=x", "linux-386=/no"],
            [
                "platform 'freebsd-amd64': PyPI has no platform tag for it and refuses such wheels",
                "binary 'linux-386=/no': no file '/no'",
            ],
        ),
    ],
)  # fmt: skip
def test_named_binaries_with_faults(values: list[str], faults: list[str]) -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        parse_binaries(values)
    assert list(caught.value.faults) == faults


def test_two_binaries_for_one_target(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    with pytest.raises(InvalidOptionsError, match="there are two binaries for 'linux-386'"):
        parse_binaries([f"linux-386={tmp_path}/a"] * 2)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("artifacts.json", "{}", "artifacts.json is not what GoReleaser writes: it is no list"),
        ("artifacts.json", "[3]", "is not what GoReleaser writes: 3"),
        ("artifacts.json", '[{"path": 3, "goarch": []}]', "writes: goarch = [], path = 3"),
        ("artifacts.json", '[{"extra": 3}]', "is not what GoReleaser writes: 3"),
        ("artifacts.json", '[{"extra": {"Binaries": [3]}}]', "Binaries = [3]"),
        ("artifacts.json", '[{"extra": {"Binary": 7}}]', "Binary = 7"),
        ("artifacts.json", "[" * 100_000, "can't read "),
        ("metadata.json", '{"version": 3, "tag": null}', "tag = None, version = 3"),
        ("metadata.json", "[]", "metadata.json is not what GoReleaser writes: []"),
    ],
)
def test_files_that_goreleaser_did_not_write(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    dist = release(tmp_path)
    (dist / name).write_text(text)
    with pytest.raises(SourceError) as caught:
        read_release(dist)
    assert words in caught.value.message

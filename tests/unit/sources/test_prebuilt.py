"""Prebuilt binaries by name, and GoReleaser's `dist` folder (recorded from GoReleaser 2.5)."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from binaries import load
from systems import needs_links

from go_to_wheel.errors import InvalidOptionsError, SourceError
from go_to_wheel.sources.prebuilt import ReleaseFile, is_release_folder, read_binaries, read_release

RECORDED = Path(__file__).parents[2] / "data" / "goreleaser"
#: GoReleaser's targets -> executables for them.
PROGRAMS = {
    "linux_amd64_v1": "linux-amd64",
    "linux_arm64_v8.0": "linux-arm64",
    "darwin_amd64_v1": "darwin-amd64",
    "darwin_arm64_v8.0": "darwin-arm64",
    "windows_amd64_v1": "windows-amd64",
    "windows_arm64_v8.0": "windows-arm64",
    "linux_arm_7": "linux-arm",
    "linux_arm_6": "linux-arm6",
    "freebsd_amd64_v1": "freebsd-amd64",
}
TARGETS = [*list(PROGRAMS.values())[:6], "linux-armv7", "linux-armv6"]


def program(target: str, command: str) -> bytes:
    """An executable for a target, another one for each command."""
    return load(PROGRAMS[target]) + command.encode()


def release(folder: Path, archives: bool = True, binaries: bool = True) -> Path:
    """A `dist` folder with the files that GoReleaser lists."""
    dist = folder / "dist"
    dist.mkdir(parents=True)
    for name in ("metadata.json", "artifacts.json"):
        shutil.copy(RECORDED / name, dist)
    for artifact in json.loads((RECORDED / "artifacts.json").read_text()):
        path = folder / artifact["path"]
        if artifact["type"] == "Binary" and binaries:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(program(artifact["target"], artifact["extra"]["Binary"]))
        elif artifact["type"] == "Archive" and archives:
            suffix = ".exe" if artifact["goos"] == "windows" else ""
            names = [name.removesuffix(".exe") for name in artifact["extra"]["Binaries"]]
            members = {
                f"wrapped/{name}{suffix}": program(artifact["target"], name) for name in names
            }
            pack(path, {**members, "README.md": b"# pair\n", "wrapped/LICENSE": b"text\r\n"})
    return dist


def pack(path: Path, members: dict[str, bytes]) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize("parts", [{"archives": False}, {"binaries": False}, {}])
def test_goreleaser_folder_is_read(tmp_path: Path, parts: dict[str, bool]) -> None:
    dist = release(tmp_path, **parts)
    assert is_release_folder(dist)
    source = read_release(dist)
    assert [target.name for target in source.targets] == TARGETS
    assert source.commands == ("alpha", "beta")
    assert (source.name, source.version) == ("pair", "1.4.0-rc.1")
    assert source.project_folder == tmp_path
    assert source.notes == ("left out, because wheels have no tag for them: freebsd-x86_64",)
    for binary in source.binaries[1::2]:
        name = binary.target.name
        fixture = {"linux-armv7": "linux-arm", "linux-armv6": "linux-arm6"}.get(name, name)
        assert binary.load() == load(fixture) + b"beta"


def test_archived_program_wins_over_the_bare_one(tmp_path: Path) -> None:
    source = read_release(release(tmp_path))
    assert all(", wrapped/" in binary.label for binary in source.binaries)


def test_moved_goreleaser_folder_is_read(tmp_path: Path) -> None:
    moved = release(tmp_path / "project", archives=False).rename(tmp_path / "elsewhere")
    assert len(read_release(moved).binaries) == 16


def published(folder: Path, **files: bytes) -> Path:
    """A folder of a release that another tool made."""
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_release_without_goreleaser_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    texts = {"tool-1.2.3/README.md": b"# tool\n", "tool-1.2.3/LICENSE": b"MIT\r\n"}
    pack(folder / "tool-1.2.3-linux-x86_64.tar.gz",
         {"tool-1.2.3/tool": load("linux-amd64"), **texts,
          "tool-1.2.3/testdata/other": load("linux-386")})  # fmt: skip
    pack(folder / "tool-1.2.3-Windows-x64.zip", {"tool.exe": load("windows-amd64")})
    (folder / "tool-v1.2.3-macos-arm64").write_bytes(load("darwin-arm64"))
    (folder / "tool-linux-arm64.gz").write_bytes(gzip.compress(load("linux-arm64")))
    (folder / "tool_1.2.3_amd64.deb").write_bytes(load("linux-386"))
    (folder / "notes.txt").write_text("nothing")
    assert is_release_folder(folder)
    source = read_release(folder)
    assert [target.name for target in source.targets] == [
        "linux-amd64", "linux-arm64", "darwin-arm64", "windows-amd64",
    ]  # fmt: skip
    assert source.commands == ("tool",)
    assert (source.version, source.origin) == ("1.2.3", "the files' names")
    assert source.files.licenses == (("LICENSE", b"MIT\n"),)
    assert source.files.readme
    for binary in source.binaries:
        assert binary.load() == load(binary.target.name)


def test_several_archives_are_read(tmp_path: Path) -> None:
    pack(tmp_path / "a.tar.gz", {"tool": load("linux-amd64")})
    pack(tmp_path / "b.zip", {"tool.exe": load("windows-arm64")})
    source = read_binaries([str(tmp_path / "a.tar.gz"), str(tmp_path / "b.zip")])
    assert [binary.target.name for binary in source.binaries] == ["linux-amd64", "windows-arm64"]
    assert source.commands == ("tool",)


def test_go_code_is_no_release(tmp_path: Path) -> None:
    for name in ("go.mod", "main.go", "pyproject.toml"):
        files = {name: b"", "tool.zip": b"PK"}
        assert not is_release_folder(published(tmp_path / name[:2], **files))
    assert not is_release_folder(published(tmp_path / "texts", readme=b"text"))
    assert not is_release_folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "line", ["{0}  ./tool.zip", "{0} *tool.zip", "SHA256 (tool.zip) = {0}", "{1}  tool.zip"]
)
def test_checksum_lists_are_compared(tmp_path: Path, line: str) -> None:
    pack(tmp_path / "tool.zip", {"tool": load("linux-amd64")})
    data = (tmp_path / "tool.zip").read_bytes()
    sums = [hashlib.sha256(data).hexdigest(), hashlib.sha512(data).hexdigest()]
    (tmp_path / "tool_checksums.txt").write_text(line.format(*sums) + "\n")
    (binary,) = read_release(tmp_path).binaries
    assert binary.release_file == ReleaseFile("tool.zip", sums[0], "tool_checksums.txt")
    (tmp_path / "tool_checksums.txt").write_text(line.format("0" * 64, "0" * 128) + "\n")
    with pytest.raises(SourceError, match=r"not the file that tool_checksums\.txt lists"):
        read_release(tmp_path)


def test_checksum_file_of_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "tool").write_bytes(load("linux-amd64"))
    (tmp_path / "tool.sha256").write_text("0" * 64)
    with pytest.raises(SourceError, match=r"tool\.sha256 lists"):
        read_release(tmp_path)


def test_large_files_are_no_checksum_lists(tmp_path: Path) -> None:
    (tmp_path / "tool").write_bytes(load("linux-amd64"))
    with (tmp_path / "checksum-data").open("wb") as stream:
        stream.truncate(9 << 20)
    assert read_release(tmp_path).notes == ()


def test_changed_release_is_refused(tmp_path: Path) -> None:
    pack(tmp_path / "tool.zip", {"tool": load("linux-amd64")})
    (binary,) = read_release(tmp_path).binaries
    pack(tmp_path / "tool.zip", {"tool": load("linux-amd64") + b"!"})
    with pytest.raises(SourceError, match="changed during the build"):
        binary.load()


def test_oversized_texts_are_refused(tmp_path: Path) -> None:
    pack(tmp_path / "tool.zip", {"tool": load("linux-amd64"), "LICENSE": bytes((8 << 20) + 1)})
    with pytest.raises(SourceError, match="'LICENSE' has more than the 8,388,608 bytes"):
        read_release(tmp_path)


def test_missing_checksum_is_noted(tmp_path: Path) -> None:
    (tmp_path / "tool").write_bytes(load("linux-amd64"))
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  other\n")
    assert read_release(tmp_path).notes == ("missing from the list of checksums: tool",)


def test_other_instruction_sets_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "tool-linux-amd64-v3").write_bytes(load("linux-amd64-v3"))
    (tmp_path / "tool-linux-amd64").write_bytes(load("linux-amd64"))
    (binary,) = read_release(tmp_path).binaries
    assert binary.load() == load("linux-amd64")


def test_universal_binary_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "tool_darwin_all").mkdir()
    (tmp_path / "tool_darwin_all" / "tool").write_bytes(load("darwin-universal2"))
    (tmp_path / "tool_1.2_linux_amd64").write_bytes(load("linux-amd64"))
    source = read_release(tmp_path)
    assert [target.name for target in source.targets] == ["linux-amd64", "darwin-universal2"]
    assert source.commands == ("tool",)


def test_two_programs_for_one_target_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tool-linux-amd64").write_bytes(load("linux-amd64"))
    (tmp_path / "tool_linux_x86_64").write_bytes(load("linux-amd64") + b"!")
    with pytest.raises(SourceError, match=r"several programs 'tool' for linux-amd64: .*, .*"):
        read_release(tmp_path)


def test_missing_programs_of_a_platform_are_named(tmp_path: Path) -> None:
    dist = release(tmp_path, archives=False)
    for path in dist.glob("beta_windows*/*"):
        path.unlink()
    with pytest.raises(SourceError, match="windows-amd64 has no 'beta', windows-arm64 has no"):
        read_release(dist)


def test_folders_without_programs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no program for a platform that wheels exist for"):
        read_release(release(tmp_path, archives=False, binaries=False))


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.gz"])
@pytest.mark.parametrize("damage", [b"", b"not an archive", b"\x1f\x8b\x08\0\0\0\0\0\0\0zz"])
def test_damaged_archives_are_refused(tmp_path: Path, name: str, damage: bytes) -> None:
    (tmp_path / name).write_bytes(damage)
    with pytest.raises(SourceError, match=r"can't read|no program for"):
        read_release(tmp_path)


def damaged_gzip() -> bytes:
    return gzip.compress(load("linux-amd64"))[:-8] + b"\0" * 8


def damaged_bzip2() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:bz2") as tar:
        for name in ("a", "b"):
            entry = tarfile.TarInfo(name)
            entry.size = 2 << 20
            tar.addfile(entry, io.BytesIO(random.Random(name).randbytes(entry.size)))
    data = stream.getvalue()
    return data[: len(data) // 2] + bytes(len(data) // 2)


def zip_with_a_false_offset() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("tool", load("linux-amd64"))
    data = stream.getvalue()
    at = data.rindex(b"PK\5\6") + 16  # where the directory starts
    offset = int.from_bytes(data[at : at + 4], "little") + 100
    return data[:at] + offset.to_bytes(4, "little") + data[at + 4 :]


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("tool.gz", lambda: b"hello\n"),
        ("tool.gz", damaged_gzip),
        ("a.tar.gz", damaged_gzip),
        ("a.tar.bz2", damaged_bzip2),
        ("a.zip", zip_with_a_false_offset),
    ],
)
def test_a_damaged_archive_is_no_unreadable_file(
    tmp_path: Path, name: str, damaged: Callable[[], bytes]
) -> None:
    """Python raises OSError, as for a file without permissions."""
    path = tmp_path / name
    path.write_bytes(damaged())
    with pytest.raises(SourceError, match=r"can't read .*: ") as caught:
        read_binaries([str(path)])
    assert caught.value.hint == "download it again"


def test_an_unreadable_archive_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "a.tar").write_bytes(b"")
    monkeypatch.setattr(tarfile, "open", refuse)
    with pytest.raises(SourceError) as caught:
        read_binaries([str(tmp_path / "a.tar")])
    assert caught.value.hint.startswith("look at its permissions")


def test_zip_name_that_is_not_utf8(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("d\xed", b"x")
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace("d\xed".encode(), b"d\xff\xff"))
    with pytest.raises(SourceError, match=r"can't read .*a\.zip: 'utf-8' codec"):
        read_release(tmp_path)


def test_sparse_tar_without_a_map(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        entry = tarfile.TarInfo("tool")
        entry.size = 600
        entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
        tar.addfile(entry, io.BytesIO(b"x" * 600))
    with pytest.raises(SourceError, match=r"can't read .*a\.tar: "):
        read_release(tmp_path)


def test_damaged_programs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tool").write_bytes(load("linux-amd64")[:5000])
    with pytest.raises(SourceError, match="cut short"):
        read_release(tmp_path)


@needs_links
def test_links_out_of_a_release_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(load("linux-amd64"))
    folder = published(tmp_path / "release", tool=load("linux-amd64"))
    (folder / "other").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceError, match="not part of the project"):
        read_release(folder)


def test_named_binaries_are_read(tmp_path: Path) -> None:
    programs = {name: load(name) for name in ("windows-arm64", "linux-amd64")}
    for name, data in programs.items():
        (tmp_path / name).write_bytes(data)
    source = read_binaries([f"{name}={tmp_path / name}" for name in programs])
    assert [target.name for target in source.targets] == ["linux-amd64", "windows-arm64"]
    assert [binary.load() for binary in source.binaries] == list(programs.values())[::-1]
    assert source.commands == ()
    (tmp_path / "linux-amd64").write_bytes(b"changed")
    with pytest.raises(SourceError, match="linux-amd64 changed during the build"):
        source.binaries[0].load()


MISSHAPEN = "it is not PLATFORM=PATH"


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        (["linux-amd64"], [f"binary 'linux-amd64': {MISSHAPEN}"]),
        (["linux-amd64="], [f"binary 'linux-amd64=': {MISSHAPEN}"]),
        (["linux-amd46=x"], ["unknown platform 'linux-amd46', did you mean 'linux-amd64'?"]),
        (["all=/dev/null"], ["binary 'all=/dev/null': name one platform, not a set"]),
        (["linux-amd64=/no/such"], ["binary 'linux-amd64=/no/such': no file '/no/such'"]),
        (
            ["freebsd-amd64=x", "linux-386=/no"],
            [
                "platform 'freebsd-amd64': PyPI accepts no wheels for it",
                "binary 'linux-386=/no': no file '/no'",
            ],
        ),
    ],
)  # fmt: skip
def test_every_fault_of_named_binaries_is_reported(values: list[str], problems: list[str]) -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        read_binaries(values)
    assert list(caught.value.problems) == problems


def test_two_binaries_for_one_target_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(load("linux-386"))
    with pytest.raises(InvalidOptionsError, match="there are two binaries for 'linux-386'"):
        read_binaries([f"linux-386={tmp_path}/a"] * 2)


def test_named_file_must_be_a_program(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")
    value = f"linux-386={tmp_path}/a"
    with pytest.raises(InvalidOptionsError) as caught:
        read_binaries([value, "linux-amd64"])
    assert caught.value.problems[0].startswith(f"binary {value!r}: it is ")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"version": 3, "tag": null}', "'tag': None, 'version': 3"),
        ("[]", "metadata.json is not what GoReleaser writes: []"),
        ("[" * 100_000, "can't read "),
    ],
)
def test_invalid_goreleaser_metadata_is_refused(tmp_path: Path, text: str, words: str) -> None:
    dist = release(tmp_path)
    (dist / "metadata.json").write_text(text)
    with pytest.raises(SourceError) as caught:
        read_release(dist)
    assert words in caught.value.message

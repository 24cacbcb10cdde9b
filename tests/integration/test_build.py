"""The command on a real Go program: what it builds and what it prints."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Built, go_to_wheel, native, program_bytes, run, wheel_texts

from go_to_wheel import build_wheels
from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.match import check_target
from go_to_wheel.binary.read import read_facts
from go_to_wheel.platforms import TARGETS, macos_floor

BY_NAME = {target.name: target for target in TARGETS}
NAMES = [target.name for target in TARGETS]


def facts_of(wheel: Path) -> BinaryFacts:
    return read_facts(io.BytesIO(program_bytes(wheel)))


def mask(text: str) -> str:
    """Hide what the Go in use decides: its version, sizes, hashes and macOS."""
    text = re.sub(r"go1\.\d+(\.\d+)?(rc\d)?", "GO", text)
    text = re.sub(r"macosx_\d+_\d+", "macosx_X_Y", text)
    text = re.sub(r"Generator: go-to-wheel \S+", "Generator: go-to-wheel OURS", text)
    return re.sub(r"sha256=[\w-]{43},\d+", "sha256=HASH,SIZE", text)


def test_default_set_in_words(project: Callable[[str], Path], tmp_path: Path) -> None:
    result = go_to_wheel(
        project("hello"),
        "--version",
        "1.2.0",
        "--license",
        "MIT",
        "--output-dir",
        tmp_path / "dist",
    )
    lines = result.stdout.splitlines()
    assert lines[0] == "Built 6 wheel(s):"
    assert result.stderr == ""
    files = [line.strip() for line in lines[1::2]]
    assert sorted(files) == sorted(str(path) for path in (tmp_path / "dist").iterdir())
    assert [mask(Path(file).name) for file in files] == [
        "hello-1.2.0-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64"
        ".musllinux_1_1_x86_64.musllinux_1_2_x86_64.whl",
        "hello-1.2.0-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64"
        ".musllinux_1_1_aarch64.musllinux_1_2_aarch64.whl",
        "hello-1.2.0-py3-none-macosx_X_Y_x86_64.whl",
        "hello-1.2.0-py3-none-macosx_X_Y_arm64.whl",
        "hello-1.2.0-py3-none-win_amd64.whl",
        "hello-1.2.0-py3-none-win_arm64.whl",
    ]
    for row, file in zip(lines[2::2], files, strict=True):
        found = re.fullmatch(r"\s+([\d.]+) ([kM])B\s+[\d.]+ s  (.+)", row)
        assert found, row
        unit = {"k": 1e3, "M": 1e6}[found[2]]
        assert float(found[1]) == pytest.approx(Path(file).stat().st_size / unit, abs=0.051)
        assert found[3].replace(" ", ".") == Path(file).name.split("-")[-1].removesuffix(".whl")


@pytest.mark.parametrize("name", NAMES)
def test_each_binary_is_what_its_tag_says(hello_all: Built, name: str) -> None:
    target = BY_NAME[name]
    facts = facts_of(hello_all.wheel(name))
    assert check_target(facts, target) == []
    assert facts.go is not None
    assert facts.go.settings["GOOS"] == target.goos
    parts = ",".join(part.goarch for part in target.slices)
    assert facts.go.settings["GOARCH"] == parts
    assert facts.go.settings["CGO_ENABLED"] == "0"
    assert facts.go.settings["-trimpath"] == "true"
    if target.variant and target.variant[0] in facts.go.settings:
        variable, value = target.variant
        assert facts.go.settings[variable].split(",")[0] == value


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("darwin")])
def test_macos_tag_of_binary_and_go(hello_all: Built, name: str) -> None:
    wheel = hello_all.wheel(name)
    facts = facts_of(wheel)
    assert facts.go is not None
    assert facts.minimum_macos is not None
    arm = next(target for target in TARGETS if target.name == "darwin-arm64")
    floor = macos_floor(arm, facts.go.version, facts.minimum_macos)
    assert f"macosx_{floor[0]}_{floor[1]}_" in wheel.name


def test_a_universal_program_is_both_programs(hello_all: Built) -> None:
    both = program_bytes(hello_all.wheel("darwin-universal2"))
    for name in ("darwin-amd64", "darwin-arm64"):
        assert program_bytes(hello_all.wheel(name)) in both
    assert [part.machine for part in facts_of(hello_all.wheel("darwin-universal2")).slices] == [
        "x86_64",
        "arm64",
    ]


def test_linux_binaries_are_static_for_musl_too(hello_all: Built) -> None:
    for name in NAMES:
        if name.startswith("linux"):
            facts = facts_of(hello_all.wheel(name))
            assert (facts.interpreter, facts.libraries) == (None, ())
    plain, musl = hello_all.wheel("linux-arm64"), hello_all.wheel("linux-arm64-musl")
    assert program_bytes(plain) == program_bytes(musl)


def test_all_binaries_carry_the_same_clean_stamp(hello_all: Built) -> None:
    stamps = set()
    for wheel in hello_all.wheels:
        go = facts_of(wheel).go
        assert go is not None
        stamps.add((go.version, go.settings["vcs.revision"], go.settings["vcs.modified"]))
    assert len(stamps) == 1
    assert stamps.pop()[2] == "false"


def test_version_is_stamped_as_given(hello_all: Built) -> None:
    assert hello_all.report["version"] == "1.2.0rc1"
    for wheel in hello_all.wheels:
        assert b"v1.2.0-rc.1" in program_bytes(wheel)
        assert wheel.name.startswith("hello-1.2.0rc1-py3-none-")


def test_binaries_have_no_builder_paths(hello_all: Built) -> None:
    source = str(hello_all.folder.parent / "hello").encode()
    for wheel in hello_all.wheels:
        data = program_bytes(wheel)
        assert source not in data
        assert b"go-to-wheel-" not in data


def test_metadata_files_to_the_letter(
    hello_all: Built, hello_python: Built, golden: Callable[[str, str], None]
) -> None:
    texts = wheel_texts(hello_all.wheel("linux-amd64"))
    golden("hello.METADATA", texts["METADATA"])
    golden("hello.WHEEL", mask(texts["WHEEL"]))
    golden("hello.RECORD", mask(texts["RECORD"]))
    licenses = ["licenses/LICENSE", "licenses/NOTICE", "licenses/go/LICENSE"]
    assert sorted(texts) == ["METADATA", "RECORD", "WHEEL", *licenses, "sboms/hello.cyclonedx.json"]
    python = wheel_texts(hello_python.wheels[0])
    golden("hello-python.entry_points.txt", python["entry_points.txt"])
    assert python["METADATA"] == texts["METADATA"]


def test_archive_anatomy(hello_all: Built) -> None:
    for wheel in hello_all.wheels:
        windows = "-win" in wheel.name
        with zipfile.ZipFile(wheel) as archive:
            members = archive.infolist()
            assert archive.comment == b""
        names = [member.filename for member in members]
        program = f"hello-1.2.0rc1.data/scripts/hello{'.exe' if windows else ''}"
        assert program in names
        first_info = next(i for i, name in enumerate(names) if ".dist-info/" in name)
        assert names[:first_info] == sorted(names[:first_info])
        assert all(".dist-info/" in name for name in names[first_info:])
        assert names[first_info:-1] == sorted(names[first_info:-1])
        assert names[-1].endswith("/RECORD")
        for member in members:
            assert member.create_system == 3
            assert member.date_time == (1980, 1, 1, 0, 0, 0)
            assert member.compress_type == zipfile.ZIP_DEFLATED
            assert member.flag_bits & 0x08 == 0, "a data descriptor"
            mode = 0o100755 if member.filename == program else 0o100644
            assert member.external_attr >> 16 == mode, member.filename


def test_json_report_to_the_letter(hello_all: Built, golden: Callable[[str, str], None]) -> None:
    report = json.loads(mask(json.dumps(hello_all.report)))
    for wheel, path in zip(report["wheels"], hello_all.wheels, strict=True):
        assert wheel["size"] == path.stat().st_size
        assert wheel["binary_size"] == len(program_bytes(path))
        assert mask(str(path)) == wheel["path"]
        wheel.update(size=0, binary_size=0, sha256="", path="", seconds=0.0)
    golden("report.json", json.dumps(report, indent=2) + "\n")


def test_dry_run_builds_nothing(
    project: Callable[[str], Path], tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    source = project("hello")
    args = (source, "--version", "v2.0.0-rc.1", "--license", "mit", "--output-dir", "dist")
    result = go_to_wheel(*args, "--dry-run", cwd=tmp_path)
    golden("dry-run.txt", mask(result.stdout))
    assert "'v2.0.0-rc.1' is '2.0.0rc1' to Python" in result.stderr
    plan = json.loads(go_to_wheel(*args, "--dry-run", "--json", cwd=tmp_path).stdout)
    assert len(plan["platforms"]) == 6
    assert plan["license"] == "MIT AND BSD-3-Clause"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["src"]


def test_package_in_a_subfolder(project: Callable[[str], Path], tmp_path: Path) -> None:
    source = project("library")
    for args in ((source, "--package", "./cmd/hello"), (source / "cmd" / "hello",)):
        result = go_to_wheel(
            *args, "--platforms", "native", "--output-dir", tmp_path / "dist", "--json"
        )
        report = json.loads(result.stdout)
        assert (report["name"], report["command"]) == ("hello", "hello")


def test_ldflags_come_last_and_win(project: Callable[[str], Path], tmp_path: Path) -> None:
    options = ("--set-version-var", "main.version", "--ldflags", "-X main.version=theirs-wins")
    go_to_wheel(
        project("hello"), *options, "--version", "3.2.1", "--platforms", "native",
        "--output-dir", tmp_path,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    program = program_bytes(wheel)
    assert b"theirs-wins" in program
    assert b"3.2.1" not in program


def test_wheels_in_the_repository_leave_it_clean(
    project: Callable[[str], Path],
) -> None:
    source = project("hello")
    for version in ("1.0", "1.1"):
        go_to_wheel(".", "--version", version, "--platforms", "native,windows-arm64", cwd=source)
    wheels = sorted((source / "dist").glob("*.whl"))
    assert len(wheels) == 4
    for wheel in wheels:
        go = facts_of(wheel).go
        assert go is not None
        assert go.settings["vcs.modified"] == "false"


def test_other_wheels_in_output_folder_are_left(
    project: Callable[[str], Path], tmp_path: Path
) -> None:
    source, dist = project("hello"), tmp_path / "dist"
    dist.mkdir()
    (dist / "hello-0.9-py3-none-any.whl").write_bytes(b"old")
    (dist / "unrelated-1.0-py3-none-any.whl").write_bytes(b"other")
    (dist / "not a wheel.whl").write_bytes(b"")
    go_to_wheel(source, "--platforms", "native", "--output-dir", dist)
    assert (dist / "hello-0.9-py3-none-any.whl").read_bytes() == b"old"
    assert len(list(dist.iterdir())) == 4


def test_verbose_shows_the_commands(project: Callable[[str], Path], tmp_path: Path) -> None:
    result = go_to_wheel(
        project("hello"), "-v", "--platforms", "linux-armv6", "--output-dir", tmp_path / "dist"
    )
    assert re.search(
        r"^\+ GOOS=linux GOARCH=arm GOARM=6 \S*go build -trimpath", result.stderr, re.MULTILINE
    )


class TestPythonApi:
    """`build_wheels`, with 0.2's names, defaults and error types."""

    def test_defaults(
        self, project: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = project("hello")
        monkeypatch.chdir(tmp_path)
        paths = build_wheels(str(source), platforms=[native()])
        assert [os.path.dirname(path) for path in paths] == ["dist"]
        texts = wheel_texts(Path(paths[0]))
        assert "\nName: hello\nVersion: 0.1.0\n" in texts["METADATA"]
        assert "Summary: Go binary packaged as Python wheel" in texts["METADATA"]
        assert "Requires-Python: >=3.10" in texts["METADATA"]

    def test_options(self, project: Callable[[str], Path], tmp_path: Path) -> None:
        readme = tmp_path / "other.md"
        readme.write_text("# My Tool\n\nIt does things.\n")
        (path,) = build_wheels(
            str(project("hello")),
            name="My-Cool.Tool",
            version="1.2.3",
            output_dir=str(tmp_path / "out"),
            entry_point="cooltool",
            platforms=[native()],
            readme=str(readme),
            license_="MIT",
            launcher="python",
        )
        assert Path(path).name.startswith("my_cool_tool-1.2.3-py3-none-")
        texts = wheel_texts(Path(path))
        assert texts["entry_points.txt"] == "[console_scripts]\ncooltool = my_cool_tool:main\n"
        assert "Name: My-Cool.Tool" in texts["METADATA"]
        assert "Description-Content-Type: text/markdown" in texts["METADATA"]
        assert texts["METADATA"].endswith("# My Tool\n\nIt does things.\n")
        with zipfile.ZipFile(path) as archive:
            assert any(name.startswith("my_cool_tool/bin/cooltool") for name in archive.namelist())

    def test_error_types(self, project: Callable[[str], Path], tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="Go directory not found"):
            build_wheels(str(tmp_path / "nowhere"), name="test")
        (tmp_path / "empty").mkdir()
        with pytest.raises(ValueError, match=r"go\.mod"):
            build_wheels(str(tmp_path / "empty"), name="test")
        with pytest.raises(FileNotFoundError, match="README"):
            build_wheels(str(project("hello")), readme=str(tmp_path / "none.md"))
        with pytest.raises(ValueError, match="unknown platform 'linux-amd46'"):
            build_wheels(str(project("hello", "again")), platforms=["linux-amd46"])


def test_a_changed_source_is_said_to_be(project: Callable[[str], Path], tmp_path: Path) -> None:
    """The check that `go-to-wheel check` makes runs on what was built; warnings are notes."""
    source = project("hello")
    (source / "new.go").write_text("package main\n")
    result = go_to_wheel(
        source, "--platforms", "native,linux-386", "--output-dir", tmp_path / "dist"
    )
    assert result.stdout.startswith("Built 2 wheel(s):")
    assert "note: " in result.stderr
    assert "local changes" in result.stderr
    assert "(2 wheels)" in result.stderr


def test_a_local_wheel_without_a_tag(project: Callable[[str], Path], tmp_path: Path) -> None:
    """As a Python on FreeBSD would build it; the note says that PyPI refuses it."""
    script = (
        "import platform, sys, sysconfig, types\n"
        "sysconfig.get_platform = lambda: 'freebsd-14.1-RELEASE-amd64'\n"
        "platform.machine = lambda: 'amd64'\n"
        "here = types.SimpleNamespace(platform='freebsd14', maxsize=sys.maxsize)\n"
        "import go_to_wheel.platforms\n"
        "go_to_wheel.platforms.sys = here\n"
        "from go_to_wheel.cli import main\n"
        f"main([{str(project('hello'))!r}, '--version', '1.0', '--platforms', 'native', '--json',"
        f" '--output-dir', {str(tmp_path / 'dist')!r}])"
    )
    report = json.loads(run(sys.executable, "-c", script).stdout)
    (wheel,) = report["wheels"]
    assert wheel["file"] == "hello-1.0-py3-none-freebsd_14_1_release_amd64.whl"
    refused = "'freebsd_14_1_release_amd64': PyPI doesn't take the platform tag"
    assert any(refused in note for note in report["notes"])
    facts = facts_of(tmp_path / "dist" / wheel["file"])
    assert (facts.goos, facts.machine) == ("freebsd", "x86_64")

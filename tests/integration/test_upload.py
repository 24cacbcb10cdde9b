"""All three distributions: uploaded by twine to an index of our own, installed from it, run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import CALM, Index, running_index
from support import go_to_wheel, run

ROOT = Path(__file__).parents[2]
NAMES = ("datasette-scan", "go-to-wheel", "sqlite-scanner")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory, uv: str) -> Path:
    """The three distributions, built as `make dist` does, for this machine."""
    folder = tmp_path_factory.mktemp("upload") / "dist"
    run(uv, "build", "--quiet", "--out-dir", folder, ROOT)
    run(uv, "build", "--quiet", "--out-dir", folder, ROOT / "datasette_scan")
    scanner = ROOT / "sqlite_scanner"
    go_to_wheel("sdist", scanner, "--output-dir", folder)
    go_to_wheel(scanner, "--platforms", "native", "--output-dir", folder)
    (folder / ".gitignore").unlink(missing_ok=True)
    return folder


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with running_index(tmp_path_factory.mktemp("index")) as index:
        yield index


@pytest.fixture(scope="module")
def uploaded(index: Index, dist: Path) -> Index:
    files = sorted(dist.iterdir())
    assert len(files) == 6  # a wheel and a source archive for each
    check = [sys.executable, "-m", "twine", "check", "--strict", *files]
    assert run(*check, env=CALM).stdout.count("PASSED") == 6
    index.upload(*files)
    return index


def test_the_index_has_what_was_built(uploaded: Index, dist: Path) -> None:
    stored = {path.name: path.read_bytes() for path in uploaded.folder.iterdir()}
    assert stored == {path.name: path.read_bytes() for path in dist.iterdir()}


def test_a_second_upload_is_refused(uploaded: Index, dist: Path) -> None:
    args = ["--repository-url", uploaded.address, *sorted(dist.glob("*.whl"))]
    result = run(sys.executable, "-m", "twine", "upload", *args, env=CALM, check=False)
    assert result.returncode != 0
    assert "HTTPError" in result.stdout + result.stderr


def test_pip_install(uploaded: Index, tmp_path: Path, uv: str) -> None:
    """The three from our index, everything else from wherever pip finds it."""
    run(uv, "venv", "--quiet", "--seed", "--python", sys.executable, tmp_path / "env")
    bin_ = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    report = tmp_path / "report.json"
    options = ["--quiet", "--disable-pip-version-check", "--report", report]
    options += ["--extra-index-url", uploaded.simple]
    run(bin_ / "python", "-m", "pip", "install", *options, *NAMES, env=CALM)
    came = {
        entry["metadata"]["name"]: entry["download_info"]["url"]
        for entry in json.loads(report.read_text())["install"]
    }
    for name in NAMES:
        assert came[name].startswith(uploaded.address), came[name]
    env = {**CALM, "PATH": os.pathsep.join([str(bin_), os.environ["PATH"]])}
    run_each(env, [str(bin_ / "sqlite-scanner")], [str(bin_ / "go-to-wheel")], tmp_path)
    listed = run(bin_ / "datasette", "scan", "--help", env=env).stdout
    assert listed.startswith("Usage: datasette scan")


def test_uvx(uploaded: Index, tmp_path: Path, uv: str) -> None:
    env = {**CALM, "UV_PYTHON_DOWNLOADS": "never", "UV_TOOL_DIR": str(tmp_path / "tools")}
    uvx = [uv, "tool", "run", "--quiet", "--python", sys.executable, "--index", uploaded.simple]
    uvx += ["--refresh"]
    run_each(env, [*uvx, "sqlite-scanner"], [*uvx, "go-to-wheel"], tmp_path)
    with_plugin = [*uvx, "--with", "datasette-scan", "datasette"]
    plugins = json.loads(run(*with_plugin, "plugins", env=env).stdout)
    (ours,) = [plugin for plugin in plugins if plugin["name"] == "datasette-scan"]
    assert ours["version"] == version_of("datasette_scan", uploaded.folder)


def run_each(env: dict[str, str], scanner: list[str], builder: list[str], scratch: Path) -> None:
    folder = scratch / "data"
    folder.mkdir()
    (folder / "some.db").write_bytes(b"SQLite format 3\0" + bytes(84))
    assert run(*scanner, folder, env=env).stdout == f"{folder / 'some.db'}\n"
    assert "linux-amd64" in run(*builder, "platforms", env=env).stdout
    assert run(*builder, "-V", env=env).stdout.startswith("go-to-wheel ")


def version_of(stem: str, folder: Path) -> str:
    (wheel,) = folder.glob(f"{stem}-*.whl")
    return wheel.name.split("-")[1]

"""From `init` to users: the workflow's steps in a clone with a tag, an index, uvx, pre-commit."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from loopback import CALM, Index, running_index
from programs import ensurepip
from support import copy_project, git, go_to_wheel, run
from workflow_steps import Actions, environment, run_steps

ROOT = Path(__file__).parents[2]
NO_OP = ("actions/checkout", "actions/setup-go", "actions/setup-python")


@dataclass
class Machine:
    """A runner: an environment with its own Python, and a folder for each artifact."""

    folder: Path
    env: dict[str, str]

    def artifact(self, name: str) -> Path:
        return self.folder / "artifacts" / name

    def actions(self, workspace: Path) -> dict[str, Any]:
        def upload(given: Mapping[str, str]) -> None:
            shown = shutil.ignore_patterns(".*")  # as the action does
            target = self.artifact(given["name"])
            shutil.copytree(workspace / given["path"], target, ignore=shown)

        def download(given: Mapping[str, str]) -> None:
            pattern = given.get("pattern") or given["name"]
            for found in sorted((self.folder / "artifacts").glob(pattern)):
                shutil.copytree(found, workspace / given["path"], dirs_exist_ok=True)

        return {
            **dict.fromkeys(NO_OP, lambda given: None),
            "actions/upload-artifact": upload,
            "actions/download-artifact": download,
        }

    def run_job(
        self, workflow: dict[str, Any], job: str, checkout: Path, event: str = "push",
        more: Actions | None = None, **context: str,
    ) -> str:  # fmt: skip
        """Run a job in a fresh clone, as on a machine of its own; its output."""
        workspace = self.folder / f"{job}-{len(list(self.folder.iterdir()))}" / "work"
        git(self.folder, "clone", "-q", str(checkout), str(workspace))
        return run_steps(
            workflow["jobs"][job]["steps"],
            workspace,
            {**self.env, "GITHUB_EVENT_NAME": event, **workflow.get("env", {})},
            {"github.event_name": event, **context},
            {**self.actions(workspace), **(more or {})},
        )


@pytest.fixture(scope="module")
def own_wheel(tmp_path_factory: pytest.TempPathFactory, uv: str) -> Path:
    """The folder of go-to-wheel's own wheel."""
    folder = tmp_path_factory.mktemp("own")
    run(uv, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    return folder


def new_machine(folder: Path, uv: str, own_wheel: Path) -> Machine:
    ensurepip()
    run(uv, "venv", "--quiet", "--seed", "--python", sys.executable, folder / "python")
    links = {"PIP_FIND_LINKS": str(own_wheel), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return Machine(folder, environment(folder, folder / "python" / "bin", **CALM, **links))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, uv: str, own_wheel: Path) -> Machine:
    return new_machine(tmp_path_factory.mktemp("machine"), uv, own_wheel)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with running_index(tmp_path_factory.mktemp("index")) as index:
        yield index


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hello project after `init`, a commit and a tag."""
    return initialised(tmp_path_factory.mktemp("release") / "hello")


def initialised(folder: Path, *options: str) -> Path:
    hello = copy_project("hello", folder)
    (hello / "LICENSE").write_bytes((ROOT / "LICENSE").read_bytes())
    go_to_wheel("init", *options, cwd=hello, env={"PIP_NO_INDEX": "1"})
    git(hello, "add", "-A")
    git(hello, "commit", "-q", "-m", "Release with go-to-wheel")
    git(hello, "tag", "v1.4.0")
    return hello


def workflow_of(checkout: Path) -> dict[str, Any]:
    text = (checkout / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


@pytest.fixture(scope="module")
def released(checkout: Path, machine: Machine, index: Index) -> Index:
    """The workflow's jobs in order; the upload goes to the index on this machine."""
    workflow = workflow_of(checkout)
    assert list(workflow["jobs"]) == ["build", "test", "upload"]
    assert "sudo apt-get update" in machine.run_job(workflow, "build", checkout)
    files = sorted(path.name for path in machine.artifact("dist").iterdir())
    assert len([name for name in files if name.endswith(".whl")]) == 6
    assert "hello-1.4.0.tar.gz" in files
    machine.run_job(workflow, "test", checkout)

    def publish(given: Mapping[str, str]) -> None:
        index.upload(*sorted(machine.artifact("dist").iterdir()))

    machine.run_job(workflow, "upload", checkout, more={"pypa/gh-action-pypi-publish": publish})
    return index


def uv_settings(folder: Path, index: Index) -> dict[str, str]:
    """No uv settings but these: its own cache, the index alone."""
    return {
        **CALM,
        "UV_CACHE_DIR": str(folder / "cache"),
        "UV_DEFAULT_INDEX": index.simple,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_TOOL_DIR": str(folder / "tools"),
    }


def test_uvx_runs_the_release(released: Index, tmp_path: Path, uv: str) -> None:
    uvx = [uv, "tool", "run", "--quiet", "--python", sys.executable]
    result = run(*uvx, "hello", "--version", env=uv_settings(tmp_path, released))
    assert result.stdout == "hello 1.4.0\n"


class CachedPages(BaseHTTPRequestHandler):
    """Wheels of one project; as with PyPI, the list of them counts for ten minutes."""

    folder: Path

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        links = [f'<a href="/{path.name}">{path.name}</a>' for path in self.folder.glob("*.whl")]
        data = (self.folder / name).read_bytes() if name else "\n".join(links).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if name else "text/html")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET

    def log_message(self, *args: object) -> None:
        pass


def test_right_after_a_release(checkout: Path, tmp_path: Path, uv: str) -> None:
    """uv and pip go on with the list that they have; --refresh-package asks anew."""

    def release(version: str) -> None:
        go_to_wheel(checkout, "--version", version, *options, cwd=tmp_path)

    options = ("--platforms", "native", "--set-version-var", "main.version")
    handler = type("Pages", (CachedPages,), {"folder": tmp_path / "dist"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    env = uv_settings(tmp_path, Index(f"http://{host}", tmp_path))
    uvx = [uv, "tool", "run", "--quiet", "--python", sys.executable]
    pip = [sys.executable, "-m", "pip", "--cache-dir", tmp_path / "pip", "download", "--no-deps"]
    pip += ["--index-url", f"http://{host}/simple/", "--trusted-host", host, "--dest"]
    try:
        release("1.4.0")
        assert run(*uvx, "hello@latest", "--version", env=env).stdout == "hello 1.4.0\n"
        run(*pip, tmp_path / "first", "hello")
        release("1.4.1")
        assert run(*uvx, "hello==1.4.1", env=env, check=False).returncode != 0
        assert run(*pip, tmp_path / "second", "hello==1.4.1", check=False).returncode != 0
        fresh = ["--refresh-package", "hello"]
        newest = run(*uvx, *fresh, "hello@latest", "--version", env=env)
        assert newest.stdout == "hello 1.4.1\n"
        run(*pip, tmp_path / "third", *fresh, "hello==1.4.1")
    finally:
        server.shutdown()
        server.server_close()


def test_init_names_the_project_after_the_release(released: Index, checkout: Path) -> None:
    env = {**CALM, "PIP_INDEX_URL": released.simple}
    result = go_to_wheel("init", "--print", cwd=checkout, env=env)
    assert "the package index has a project 'hello'" in result.stderr


def test_by_hand_without_a_tag(checkout: Path, machine: Machine, tmp_path: Path) -> None:
    """A rehearsal on any commit does all but the upload."""
    later = tmp_path / "later"
    shutil.copytree(checkout, later)
    git(later, "commit", "-q", "--allow-empty", "-m", "After the release")
    fresh = Machine(tmp_path / "machine", machine.env)
    fresh.folder.mkdir()
    workflow = workflow_of(checkout)
    fresh.run_job(workflow, "build", later, event="workflow_dispatch")
    names = {path.name.split("-")[1] for path in fresh.artifact("dist").glob("*.whl")}
    assert len(names) == 1
    assert ".dev" in names.pop()
    assert workflow["jobs"]["upload"]["if"] == "github.event_name == 'push'"


def test_one_job_a_platform(machine: Machine, tmp_path: Path) -> None:
    checkout = initialised(tmp_path / "hello", "--split")
    workflow = workflow_of(checkout)
    fresh = Machine(tmp_path / "machine", machine.env)
    fresh.folder.mkdir()
    platforms = workflow["jobs"]["wheel"]["strategy"]["matrix"]["platform"]
    for platform in platforms:
        fresh.run_job(workflow, "wheel", checkout, **{"matrix.platform": platform})
    assert len(list(fresh.artifact(".").glob("wheel-*/*.whl"))) == 6
    printed = fresh.run_job(workflow, "build", checkout)
    assert "Checked 6 wheels: no errors" in printed
    names = sorted(path.name for path in fresh.artifact("dist").iterdir())
    assert len(names) == 7
    assert "hello-1.4.0.tar.gz" in names
    shutil.rmtree(fresh.artifact("dist"))
    shutil.rmtree(fresh.artifact("wheel-darwin-arm64"))
    with pytest.raises(AssertionError, match="no wheel for darwin-arm64"):
        fresh.run_job(workflow, "build", checkout)

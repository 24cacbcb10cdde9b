"""pre-commit runs our hook, and a Go tool that is a hook, from a clone and a local index."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import CALM, Index, running_index
from support import NO_IDENTITY, git, go_to_wheel, run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "pre-commit.md").read_text(encoding="utf-8")
OURS = "https://github.com/owner/go-to-wheel"
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
TUTORIAL = (ROOT / "docs" / "tutorials" / "first-wheel.md").read_text(encoding="utf-8")


def block(after: str, language: str) -> str:
    """The first block in a language that follows some words on the page."""
    return PAGE.split(after, 1)[1].split(f"```{language}\n", 1)[1].split("```", 1)[0]


def repository(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def pre_commit(folder: Path, *options: str, **env: str) -> tuple[int, str]:
    home = {"PRE_COMMIT_HOME": str(folder.parent / "pre-commit-home"), **NO_IDENTITY}
    args = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose", "--color=never"]
    result = run(*args, *options, cwd=folder, env={**home, **env}, check=False)
    return result.returncode, result.stdout + result.stderr


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository, as it is now, with the tag that the page names."""
    copy = tmp_path_factory.mktemp("clone") / "go-to-wheel"
    names = git(ROOT, "ls-files", "-co", "--exclude-standard").splitlines()
    for name in names:
        if (ROOT / name).is_file() and not name.startswith(("tests/", "bench/")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    repository(copy, {})
    git(copy, "tag", "v1.0.0")
    return copy


@pytest.fixture(scope="module")
def mytool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of mytool's wheel for this machine; the program greets its arguments."""
    folder = tmp_path_factory.mktemp("mytool")
    source = TUTORIAL.split("`main.go`:\n\n```go\n", 1)[1].split("```", 1)[0]
    (folder / "main.go").write_text(source)
    (folder / "go.mod").write_text("module example.com/mytool\n\ngo 1.24\n")
    options = ("--version", "1.2.0", "--platforms", "native", "--output-dir", folder / "dist")
    go_to_wheel(folder, *options)
    return folder / "dist"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, mytool: Path) -> Iterator[Index]:
    with running_index(tmp_path_factory.mktemp("index")) as index:
        index.upload(*mytool.glob("*.whl"))
        yield index


def test_the_hook_checks_wheels(clone: Path, mytool: Path, tmp_path: Path) -> None:
    config = YAML[0].replace(OURS, str(clone))
    (wheel,) = mytool.glob("*.whl")
    files: dict[str, str | bytes] = {
        ".pre-commit-config.yaml": config,
        f"wheels/{wheel.name}": wheel.read_bytes(),
        "README.md": "No wheel.\n",
    }
    project = repository(tmp_path / "project", files)
    code, output = pre_commit(project)
    assert code == 0, output
    assert "Checked 1 wheel: no errors" in output
    (project / "wheels" / wheel.name).write_bytes(wheel.read_bytes()[:-100])
    git(project, "add", "-A")
    code, output = pre_commit(project)
    assert code == 1, output
    assert "zip-broken" in output


def test_hook_for_wheels_that_are_not_committed(clone: Path, mytool: Path, tmp_path: Path) -> None:
    head = YAML[0].split("      - id:")[0].replace(OURS, str(clone))
    config = head + YAML[1].replace("[dist]", "[dist, --expect, native]")
    project = repository(
        tmp_path / "project", {".pre-commit-config.yaml": config, ".gitignore": "dist\n"}
    )
    shutil.copytree(mytool, project / "dist")
    code, output = pre_commit(project, "--hook-stage", "pre-push")
    assert code == 0, output
    assert "Checked 1 wheel: no errors" in output


def test_a_go_tool_in_its_own_repository(index: Index, tmp_path: Path) -> None:
    hook = repository(
        tmp_path / "mytool-pre-commit",
        {
            ".pre-commit-hooks.yaml": block("`.pre-commit-hooks.yaml`:", "yaml"),
            "pyproject.toml": block("`pyproject.toml`:", "toml"),
        },
    )
    git(hook, "tag", "v1.2.0")
    config = block("### Its users", "yaml")
    config = config.replace("https://github.com/owner/mytool-pre-commit", str(hook))
    files: dict[str, str | bytes] = {".pre-commit-config.yaml": config, "tea.txt": "Assam\n"}
    project = repository(tmp_path / "project", files)
    code, output = pre_commit(project, PIP_EXTRA_INDEX_URL=index.simple, **CALM)
    assert code == 0, output
    assert re.search(r"Hello, check and .*tea\.txt", output)


def test_a_go_tool_without_a_repository(index: Index, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        ".pre-commit-config.yaml": block("### Without a repository", "yaml"),
        "tea.txt": "Assam\n",
    }
    project = repository(tmp_path / "project", files)
    code, output = pre_commit(project, PIP_EXTRA_INDEX_URL=index.simple, **CALM)
    assert code == 0, output
    assert re.search(r"Hello, check and .*tea\.txt", output)

"""action.yml: its inputs are the command's options, and its steps do what they say."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import ensurepip
from support import copy_project, go_to_wheel, native, run
from workflow_steps import environment, run_steps

from go_to_wheel.cli import cli

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
#: Inputs that are no option.
OWN = {"source", "check-only", "sdist"}


def options(command: str) -> set[str]:
    found = cli.get_command(None, command)  # type: ignore[arg-type]
    assert found is not None
    return {name.lstrip("-") for option in found.params for name in option.opts}


def test_inputs_are_options() -> None:
    assert set(ACTION["inputs"]) - OWN <= options("build") | options("check")


def test_every_input_is_used() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    for name in ACTION["inputs"]:
        assert f"inputs.{name} " in text, name


def test_options_are_passed_by_their_names() -> None:
    (build,) = [step for step in ACTION["runs"]["steps"] if step["name"] == "Build"]
    for variable, value in build["env"].items():
        if variable.startswith("OPTION_"):
            name = variable.removeprefix("OPTION_").lower().replace("_", "-")
            assert value == f"${{{{ inputs.{name} }}}}"
            assert name in options("build")


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory, uv: str) -> dict[str, str]:
    """A runner's environment, whose Python has neither go-to-wheel nor its requirements."""
    folder = tmp_path_factory.mktemp("runner")
    ensurepip()
    run(uv, "venv", "--quiet", "--seed", "--python", sys.executable, folder / "python")
    ignored = shutil.ignore_patterns(
        ".*", "__pycache__", "build", "dist", "bench", "tests", "uv.lock"
    )
    shutil.copytree(ROOT, folder / "action", ignore=ignored)
    shutil.copy(ROOT / ".gitignore", folder / "action")
    here = str(folder / "action")
    return environment(folder, folder / "python" / "bin", GITHUB_ACTION_PATH=here)


def use(runner: dict[str, str], workspace: Path, **inputs: str) -> str:
    """What the action prints with these inputs, in a workspace."""
    given = {name: str(about.get("default", "")) for name, about in ACTION["inputs"].items()}
    assert set(inputs) <= {name.replace("-", "_") for name in given}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    context = {f"inputs.{name}": value for name, value in given.items()}
    return run_steps(ACTION["runs"]["steps"], workspace, runner, context, {})


def test_build_and_check(runner: dict[str, str], tmp_path: Path) -> None:
    workspace = tmp_path / "work"
    copy_project("pair", workspace)
    printed = use(
        runner,
        workspace,
        version="1.2.0",
        name="tea-pair",
        package="./cmd/alpha\n./cmd/beta\n",
        platforms="native",
        description='A "pair"\nof $(commands)\n',
        set_version_var="main.version",
        output_dir="the wheels",
    )
    assert "Checked 1 wheel: no errors" in printed
    (wheel,) = (workspace / "the wheels").glob("tea_pair-1.2.0-*.whl")
    bin_ = Path(runner["RUNNER_TEMP"]) / "go-to-wheel" / "bin"
    shown = run(bin_ / "go-to-wheel", "inspect", wheel).stdout
    assert 'tea-pair 1.2.0: A "pair" of $(commands)' in shown
    shutil.move(workspace / "the wheels", workspace / "dist")
    only = use(runner, workspace, check_only="true", expect=native(), run="false", source="gone")
    assert "Checked 1 wheel: no errors" in only


def test_the_documented_example(runner: dict[str, str], tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "publish.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(.+?)^```", page, re.DOTALL | re.MULTILINE)
    given = yaml.safe_load(text)[-1]["with"]
    assert given.pop("sdist") == "true"
    workspace = tmp_path / "work"
    copy_project("pair", workspace)
    (workspace / "cmd" / "alpha").rename(workspace / "cmd" / "mytool")
    env = {"PIP_NO_INDEX": "1"}
    go_to_wheel("init", "--package", given["package"], cwd=workspace, env=env)
    inputs = {name.replace("-", "_"): value for name, value in given.items()}
    inputs |= {"platforms": "native", "version": "v1.2.3", "sdist": "true"}
    printed = use(runner, workspace, **inputs)
    assert "Checked 1 wheel: no errors" in printed
    names = sorted(path.name.partition("-py3")[0] for path in (workspace / "dist").glob("*-*"))
    assert names == ["mytool-1.2.3", "mytool-1.2.3.tar.gz"]


def test_a_finding_fails_the_action(runner: dict[str, str], tmp_path: Path) -> None:
    workspace = tmp_path / "work"
    (workspace / "dist").mkdir(parents=True)
    (workspace / "dist" / "odd-1-py3-none-any.whl").write_bytes(b"no archive")
    with pytest.raises(AssertionError, match="::error title=zip-broken"):
        use(runner, workspace, check_only="true")
    ignored = use(runner, workspace, check_only="true", ignore="zip,set", run="false")
    assert "Checked 1 wheel: no errors" in ignored

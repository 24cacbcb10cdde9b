"""The workflows, ours and the one `init` writes: pinned, least rights, build apart from upload."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from go_to_wheel.builder.scaffold import format_workflow
from go_to_wheel.platforms import DEFAULT_TARGETS

ROOT = Path(__file__).parents[2]
OURS = {
    path.name: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
WRITTEN = resources.files("go_to_wheel").joinpath("data/publish.yml").read_text(encoding="utf-8")
SPLIT = format_workflow(PurePosixPath("."), ">=1.0", split=True)
ALL = {**{f"our {name}": text for name, text in OURS.items()}, "init's": WRITTEN, "split": SPLIT}
RELEASES = {name: text for name, text in ALL.items() if not name.endswith(("ci.yml", "docs.yml"))}

#: Each action that may be used, at the commit that the version in the comment has.
PINNED = {
    "actions/checkout": "08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0",
    "actions/setup-go": "44694675825211faa026b3c33043df3e48a5fa00 # v6.0.0",
    "actions/setup-python": "e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0",
    "actions/upload-artifact": "330a01c490aca151604b8cf639adc76d48f6c5d4 # v5.0.0",
    "actions/download-artifact": "018cc2cf5baa6db3ef3c5f8a56943fffe632ef53 # v6.0.0",
    "actions/upload-pages-artifact": "7b1f4a764d45c48632c6b24a0339c27f5614fb0b # v4.0.0",
    "actions/deploy-pages": "d6db90164ac5ed86f2b6aed7e0febac5b3c0c03e # v4.0.5",
    "pypa/gh-action-pypi-publish": "ed0c53931b1dc9bd32cbe73a98c7f6766f8a527e # v1.13.0",
}


@cache
def parse(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def jobs(text: str) -> dict[str, Any]:
    found: dict[str, Any] = parse(text)["jobs"]
    return found


@pytest.mark.parametrize("name", ALL)
def test_every_action_is_pinned_by_commit(name: str) -> None:
    used = re.findall(r"uses: ([^@\s]+)@(.+)", ALL[name])
    assert used
    assert len(used) == ALL[name].count("uses:")
    for action, version in used:
        assert PINNED[action] == version


@pytest.mark.parametrize("name", ALL)
def test_rights_are_the_least(name: str) -> None:
    assert parse(ALL[name])["permissions"] == {}
    for job, described in jobs(ALL[name]).items():
        used = " ".join(step.get("uses", "") for step in described["steps"])
        if "pypi-publish" in used:
            assert described["permissions"] == {"id-token": "write"}, job
        elif "deploy-pages" in used:
            assert described["permissions"] == {"pages": "write", "id-token": "write"}, job
        else:
            assert described["permissions"] in ({"contents": "read"}, {}), job
    assert "secrets." not in ALL[name]
    assert ALL[name].count("persist-credentials: false") == ALL[name].count("actions/checkout@")


@pytest.mark.parametrize("name", RELEASES)
def test_uploads_are_built_and_tested_before(name: str) -> None:
    steps = jobs(RELEASES[name])
    assert set(steps) - {"wheel"} == {"build", "test", "upload"}
    assert steps["upload"]["needs"] == ["build", "test"]
    assert steps["test"]["needs"] == "build"
    assert steps["upload"]["environment"] == "pypi"
    assert not [step for step in steps["upload"]["steps"] if "run" in step]
    systems = " ".join(steps["test"]["strategy"]["matrix"]["os"])
    assert all(system in systems for system in ("ubuntu", "macos", "windows"))
    assert "check dist --run" in RELEASES[name]


def zizmor(path: Path) -> subprocess.CompletedProcess[str]:
    """A second opinion on a workflow, an action or a folder of them."""
    beside = str(Path(sys.executable).parent)
    command = shutil.which("zizmor", path=beside) or shutil.which("zizmor")
    assert command, "zizmor is a test dependency and should be here"
    args = [command, "--offline", "--no-progress", "--quiet", str(path)]
    return subprocess.run(args, capture_output=True, encoding="utf-8", check=False)


def test_a_second_opinion(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name, text in ALL.items():
        (folder / f"{name.replace(' ', '-')}.yml").write_text(text)
    result = zizmor(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_second_opinion_sees_faults(tmp_path: Path) -> None:
    path = tmp_path / ".github" / "workflows" / "one.yml"
    path.parent.mkdir(parents=True)
    path.write_text(re.sub(r"@[0-9a-f]{40} # (v\d)\S*", r"@\1", WRITTEN))
    assert zizmor(path).returncode != 0


def test_a_second_opinion_on_the_action() -> None:
    result = zizmor(ROOT / "action.yml")
    assert result.returncode == 0, result.stdout + result.stderr


def test_split_changes_only_the_build_jobs() -> None:
    split, whole = jobs(SPLIT), jobs(WRITTEN)
    assert list(split) == ["wheel", "build", "test", "upload"]
    names = [target.name for target in DEFAULT_TARGETS]
    assert split["wheel"]["strategy"]["matrix"]["platform"] == names
    assert split["build"]["needs"] == "wheel"
    assert (split["test"], split["upload"]) == (whole["test"], whole["upload"])


def test_a_module_below_the_repository() -> None:
    text = format_workflow(PurePosixPath("cmd/größer"), ">=1.0")
    assert yaml.safe_load(text)["env"] == {"MODULE": "cmd/größer"}
    at_root = format_workflow(PurePosixPath("."), ">=1.0")
    assert yaml.safe_load(at_root)["env"] == {"MODULE": "."}


def test_hooks_run_what_make_has() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = [hook["entry"].split() for hook in hooks["repos"][0]["hooks"]]
    assert entries
    for command, target, *_ in entries:
        assert command == "make"
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_updates_are_watched_where_there_are_dependencies() -> None:
    text = (ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8")
    for update in yaml.safe_load(text)["updates"]:
        for folder in update.get("directories", [update.get("directory")]):
            assert (ROOT / folder.strip("/")).is_dir()
    result = zizmor(ROOT / ".github")
    assert result.returncode == 0, result.stdout + result.stderr

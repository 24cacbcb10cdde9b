"""One version, one Python floor, one set of facts for the three distributions."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import yaml

import go_to_wheel

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "go-to-wheel": ".",
    "sqlite-scanner": "sqlite_scanner",
    "datasette-scan": "datasette_scan",
}
PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.15"]


def read(folder: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))


def load_check_release() -> Any:
    spec = spec_from_file_location("check_release", ROOT / "scripts" / "check_release.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VERSION = read("sqlite_scanner")["project"]["version"]


def test_the_installed_version_is_the_files() -> None:
    assert go_to_wheel.__version__ == version("go-to-wheel") == VERSION


@pytest.mark.parametrize("folder", [".", "datasette_scan"])
def test_the_others_read_it_from_there(folder: str) -> None:
    data = read(folder)
    assert "version" in data["project"]["dynamic"]
    source = data["tool"]["hatch"]["version"]
    home = ROOT / folder / source["path"]
    assert home.resolve() == ROOT / "sqlite_scanner" / "pyproject.toml"
    found = re.search(source["pattern"], home.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    assert found["version"] == VERSION


@pytest.mark.parametrize(("name", "folder"), FOLDERS.items())
def test_same_facts(name: str, folder: str) -> None:
    project = read(folder)["project"]
    assert project["name"] == name
    assert project["requires-python"] == f">={PYTHONS[0]}"
    named = [c.rpartition(" :: ")[2] for c in project["classifiers"] if " :: Python :: 3." in c]
    assert named == PYTHONS
    assert project["authors"] == [{"name": "The go-to-wheel maintainers"}]
    assert project["urls"]["Original project"] == f"https://github.com/simonw/{name}"


def test_ci_runs_each_python_and_go() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^PYTHONS := (.*)$", makefile, re.MULTILINE)[1].split() == PYTHONS  # type: ignore[index]
    (setup,) = (
        step["with"]["python-version"]
        for step in workflow["jobs"]["linux"]["steps"]
        if "setup-python" in step.get("uses", "")
    )
    assert setup.split() == PYTHONS
    oldest = re.search(r"^GO_OLDEST := (.*)$", makefile, re.MULTILINE)
    assert oldest is not None
    assert workflow["jobs"]["elsewhere"]["strategy"]["matrix"]["go"] == [oldest[1], "stable"]


def test_release_has_the_version_of_its_tag() -> None:
    check_release = load_check_release()
    assert check_release.read_version() == VERSION
    files = [
        f"{name}-1.2.3{end}"
        for name in check_release.DISTRIBUTIONS
        for end in (".tar.gz", "-py3-none-any.whl")
    ]
    assert check_release.find_faults("1.2.3", "v1.2.3", files) == []
    assert check_release.find_faults("1.2.3", "v1.2.4", files) == [
        "the tag is 'v1.2.4', and sqlite_scanner/pyproject.toml says '1.2.3'"
    ]
    assert check_release.find_faults(
        "1.2.3", "v1.2.3", [*files[:-1], "go_to_wheel-1.2.4.tar.gz"]
    ) == [
        "there is no datasette_scan-1.2.3-*.whl",
        "go_to_wheel-1.2.4.tar.gz is not of version 1.2.3",
    ]


def test_workflow_compares_the_tag() -> None:
    text = (ROOT / ".github/workflows/publish.yml").read_text(encoding="utf-8")
    assert 'scripts/check_release.py "$GITHUB_REF_NAME" dist' in text

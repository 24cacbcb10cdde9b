"""What needs no configuration: read from git, go.mod, the licence, the doc comment."""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import NO_IDENTITY, git, go_to_wheel, native, program_bytes, run

Project = Callable[..., Path]


def plan(*args: object, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(go_to_wheel(*args, "--dry-run", "--json", **options).stdout)
    return found


def refuse(*args: object) -> str:
    result = go_to_wheel(*args, "--dry-run", check=False)
    assert result.returncode == 1, result.stdout + result.stderr
    assert result.stdout == ""
    return result.stderr


def test_an_exact_tag_is_the_version(project: Project) -> None:
    folder = project("pair")
    git(folder, "tag", "v1.4.0-rc.2")
    planned = plan(folder, "--package", "./cmd/alpha")
    assert planned["version"] == "1.4.0rc2"
    assert planned["origins"]["version"] == "git tag v1.4.0-rc.2"


def test_nested_module_has_tags_of_its_own(project: Project) -> None:
    folder = project("mixed")
    (folder / "pyproject.toml").unlink()
    git(folder, "commit", "-q", "-a", "-m", "Go alone")
    git(folder, "tag", "v9.0.0")
    git(folder, "tag", "helper/v1.2.3")
    planned = plan(folder / "helper", "--package", "./cmd/count")
    assert planned["version"] == "1.2.3"
    assert planned["origins"]["version"] == "git tag helper/v1.2.3"
    git(folder, "commit", "-q", "--allow-empty", "-m", "more")
    stderr = refuse(folder / "helper", "--package", "./cmd/count")
    assert "hint: tag the commit: git tag helper/v1.2.3\n" in stderr


def test_a_commit_after_a_tag(project: Project) -> None:
    folder = project("pair")
    git(folder, "tag", "v1.4.0")
    git(folder, "commit", "-q", "--allow-empty", "-m", "more")
    stderr = refuse(folder, "--package", "./cmd/alpha")
    assert "version '1.4.1.dev20240102030405' is not a release: no version tag points at" in stderr
    assert "hint: tag the commit: git tag v1.2.3" in stderr
    assert plan(folder, "--package", "./cmd/alpha", "--dev")["version"] == "1.4.1.dev20240102030405"


def test_a_modified_tree_is_not_the_tag(project: Project) -> None:
    folder = project("pair")
    git(folder, "tag", "v1.4.0")
    (folder / "README.md").write_text("# changed\n")
    stderr = refuse(folder, "--package", "./cmd/alpha")
    assert "is not a release: files differ from tag v1.4.0" in stderr
    assert "README.md; commit or ignore them" in stderr
    git(folder, "checkout", "-q", "README.md")
    assert plan(folder, "--package", "./cmd/alpha")["version"] == "1.4.0"


def test_dirty_files_count_as_changes(project: Project) -> None:
    folder = project("pair")
    git(folder, "tag", "v1.4.0")
    (folder / "untracked.txt").write_text("not ignored\n")
    stderr = refuse(folder, "--package", "./cmd/alpha")
    assert "files differ from tag v1.4.0: untracked.txt is untracked; commit or ignore" in stderr
    unstamped = {"GOFLAGS": "-buildvcs=false"}  # then the program says nothing
    assert plan(folder, "--package", "./cmd/alpha", env=unstamped)["version"] == "1.4.0"


def test_a_packager_states_the_version(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project("pair")
    monkeypatch.setenv("GO_TO_WHEEL_VERSION", "v2.5.0")
    planned = plan(folder, "--package", "./cmd/alpha")
    assert (planned["version"], planned["origins"]["version"]) == ("2.5.0", "GO_TO_WHEEL_VERSION")
    monkeypatch.setenv("GO_TO_WHEEL_VERSION_ALPHA", "3.0")
    assert plan(folder, "--package", "./cmd/alpha")["version"] == "3.0"
    assert plan(folder, "--package", "./cmd/alpha", "--name", "other")["version"] == "2.5.0"
    assert plan(folder, "--package", "./cmd/alpha", "--version", "4.0")["version"] == "4.0"
    monkeypatch.setenv("GO_TO_WHEEL_VERSION_ALPHA", "latest")
    assert "hint: the version comes from GO_TO_WHEEL_VERSION_ALPHA" in refuse(
        folder, "--package", "./cmd/alpha"
    )


def test_a_git_archive_names_its_tag(project: Project, tmp_path: Path) -> None:
    folder = project("pair")
    fields = "node: $Format:%H$\nnode-date: $Format:%cI$\nref-names: $Format:%D$\n"
    (folder / ".git_archival.txt").write_text(fields)
    (folder / ".gitattributes").write_text(".git_archival.txt export-subst\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "archives")
    git(folder, "tag", "v1.5.0")
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    git(folder, "archive", "-o", str(tmp_path / "source.tar"), "HEAD")
    with tarfile.open(tmp_path / "source.tar") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # new in 3.11.4
        archive.extractall(unpacked)
    planned = plan(unpacked, "--package", "./cmd/alpha")
    assert planned["version"] == "1.5.0"
    assert planned["origins"]["version"] == ".git_archival.txt tag v1.5.0"


def test_no_version_anywhere(project: Project) -> None:
    planned = plan(project("pair"), "--package", "./cmd/alpha")
    assert planned["version"] == "0.1.0"
    assert planned["notes"] == ["no version found; using 0.1.0 (set --version)"]


def test_every_value_and_where_it_came_from(
    project: Project, golden: Callable[[str, str], None]
) -> None:
    folder = project("packed")
    (folder / "LICENSE").write_text((Path(__file__).parents[2] / "LICENSE").read_text())
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "licence")
    git(folder, "tag", "v2.0.0")
    git(folder, "remote", "add", "origin", "git@github.com:example/packed.git")
    result = go_to_wheel(
        folder, "--dry-run", "--platforms", "linux-amd64", "--url", "https://e.com"
    )
    version = run("go", "env", "GOVERSION").stdout.strip()
    golden("dry-run-origins.txt", result.stdout.replace(version, "GO"))


def test_a_table_below_the_modules_root(project: Project) -> None:
    """`module/cmd/x` reads the module's pyproject.toml, but builds that folder."""
    folder = project("pair")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "named"\nversion = "7.0"\n[tool.go-to-wheel]\npackage = "./cmd/beta"\n'
    )
    planned = plan(folder / "cmd/alpha")
    assert (planned["name"], planned["version"]) == ("named", "7.0")
    assert planned["package"] == "example.com/pair/cmd/alpha"
    assert plan(folder)["package"] == "example.com/pair/cmd/beta"


def test_set_version_var_auto(project: Project, tmp_path: Path) -> None:
    folder = project("pair")
    go_to_wheel(
        folder, "--package", "./cmd/alpha", "--set-version-var", "auto", "--version", "4.7.11",
        "--platforms", native(), "--output-dir", tmp_path,
    )  # fmt: skip
    assert b"4.7.11" in program_bytes(next(tmp_path.glob("*.whl")))


def test_values_for_other_variables(project: Project, tmp_path: Path) -> None:
    folder = project("hello")
    commit = git(folder, "rev-parse", "HEAD").strip()
    values = ("--set", "main.unset=({short-commit}, {date})", "--ldflags", "-X main.version=own")
    go_to_wheel(folder, *values, "--platforms", native(), "--output-dir", tmp_path)
    program = program_bytes(next(tmp_path.glob("*.whl")))
    assert f"({commit[:7]}, 2024-01-02T03:04:05Z)".encode() in program


def test_a_dry_run_lists_its_targets_only(project: Project) -> None:
    options = ("--dry-run", "-v", "--version", "1", "--set-version-var", "auto")
    stderr = go_to_wheel(project("hello"), *options, "--platforms", "windows-arm64").stderr
    commands = [line for line in stderr.splitlines() if line.startswith("+ GOOS=")]
    assert not [line for line in commands if " build " in line]
    targets = {line.split()[1] for line in commands if " list " in line}
    assert targets == {"GOOS=windows"}
    assert len([line for line in commands if " -deps " in line]) == 2  # one for auto


def test_build_tags(project: Project, tmp_path: Path) -> None:
    """They choose files, are recorded in the wheel, and verify repeats them."""
    folder = project("pair")
    (folder / "cmd/alpha/special.go").write_text(
        '//go:build special && !plain\n\npackage main\n\nfunc init() { println("so special") }\n'
    )
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "special")
    args = (folder, "--package", "./cmd/alpha", "--version", "1", "--platforms", native())
    go_to_wheel(*args, "--tags", "special,other", "--output-dir", tmp_path / "d", env=NO_IDENTITY)
    wheel = next((tmp_path / "d").glob("*.whl"))
    assert b"so special" in program_bytes(wheel)
    assert "-tags=special,other" in go_to_wheel("inspect", wheel).stdout
    assert "identical" in go_to_wheel("verify", wheel, "--source", folder, env=NO_IDENTITY).stdout
    assert plan(*args, "--tags", "other")["tags"] == ["other"]


@pytest.mark.parametrize(
    ("code", "expected", "hint"),
    [
        (
            'package main\n\nvar motto = "x"\n\nfunc main() { println(motto) }\n',
            "there is no variable with a usual name (main.version …)",
            "hint: name it: --set-version-var main.motto",
        ),
        (
            'package main\n\nvar version = "a"\nvar Version = "b"\n\n'
            "func main() { println(version, Version) }\n",
            "several variables could hold the version: main.Version, main.version",
            "hint: name it: --set-version-var main.Version",
        ),
        (
            "package main\n\nvar version = f()\n\nvar x []int\n\n"
            "func f() string { return string(rune(len(x))) }\n\nfunc main() { println(version) }\n",
            "no variable with a usual name",
            'hint: declare one in the main package: var version = "dev"',
        ),
    ],
)
def test_set_version_var_auto_never_guesses(
    project: Project, code: str, expected: str, hint: str
) -> None:
    folder = project("pair")
    (folder / "cmd/alpha/main.go").write_text(code)
    output = refuse(folder / "cmd/alpha", "--set-version-var", "auto", "--version", "1")
    assert expected in output
    assert hint in output


def test_several_commands_of_a_folder(project: Project, tmp_path: Path) -> None:
    folder = project("pair")
    result = go_to_wheel(
        folder, "--package", "./cmd/alpha", "--package", "./cmd/beta", "--launcher", "python",
        "--platforms", native(), "--output-dir", tmp_path, "--version", "1", "--json",
        env=NO_IDENTITY,
    )  # fmt: skip
    report = json.loads(result.stdout)
    assert report["name"] == "pair"
    wheel = Path(report["wheels"][0]["path"])
    run("python3", "-m", "zipfile", "-e", wheel, tmp_path / "out")
    points = (tmp_path / "out/pair-1.dist-info/entry_points.txt").read_text()
    assert points == "[console_scripts]\nalpha = pair:main\nbeta = pair:main\n"
    assert sorted(path.name for path in (tmp_path / "out/pair/bin").iterdir()) == ["alpha", "beta"]


def test_a_config_setting_states_the_version(project: Project, tmp_path: Path) -> None:
    folder = project("pair")
    table = '[project]\nname = "alpha"\n{}\n[tool.go-to-wheel]\npackage = "./cmd/alpha"\n'
    code = (
        "import sys, go_to_wheel.backend as backend\n"
        "settings = {'version': '2.5'}\n"
        "print(backend.prepare_metadata_for_build_wheel(sys.argv[1], settings))"
    )
    variable = {"GO_TO_WHEEL_VERSION_ALPHA": "3.0"}
    (folder / "pyproject.toml").write_text(table.format('dynamic = ["version"]'))
    result = run(sys.executable, "-c", code, tmp_path, cwd=folder, env=variable)
    assert result.stdout == "alpha-2.5.dist-info\n"
    (folder / "pyproject.toml").write_text(table.format('version = "1.0"'))
    result = run(sys.executable, "-c", code, tmp_path, cwd=folder, env=variable, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert "error: version '2.5' is not that of [project], '1.0'" in result.stderr

"""A Python library that carries a Go helper: one wheel, from pyproject.toml alone."""

from __future__ import annotations

import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest
from frontends import make_env
from support import git, go_to_wheel, native, run

Project = Callable[..., Path]


def build(source: Path, folder: Path, *options: str) -> Path:
    go_to_wheel(source, "--platforms", native(), "--output-dir", folder, *options)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel(project: Project, tmp_path: Path) -> None:
    folder = project("mixed")
    (folder / "python/wordy/__pycache__").mkdir()
    (folder / "python/wordy/__pycache__/x.pyc").write_bytes(b"")
    wheel = build(folder, tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        names = sorted(archive.namelist())
        metadata = message_from_bytes(archive.read("wordy-3.1.dist-info/METADATA"))
        points = archive.read("wordy-3.1.dist-info/entry_points.txt").decode()
    suffix = ".exe" if native().startswith("windows") else ""
    assert names == [
        f"wordy-3.1.data/scripts/wordy-count{suffix}",
        "wordy-3.1.dist-info/METADATA",
        "wordy-3.1.dist-info/RECORD",
        "wordy-3.1.dist-info/WHEEL",
        "wordy-3.1.dist-info/entry_points.txt",
        "wordy-3.1.dist-info/licenses/go/LICENSE",
        "wordy-3.1.dist-info/sboms/wordy.cyclonedx.json",
        "wordy/__init__.py",
        "wordy/_launcher/__init__.py",
        "wordy/_launcher/__main__.py",
        "wordy/_launcher/_constants.py",
        "wordy/_launcher/_find.py",
        "wordy/_launcher/py.typed",
        "wordy/data.txt",
        "wordy/py.typed",
    ]
    assert metadata.get_all("Requires-Dist") == [
        "iniconfig>=2",
        'click>=8; python_version >= "3.10" and extra == "more"',
    ]
    assert metadata.get_all("Provides-Extra") == ["more"]
    assert metadata["Project-URL"] == "Homepage, https://example.com/wordy"
    assert (
        points == "[console_scripts]\nwordy = wordy:main\n\n[wordy.plugins]\nplain = wordy:count\n"
    )


@pytest.mark.parametrize("launcher", ["native", "python"])
def test_installed(project: Project, uv: str, tmp_path: Path, launcher: str) -> None:
    wheel = build(project("mixed"), tmp_path / "dist", "--launcher", launcher)
    env = make_env(uv, tmp_path / "env")
    env.run(uv, "pip", "install", "--quiet", "--no-deps", "--python", env.python, wheel)
    assert run(env.program("wordy"), "a", "b", "c").stdout == "3\n"
    assert run(env.program("wordy-count"), "a", "b").stdout == "2\n"
    shown = run(env.python, "-c", "import wordy; print(wordy.get_binary_path())").stdout
    place = env.program("wordy-count") if launcher == "native" else "wordy/bin/wordy-count"
    assert shown.strip().endswith(str(place))


def test_another_package_beside_the_launcher(project: Project, tmp_path: Path) -> None:
    folder = project("mixed")
    text = (folder / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(text.replace('name = "wordy"', 'name = "wordy-tools"'))
    with zipfile.ZipFile(build(folder, tmp_path)) as archive:
        names = archive.namelist()
    assert "wordy_tools/_find.py" in names
    assert "wordy/__init__.py" in names
    assert not [name for name in names if "_launcher" in name]


def test_secrets_stay_out_with_a_note(project: Project, tmp_path: Path) -> None:
    folder = project("mixed")
    names = ("id_rsa", "prod.env", "tracked.pem", "wanted.key")
    for name in names:
        (folder / "python/wordy" / name).write_text("x")
    git(folder, "init", "-q")
    git(folder, "add", "python/wordy/tracked.pem")
    text = (folder / "pyproject.toml").read_text()
    table = '[tool.go-to-wheel]\nsdist-include = ["wanted.key"]\n'
    (folder / "pyproject.toml").write_text(text.replace("[tool.go-to-wheel]\n", table))
    options = ("--version", "3.1", "--platforms", native(), "--output-dir", tmp_path)
    note = "of keys or passwords: python/wordy/id_rsa, python/wordy/prod.env (to add one: sdist-"
    assert note in go_to_wheel(folder, *options).stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        found = {name.removeprefix("wordy/") for name in archive.namelist()}
    assert found.intersection(names) == {"tracked.pem", "wanted.key"}
    result = go_to_wheel("sdist", folder, "--output-dir", tmp_path / "sdist")
    assert result.stderr.count("python/wordy/id_rsa") == 1
    source = next((tmp_path / "sdist").iterdir())
    with tarfile.open(source) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # new in 3.11.4
        archive.extractall(tmp_path / "unpacked")
    (source,) = (tmp_path / "unpacked").iterdir()
    left = {path.name for path in (source / "python/wordy").iterdir()}
    assert left.intersection(names) == {"tracked.pem", "wanted.key"}
    assert "keys or passwords" not in go_to_wheel(source, *options[2:]).stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        assert {name.removeprefix("wordy/") for name in archive.namelist()} == found


def test_git_that_lists_secrets_starts_nothing(project: Project, tmp_path: Path) -> None:
    """Of prebuilt binaries too, where nothing else runs git."""
    folder = project("mixed")
    (folder / "python/wordy/id_rsa").write_text("x")
    git(folder, "init", "-q")
    git(folder, "config", "core.fsmonitor", f"touch {tmp_path}/started; false")
    git(folder, "add", "pyproject.toml")
    with zipfile.ZipFile(build(folder, tmp_path / "first")) as archive:
        (name,) = (name for name in archive.namelist() if "/scripts/" in name)
        program = archive.extract(name, tmp_path)
    (tmp_path / "started").unlink(missing_ok=True)  # by our own `git add`
    named = f"{native()}={program}"
    text = (folder / "pyproject.toml").read_text()
    text = text.replace("{ wordy =", "{ other =")
    (folder / "pyproject.toml").write_text(text)
    result = go_to_wheel(folder, "--binary", named, "--output-dir", tmp_path / "second")
    assert "python/wordy/id_rsa" in result.stderr
    assert not (tmp_path / "started").exists()


def refuse(source: Path) -> str:
    result = go_to_wheel(source, "--platforms", native(), check=False)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_missing_and_an_empty_folder(project: Project) -> None:
    folder = project("mixed")
    shutil.rmtree(folder / "python/wordy")
    assert "has no files" in refuse(folder)
    (folder / "python").rmdir()
    assert "python-source: no folder" in refuse(folder)


def test_a_module_cannot_take_the_launchers_name(project: Project) -> None:
    folder = project("mixed")
    shutil.rmtree(folder / "python/wordy")
    (folder / "python/wordy.py").write_text("")
    stderr = refuse(folder)
    assert "python-source has the module wordy.py, which is the launcher's name" in stderr
    assert "hint: make it a package: wordy/__init__.py" in stderr


def test_a_command_that_is_a_script_too(project: Project) -> None:
    folder = project("mixed")
    text = (folder / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(text.replace("wordy-count =", "wordy ="))
    assert "command 'wordy' is the Go program and a script of pyproject.toml too" in refuse(folder)


def test_editable(project: Project, uv: str, tmp_path: Path) -> None:
    """The package is imported from its folder, and sees both Python and Go change."""
    folder = project("mixed")
    env = make_env(uv, tmp_path / "env")
    env.run(
        uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--python",
        env.python, "--editable", folder, env={"PYTHONPATH": backend_path()},
    )  # fmt: skip
    assert run(env.program("wordy"), "a", "b", "c").stdout == "3\n"
    code = folder / "python/wordy/__init__.py"
    code.write_text(code.read_text().replace("return int(result.stdout)", "return -1"))
    assert run(env.program("wordy"), "a", "b", "c").stdout == "-1\n"
    changed = git(folder, "status", "--porcelain").splitlines()
    changed = [line for line in changed if "__pycache__" not in line]
    assert changed == [" M python/wordy/__init__.py"]


def backend_path() -> str:
    """This environment's packages, for a build without isolation in another one."""
    import click

    root = Path(__file__).parents[2]
    return f"{root}:{Path(click.__file__).parents[1]}"


def test_private_helper_data_files_target_settings(
    project: Project, tmp_path: Path, uv: str
) -> None:
    folder = project("mixed")
    text = (folder / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(
        text.replace('module = "helper"\n', 'module = "helper"\nprivate = ["wordy-count"]\n')
        + '\n[tool.go-to-wheel.data-files]\n"share/man/man1" = ["man/*.1"]\n'
        + f'\n[tool.go-to-wheel.target."{native()}"]\nldflags = "-buildid=own"\ntags = ["extra"]\n'
    )
    (folder / "man").mkdir()
    (folder / "man" / "wordy.1").write_text(".TH WORDY 1\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "helper")
    wheel = build(folder, tmp_path / "dist")
    shown = go_to_wheel("inspect", wheel).stdout
    assert "-tags=extra" in shown
    env = make_env(uv, tmp_path / "env")
    run(uv, "pip", "install", "-q", "--python", env.python, "--no-deps", wheel)
    code = "from wordy._launcher import get_binary_path, run; run([]); print(get_binary_path())"
    found = Path(run(env.python, "-c", code).stdout.splitlines()[-1])
    assert found.parent == next((tmp_path / "env").rglob("wordy/bin"))
    assert not list((tmp_path / "env" / "bin").glob("wordy-count*"))
    assert (tmp_path / "env/share/man/man1/wordy.1").read_text() == ".TH WORDY 1\n"
    go_to_wheel("check", wheel, "--expect", "none", "--strict")
    identical = go_to_wheel("verify", wheel, "--source", folder).stdout
    assert identical.startswith("identical: ")


def test_a_private_command_must_be_one(project: Project) -> None:
    folder = project("mixed")
    text = (folder / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(
        text.replace('module = "helper"\n', 'module = "helper"\nprivate = ["other"]\n')
    )
    result = go_to_wheel(folder, "--dry-run", check=False)
    assert "private 'other' is none of the commands: wordy-count" in result.stderr


def test_only_named_target_has_its_own_settings(project: Project) -> None:
    folder = project("pair")
    (folder / "pyproject.toml").write_text(
        '[tool.go-to-wheel.target."windows-amd64"]\nldflags = "-H windowsgui"\ntags = ["gui"]\n'
    )
    args = (folder, "--package", "./cmd/alpha", "--dry-run", "--dev")
    args += ("--platforms", "linux-amd64,windows-amd64", "--json")
    rows = json.loads(go_to_wheel(*args).stdout)["platforms"]
    assert [row["ldflags"] for row in rows] == ["-s -w", "-s -w -H windowsgui"]
    assert [row["build_tags"] for row in rows] == [[], ["gui"]]
    rows = json.loads(go_to_wheel(*args, "--ldflags=-buildid=x", "--tags", "a").stdout)["platforms"]
    assert {row["ldflags"] for row in rows} == {"-s -w -buildid=x"}
    assert [row["build_tags"] for row in rows] == [["a"], ["a"]]

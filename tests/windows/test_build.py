"""go-to-wheel itself, with this system's own Go."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

import pytest
from support import EXE, MADE, WINDOWS, interrupt, run, start_in_console, wheel

HERE = Path(__file__).resolve().parent
GO = MADE / "site-build" / "go" / "bin" / f"go{EXE}"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What go-to-wheel needs: its own packages, Go's folders, and no other setting of Go's."""
    home = tmp_path_factory.mktemp("go")
    return {
        "PYTHONPATH": os.pathsep.join(map(str, [MADE / "own", MADE / "site-build"])),
        "GOCACHE": str(home / "cache"),
        "GOPATH": str(home / "path"),
        "GOFLAGS": "-buildvcs=false",
        "GOTOOLCHAIN": "local",
        "SOURCE_DATE_EPOCH": "1700000000",
    }


def command(source: Path, output: Path, *options: object) -> list[object]:
    return [sys.executable, "-m", "go_to_wheel", source, "--go-binary", GO, "--version", "1.2.3",
            "--set-version-var", "main.version", "--output-dir", output, *options]  # fmt: skip


def test_same_bytes_as_elsewhere(environment: dict[str, str], tmp_path: Path) -> None:
    """The wheel for Windows that prepare.py built with the same Go where it ran."""
    source = tmp_path / "s o u r c e é"
    shutil.copytree(HERE / "probe", source)
    for path in source.glob("*.md"):  # a checkout with core.autocrlf
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    output = tmp_path / "out"
    done = run(*command(source, output, "--platforms", "windows-amd64"), env=environment)
    assert done.returncode == 0, done.stderr
    (built,) = output.iterdir()
    expected = wheel("same")
    assert built.name == expected.name
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (built, expected)]
    assert digests[0] == digests[1]


def test_interrupt_ends_a_build(environment: dict[str, str], tmp_path: Path) -> None:
    """Nothing is left: no wheel, no temporary folder, no compiler."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    own = {**environment, "TEMP": str(temporary), "TMP": str(temporary), "TMPDIR": str(temporary),
           "GOCACHE": str(tmp_path / "empty cache")}  # fmt: skip
    line = command(HERE / "probe", tmp_path / "out", "--platforms", "windows-amd64", "-v")
    with start_in_console(*line, env=own, merge=True) as child:
        assert child.stdout is not None
        for text in child.stdout:
            if text.startswith("+") and " build " in text:
                break
        interrupt(child)
        rest = child.stdout.read()
        assert child.wait(60) == 130, rest
    assert "interrupted; no wheel was written" in rest
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(not WINDOWS, reason="about Windows")
def test_readme_with_a_reserved_name(environment: dict[str, str], tmp_path: Path) -> None:
    readme = tmp_path / "aux.md"
    with open(f"\\\\?\\{readme}", "wb") as file:
        file.write(b"# Title\r\n\r\nText.\r\n")
    try:
        line = command(HERE / "probe", tmp_path / "out", "--readme", readme, "--dry-run")
        done = run(*line, "--platforms", "windows-amd64", env=environment)
        assert done.returncode == 0, done.stderr
    finally:
        os.remove(f"\\\\?\\{readme}")

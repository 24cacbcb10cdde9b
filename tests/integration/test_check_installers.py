"""Installers judge the same wheels as `check`: what they refuse or disagree about is found."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_wheels import CASES, FILE
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from installer.utils import SCHEME_NAMES

from go_to_wheel.check.wheel import check_wheel

#: pip installs each wheel of the command line in one process: its start takes most of its time.
PIP = """\
import sys
from pip._internal.cli.main import main
for wheel, prefix in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        code = main(["--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index",
                     "--no-compile", "--ignore-installed", "--prefix", prefix, wheel])
    except Exception as error:
        code = error
    open(prefix + ".code", "w").write(str(code))
"""
#: Installers disagree, and none of the two results is worse than the other.
HARMLESS = {"setuid", "folder", "data-etc", "case-fold", "good"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """For each case what pip, uv and installer did: the files installed, or None."""
    root = tmp_path_factory.mktemp("installers")
    wheels: dict[str, Path] = {}
    for name, (build, _) in CASES.items():
        wheels[name] = root / name / FILE
        wheels[name].parent.mkdir()
        wheels[name].write_bytes(build())
    pairs = [str(part) for name, wheel in wheels.items() for part in (wheel, root / name / "pip")]
    subprocess.run([sys.executable, "-c", PIP, *pairs], capture_output=True, check=True)
    results: dict[str, list[object]] = {}
    for name, wheel in wheels.items():
        pip = root / name / "pip"
        ok = Path(f"{pip}.code").read_text() == "0"
        results[name] = [files(pip) if ok else None, by_uv(wheel), by_installer(wheel)]
    return results


def files(prefix: Path) -> frozenset[str]:
    """The installed files but those of .dist-info, without the folders' names."""
    found = (path for path in prefix.rglob("*") if path.is_file() and path.name != ".lock")
    paths = (os.path.relpath(path, prefix).split("site-packages/")[-1] for path in found)
    return frozenset(path for path in paths if not path.startswith("thing-1.0.dist-info/"))


def by_uv(wheel: Path) -> frozenset[str] | None:
    prefix = wheel.parent / "uv"
    uv = Path(sys.executable).parent / "uv"
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--offline", "--no-cache"]
    command += ["--python", sys.executable, "--prefix", prefix, wheel]
    done = subprocess.run(command, capture_output=True, check=False)
    return None if done.returncode else files(prefix)


def by_installer(wheel: Path) -> frozenset[str] | None:
    prefix = wheel.parent / "installer"
    schemes = {name: str(prefix / "site-packages") for name in SCHEME_NAMES}
    schemes |= {"scripts": str(prefix / "bin"), "data": str(prefix)}
    target = SchemeDictionaryDestination(schemes, sys.executable, "posix")
    try:
        with WheelFile.open(wheel) as source:
            install(source, target, {})
    except Exception:  # noqa: BLE001 (installer raises many)
        return None
    return files(prefix)


@pytest.mark.parametrize("name", CASES)
def test_what_installers_refuse_is_found(name: str, installed: dict[str, list[object]]) -> None:
    results = installed[name]
    faults = check_wheel(io.BytesIO(CASES[name][0]()), FILE).findings
    if name in HARMLESS:
        assert faults == []
        assert None not in results
    elif None in results or len(set(results)) > 1:
        assert faults, f"pip, uv and installer: {results}"

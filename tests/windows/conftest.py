"""Virtual environments whose path has a blank and an accent, and the programs in them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import EXE, WINDOWS, check, pip, wheel


@dataclass(frozen=True)
class Environment:
    """A virtual environment with one program installed."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.scripts / f"python{EXE}"

    @property
    def scripts(self) -> Path:
        return self.folder / ("Scripts" if WINDOWS else "bin")

    def command(self, name: str) -> Path:
        return self.scripts / f"{name}{EXE}"


def make_environment(folder: Path, *wheels: Path) -> Environment:
    check(sys.executable, "-m", "venv", "--without-pip", folder)
    made = Environment(folder)
    pip(*wheels, python=made.python)
    return made


@pytest.fixture(scope="session", params=["native", "python", "cgo"])
def probe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The probe, with either launcher, and with C in it."""
    folder = tmp_path_factory.mktemp("probe") / f"v e n v é {request.param}"
    return make_environment(folder, wheel(request.param))


@pytest.fixture(scope="session")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("scanner") / "v e n v é"
    return make_environment(folder, wheel("wheels", "sqlite_scanner-*"))

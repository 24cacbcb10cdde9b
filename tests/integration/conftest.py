"""Real builds: projects copied into git repositories, wheels built once for many tests."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Built, build_hello, copy_project


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """Copy one of tests/projects into a committed git repository of its own."""

    def copy(name: str, folder: str | None = None) -> Path:
        return copy_project(name, tmp_path / "src" / (folder or name))

    return copy


@pytest.fixture(scope="session")
def hello_all(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The hello project for every platform there is, the universal and the musllinux ones too."""
    base = tmp_path_factory.mktemp("hello-all")
    return build_hello(base, "native", "all,darwin-universal2,linux-amd64-musl,linux-arm64-musl")


@pytest.fixture(scope="session")
def hello_python(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The hello project for this machine, with the Python launcher."""
    return build_hello(tmp_path_factory.mktemp("hello-python"), "python", "native")


@pytest.fixture(scope="session")
def uv() -> str:
    """The uv that the test dependencies bring."""
    beside = Path(sys.executable).parent / "uv"
    found = shutil.which("uv", path=str(beside.parent)) or shutil.which("uv")
    assert found, "uv is a test dependency and should be here"
    return found

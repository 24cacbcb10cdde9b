"""What the tests of build front ends share: environments, and an index that holds us."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from support import run

ROOT = Path(__file__).parents[2]
#: Settings that keep children of the tests from reading this machine's own.
PLAIN = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_CONFIG_FILE": os.devnull,
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_LINK_MODE": "copy",
    "UV_NO_PROGRESS": "1",
}


def path_without_go() -> str:
    """PATH less every folder that has a go in it."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not shutil.which("go", path=folder))


@dataclass(frozen=True)
class Env:
    """A virtual environment, and the settings its commands run under."""

    folder: Path
    settings: dict[str, str]

    def program(self, name: str) -> Path:
        """A command's path in the environment."""
        folder = "Scripts" if os.name == "nt" else "bin"
        return self.folder / folder / (f"{name}.exe" if os.name == "nt" else name)

    @property
    def python(self) -> Path:
        return self.program("python")

    def run(self, *args: object, **options: object) -> str:
        """Run something under the environment's settings; its output."""
        env = {**PLAIN, **self.settings, **options.pop("env", {})}  # type: ignore[dict-item]
        return run(*args, env=env, **options).stdout

    def pip(self, *args: object, **options: object) -> str:
        return self.run(self.python, "-m", "pip", "--quiet", *args, **options)


def make_env(
    uv: str, folder: Path, *, pip: bool = False, links: Path | None = None, **settings: str
) -> Env:
    """A fresh virtual environment of this Python; `links` is a folder with our own wheel."""
    seed = ["--seed"] if pip else []
    run(uv, "venv", "--quiet", *seed, "--python", sys.executable, folder, env=PLAIN)
    if links:
        settings = {"PIP_FIND_LINKS": str(links), "UV_FIND_LINKS": str(links), **settings}
    return Env(folder, {"VIRTUAL_ENV": str(folder), **settings})

"""A package index on this machine, and twine to upload to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import run

#: Neither a proxy nor keyrings and configuration files of whoever runs this have a say.
CALM = {
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
    "TWINE_USERNAME": "anybody",
    "TWINE_PASSWORD": "anything",
    "TWINE_NON_INTERACTIVE": "1",
    "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
}


@dataclass(frozen=True)
class Index:
    """A package index on loopback: its address, and the folder that holds its files."""

    address: str
    folder: Path

    @property
    def simple(self) -> str:
        return f"{self.address}/simple/"

    def upload(self, *files: Path) -> None:
        options = ["--repository-url", self.address, "--disable-progress-bar"]
        run(sys.executable, "-m", "twine", "upload", *options, *files, env=CALM)


#: Serves pypiserver on a port that the system chooses, and prints its number.
SERVE = """
import sys
from wsgiref.simple_server import make_server
import pypiserver
from pypiserver.config import Config
config = Config.from_args(sys.argv[1:])
app = pypiserver.setup_routes_from_config(pypiserver.app_from_config(config), config)
with make_server("127.0.0.1", 0, app) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
"""


@contextmanager
def running_index(folder: Path) -> Iterator[Index]:
    options = ["run", "-P", ".", "-a", ".", "--disable-fallback", str(folder)]
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            port = server.stdout.readline().strip()
            assert port, "the index ended at once"
            yield Index(f"http://127.0.0.1:{port}", folder)
        finally:
            server.terminate()

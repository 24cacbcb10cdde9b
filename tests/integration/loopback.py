"""A package index on this machine, and twine to upload to it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
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


@contextmanager
def running_index(folder: Path) -> Iterator[Index]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    args = [sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port)]
    args += ["-P", ".", "-a", ".", "--disable-fallback", str(folder)]
    server = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(server, address)
        yield Index(address, folder)
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(server: subprocess.Popen[bytes], address: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(300):
        assert server.poll() is None, "the index ended at once"
        try:
            opener.open(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the index never answered")

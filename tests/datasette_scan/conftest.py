"""Hooks and fixtures of the plugin's tests; what they use is in sites.py."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sites import HANGS, Server, open_sites


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A hung server must fail its test, not the run; what steers a browser may run again."""
    for item in items:
        if item.get_closest_marker("outside"):
            again = pytest.mark.flaky(reruns=2, reruns_delay=2, rerun_except=[r"Timeout \("])
            item.add_marker(again)
        item.add_marker(pytest.mark.timeout(HANGS))


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run ``async def`` tests, each on a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in wanted}

    async def run() -> None:
        try:
            await pyfuncitem.obj(**arguments)
        finally:  # also after a failure: threads left behind would keep the run from ending
            for site in open_sites:
                await site.stop()
            open_sites.clear()

    asyncio.run(run())
    return True


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*args: str, **kwargs: Any) -> Server:
        server = Server(tmp_path / f"server{len(servers)}.log", *args, **kwargs)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()

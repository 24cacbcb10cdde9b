"""Answers that are sent while they are made, and end when the client leaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeVar

from datasette.utils.asgi import AsgiStream

from ..state import State
from .listing import SAFETY

MARKER = "<!-- what is found -->"
MOST = 4  # under way at once
TOO_MANY = "Too many searches are under way. Try again in a moment."
Write = Callable[[str], Awaitable[None]]


class Stoppable(Protocol):
    """What takes a while."""

    def stop(self) -> None:
        """End it."""


S = TypeVar("S", bound=Stoppable)


def is_full(state: State) -> bool:
    """Whether as many are under way as may be."""
    return state.searches >= MOST


@contextlib.asynccontextmanager
async def running(state: State, request: Any, search: S) -> AsyncIterator[S]:
    """A search that ends when the client leaves."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        search.stop()

    watching = asyncio.create_task(watch())
    state.searches += 1
    try:
        yield search
    finally:
        state.searches -= 1
        search.stop()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def stream(write: Callable[[Write], Awaitable[None]], content_type: str) -> AsgiStream:
    """An answer that ``write`` sends piece by piece."""

    async def send(writer: Any) -> None:
        await write(writer.write)

    headers = {**SAFETY, "x-accel-buffering": "no"}
    return AsgiStream(send, headers=headers, content_type=f"{content_type}; charset=utf-8")

"""Responses that are streamed, and end when the client disconnects."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from datasette import Response
from datasette.utils.asgi import AsgiStream

from ..duplicates import DuplicateSearch
from ..searching import ContentSearch
from ..state import State
from .access import SECURITY_HEADERS

MARKER = "<!-- what is found -->"
MAX_SEARCHES = 4  # under way at once
TOO_MANY = "Too many searches are under way. Try again in a moment."
Write = Callable[[str], Awaitable[None]]


S = TypeVar("S", ContentSearch, DuplicateSearch)


def is_busy(state: State) -> bool:
    """Whether the maximum number of searches is running."""
    return state.searches >= MAX_SEARCHES


def too_many_json() -> Response:
    """The response to one search too many."""
    body = {"ok": False, "error": TOO_MANY}
    return Response.json(body, 503, {**SECURITY_HEADERS, "retry-after": "2"})


@contextlib.asynccontextmanager
async def running(state: State, request: Any, search: S) -> AsyncIterator[S]:
    """Count a running search, and stop it when the client disconnects."""

    async def stop_on_disconnect() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        search.stop()

    watching = asyncio.create_task(stop_on_disconnect())
    state.searches += 1
    try:
        yield search
    finally:
        state.searches -= 1
        search.stop()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def stream(write: Callable[[Write], Awaitable[None]], content_type: str) -> AsgiStream:
    """A response that ``write`` sends in parts."""

    async def send(writer: Any) -> None:
        await write(writer.write)

    headers = {**SECURITY_HEADERS, "x-accel-buffering": "no"}
    return AsgiStream(send, headers=headers, content_type=f"{content_type}; charset=utf-8")

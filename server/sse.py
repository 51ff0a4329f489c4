"""Server-sent events that end when the instance stops, so that the browser reconnects to another one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import hdrs, web

from server.addresses import ClientAddress
from server.context import CONTEXT
from server.lifecycle import Lifecycle
from server.metrics import ANSWERED, Metrics
from server.middlewares.headers import add_headers
from server.problems import Problem

_MOST_STREAMS = 500
# One client must not use all streams, but an office may share one address.
_MOST_PER_CLIENT = 50
_RETRY = b"retry: 1000\n\n"


class EventStream:
    """One client's stream."""

    def __init__(self, response: web.StreamResponse) -> None:
        self.response = response

    async def send(self, data: bytes, *, event: str | None = None, event_id: str | None = None) -> None:
        """One event; data is one line. Raises ConnectionError if the client has disconnected."""
        lines = [f"id: {event_id}\n".encode()] if event_id else []
        if event:
            lines.append(f"event: {event}\n".encode())
        lines.append(b"data: " + data + b"\n\n")
        await self.response.write(b"".join(lines))

    async def comment(self) -> None:
        """Send a comment: keeps the stream alive in proxies, and detects a disconnected client."""
        await self.response.write(b": still here\n\n")


class Streams:
    """The open streams of this instance."""

    def __init__(
        self, addresses: ClientAddress, lifecycle: Lifecycle, metrics: Metrics, origins: frozenset[str]
    ) -> None:
        self._addresses = addresses
        self._origins = origins
        self._lifecycle = lifecycle
        self._open = metrics.open
        self._tasks: dict[asyncio.Task[None], tuple[str, web.Request]] = {}

    @property
    def count(self) -> int:
        """Open streams."""
        return len(self._tasks)

    def end_all(self) -> None:
        """End every stream; clients reconnect after a second, to another instance."""
        for task in list(self._tasks):
            task.cancel()

    @contextlib.asynccontextmanager
    async def open(self, request: web.Request) -> AsyncIterator[EventStream]:
        """Answer with a stream while the body runs; it ends when the instance stops or the client disconnects.

        Raises Problem 429 for too many streams of one client, 503 for too many in total or if the instance is stopping.
        """
        client = self._addresses.of(request.remote, request.headers.get(hdrs.X_FORWARDED_FOR))
        if self._held_by(client) >= _MOST_PER_CLIENT:
            raise Problem(429, "Too many streams from this address.", headers={"Retry-After": "10"})
        if len(self._tasks) >= _MOST_STREAMS or self._lifecycle.draining:
            raise Problem(503, "No more streams here. Try again.", headers={"Retry-After": "1"})
        response = web.StreamResponse()
        response.content_type = "text/event-stream"
        response.headers.update({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        add_headers(request, response, request[CONTEXT], self._origins)
        response.force_close()
        await response.prepare(request)
        self._open[id(request[CONTEXT])] = ANSWERED
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- a handler runs in a task
        self._tasks[task] = client, request
        stream = EventStream(response)
        try:
            await response.write(_RETRY)
            yield stream
        except ConnectionError:
            return
        except asyncio.CancelledError:
            if not self._lifecycle.draining:
                raise
            task.uncancel()
        finally:
            self._tasks.pop(task, None)

    def _held_by(self, client: str) -> int:
        """Connected streams of one client. The task of a disconnected stream detects this only at its next write."""
        return sum(holder == client and request.transport is not None for holder, request in self._tasks.values())

"""What the tests of the server share: gates that can cut a service off, processes, and a title to send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient, TestServer

from server.protocol import Runner

Client = TestClient[Any, Any]
StartInstance = Callable[..., Awaitable[Client]]

TITLE = {"title": "Silent River", "year": 1999, "genres": ["drama"], "director": "Marta Kovacs", "language": "hu"}


async def eventually(condition: Callable[[], Awaitable[Any]], *, within: float = 15.0) -> Any:
    """What the condition gives as soon as it is true; `within`: seconds."""
    async with asyncio.timeout(within):
        while not (value := await condition()):  # noqa: ASYNC110 -- the condition is in another process
            await asyncio.sleep(0.02)
        return value


class Served(TestServer):
    """An application with the server's own rules for connections."""

    async def _make_runner(self, *, handler_cancellation: bool = False, **_: Any) -> Runner:
        return Runner(self.app, handler_cancellation=handler_cancellation)


class Gate:
    """A door in front of a real PostgreSQL or Redis: open, shut (as if it were stopped), or slow."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.delay = 0.0

    async def open(self) -> None:
        """Let connections through, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Cut all connections and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        other: asyncio.StreamWriter | None = None
        try:
            from_server, other = await asyncio.open_connection(*self._target)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, other))
                group.create_task(self._copy(from_server, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for end in (writer, other):
                if end is not None:
                    end.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.delay:
                await asyncio.sleep(self.delay)
            writer.write(data)
            await writer.drain()
        raise ConnectionError("one side has closed")


class Process:
    """A real `python -m server`."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"

    async def ready(self) -> bool:
        with suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/health/ready") as response:
                return response.status == 200
        return False


StartProcess = Callable[..., Awaitable[Process]]


@asynccontextmanager
async def half_a_request(server: Process) -> AsyncIterator[None]:
    """A request that the server has begun to read and whose rest never comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(b"POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
    await writer.drain()

    async def in_flight() -> bool:
        async with aiohttp.ClientSession() as session, session.get(f"{server.url}/health/metrics?format=json") as got:
            return bool((await got.json())["in_flight"] == 2)

    await eventually(in_flight)
    yield
    writer.close()
    await reader.read()


async def create_title(client: Client, **changes: Any) -> dict[str, Any]:
    """A title made through the API."""
    async with client.post("/api/v1/titles", json=TITLE | changes) as response:
        assert response.status == 201, await response.text()
        created: dict[str, Any] = await response.json()
        return created

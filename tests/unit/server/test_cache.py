from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import product
from typing import Any

import hiredis
import pytest
import uvloop

from server.cache import CacheUnavailable, RedisLink
from server.redis_connection import _TlsToAddress


class FakeRedis:
    """Answers OK to every command and keeps it; as a Cluster it owns all slots."""

    def __init__(self) -> None:
        self.commands: list[list[bytes]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.server: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, reuse_address=True)
        self.port = self.server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        parser = hiredis.Reader()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                parser.feed(data)
                while (command := parser.gets()) is not False:
                    self.commands.append(command)
                    writer.write(self._answer(command))
        writer.close()

    def _answer(self, command: list[bytes]) -> bytes:
        if command[:2] == [b"CLUSTER", b"SLOTS"]:
            return b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n" % self.port
        return b"+OK\r\n"


@pytest.fixture
async def store() -> AsyncIterator[FakeRedis]:
    fake = FakeRedis()
    await fake.open()
    yield fake
    await fake.shut()


@contextlib.asynccontextmanager
async def connecting(url: str) -> AsyncIterator[RedisLink]:
    link = RedisLink(url, client_name="test")
    link.start()
    task = asyncio.create_task(link.keep_connected())
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        link.close()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- of another task
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
@pytest.mark.parametrize(
    ("query", "command"),
    [
        ("", [b"CLIENT", b"SETNAME", b"test"]),
        ("socket_timeout=1", None),
        ("socket_connect_timeout=1", None),
        ("socket_keepalive=no", None),
        ("client_name=mozi", [b"CLIENT", b"SETNAME", b"mozi"]),
        ("username=ada&password=pa%20ss", [b"AUTH", b"ada", b"pa ss"]),
        ("db=0", None),
    ],
)
async def test_every_parameter_of_the_address_works(
    store: FakeRedis, scheme: str, query: str, command: list[bytes] | None
) -> None:
    async with connecting(f"{scheme}://127.0.0.1:{store.port}?{query}") as link:
        await until(lambda: link.up)
        assert await link.call("GET", "key") == b"OK"
    assert command is None or command in store.commands


@pytest.mark.parametrize("rest", ["/3", "?db=3", "/1?db=3"])
async def test_the_database_may_be_chosen_either_way(store: FakeRedis, rest: str) -> None:
    async with connecting(f"redis://127.0.0.1:{store.port}{rest}") as link:
        await until(lambda: link.up)
    assert [b"SELECT", b"3"] in store.commands


@pytest.mark.parametrize("query", ["", "ssl_cert_reqs=none", "ssl_check_hostname=false", "ssl_ciphers=HIGH"])
def test_with_tls_the_certificate_is_for_the_name(query: str) -> None:
    link = RedisLink(f"rediss://cache.example:6379?{query}", client_name="test")
    connection = _TlsToAddress(host="cache.example", port=6379, **link._query)
    connection.address = "10.0.0.1"
    arguments = connection._connection_arguments()
    assert (arguments["host"], arguments["server_hostname"]) == ("10.0.0.1", "cache.example")
    assert arguments["ssl"].check_hostname is (not query.startswith(("ssl_cert", "ssl_check")))


async def test_one_line_on_loss_and_one_on_return(store: FakeRedis, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "videa.redis")
    async with connecting(f"redis://127.0.0.1:{store.port}") as link:
        await until(lambda: link.up)
        await store.shut()
        await until(lambda: not link.up)
        await until(lambda: "Error" in link.reason)
        await store.open()
        await until(lambda: link.up)
    assert [record.getMessage() for record in caplog.records] == ["redis connected", "redis lost", "redis connected"]


async def test_one_line_when_it_was_never_there(store: FakeRedis, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "videa.redis")
    await store.shut()
    async with connecting(f"redis://127.0.0.1:{store.port}") as link:
        await until(lambda: link.reason != "not connected yet")
        first = link.reason
        with pytest.raises(CacheUnavailable):
            await link.call("GET", "key")
        await store.open()
        await until(lambda: link.up)
    assert [record.getMessage() for record in caplog.records] == ["redis not reachable", "redis connected"]
    assert getattr(caplog.records[0], "reason", None) == first


def nobody_hears_of(attempt: Callable[[], Awaitable[None]]) -> list[str]:
    """What the loop complains about while the attempt runs on uvloop, as in production, and after it."""
    complaints: list[str] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(str(context["message"])))
        await attempt()
        # The lookups have a thread pool: when these are through, so is what was given up.
        names = [f"{number}.invalid" for number in range(8)]
        await asyncio.gather(*(loop.getaddrinfo(name, 1) for name in names), return_exceptions=True)
        gc.collect()
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    return complaints


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+cluster"])
def test_connections_that_are_given_up_leave_no_exception_behind(scheme: str) -> None:
    """Name not found, refused, and no answer; given up at different moments, and when it fails by itself."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        places = ("nowhere.invalid:1", "127.0.0.1:1", f"127.0.0.1:{silent.getsockname()[1]}")

        async def attempt(place: str, turns: int) -> None:
            link = RedisLink(f"{scheme}://{place}?socket_connect_timeout=0.02", client_name="test")
            link.start()
            task = asyncio.create_task(link.keep_connected())
            for _ in range(turns):
                await asyncio.sleep(0)
            if turns == 20:
                await until(lambda: link.reason != "not connected yet")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            link.close()

        async def attempts() -> None:
            for place, turns in product(places, (1, 3, 20)):
                await attempt(place, turns)

        assert nobody_hears_of(attempts) == []

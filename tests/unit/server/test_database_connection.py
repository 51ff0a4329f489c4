"""Connections that the server closes while they are being opened, on the event loop that the backend uses."""

from __future__ import annotations

import asyncio
import gc
import warnings

import psycopg2
import uvloop

from server.database_connection import connect

AT_ONCE = 8


def test_what_a_server_refuses_or_closes_fails_alike_and_nothing_is_left_open() -> None:
    told: list[str] = []

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def attempts(port: int) -> list[BaseException | object]:
        parameters = {"host": "127.0.0.1", "port": port, "user": "x", "dbname": "x"}
        return await asyncio.gather(*(connect(parameters, 5) for _ in range(AT_ONCE)), return_exceptions=True)

    async def refused_and_closed() -> list[BaseException | object]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context["message"])))
        server = await asyncio.start_server(closing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        closed = await attempts(port)
        server.close()
        return [*closed, *await attempts(port), *await attempts(port)]

    with warnings.catch_warnings(record=True) as warned, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        warnings.simplefilter("always")
        failures = runner.run(refused_and_closed())
        gc.collect()
    assert [type(failure) for failure in failures] == [psycopg2.OperationalError] * 3 * AT_ONCE
    assert not told
    assert not [str(each.message) for each in warned if "onnection" in str(each.message)]

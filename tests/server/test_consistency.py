"""What one instance has written, every instance answers with, through faults of Redis too."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import psycopg2

from server.cache import CacheUnavailable
from server.keys import CACHE, REDIS
from tests.server.support import Client, Gate, StartInstance, create_title, eventually


async def read_title(client: Client, number: int) -> dict[str, Any]:
    async with client.get(f"/api/v1/titles/{number}") as response:
        assert response.status == 200
        title: dict[str, Any] = await response.json()
        return title


async def test_reads_are_cached(start_instance: StartInstance, database_url: str) -> None:
    first, second = await start_instance(), await start_instance()
    number = (await create_title(first))["id"]
    title = await read_title(first, number)
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE titles SET title = 'behind the back'")
    connection.close()
    assert await read_title(second, number) == title
    app = second.app
    assert app is not None
    assert app[CACHE].hits == 1


async def test_a_write_is_seen_through_every_instance_at_once(start_instance: StartInstance) -> None:
    clients = [await start_instance() for _ in range(2)]
    number = (await create_title(clients[0]))["id"]
    for turn in range(20):
        writer, reader = clients[turn % 2], clients[(turn + 1) % 2]
        await asyncio.gather(*(read_title(reader, number) for _ in range(5)))
        async with writer.patch(f"/api/v1/titles/{number}", json={"title": f"turn {turn}"}) as response:
            assert response.status == 200
        titles = await asyncio.gather(*(read_title(client, number) for client in clients * 3))
        assert {title["title"] for title in titles} == {f"turn {turn}"}
        async with reader.get("/api/v1/titles") as response:
            assert (await response.json())["items"][0]["title"] == f"turn {turn}"


async def test_readers_never_go_back_in_time_while_others_write(start_instance: StartInstance) -> None:
    first, second = await start_instance(), await start_instance()
    number = (await create_title(first))["id"]
    acknowledged = 1
    done = asyncio.Event()

    async def write() -> None:
        nonlocal acknowledged
        for turn in range(60):
            client = (first, second)[turn % 2]
            async with client.patch(f"/api/v1/titles/{number}", json={"year": 1900 + turn}) as response:
                acknowledged = (await response.json())["version"]
        done.set()

    async def read(client: Client) -> None:
        while not done.is_set():
            at_least = acknowledged
            assert (await read_title(client, number))["version"] >= at_least

    await asyncio.gather(write(), *(read(client) for client in (first, second) * 3))


async def test_a_write_during_an_outage_of_redis_is_seen_after_it(
    start_instance: StartInstance, redis_gate: Gate
) -> None:
    first, second = await start_instance(), await start_instance()
    number = (await create_title(first))["id"]
    assert (await read_title(second, number))["year"] == 1999

    await redis_gate.shut()
    async with first.patch(f"/api/v1/titles/{number}", json={"year": 2024}) as response:
        assert response.status == 200
    assert (await read_title(second, number))["year"] == 2024

    await redis_gate.open()

    async def back() -> bool:
        assert (await read_title(first, number))["year"] == 2024
        assert (await read_title(second, number))["year"] == 2024
        async with first.get("/health") as one, second.get("/health") as other:
            return [(await one.json())["status"], (await other.json())["status"]] == ["ok", "ok"]

    await eventually(back)


async def test_many_readers_of_one_missing_entry_cost_one_database_read(start_instance: StartInstance) -> None:
    client = await start_instance()
    number = (await create_title(client))["id"]
    app = client.app
    assert app is not None
    before = app[CACHE].loads
    await asyncio.gather(*(read_title(client, number) for _ in range(50)))
    assert app[CACHE].loads - before <= 3


async def test_who_asks_redis_for_the_same_at_once_shares_one_question(api: Client, redis_gate: Gate) -> None:
    app = api.app
    assert app is not None
    link = app[REDIS]
    await link.call("SET", "shared", "1")
    before = link.commands
    impatient = asyncio.ensure_future(link.get("shared"))
    patient = [asyncio.ensure_future(link.get("shared")) for _ in range(50)]
    impatient.cancel()
    assert await asyncio.gather(*patient) == [b"1"] * 50
    # The instance's own heartbeat may fall in between.
    assert link.commands - before < 10
    await link.call("SET", "shared", "2")
    assert await link.get("shared") == b"2"

    await redis_gate.shut()

    async def refused() -> bool:
        outcomes = await asyncio.gather(*(link.get("shared") for _ in range(3)), return_exceptions=True)
        return all(isinstance(outcome, CacheUnavailable) for outcome in outcomes)

    await eventually(refused)
    await redis_gate.open()

    async def answered() -> bool:
        with suppress(CacheUnavailable):
            return bool(await link.get("shared") == b"2")
        return False

    await eventually(answered)

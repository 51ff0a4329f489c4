from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import aiohttp

from tests.server.support import Client, StartInstance, StartProcess, create_title, eventually


async def next_event(response: aiohttp.ClientResponse) -> dict[str, str]:
    """The next event with data; comments and the retry line are passed over."""
    event: dict[str, str] = {}
    async with asyncio.timeout(15):
        async for raw in response.content:
            line = raw.decode().rstrip("\n")
            if not line and "data" in event:
                return event
            name, _, value = line.partition(": ")
            if name:
                event[name] = value
    raise AssertionError("the stream has ended")


async def open_stream(client: Client, last_id: str = "") -> aiohttp.ClientResponse:
    response: Any = await client.get("/api/v1/events", headers={"Last-Event-ID": last_id} if last_id else {})
    assert response.status == 200
    assert response.content_type == "text/event-stream"
    return response


async def test_changes_made_on_one_instance_are_heard_on_another(start_instance: StartInstance) -> None:
    first, second = await start_instance(), await start_instance()
    stream = await open_stream(second)
    app = second.app
    assert app is not None
    number = (await create_title(first))["id"]
    seen = []

    async def keep_changing() -> None:
        # The listener joins at a moment that nobody outside can know.
        for year in range(1900, 2000):
            async with first.patch(f"/api/v1/titles/{number}", json={"year": year}) as response:
                assert response.status == 200
            await asyncio.sleep(0.1)

    task = asyncio.create_task(keep_changing())
    event = await next_event(stream)
    seen.append(json.loads(event["data"]))
    task.cancel()
    assert seen[0]["id"] == number
    stream.close()


async def test_a_returning_listener_misses_nothing(api: Client) -> None:
    numbers = [(await create_title(api))["id"] for _ in range(3)]
    stream = await open_stream(api, "0-1")
    events = [await next_event(stream) for _ in numbers]
    stream.close()
    assert [json.loads(event["data"])["id"] for event in events][-3:] == numbers
    stream = await open_stream(api, events[0]["id"])
    assert json.loads((await next_event(stream))["data"])["id"] == numbers[1]
    stream.close()


async def test_streams_end_when_the_instance_drains(start_process: StartProcess) -> None:
    server = await start_process(DRAIN_TIMEOUT="60")
    async with aiohttp.ClientSession() as session:
        stream = await session.get(f"{server.url}/api/v1/events")

        async def open_now() -> bool:
            async with session.get(f"{server.url}/health/metrics?format=json") as response:
                return bool((await response.json())["in_flight"] == 2)

        await eventually(open_now)
        server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert (await stream.read()).startswith(b"retry: ")
    assert await server.process.wait() == 0


async def test_one_client_cannot_take_all_streams(api: Client) -> None:
    mine = [await open_stream(api) for _ in range(50)]
    async with api.get("/api/v1/events") as response:
        assert response.status == 429
    async with api.get("/api/v1/events", headers={"X-Forwarded-For": "198.51.100.9"}) as response:
        assert response.status == 200
    for stream in mine:
        stream.close()


async def test_streams_that_were_cut_do_not_count(start_process: StartProcess) -> None:
    """As a balancer cuts them: the instance hears of it only when it writes to them again, every 10 seconds."""
    url = f"{(await start_process()).url}/api/v1/events"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        mine = [await session.get(url) for _ in range(50)]
        assert {stream.status for stream in mine} == {200}
        for stream in mine:
            stream.close()

        async def admitted() -> bool:
            async with session.get(url) as response:
                return response.status == 200

        await eventually(admitted, within=5)


async def test_a_stream_cannot_be_asked_for_without_its_body(api: Client) -> None:
    async with api.head("/api/v1/events") as response:
        assert response.status == 405


async def test_a_page_of_the_frontend_may_read_the_stream(api: Client) -> None:
    for origin, allowed in (("https://mozi.example", True), ("https://evil.example", False)):
        async with api.get("/api/v1/events", headers={"Origin": origin}) as response:
            assert response.status == 200
            assert response.headers["Vary"] == "Origin"
            assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "X-Request-ID" in response.headers

"""A real process, real signals."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator

import aiohttp

from ops.rollout.own_metrics import read
from tests.server.support import StartProcess, eventually, half_a_request

SLOW_BODY = b"x" * 1000


async def test_an_idle_instance_ends_at_once_and_cleanly(start_process: StartProcess) -> None:
    server = await start_process()
    server.process.send_signal(signal.SIGTERM)
    output, _ = await server.process.communicate()
    assert server.process.returncode == 0
    events = [json.loads(line) for line in output.splitlines()]
    ended = next(event for event in events if event["message"] == "drain ended")
    assert ended["outcome"] == "drained"
    assert {"ts", "level", "instance", "release", "request_id"} <= set(ended)


async def test_a_draining_instance_finishes_what_it_began(start_process: StartProcess) -> None:
    server = await start_process(DRAIN_TIMEOUT="20")
    more = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield SLOW_BODY
        await more.wait()
        yield SLOW_BODY

    async with aiohttp.ClientSession() as session:
        upload = asyncio.create_task(session.post(f"{server.url}/api/v1/echo", data=body()))

        async def in_flight() -> bool:
            async with session.get(f"{server.url}/health/metrics?format=json") as response:
                return bool((await response.json())["in_flight"] == 2)

        await eventually(in_flight)

        async def told() -> bool:
            async with session.get(f"{server.url}/health/metrics?format=json") as response:
                told = read(f"{await response.text()} {server.url}")
                return [len(figures.unanswered_seconds) for figures in told.values()] == [1]

        await eventually(told)
        server.process.send_signal(signal.SIGTERM)

        async def unready() -> bool:
            async with session.get(f"{server.url}/health/ready") as response:
                return response.status == 503 and (await response.json())["reason"] == "draining"

        await eventually(unready)
        async with session.get(f"{server.url}/api/v1/whoami") as response:
            assert response.status == 200
            assert response.headers["Connection"] == "close"
        assert server.process.returncode is None
        more.set()
        async with await upload as response:
            assert response.status == 200
            assert (await response.json())["bytes"] == 2000
    assert await server.process.wait() == 0


async def test_the_drain_has_an_end(start_process: StartProcess) -> None:
    server = await start_process(DRAIN_TIMEOUT="0.3")
    async with half_a_request(server):
        server.process.send_signal(signal.SIGTERM)
        assert await server.process.wait() == 0


async def test_idle_connections_do_not_hold_the_end(start_process: StartProcess) -> None:
    server = await start_process(DRAIN_TIMEOUT="60")
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/health/live") as response:
            await response.read()
        server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await server.process.wait() == 0


async def test_probes_do_not_hold_the_end_either(start_process: StartProcess) -> None:
    server = await start_process(DRAIN_TIMEOUT="600")
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/api/v1/whoami") as response:
            await response.read()
        server.process.send_signal(signal.SIGTERM)

        async def ended() -> bool:
            try:
                async with aiohttp.ClientSession() as probe, probe.get(f"{server.url}/health/ready") as response:
                    return response.status != 503
            except aiohttp.ClientError:
                return True

        await eventually(ended, within=30)
    assert await server.process.wait() == 0


async def test_a_second_signal_ends_at_once(start_process: StartProcess) -> None:
    server = await start_process(DRAIN_TIMEOUT="600")
    async with half_a_request(server):
        server.process.send_signal(signal.SIGTERM)

        async def draining() -> bool:
            async with aiohttp.ClientSession() as session, session.get(f"{server.url}/health/ready") as response:
                return response.status == 503

        await eventually(draining)
        server.process.send_signal(signal.SIGTERM)
        assert await server.process.wait() == 1


async def test_a_wrong_environment_is_told_in_one_go(start_process: StartProcess) -> None:
    server = await start_process(wait=False, DATABASE_URL="mysql://root:hunter2@db/x", PORT="99999", LOG_LEVEL="loud")
    output, _ = await server.process.communicate()
    text = output.decode()
    assert server.process.returncode == 2
    assert all(name in text for name in ("DATABASE_URL", "PORT", "LOG_LEVEL"))
    assert "hunter2" not in text
    assert "Traceback" not in text


async def test_every_request_is_logged_with_its_id(start_process: StartProcess) -> None:
    server = await start_process(REQUEST_LOG="on", RELEASE="v7", INSTANCE_ID="one")
    async with aiohttp.ClientSession() as session:
        await session.get(f"{server.url}/api/v1/whoami", headers={"X-Request-ID": "find-me-again"})
    server.process.send_signal(signal.SIGTERM)
    output, _ = await server.process.communicate()
    lines = [json.loads(line) for line in output.splitlines()]
    assert not any(line.get("path") == "/health/ready" and line["status"] == 200 for line in lines)
    line = next(line for line in lines if line["request_id"] == "find-me-again")
    assert (line["path"], line["status"], line["instance"], line["release"]) == ("/api/v1/whoami", 200, "one", "v7")


async def test_behind_a_balancer_that_logs_only_what_it_does_not_know_is_logged(start_process: StartProcess) -> None:
    server = await start_process(REQUEST_LOG="notable")
    async with aiohttp.ClientSession() as session:
        await session.get(f"{server.url}/api/v1/whoami", headers={"X-Request-ID": "known-there"})
        await session.get(f"{server.url}/api/v1/nothing", headers={"X-Request-ID": "refused-here"})
    server.process.send_signal(signal.SIGTERM)
    output, _ = await server.process.communicate()
    logged = {line["request_id"]: line for line in map(json.loads, output.splitlines()) if line.get("path")}
    # What asks whether it has started is refused at first, which is logged, too.
    assert logged.keys() & {"known-there", "refused-here"} == {"refused-here"}
    assert (logged["refused-here"]["status"], logged["refused-here"]["user"]) == (404, None)

"""SIGTERM: unready at once, alive while it ends what it began, gone by itself within its time."""

from __future__ import annotations

import signal

import aiohttp
import msgspec
import redis.asyncio

from ops.contract import FLEET
from tests.contract.paths import LIVE, READY
from tests.server.support import StartProcess, eventually, half_a_request


async def test_an_instance_that_leaves_says_so_and_ends(start_process: StartProcess, empty_redis: str) -> None:
    server = await start_process(INSTANCE_ID="leaving", DRAIN_TIMEOUT="20")
    # Connections from before the signal, as the balancer has them.
    async with aiohttp.ClientSession() as session, redis.asyncio.from_url(empty_redis) as store:

        async def status(path: str) -> int:
            async with session.get(server.url + path) as response:
                await response.read()
                return response.status

        async def beats() -> bool:
            return await store.zscore(FLEET, "leaving") is not None

        async def beat_says_draining() -> bool:
            raw = await store.get(f"{FLEET}:leaving")
            return raw is not None and msgspec.json.decode(raw)["status"] == "draining"

        await eventually(beats)
        async with half_a_request(server):
            server.process.send_signal(signal.SIGTERM)

            async def unready() -> bool:
                return await status(READY) == 503

            await eventually(unready)
            assert await status(LIVE) == 200
            assert await status("/api/v1/titles") == 200
            await eventually(beat_says_draining)
        await server.process.wait()
        assert server.process.returncode == 0
        assert not await beats()
        assert await store.get(f"{FLEET}:leaving") is None


async def test_a_second_signal_does_not_wait(start_process: StartProcess) -> None:
    server = await start_process(DRAIN_TIMEOUT="60")
    async with half_a_request(server):
        server.process.send_signal(signal.SIGTERM)

        async def unready() -> bool:
            return not await server.ready()

        await eventually(unready)
        server.process.send_signal(signal.SIGTERM)
        assert await server.process.wait() == 1

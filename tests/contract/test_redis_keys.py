"""What instances tell each other in Redis is where the doctor looks, and says what it reads."""

from __future__ import annotations

import aiohttp
import msgspec
import redis.asyncio

from ops.contract import FLEET
from ops.doctor.collectors.fleet import read
from server.auth.tokens import Tokens
from server.settings import DEFAULT_LIMITS
from tests.server.support import StartProcess, eventually


async def test_the_doctor_reads_the_beat_of_each_instance(
    start_process: StartProcess, environment: dict[str, str], empty_redis: str
) -> None:
    for name in ("one", "two"):
        await start_process(INSTANCE_ID=name, RATE_LIMITS="")
    async with redis.asyncio.from_url(empty_redis) as store:

        async def all_beat() -> bool:
            return await store.zcard(FLEET) == 2 and len(await store.keys(f"{FLEET}:*")) == 2

        await eventually(all_beat)
        names = [name.decode() for name in await store.zrange(FLEET, 0, -1)]
        lines = [(await store.get(f"{FLEET}:{name}")).decode() for name in names]
    beats = {beat.id: beat for beat in read("\n".join(lines))}
    assert sorted(beats) == ["one", "two"]
    secrets = Tokens((environment["JWT_ACCESS_SECRET"],), (environment["JWT_REFRESH_SECRET"],)).fingerprints
    for beat in beats.values():
        assert beat.secrets == secrets
        assert environment["JWT_ACCESS_SECRET"] not in str(beat)
        assert beat.pool is not None and beat.pool[0] == 5
        assert beat.rate_limits == {name: (limit.requests, limit.seconds) for name, limit in DEFAULT_LIMITS.items()}
        assert beat.memory_samples and beat.memory_samples[0][1] > 10_000_000
        assert beat.clock_offset is not None and abs(beat.clock_offset) < 5


async def test_the_fleet_over_http_is_the_same(start_process: StartProcess, environment: dict[str, str]) -> None:
    server = await start_process(INSTANCE_ID="one")
    await start_process(INSTANCE_ID="two")
    token = Tokens((environment["JWT_ACCESS_SECRET"],), (environment["JWT_REFRESH_SECRET"],)).access(1, "admin")
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:

        async def both() -> list[dict[str, object]]:
            async with session.get(f"{server.url}/api/v1/fleet") as response:
                assert response.status == 200
                instances: list[dict[str, object]] = (await response.json())["instances"]
                return instances if len(instances) == 2 else []

        instances = await eventually(both)
    beats = read("\n".join(msgspec.json.encode(each).decode() for each in instances))
    assert [beat.id for beat in beats] == ["one", "two"]

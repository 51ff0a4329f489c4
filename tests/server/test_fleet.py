from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from tests.server.support import Client, Gate, StartInstance, eventually


async def fleet(client: Client) -> dict[str, dict[str, Any]]:
    async with client.get("/api/v1/fleet") as response:
        assert response.status == 200
        return {instance["id"]: instance for instance in (await response.json())["instances"]}


async def test_every_instance_tells_of_all(start_instance: StartInstance) -> None:
    first = await start_instance(INSTANCE_ID="one", RELEASE="v1")
    second = await start_instance(INSTANCE_ID="two", RELEASE="v2", JWT_REFRESH_SECRET="another" * 10)

    async def both() -> dict[str, dict[str, Any]] | None:
        found = await fleet(first)
        return found if len(found) == 2 else None

    found = await eventually(both)
    assert {name: instance["release"] for name, instance in found.items()} == {"one": "v1", "two": "v2"}
    assert found["one"]["secrets"]["access"] == found["two"]["secrets"]["access"]
    assert found["one"]["secrets"]["refresh"] != found["two"]["secrets"]["refresh"]
    assert "another" not in str(found)
    assert found["two"]["pool"]["limit"] == 5
    assert found["two"]["memory"]["samples"]
    assert abs(found["two"]["clock_offset"]) < 1
    assert sum(found["one"]["latency"]["counts"]) == found["one"]["requests"]["total"]

    await second.close()

    async def alone() -> bool:
        return list(await fleet(first)) == ["one"]

    await eventually(alone)


async def test_without_redis_an_instance_tells_of_itself(start_instance: StartInstance, redis_gate: Gate) -> None:
    client = await start_instance(INSTANCE_ID="one", RATE_LIMITS="on")
    await redis_gate.shut()

    async def local() -> bool:
        return (await fleet(client))["one"]["limiter"]["mode"] == "local"

    await eventually(local)


async def test_a_heartbeat_that_cannot_be_read_is_skipped_and_reported(
    start_instance: StartInstance, empty_redis: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await start_instance(INSTANCE_ID="one")
    own = (await fleet(client))["one"]
    bad = {
        "no-json": "{",
        "a-list": "[]",
        "empty": "{}",
        "no-text": b"\xff",
        "renamed": json.dumps(own),
        "other-kinds": json.dumps(own | {"id": "other-kinds", "pool": 7}),
        "not-finite": json.dumps(own | {"id": "not-finite", "seen": 1e300}),
    }
    with redis.Redis.from_url(empty_redis) as link:
        for name, value in bad.items():
            link.set(f"videa:fleet:{name}", value)
        link.hset("videa:fleet:a-hash", "a", "b")
        link.set("videa:fleet:good", json.dumps(own | {"id": "good"}))
        names = [*bad, "a-hash", "good", b"\xff"]
        link.zadd("videa:fleet", dict.fromkeys(names, own["seen"]))
        async with client.get("/api/v1/fleet") as response:
            answer = await response.json()
        assert [instance["id"] for instance in answer["instances"]] == ["good", "one"]
        assert answer["unreadable"] == sorted([*bad, "a-hash"])
        await fleet(client)
    reported = [record.__dict__["of"] for record in caplog.records if record.message == "heartbeat skipped"]
    assert sorted(reported) == sorted([*bad, "a-hash"])


async def test_the_fleet_is_for_administrators(api: Client) -> None:
    body = {"email": "a@b.cd", "password": "long enough"}
    async with api.post("/api/v1/auth/register", json=body) as response:
        token = (await response.json())["access_token"]
    for header, status in (({"Authorization": f"Bearer {token}"}, 403), ({"Authorization": "Bearer x"}, 401)):
        async with api.get("/api/v1/fleet", headers=header) as response:
            assert response.status == status

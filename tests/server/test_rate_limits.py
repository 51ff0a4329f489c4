from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from tests.server.support import Client, Gate, StartInstance, eventually

LIMITS = "address=50/60,user=30/60,login=3/60,register=2/60"


async def statuses(client: Client, count: int, path: str = "/api/v1/titles", **options: Any) -> Counter[int]:
    async def one() -> int:
        async with client.get(path, **options) as response:
            return response.status

    return Counter(await asyncio.gather(*(one() for _ in range(count))))


async def metrics(client: Client) -> dict[str, Any]:
    async with client.get("/health/metrics?format=json") as response:
        answer: dict[str, Any] = await response.json()
        return answer


async def test_instances_together_admit_exactly_the_limit(start_instance: StartInstance) -> None:
    clients = [await start_instance(RATE_LIMITS=LIMITS) for _ in range(3)]
    counts = await asyncio.gather(*(statuses(client, 30) for client in clients))
    assert sum(counts, Counter()) == {200: 30, 429: 60}


async def test_a_wide_limit_is_exact_too(start_instance: StartInstance) -> None:
    clients = [await start_instance(RATE_LIMITS="user=1500/60") for _ in range(3)]

    async def load(client: Client) -> Counter[int]:
        return sum([await statuses(client, 40) for _ in range(15)], Counter())

    counts = sum(await asyncio.gather(*(load(client) for client in clients)), Counter())
    assert counts == {200: 1500, 429: 300}


async def test_a_refusal_says_when_to_come_back(start_instance: StartInstance) -> None:
    client = await start_instance(RATE_LIMITS=LIMITS)
    async with client.get("/api/v1/titles") as response:
        assert (response.headers["RateLimit-Limit"], response.headers["RateLimit-Remaining"]) == ("30", "29")
    await statuses(client, 30)
    async with client.get("/api/v1/titles") as response:
        assert response.status == 429
        assert response.content_type == "application/problem+json"
        assert 0 < int(response.headers["Retry-After"]) <= 60
        assert response.headers["RateLimit-Remaining"] == "0"
    assert (await metrics(client))["limiter"]["refused_last_minute"] >= 2


async def test_users_and_addresses_are_counted_apart(start_instance: StartInstance) -> None:
    client = await start_instance(RATE_LIMITS=LIMITS)
    assert (await statuses(client, 31))[429] == 1
    del client.session.headers["Authorization"]
    assert await statuses(client, 50, headers={"X-Forwarded-For": "203.0.113.7"}) == {200: 50}
    assert await statuses(client, 1, headers={"X-Forwarded-For": "203.0.113.7"}) == {429: 1}
    assert await statuses(client, 1, headers={"X-Forwarded-For": "203.0.113.8"}) == {200: 1}
    # What the client itself wrote to the left of the balancer's entry is not believed.
    assert await statuses(client, 1, headers={"X-Forwarded-For": "203.0.113.9, 203.0.113.7"}) == {429: 1}


async def test_sign_ins_are_limited_by_address_and_by_account(start_instance: StartInstance) -> None:
    client = await start_instance(RATE_LIMITS=LIMITS)

    async def login(email: str, address: str) -> int:
        body, headers = {"email": email, "password": "whatever"}, {"X-Forwarded-For": address}
        async with client.post("/api/v1/auth/login", json=body, headers=headers) as response:
            return response.status

    assert [await login(f"{number}@x.yz", "198.51.100.1") for number in range(4)] == [401, 401, 401, 429]
    assert [await login("anna@x.yz", f"198.51.100.{number}") for number in range(10, 14)] == [401, 401, 401, 429]


async def test_without_redis_each_instance_goes_on_counting_from_where_it_was(
    start_instance: StartInstance, redis_gate: Gate
) -> None:
    client = await start_instance(RATE_LIMITS=LIMITS)
    assert await statuses(client, 20) == {200: 20}
    await redis_gate.shut()
    assert await statuses(client, 20) == {200: 10, 429: 10}
    assert (await metrics(client))["limiter"]["mode"] == "local"

    await redis_gate.open()

    async def shared() -> bool:
        return bool((await metrics(client))["limiter"]["mode"] == "shared")

    await eventually(shared)
    # The answer of one that is over its limit is remembered until its window ends.
    assert await statuses(client, 5) == {429: 5}


async def test_redis_failing_under_load_fails_no_request(start_instance: StartInstance, redis_gate: Gate) -> None:
    client = await start_instance(RATE_LIMITS="user=1000000/60")
    done = asyncio.Event()
    seen: Counter[int] = Counter()

    async def load() -> None:
        while not done.is_set():
            seen.update(await statuses(client, 5))

    loads = [asyncio.create_task(load()) for _ in range(4)]

    async def mode_is(mode: str) -> bool:
        return bool((await metrics(client))["limiter"]["mode"] == mode)

    for _ in range(3):
        await redis_gate.shut()
        await eventually(lambda: mode_is("local"))
        await redis_gate.open()
        await eventually(lambda: mode_is("shared"))
    done.set()
    await asyncio.gather(*loads)
    assert set(seen) == {200}


async def test_health_and_whoami_are_never_limited(start_instance: StartInstance) -> None:
    client = await start_instance(RATE_LIMITS="user=1/60,address=1/60")
    for path in ("/health/live", "/health/ready", "/health", "/health/metrics", "/api/v1/whoami"):
        assert await statuses(client, 5, path) == {200: 5}

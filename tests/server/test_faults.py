"""The services around an instance fail; it says so, goes on with what is left, and recovers by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg2
import pytest

from server.database_errors import DatabaseUnavailable, StatementTimeout
from server.keys import DATABASE
from tests.server.support import Client, Gate, StartInstance, create_title, eventually


async def health(client: Client) -> dict[str, Any]:
    async with client.get("/health") as response:
        answer: dict[str, Any] = await response.json()
        return answer


async def is_ready(client: Client) -> bool:
    async with client.get("/health/ready") as response:
        return response.status == 200


async def test_without_redis_the_instance_is_degraded_but_ready(api: Client, redis_gate: Gate) -> None:
    number = (await create_title(api))["id"]
    await redis_gate.shut()
    for _ in range(20):
        async with api.get(f"/api/v1/titles/{number}") as response:
            assert response.status == 200

    async def degraded() -> bool:
        return (await health(api))["status"] == "degraded"

    await eventually(degraded)
    assert await is_ready(api)
    async with api.post("/api/v1/titles", json={"title": "Written meanwhile", "year": 2000}) as response:
        assert response.status == 201

    await redis_gate.open()

    async def ok() -> bool:
        return (await health(api))["status"] == "ok"

    await eventually(ok)


async def test_a_slow_redis_is_given_up_on(api: Client, redis_gate: Gate) -> None:
    number = (await create_title(api))["id"]
    redis_gate.delay = 1.0
    answers = await asyncio.gather(*(api.get(f"/api/v1/titles/{number}") for _ in range(10)))
    assert {answer.status for answer in answers} == {200}
    assert (await health(api))["status"] == "degraded"


async def test_why_postgres_let_nobody_in_is_told_also_while_it_is_not_asked_again(
    start_instance: StartInstance, environment: dict[str, str]
) -> None:
    """Each refusal is followed by a pause in which nobody connects."""
    client = await start_instance(wait=False, DATABASE_URL=environment["DATABASE_URL"].replace("?", "_of_before?"))
    assert client.app is not None
    for _ in range(5):
        with pytest.raises(DatabaseUnavailable, match=r"_of_before.* does not exist"):
            async with client.app[DATABASE].connection():
                pass
    answer = await health(client)
    assert "does not exist" in answer["checks"]["postgres"]["reason"]


async def test_without_postgres_the_instance_is_unready_but_alive(api: Client, postgres_gate: Gate) -> None:
    number = (await create_title(api))["id"]
    async with api.get(f"/api/v1/titles/{number}") as response:
        assert response.status == 200
    await postgres_gate.shut()

    async def unready() -> bool:
        return not await is_ready(api)

    await eventually(unready)
    async with api.get("/health/live") as response:
        assert response.status == 200
    async with api.get("/health") as response:
        assert response.status == 503
        assert (await response.json())["checks"]["postgres"]["status"] == "fail"
    async with api.post("/api/v1/titles", json={"title": "Lost", "year": 2000}) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0

    await postgres_gate.open()
    await eventually(lambda: is_ready(api))


async def test_reads_survive_a_restart_of_postgres(api: Client, postgres_gate: Gate) -> None:
    await create_title(api)
    await asyncio.gather(*(api.get("/api/v1/titles", params={"offset": str(n)}) for n in range(10)))
    await postgres_gate.shut()
    await postgres_gate.open()
    for offset in range(100, 110):
        async with api.get("/api/v1/titles", params={"offset": str(offset)}) as response:
            assert response.status == 200


async def test_an_instance_may_start_before_postgres(start_instance: StartInstance, postgres_gate: Gate) -> None:
    await postgres_gate.shut()
    client = await start_instance(wait=False, JWT_ACCESS_SECRET="")
    async with client.get("/health/live") as response:
        assert response.status == 200
    async with client.get("/health/ready") as response:
        assert response.status == 503
    await postgres_gate.open()
    await eventually(lambda: is_ready(client))
    async with client.get("/api/v1/titles") as response:
        assert response.status == 200


async def test_a_full_pool_answers_503_and_recovers(
    start_instance: StartInstance, environment: dict[str, str], database_url: str
) -> None:
    url = environment["DATABASE_URL"].replace(
        "connection_limit=5&pool_timeout=3", "connection_limit=2&pool_timeout=0.2"
    )
    client = await start_instance(DATABASE_URL=url)
    number = (await create_title(client))["id"]
    blocker = psycopg2.connect(database_url)
    with blocker.cursor() as cursor:
        cursor.execute("UPDATE titles SET year = 1950 WHERE id = %s", (number,))
        answers = await asyncio.gather(
            *(client.patch(f"/api/v1/titles/{number}", json={"year": 1960}) for _ in range(6))
        )
        assert {answer.status for answer in answers} == {503}
        assert all("Retry-After" in answer.headers for answer in answers)
        async with client.get("/health/metrics", params={"format": "json"}) as response:
            assert (await response.json())["pool"]["timeouts"] >= 4
    blocker.rollback()
    blocker.close()
    async with client.patch(f"/api/v1/titles/{number}", json={"year": 1960}) as response:
        assert response.status == 200


async def test_a_write_that_somebody_blocks_is_told_to_come_back(api: Client, database_url: str) -> None:
    number = (await create_title(api))["id"]
    blocker = psycopg2.connect(database_url)
    try:
        blocker.cursor().execute("SELECT 1 FROM titles WHERE id = %s FOR UPDATE", (number,))
        async with api.patch(f"/api/v1/titles/{number}", json={"year": 2001}) as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) >= 1
    finally:
        blocker.close()
    async with api.patch(f"/api/v1/titles/{number}", json={"year": 2001}) as response:
        assert response.status == 200


async def test_a_statement_that_takes_too_long_is_ended_and_its_connection_serves_on(api: Client) -> None:
    app = api.app
    assert app is not None
    with pytest.raises(StatementTimeout):
        await app[DATABASE].fetch_one("SELECT pg_sleep(60)")
    assert await app[DATABASE].fetch_one("SELECT 1") == (1,)

"""A real streaming replica: it takes reads, never answers with what a write has replaced, and may go away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from server.keys import READS
from tests.conftest import docker, published, running, wait_until_ready
from tests.server.support import Client, Gate, StartInstance, create_title, eventually


def execute(url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows = list(cursor.fetchall()) if cursor.description else []
    connection.close()
    return rows


@pytest.fixture(scope="module")
def standby_url(postgres_url: str, compose_services: dict[str, Any]) -> Iterator[str]:
    """A standby of the session's PostgreSQL, made with pg_basebackup."""
    port = urlsplit(postgres_url).port
    containers = docker("ps", "--quiet", "--filter", f"publish={port}").split()
    address = json.loads(docker("inspect", containers[0]))[0]["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    # What COPY writes must be read, or the pipe breaks.
    add = "cat >/dev/null; echo host replication all all scram-sha-256 >> $PGDATA/pg_hba.conf"
    execute(postgres_url, f"COPY (SELECT 1) TO PROGRAM '{add}'")
    execute(postgres_url, "SELECT pg_reload_conf()")
    copy = f"PGPASSWORD=test pg_basebackup -h {address} -U videa -D $PGDATA -R -X stream -c fast && chmod 700 $PGDATA"
    with running(
        {"image": compose_services["postgres"]["image"], "command": []},
        *("--publish", "127.0.0.1::5432", "--user", "999:999"),
        *("--tmpfs", "/var/lib/postgresql/data:uid=999,gid=999,mode=0700", "--entrypoint", "bash"),
        command=("-c", f"{copy} && exec postgres -c fsync=off"),
    ) as container:
        wait_until_ready(container, "pg_isready", "--host=127.0.0.1", "--username=videa")
        yield f"postgresql://videa:test@{published(container, 5432)}/videa"


@pytest.fixture
async def replica_gate(standby_url: str) -> Any:
    parts = urlsplit(standby_url)
    gate = Gate(parts.hostname or "", parts.port or 0)
    await gate.open()
    yield gate
    await gate.shut()


@pytest.fixture
def replica_url(replica_gate: Gate, database_url: str) -> str:
    return f"postgresql://videa:test@127.0.0.1:{replica_gate.port}{urlsplit(database_url).path}?connection_limit=3"


async def usable(client: Client, wanted: bool = True) -> bool:
    async with client.get("/health") as response:
        return bool((await response.json())["replica"]["usable"] is wanted)


def reads(client: Client) -> dict[str, int]:
    app = client.app
    assert app is not None
    return dict(app[READS].reads)


async def read_years(client: Client, number: int) -> int:
    async with client.get(f"/api/v1/titles/{number}") as response:
        assert response.status == 200
        return int((await response.json())["year"])


async def test_reads_go_to_the_replica_and_fresh_ones_to_the_primary(
    start_instance: StartInstance, replica_url: str
) -> None:
    client = await start_instance(DATABASE_REPLICA_URL=replica_url)
    await eventually(lambda: usable(client))
    for _ in range(3):
        async with client.get("/api/v1/titles/424242") as response:
            assert response.status == 404
    before = reads(client)
    assert before["replica"] > 0
    number = (await create_title(client))["id"]
    assert await read_years(client, number) == 1999
    for year in range(1950, 1970):
        async with client.patch(f"/api/v1/titles/{number}", json={"year": year}) as response:
            assert response.status == 200
        assert await read_years(client, number) == year
        async with client.get("/api/v1/titles") as response:
            assert (await response.json())["items"][0]["year"] == year


async def test_a_client_reads_its_own_writes_without_a_cache_too(
    start_instance: StartInstance, replica_url: str
) -> None:
    client = await start_instance(DATABASE_REPLICA_URL=replica_url, REDIS_URL="redis://127.0.0.1:1/0", wait=False)
    other = await start_instance()
    client.session.headers.update(other.session.headers)
    await eventually(lambda: usable(client))
    number = (await create_title(client))["id"]
    for year in range(1950, 1990):
        async with client.patch(f"/api/v1/titles/{number}", json={"year": year}) as response:
            assert "videa_after" in response.cookies
        assert await read_years(client, number) == year


async def test_a_lost_replica_costs_nothing_but_load(
    start_instance: StartInstance, replica_url: str, replica_gate: Gate
) -> None:
    client = await start_instance(DATABASE_REPLICA_URL=replica_url)
    await eventually(lambda: usable(client))
    await replica_gate.shut()
    for number in range(20):
        async with client.get("/api/v1/titles", params={"offset": str(number)}) as response:
            assert response.status == 200
    await eventually(lambda: usable(client, False))
    await replica_gate.open()
    await eventually(lambda: usable(client))


async def test_a_lagging_replica_is_not_asked(
    start_instance: StartInstance, replica_url: str, standby_url: str, database_url: str
) -> None:
    client = await start_instance(DATABASE_REPLICA_URL=replica_url)
    await eventually(lambda: usable(client))
    execute(standby_url, "SELECT pg_wal_replay_pause()")
    try:
        number = (await create_title(client))["id"]
        await eventually(lambda: usable(client, False))
        assert await read_years(client, number) == 1999
    finally:
        execute(standby_url, "SELECT pg_wal_replay_resume()")
    await eventually(lambda: usable(client))

"""A real Redis Cluster of three masters: the same guarantees, and a lost node costs only its keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from server.cache import CacheUnavailable
from server.keys import REDIS
from tests.conftest import docker, running, wait_until_ready
from tests.server.support import StartInstance, create_title, eventually

PORTS = (7001, 7002, 7003)
START = """
for port in 7001 7002 7003; do
    redis-server --port $port --cluster-enabled yes --cluster-config-file $port.conf --dir /tmp --save '' \
        --protected-mode no --cluster-require-full-coverage no --cluster-node-timeout 1000 --daemonize yes
done
for port in 7001 7002 7003; do until redis-cli -p $port ping; do :; done; done
address=$(hostname -i)
redis-cli --cluster create $address:7001 $address:7002 $address:7003 --cluster-yes
exec sleep infinity
"""


@pytest.fixture
def cluster(compose_services: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The URL of the cluster and the container it runs in."""
    with running(
        {"image": compose_services["redis"]["image"], "command": []},
        *("--entrypoint", "bash", "--user", "999:999", "--tmpfs", "/tmp:mode=1777"),
        command=("-c", START),
    ) as container:
        address = json.loads(docker("inspect", container))[0]["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
        for port in PORTS:
            wait_until_ready(container, "bash", "-c", f"redis-cli -p {port} cluster info | grep -q cluster_state:ok")
        yield f"redis+cluster://{address}:7001,{address}:7002", container


async def test_keys_are_spread_and_nothing_is_stale(
    start_instance: StartInstance, cluster: tuple[str, str], redis_url: str
) -> None:
    first, second = [await start_instance(REDIS_URL=cluster[0], RATE_LIMITS="user=400/60") for _ in range(2)]
    numbers = [(await create_title(first))["id"] for _ in range(12)]
    for year in (1980, 1981):
        for number in numbers:
            async with first.patch(f"/api/v1/titles/{number}", json={"year": year}) as response:
                assert response.status == 200
            for client in (first, second):
                async with client.get(f"/api/v1/titles/{number}") as response:
                    assert (await response.json())["year"] == year
    sizes = [int(docker("exec", cluster[1], "redis-cli", "-p", str(port), "dbsize")) for port in PORTS]
    assert all(size > 0 for size in sizes)
    async with second.get("/health/metrics?format=json") as response:
        answer = await response.json()
    assert (answer["redis"]["up"], answer["limiter"]["mode"]) == (True, "shared")

    async def many(client: Any) -> list[int]:
        answers = await asyncio.gather(*(client.get("/api/v1/titles") for _ in range(200)))
        return [answer.status for answer in answers]

    answers = await asyncio.gather(many(first), many(second))
    statuses = [*answers[0], *answers[1]]
    # 12 creates, 24 changes and 48 reads went before.
    assert statuses.count(200) == 400 - 84


async def test_a_lost_node_costs_only_its_keys(start_instance: StartInstance, cluster: tuple[str, str]) -> None:
    client = await start_instance(REDIS_URL=cluster[0])
    app = client.app
    assert app is not None
    numbers = [(await create_title(client))["id"] for _ in range(12)]
    # In a thread: an event loop that stands still would take its own silence for that of the other nodes.
    await asyncio.to_thread(docker, "exec", cluster[1], "redis-cli", "-p", "7003", "shutdown", "nosave", check=False)

    async def noticed() -> bool:
        async with client.get("/health") as response:
            return bool((await response.json())["status"] == "degraded")

    await eventually(noticed)
    for number in numbers:
        async with client.get(f"/api/v1/titles/{number}") as response:
            assert response.status == 200
    outcomes = await asyncio.gather(*(app[REDIS].send("GET", f"key{n}") for n in range(60)), return_exceptions=True)
    lost = sum(isinstance(outcome, CacheUnavailable) for outcome in outcomes)
    assert 0 < lost < 60
    assert await noticed()

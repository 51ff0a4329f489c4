"""The backend's own user in Redis, as compose/redis/start.sh makes it: all that the backend needs, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.conftest import PROJECT, docker, published, running, wait_until_ready
from tests.server.support import StartInstance, create_title, eventually

SCRIPT = f"{PROJECT}/compose/redis/start.sh:/usr/local/bin/start-redis:ro"


@pytest.fixture(scope="module")
def address(compose_services: dict[str, Any]) -> Iterator[str]:
    """Host and port of a Redis that was started as in the stack."""
    service = compose_services["redis"]
    assert service["entrypoint"] == ["sh", "/usr/local/bin/start-redis"]
    with running(
        {**service, "command": ["/usr/local/bin/start-redis", *service["command"]]},
        *("--entrypoint", "sh", "--publish", "127.0.0.1::6379", "--user", "999:999", "--read-only", "--volume", SCRIPT),
        *("--env", "REDIS_PASSWORD=of-the-backend", "--env", "REDISCLI_AUTH=of-the-operator"),
    ) as container:
        wait_until_ready(container, "sh", "-c", "redis-cli ping | grep -q PONG")
        assert "of-the" not in docker("top", container)
        yield published(container, 6379)


async def test_it_is_enough_for_the_backend(address: str, start_instance: StartInstance) -> None:
    client = await start_instance(REDIS_URL=f"redis://videa:of-the-backend@{address}/0", RATE_LIMITS="on")
    title = await create_title(client)
    async with client.get(f"/api/v1/titles/{title['id']}") as response:
        assert response.status == 200

    async def beating() -> bool:
        with redis.Redis.from_url(f"redis://default:of-the-operator@{address}/0") as link:
            return bool(link.zcard("videa:fleet") and link.xlen("videa:changes"))

    await eventually(beating)
    async with client.get("/health") as response:
        health = await response.json()
    assert (health["checks"]["redis"]["status"], health["limiter"]) == ("ok", "shared")


@pytest.mark.parametrize(
    "command",
    [
        *("CONFIG GET *", "FLUSHALL", "KEYS *", "SHUTDOWN NOSAVE", "ACL LIST", "MONITOR", "SAVE"),
        *("GET other", "SET other 1", "REPLICAOF 127.0.0.1 1", "CLIENT KILL TYPE normal"),
    ],
)
def test_it_may_nothing_else(address: str, command: str) -> None:
    with (
        redis.Redis.from_url(f"redis://videa:of-the-backend@{address}/0") as link,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        link.execute_command(*command.split())


def test_without_a_password_nobody_is_let_in(address: str) -> None:
    with redis.Redis.from_url(f"redis://{address}/0") as link, pytest.raises(redis.exceptions.AuthenticationError):
        link.ping()

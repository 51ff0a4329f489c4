"""What the doctor and the rollout read of an instance's answers is in them, under the names they know."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any, get_args, get_origin

import aiohttp
import msgspec

from ops.contract import LATE, METRICS, OVERALL, Health, Metrics
from ops.doctor.collectors.instances import CLOCK, MARK, QUERIES, read, read_answers
from ops.doctor.facts_replicas import InstanceFacts
from ops.probes import Http
from ops.rollout.own_metrics import Figures
from ops.rollout.own_metrics import read as read_figures
from server.resp import Pipeline
from tests.contract.paths import LIVE, READY
from tests.server.support import Process, StartProcess, eventually, half_a_request
from tests.unit.ops.doctor.stack import replica

PATHS = (LIVE, READY, OVERALL, METRICS)


async def answers(server: Process) -> dict[str, tuple[int, str, str]]:
    """Status, body and Date of each path."""
    found = {}
    async with aiohttp.ClientSession() as session:
        for path in PATHS:
            async with session.get(server.url + path) as response:
                found[path] = (response.status, await response.text(), response.headers["Date"])
    return found


async def facts(server: Process) -> InstanceFacts:
    """The doctor's reading of them, from what its script prints of the answers to its questions."""
    said = enumerate((await answers(server)).values())
    lines = [f"{body}\n{MARK}{number} {status} 0.001 {date}|\n" for number, (status, body, date) in said]
    found = read_answers(f"{CLOCK} {int(time.time())}\n{''.join(lines)}")
    return read(replica(), [found[number] for number in range(QUERIES)], Http(3001, READY))


def missing(kind: type[msgspec.Struct], answer: dict[str, Any], place: str = "") -> list[str]:
    """The fields that ops knows and the answer has not, with their places."""
    found = []
    for field in msgspec.structs.fields(kind):
        here = f"{place}.{field.encode_name}"
        if field.encode_name not in answer:
            found.append(here)
            continue
        kinds = (field.type, *get_args(field.type)) if get_origin(field.type) is not dict else ()
        for inner in kinds:
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                found += missing(inner, answer[field.encode_name], here)
    return found


async def test_the_doctor_knows_what_is_said_of_a_redis_that_does_not_answer() -> None:
    gone = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read()  # until the client gives up
        writer.close()
        gone.set()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as redis:
        _, writer = await asyncio.open_connection(*redis.sockets[0].getsockname())
        reason = await Pipeline(writer, 0.05, lambda pipeline, reason: None).ask("PING")
        assert str(reason).startswith(LATE)
        await gone.wait()


async def test_no_name_that_ops_knows_is_missing(start_process: StartProcess) -> None:
    said = await answers(await start_process())
    health, figures = (msgspec.json.decode(said[path][1]) for path in (OVERALL, METRICS))
    assert not missing(Health, health)
    assert set(health["checks"]) == {"postgres", "redis"}
    assert all("status" in check for check in health["checks"].values())
    assert not missing(Metrics, figures)
    assert not missing(Figures, figures)


async def test_the_doctor_understands_a_sound_instance(start_process: StartProcess) -> None:
    server = await start_process(INSTANCE_ID="contract-1", RATE_LIMITS="")
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/api/v1/titles") as response:
        assert response.status == 200

    async def sound() -> InstanceFacts | None:
        said = await facts(server)
        return said if said.overall == "ok" else None

    # It is ready before it has reached Redis, and degraded until then.
    found = await eventually(sound)
    assert (found.live, found.ready, found.health) == (200, 200, 200)
    assert (found.instance, found.database, found.redis, found.limiter) == ("contract-1", "ok", "ok", "shared")
    assert (found.pool_limit, found.pool_waiting) == (5, 0)
    assert found.requests is not None and found.requests > 0
    # Not 0: it has answered "unready" while it started.
    assert found.error_rate is not None and 0 <= found.error_rate < 1
    assert found.rss is not None and 10_000_000 < found.rss < 1_000_000_000
    assert found.clock is not None and abs(found.clock) < 5


async def test_the_rollout_learns_how_long_a_request_has_been_waiting(start_process: StartProcess) -> None:
    server = await start_process()
    async with half_a_request(server):

        async def waiting() -> list[float]:
            told = read_figures(f"{(await answers(server))[METRICS][1]} {server.url}")
            return [seconds for figures in told.values() for seconds in figures.unanswered_seconds]

        (seconds,) = await eventually(waiting)
        assert seconds > 0

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import pytest

from server.cache import CacheUnavailable
from server.fleet_history import SECONDS, SLOTS, FleetHistory
from server.metrics import Metrics, RouteFigures

NOW = 1_000_000.0


class FakeLink:
    """The hashes of a Redis."""

    def __init__(self) -> None:
        self.up = True
        self.hashes: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.ends: dict[str, int] = {}

    def send(self, *command: Any) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.up:
            answer.set_result(self._answer(*command))
        else:
            answer.set_exception(CacheUnavailable("gone"))
        return answer

    def _answer(self, word: str, key: str, *rest: Any) -> Any:
        match word:
            case "HINCRBY":
                self.hashes[key][rest[0]] = b"%d" % (int(self.hashes[key].get(rest[0], 0)) + rest[1])
            case "HSET":
                self.hashes[key][rest[0]] = b"%d" % rest[1]
            case "EXPIRE":
                self.ends[key] = rest[0]
            case "HMGET":
                return [self.hashes.get(key, {}).get(name) for name in rest]
            case _:
                raise AssertionError(word)
        return b"OK"


class Instance:
    """An instance whose only route has been asked so often."""

    def __init__(self, link: FakeLink) -> None:
        self.metrics = Metrics()
        self.figures = self.metrics.routes[("GET", "/api/v1/titles")] = RouteFigures()
        self.history = FleetHistory(link, self.metrics)  # type: ignore[arg-type]

    def answer(self, count: int, bucket: int, status: int = 200) -> None:
        self.figures.count += count
        self.figures.buckets[bucket] += count
        self.figures.statuses[status] = self.figures.statuses.get(status, 0) + count


async def test_the_instances_add_to_the_same_slots() -> None:
    link = FakeLink()
    one, two = Instance(link), Instance(link)
    one.answer(90, 0)
    await one.history.add(NOW, 1)
    one.answer(10, 9)
    two.answer(100, 0, status=500)
    await one.history.add(NOW + 2, 2)
    await two.history.add(NOW + 9.9, 2)
    await two.history.add(NOW + SECONDS, 1)
    *_, before, first, second = await two.history.read(NOW + 2 * SECONDS)
    assert before == (NOW, None, None, None, None)
    assert first[0] == NOW + SECONDS
    assert first[1] == 200 / SECONDS
    assert first[2] == pytest.approx(0.5, abs=0.05)  # 5% of the answers took 250 ms or more
    assert first[3:] == (50.0, 2)
    assert second == (NOW + 2 * SECONDS, 0.0, None, 0.0, 1)
    assert len(await one.history.read(NOW)) == SLOTS
    assert all(end > SLOTS * SECONDS for end in link.ends.values())


async def test_what_was_answered_without_redis_makes_no_peak() -> None:
    link = FakeLink()
    one = Instance(link)
    link.up = False
    one.answer(500, 0)
    with pytest.raises(CacheUnavailable):
        await one.history.add(NOW, 1)
    assert await one.history.read(NOW) == []
    one.answer(500, 0)
    one.history.skip()
    link.up = True
    one.answer(20, 0)
    await one.history.add(NOW + SECONDS, 1)
    points = await one.history.read(NOW + 3 * SECONDS, 3)
    assert [point[1] for point in points] == [None, 20 / SECONDS, None]

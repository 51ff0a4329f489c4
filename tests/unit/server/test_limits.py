from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from server.cache import RedisLink
from server.limits import Limiter
from server.parsers import Limit
from server.problems import Problem


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> Limiter:
    """A limiter on its own: there is no Redis."""
    return Limiter(RedisLink(None, client_name="test"), {"user": Limit(3, 60)}, clock)


async def test_a_window_admits_the_limit_and_begins_again(limiter: Limiter, clock: Clock) -> None:
    for remaining in (2, 1, 0):
        verdict = await limiter.check("user", "7")
        assert verdict is not None
        assert (verdict.remaining, verdict.reset) == (remaining, 60)
    clock.now += 59.5
    with pytest.raises(Problem) as caught:
        await limiter.check("user", "7")
    assert caught.value.status == 429
    assert (caught.value.headers or {})["Retry-After"] == "1"
    clock.now += 0.5
    assert await limiter.check("user", "7")


async def test_subjects_are_counted_apart(limiter: Limiter) -> None:
    for _ in range(3):
        await limiter.check("user", "7")
    assert await limiter.check("user", "8")


async def test_refusals_of_the_last_minute_are_known(limiter: Limiter, clock: Clock) -> None:
    for _ in range(3):
        await limiter.check("user", "7")
    for _ in range(2):
        with pytest.raises(Problem):
            await limiter.check("user", "7")
    assert (limiter.refused, limiter.refused_last_minute, limiter.mode) == ({"user": 2}, 2, "local")
    clock.now += 61
    assert limiter.refused_last_minute == 0


async def test_without_a_table_nothing_is_limited(clock: Clock) -> None:
    limiter = Limiter(RedisLink(None, client_name="test"), None, clock)
    assert await limiter.check("user", "7") is None
    assert limiter.mode == "off"


async def test_memory_is_bounded(limiter: Limiter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.limits._MOST_SUBJECTS", 100)
    for number in range(1000):
        await limiter.check("user", str(number))
    assert len(limiter._windows) <= 100


class Redis(RedisLink):
    """Counts like Redis; ``sent``: the commands; ``due``: what was to be done later."""

    def __init__(self) -> None:
        super().__init__(None, client_name="test")
        self.up = True
        self.count = 0
        self.sent: list[tuple[Any, ...]] = []
        self.due: list[Callable[[], None]] = []

    @property
    def usable(self) -> bool:
        return True

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        self.due.append(work)

    def post(self, receiver: Callable[[Any], None], *command: Any) -> None:
        self.sent.append(command)
        self.count += command[2]
        receiver(self.count)

    def send(self, *command: Any, key: str | None = None) -> asyncio.Future[Any]:
        self.sent.append(command)
        self.count += command[0] == "INCR"
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.set_result(self.count)
        return answer


async def admitted(limiter: Limiter, number: int) -> None:
    for _ in range(number):
        await limiter.check("user", "7")


async def test_redis_gets_the_counts_of_a_wide_limit_together(clock: Clock) -> None:
    redis = Redis()
    limiter = Limiter(redis, {"user": Limit(60_000, 60)}, clock)
    await admitted(limiter, 500)
    assert redis.sent == [("INCR", "videa:limit:user:7"), ("EXPIRE", "videa:limit:user:7", 60)]
    assert len(redis.due) == 1
    redis.due.pop()()
    assert redis.sent[2:] == [("INCRBY", "videa:limit:user:7", 499)]
    assert redis.count == 500


async def test_a_hundredth_of_the_limit_is_not_exceeded_by_what_redis_does_not_know(clock: Clock) -> None:
    redis = Redis()
    limiter = Limiter(redis, {"user": Limit(2000, 60)}, clock)
    for number in range(1, 900):
        await admitted(limiter, 1)
        assert number - redis.count < 20


async def test_before_each_request_waits_for_redis_it_gets_what_is_owed(clock: Clock) -> None:
    redis = Redis()
    limiter = Limiter(redis, {"user": Limit(2000, 60)}, clock)
    await admitted(limiter, 2000)
    assert redis.count == 2000
    with pytest.raises(Problem):
        await admitted(limiter, 1)

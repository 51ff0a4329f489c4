from __future__ import annotations

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

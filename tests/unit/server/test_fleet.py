from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from server import fleet as module
from server.app import create_app
from server.cache import CacheUnavailable
from server.fleet import Fleet
from server.fleet_view import fleet_view
from server.keys import FLEET
from server.settings import load_settings

SECRETS = {"JWT_ACCESS_SECRET": "k9" * 20 + "unit-A", "JWT_REFRESH_SECRET": "k9" * 20 + "unit-R"}


class FakeLink:
    """The few commands of a Redis that has a clock of its own."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.up = True
        self.kind, self.outages = "single", 0
        self.beats: dict[str, tuple[bytes, float]] = {}
        self.index: dict[str, float] = {}

    def send(self, *command: Any, key: str | None = None) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.up:
            answer.set_result(self._answer(*command))
        else:
            answer.set_exception(CacheUnavailable("gone"))
        return answer

    call = send

    def _answer(self, word: str, *rest: Any) -> Any:
        match word:
            case "TIME":
                return [b"%d" % int(self.now), b"%d" % round(self.now % 1 * 1e6)]
            case "SET":
                self.beats[rest[0]] = (rest[1], self.now + rest[3])
            case "GET":
                value, ends = self.beats.get(rest[0], (None, 0.0))
                return value if ends > self.now else None
            case "ZADD":
                self.index[rest[2]] = rest[1]
            case "ZREMRANGEBYSCORE":
                self.index = {name: score for name, score in self.index.items() if score > rest[2]}
            case "ZCARD":
                return len(self.index)
            case "HSET" | "EXPIRE":
                pass
            case "ZRANGE":
                assert rest[1:] == (0, -1)
                return [name.encode() for name in self.index]
            case _:
                raise AssertionError(word)
        return b"OK"


@pytest.fixture
def link() -> FakeLink:
    return FakeLink()


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch, link: FakeLink) -> Callable[[float], None]:
    """Sets how far the clock of the instance that acts next is ahead of that of Redis, seconds."""

    def set_ahead(ahead: float) -> None:
        class Clock:
            @staticmethod
            def time() -> float:
                return link.now + ahead

        monkeypatch.setattr(module, "time", Clock)

    return set_ahead


def member(link: FakeLink, name: str, started: float) -> Fleet:
    environment = {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d", "APP_ENV": "test", "INSTANCE_ID": name} | SECRETS
    fleet = create_app(load_settings(environment))[FLEET]
    fleet._link = fleet.history._link = link  # type: ignore[assignment]
    fleet._metrics.started = started
    return fleet


async def test_a_wrong_clock_neither_hides_nor_keeps_an_instance(
    link: FakeLink, clocks: Callable[[float], None]
) -> None:
    skews = {"exact": 0.0, "ahead": 3600.0, "behind": -3600.0, "little": 20.0, "late": -20.0}
    members = {name: member(link, name, link.now + skew - 100) for name, skew in skews.items()}
    for name, fleet in members.items():
        clocks(skews[name])
        await fleet.beat()
    link.now += 1
    for name, fleet in members.items():
        clocks(skews[name])
        beats = await fleet.read()
        assert [beat["id"] for beat in beats] == sorted(skews)
        assert fleet.now() == pytest.approx(link.now, abs=0.01)
        rows = fleet_view(beats, fleet.now(), [])["rows"]
        assert {row["Health"][0] for row in rows} == {"serving"}
        assert {row["Up"][0] for row in rows} == {"1 min"}
    link.now += 15
    for name in ("ahead", "exact"):
        clocks(skews[name])
        await members[name].beat()
    clocks(skews["exact"])
    assert [beat["id"] for beat in await members["exact"].read()] == ["ahead", "exact"]
    assert sorted(link.index) == ["ahead", "exact"]


async def test_how_far_the_clocks_are_apart_is_told(link: FakeLink, clocks: Callable[[float], None]) -> None:
    fleet = member(link, "ahead", link.now)
    clocks(7.5)
    await fleet.beat()
    beat = msgspec.json.decode(link.beats["videa:fleet:ahead"][0])
    assert beat["clock_offset"] == pytest.approx(7.5, abs=0.01)
    assert beat["seen"] == pytest.approx(link.now, abs=0.01)


async def test_without_redis_an_instance_goes_by_its_own_clock(link: FakeLink, clocks: Callable[[float], None]) -> None:
    link.up = False
    fleet = member(link, "alone", link.now)
    clocks(5.0)
    await fleet.beat()
    (beat,) = await fleet.read()
    assert (beat["id"], beat["clock_offset"]) == ("alone", None)
    assert beat["seen"] == pytest.approx(link.now + 5, abs=0.01)

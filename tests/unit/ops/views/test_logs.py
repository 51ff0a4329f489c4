"""Lines of several logs: parsing, order and filters."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from ops.errors import UsageError
from ops.models import Container
from ops.platform.ports import Platform
from ops.views import logs
from ops.views.logs import LogLine, Wanted, parse, since_when

APP = Container("id", "app-1", "app", "running", "healthy", "app:1", 0, 0, oom_killed=False)


@pytest.mark.parametrize(
    ("text", "level", "request_id"),
    [
        ('{"level":"warning","request_id":"r1","message":"slow"}', "warning", "r1"),
        ('{"time":1.0,"status":502,"request_id":"r2"}', "error", "r2"),
        ('{"time":1.0,"status":200,"request_id":"r3"}', "info", "r3"),
        ("2026/11/23 14:00:00 [error] 7#7: connect() failed", "error", ""),
        ("2026-11-23 14:00:00 UTC [12] FATAL:  too many clients", "error", ""),
        ("1:M 23 Nov 2026 14:00:00.000 # WARNING overcommit", "warning", ""),
        ("ready", "info", ""),
        ("{not json", "info", ""),
    ],
)
def test_the_level_and_the_request_id_of_a_line(text: str, level: str, request_id: str) -> None:
    line = parse("app-1", f"2026-11-23T14:00:00.123456789Z {text}")
    assert line
    assert (line.level, line.request_id, line.text) == (level, request_id, text)
    assert line.time == pytest.approx(1795442400.123456)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ('{"ts":"2026-11-23T13:59:59.900Z","message":"request"}', 1795442399.9),
        ('{"time":1795442399.950,"status":200}', 1795442399.95),
        ('{"ts":"2026-11-23T09:00:00.000Z","message":"its clock is wrong"}', 1795442400.0),
        ('{"ts":"yesterday"}', 1795442400.0),
        ("ready", 1795442400.0),
    ],
)
def test_a_line_has_its_own_time_not_that_of_its_batch(text: str, time: float) -> None:
    line = parse("app-1", f"2026-11-23T14:00:00.000000000Z {text}")
    assert line
    assert (line.time, line.arrived) == (pytest.approx(time, abs=1e-4), 1795442400.0)


def test_a_line_without_a_timestamp_is_ignored() -> None:
    assert parse("app-1", "no time") is None


def test_lines_of_several_containers_sort_by_time() -> None:
    assert sorted([LogLine(2.0, "a", "x"), LogLine(1.0, "b", "y")])[0].container == "b"


def test_followed_lines_are_shown_while_more_arrive() -> None:
    """Lines of a log without pauses, for example under load, are shown without waiting for one."""
    ended = threading.Event()

    def busy(*_: object, **__: object) -> Iterator[str]:
        for _ in range(1000):
            yield f"{datetime.now(UTC).isoformat(timespec='microseconds').removesuffix('+00:00')}000Z ready"
            time.sleep(0.01)
        ended.set()

    first = next(logs.follow(cast(Platform, SimpleNamespace(log_lines=busy)), lambda: [APP], since=0, tail=0))
    assert first.text == "ready"
    assert not ended.is_set()


def test_a_restarted_container_is_still_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log ends when it exits, and the engine then returns the old lines again."""
    monkeypatch.setattr(logs, "REFRESH", 0.05)
    shown = [f"2026-11-23T14:00:0{second}.000000000Z line {second}" for second in range(3)]
    starts: list[int] = []

    def restarted(*_: object, **__: object) -> Iterator[str]:
        starts.append(len(starts))
        yield from shown[: len(starts)]

    followed = logs.follow(cast(Platform, SimpleNamespace(log_lines=restarted)), lambda: [APP], since=0, tail=0)
    assert [next(followed).text for _ in range(3)] == ["line 0", "line 1", "line 2"]


def test_filters() -> None:
    line = LogLine(1.0, "a", '{"request_id":"r1"}', "warning", "r1")
    assert Wanted()(line)
    assert Wanted("warning", "r1")(line)
    assert not Wanted("error")(line)
    assert not Wanted("debug", "r2")(line)


def test_since() -> None:
    assert since_when("10m", 1000.0) == 400.0
    assert since_when("2026-11-23T14:00:00+00:00", 0.0) == 1795442400.0
    assert since_when("1h", 1000.0) == 0.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yesterday", "'yesterday' is not a time"),
        ("", "not a time"),
        ("2026-13-45", "not a time"),
        ("999999999h", "longer than a year"),
        ("9" * 400 + "h", "longer than a year"),
        ("1969-12-31T00:00:00Z", "before 1970"),
        ("0001-01-01T00:00:00+00:00", "before 1970"),
        ("\uff19m", "not a time"),
    ],
)
def test_a_time_that_the_engine_would_not_take_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        since_when(text, 2e9)

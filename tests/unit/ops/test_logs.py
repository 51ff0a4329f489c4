"""Lines of several logs, read and chosen."""

from __future__ import annotations

import pytest

from ops.errors import UsageError
from ops.logs import LogLine, Wanted, parse, since_when


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
def test_what_a_line_means(text: str, level: str, request_id: str) -> None:
    line = parse("app-1", f"2026-11-23T14:00:00.123456789Z {text}")
    assert line
    assert (line.level, line.request_id, line.text) == (level, request_id, text)
    assert line.time == pytest.approx(1795442400.123456)


def test_a_line_without_a_timestamp_is_none() -> None:
    assert parse("app-1", "no time") is None


def test_lines_of_several_containers_sort_by_time() -> None:
    assert sorted([LogLine(2.0, "a", "x"), LogLine(1.0, "b", "y")])[0].container == "b"


def test_filters() -> None:
    line = LogLine(1.0, "a", '{"request_id":"r1"}', "warning", "r1")
    assert Wanted()(line)
    assert Wanted("warning", "r1")(line)
    assert not Wanted("error")(line)
    assert not Wanted("debug", "r2")(line)


def test_since() -> None:
    assert since_when("10m", 1000.0) == 400.0
    assert since_when("2026-11-23T14:00:00+00:00", 0.0) == 1795442400.0
    with pytest.raises(UsageError, match="yesterday"):
        since_when("yesterday", 0.0)

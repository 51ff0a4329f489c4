"""The rate and the latency in the end of nginx's log."""

from __future__ import annotations

import json

from ops.autoscale.requests import LAG, WINDOW, traffic_of
from ops.balancer.access_log import Line

NOW = 1000.0


def line(time: float, seconds: float = 0.01, upstream: str = "10.0.0.1:80") -> bytes:
    fields = {"time": time, "status": 200, "seconds": seconds, "upstream": upstream}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def dropped(time: float) -> bytes:
    return b'{"time":%d,"level":"warning","message":"log lines dropped","dropped":7}\n' % time


def anybody(line: Line) -> bool:
    return True


def spread(count: int, since: float, until: float) -> bytes:
    return b"".join(line(since + (until - since) * number / count) for number in range(count))


def test_the_rate_is_that_of_the_window() -> None:
    tail = spread(500, NOW - 20, NOW - 6) + spread(100, NOW - LAG - WINDOW, NOW - LAG)
    assert traffic_of(tail, NOW, anybody).rate == 20.0


def test_lines_that_are_still_to_come_do_not_lower_it() -> None:
    assert traffic_of(spread(500, NOW - 5.25, NOW - LAG), NOW, anybody).rate == 100.0


def test_if_the_lines_are_all_newer_the_rate_is_that_of_the_lines() -> None:
    tail = spread(2000, NOW - 1.1, NOW - 0.1)
    assert 1990 < traffic_of(tail, NOW, anybody, most=2000).rate < 2010
    tail = spread(2000, NOW - 4.1, NOW - 3.1)
    assert traffic_of(tail, NOW, anybody, most=5000).rate == 400, "there are no more lines, so the rest was quiet"


def test_requests_of_others_do_not_count() -> None:
    tail = spread(50, NOW - 5, NOW - 1) + line(NOW - 1, upstream="")
    assert traffic_of(tail, NOW, lambda line: line.upstream == "").rate == 0.2


def test_a_percentile_needs_some_requests() -> None:
    few, many = b"".join(line(NOW - 1, 3.0) for _ in range(19)), b"".join(line(NOW - 1, 3.0) for _ in range(20))
    assert traffic_of(few, NOW, anybody).p95 == 0.0
    assert 2.9 < traffic_of(many, NOW, anybody).p95 < 3.1


def test_dropped_lines_of_the_window_are_a_gap_and_older_ones_are_none() -> None:
    assert "7 lines" in traffic_of(dropped(NOW - 2) + spread(10, NOW - 2, NOW - 1), NOW, anybody).gap
    assert not traffic_of(dropped(NOW - 20) + spread(10, NOW - 2, NOW - 1), NOW, anybody).gap


def test_an_empty_log_is_no_load() -> None:
    assert traffic_of(b"", NOW, anybody).rate == 0.0


def test_a_crowd_shows_within_a_second() -> None:
    calm, crowd = spread(440, NOW - 5.65, NOW - 1.25), spread(1500, NOW - 1.25, NOW - LAG)
    assert 1350 < traffic_of(calm + crowd, NOW, anybody).rate <= 1500


def test_chance_and_requests_that_waited_together_are_no_crowd() -> None:
    calm = spread(80, NOW - 5.25, NOW - 1.25)
    assert traffic_of(calm + spread(30, NOW - 1.25, NOW - LAG), NOW, anybody).rate == 22.0
    waited = b"".join(line(NOW - 1, seconds=4.0) for _ in range(400))
    assert traffic_of(calm + waited, NOW, anybody).rate == 96.0

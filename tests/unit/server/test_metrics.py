from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.web_urldispatcher import SystemRoute

from server.metrics import ANSWERED, BUCKETS, Metrics, percentile


async def answer(_: web.Request) -> web.Response:
    return web.Response()


ROUTE = web.Application().router.add_get("/a", answer)
UNMATCHED = SystemRoute(web.HTTPNotFound())


def observe(metrics: Metrics, method: str, status: int, seconds: float) -> None:
    metrics.observe(ROUTE, method, status, seconds)


def test_totals_are_split_by_kind_of_error() -> None:
    metrics = Metrics()
    for status in (200, 201, 404, 429, 500):
        observe(metrics, "GET", status, 0.002)
    sample = metrics.sample()
    assert (sample.requests, sample.client_errors, sample.server_errors) == (5, 2, 1)
    assert sample.seconds == pytest.approx(0.01)


def test_percentiles_interpolate_inside_a_bucket() -> None:
    buckets = [0] * (len(BUCKETS) + 1)
    buckets[BUCKETS.index(0.01)] = 100
    assert percentile(buckets, 0.5) == pytest.approx(0.0075)
    assert percentile(buckets, 1.0) == pytest.approx(0.01)
    assert percentile([0] * len(buckets), 0.5) is None


def test_slower_than_the_last_bucket_is_told_as_the_last_bound() -> None:
    metrics = Metrics()
    observe(metrics, "GET", 200, 60.0)
    assert percentile(metrics.sample().buckets, 0.99) == BUCKETS[-1]


def test_made_up_methods_share_one_series() -> None:
    metrics = Metrics()
    for number in range(100):
        metrics.observe(UNMATCHED, f"HACK{number}", 405, 0.001)
    assert list(metrics.routes) == [("OTHER", "unmatched")]


def test_probes_of_the_health_are_no_clients() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    metrics = Metrics()
    metrics.observe(web.Application().router.add_get("/health/ready", answer), "GET", 503, 0.001)
    assert metrics.answered == 0
    observe(metrics, "GET", 200, 0.001)
    assert metrics.answered == 1
    last_minute = metrics.last_minute()[1]
    assert (last_minute.requests, last_minute.server_errors) == (1, 0)  # not ready for a second is no error of the API


def test_requests_that_wait_are_told_with_how_long_but_no_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.metrics.time.perf_counter", lambda: 100.0)
    metrics = Metrics()
    metrics.open = {1: 99.99, 2: 92.5, 3: ANSWERED, 4: 40.0}
    assert metrics.in_flight == 4
    assert metrics.unanswered() == [60.0, 7.5]

"""The answers of each replica, from nginx's log."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from ops.balancer.access_log import Line
from ops.balancer.recent import PROCESS_IDS
from ops.balancer.tally import MAX_ROUTES, total
from ops.balancer.tries import Tallies, Try, TryLog, Warming, Warmup, tries_of


def line(**values: object) -> Line:
    return Line(**{"time": 1.0, "status": 200, "seconds": 0.05, "request_id": "abc", **values})  # type: ignore[arg-type]


def test_a_failed_call_of_grpc_counts_although_the_replica_has_answered() -> None:
    """The image logs the status in its trailers as an HTTP status."""
    logged = line(status=503, upstream="10.0.0.2:3001", upstream_status="200", upstream_seconds="0.001")
    assert [each.status for each in tries_of(logged)] == [503]


def test_a_request_is_one_try_at_the_replica_that_answered() -> None:
    logged = line(upstream="10.0.0.2:3001", upstream_status="200", upstream_seconds="0.040")
    assert list(tries_of(logged)) == [Try("10.0.0.2:3001", 200, 0.04, begun=0.95)]


def test_a_refused_connection_counts_for_the_replica_that_refused() -> None:
    logged = line(upstream="10.0.0.2:3001, 10.0.0.3:3001", upstream_status="502, 200", upstream_seconds="0.001, 0.020")
    assert [request.status for request in tries_of(logged)] == [502, 200]


def test_a_second_upstream_group_is_parsed() -> None:
    logged = line(upstream="10.0.0.2:3001 : 10.0.0.3:3001", upstream_status="502 : 200", upstream_seconds="- : 0.020")
    assert [(request.address, request.seconds) for request in tries_of(logged)] == [
        ("10.0.0.2:3001", None),
        ("10.0.0.3:3001", 0.02),
    ]


def test_the_latency_of_a_stream_is_the_time_to_its_first_byte() -> None:
    logged = line(
        seconds=31.0,
        upstream="10.0.0.2:3001, 10.0.0.3:3001",
        upstream_status="502, 200",
        upstream_seconds="0.001, 30.9",
        upstream_first="-, 0.004",
    )
    assert [(request.status, request.seconds) for request in tries_of(logged)] == [(502, None), (200, 0.004)]


def test_a_missing_answer_is_a_failure_without_a_latency() -> None:
    logged = line(status=0, upstream="10.0.0.2:3001", upstream_status="-", upstream_seconds="3.1")
    assert list(tries_of(logged)) == [Try("10.0.0.2:3001", 0, None, begun=0.95)]


def test_a_closed_client_connection_is_not_a_failure_but_its_wait_counts() -> None:
    logged = line(status=499, seconds=3.2, upstream="10.0.0.2:3001", upstream_status="-", upstream_seconds="3.2")
    assert [(request.status, request.seconds) for request in tries_of(logged)] == [(499, 3.2)]


def test_probes_testers_and_nginxs_own_answers_are_omitted() -> None:
    probe = line(request_id=f"{PROCESS_IDS}0123456789ab-7", upstream="10.0.0.2:3001", upstream_status="200")
    assert list(tries_of(probe)) == []
    assert list(tries_of(line(upstream="10.0.0.2:3001", upstream_status="500", status=500, tester="canary"))) == []
    assert list(tries_of(line(upstream=""))) == []


@pytest.mark.parametrize("request_id", ["videa-0123456789ab-7", "videa-doctor-0123456789ab", "videa-"])
def test_a_request_id_that_looks_like_a_probes_hides_nobody(request_id: str) -> None:
    logged = line(request_id=request_id, upstream="10.0.0.2:3001", upstream_status="500", status=500)
    assert [request.status for request in tries_of(logged)] == [500]


def tried(number: int = 0, seconds: float | None = 0.02, status: int = 200, **values: object) -> Try:
    return Try(**{"address": "10.0.0.2:3001", "status": status, "seconds": seconds, "begun": 100.0 + number, **values})  # type: ignore[arg-type]


def test_only_the_last_try_has_a_body_and_head_has_none() -> None:
    twice = line(upstream="10.0.0.2:3001, 10.0.0.3:3001", upstream_status="502, 200", method="GET", path="/a", body=0)
    assert [request.body for request in tries_of(twice)] == [None, 0]
    assert [request.body for request in tries_of(line(upstream="10.0.0.2:3001", method="HEAD", body=0))] == [None]
    assert [request.body for request in tries_of(line(upstream="10.0.0.2:3001", method="GET"))] == [None]


def test_tries_are_counted_by_address_class_and_body() -> None:
    tallies = Tallies(Warmup(seconds=0))
    for request in (
        tried(body=10),
        tried(body=0),
        tried(status=304, body=0),
        tried(status=404, body=0),
        tried(status=503),
        tried(status=0, seconds=None),
        tried(status=499, seconds=3.0),
        tried(address="10.0.0.9:3001"),
    ):
        tallies.add(request)
    tally = tallies.of(["10.0.0.2", "10.0.0.7"])
    mix = total(tally.routes)
    assert (tally.failed, tally.unanswered, tally.warm.count) == (2, 1, 6)
    assert dict(mix.classes) == {2: 3, 4: 1, 5: 2}
    assert (mix.empty, mix.bodies) == (1, 2)
    tallies.clear()
    assert not tallies.of(["10.0.0.2"]).routes


def test_memory_does_not_grow_with_the_number_of_requests() -> None:
    tallies = Tallies(Warmup(seconds=0))
    for number in range(20_000):
        tallies.add(tried(number, seconds=number / 100, method="GET", path=f"/{'ab' * (number % 300)}/{number}"))
    tally = tallies.of(["10.0.0.2"])
    assert tally.warm.count == 20_000
    assert len(tally.routes) <= MAX_ROUTES + 1
    assert len(tally.warm.steps) < 2000


def count_cold(warmup: Warmup, *requests: Try, warming: dict[str, Warming] | None = None) -> int:
    tallies = Tallies(warmup, warming)
    for request in requests:
        tallies.add(request)
    return tallies.of(["10.0.0.2"]).cold.count


def test_a_replica_is_cold_for_the_set_time_after_its_first_request() -> None:
    requests = [tried(number) for number in range(30)]
    assert count_cold(Warmup(seconds=10), *requests) == 10
    assert count_cold(Warmup(seconds=0), *requests) == 0


def test_a_replica_is_warm_after_ten_fast_answers_in_a_row() -> None:
    slow = [tried(number, seconds=2.0) for number in range(60)]
    quick = [tried(number) for number in range(500)]
    assert count_cold(Warmup(), *slow, *quick) == 60
    assert count_cold(Warmup(), *quick) == 0


def test_a_slow_replica_is_not_cold_forever() -> None:
    assert count_cold(Warmup(), *(tried(number, seconds=2.0) for number in range(500))) == 99


def test_a_warm_replica_stays_warm_in_the_next_window() -> None:
    warming: dict[str, Warming] = {}
    count_cold(Warmup(), *(tried(number) for number in range(50)), warming=warming)
    assert count_cold(Warmup(), *(tried(number, seconds=2.0) for number in range(50)), warming=warming) == 0


def test_waiting_requests_count_towards_the_warm_up() -> None:
    tallies = Tallies(Warmup())
    assert tallies.waits("10.0.0.2", [3.0] * 99) == []
    assert len(tallies.waits("10.0.0.2", [3.0] * 100)) == 100


def test_cold_requests_that_are_logged_after_fast_ones_are_cold() -> None:
    """At 50 requests/s, the first 60 take 2 s each: nginx logs 40 of the next ones before the first of them."""
    requests = [tried(number, seconds=2.0 if number < 60 else 0.02, begun=number / 50) for number in range(400)]
    logged = sorted(requests, key=lambda request: request.begun + (request.seconds or 0))
    assert count_cold(Warmup(), *logged) == 60


def test_slow_and_waiting_requests_of_a_warm_replica_count() -> None:
    tallies = Tallies(Warmup())
    for number in range(20):
        tallies.add(tried(number))
    tallies.add(tried(20, seconds=2.0))
    assert tallies.of(["10.0.0.2"]).cold.count == 0
    assert tallies.waits("10.0.0.2", [3.0, 50.0]) == [3.0]


class EndlessLog:
    """A log with these lines, which then ends only when it is closed."""

    def __init__(self, *lines: bytes) -> None:
        self.lines = lines
        self.read, self.closed = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        yield b"".join(line + b"\n" for line in self.lines)
        self.read.set()
        self.closed.wait(10)

    def close(self) -> None:
        self.closed.set()


@pytest.mark.parametrize("gaps", [0, 1, 2])
def test_dropped_lines_are_gaps(gaps: int) -> None:
    notice = b'{"time":1795438895,"level":"warning","message":"log lines dropped","dropped":7}'
    request = b'{"time":1.0,"status":200,"seconds":0.05,"upstream":"10.0.0.2:3001","upstream_status":"200"}'
    stream = EndlessLog(request, *[notice] * gaps)
    log = TryLog(SimpleNamespace(follow_log=lambda: stream), Tallies(Warmup()))  # type: ignore[arg-type]
    log.start()
    assert stream.read.wait(10)
    breaks = log.breaks
    log.stop()
    assert breaks == gaps

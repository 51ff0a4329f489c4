"""What each replica answered, out of nginx's log."""

from __future__ import annotations

from ops.balancer.access_log import Line
from ops.balancer.tally import MAX_ROUTES, total
from ops.balancer.tries import Tallies, Try, Warming, Warmup, tries_of


def line(**values: object) -> Line:
    return Line(**{"time": 1.0, "status": 200, "seconds": 0.05, "request_id": "abc", **values})  # type: ignore[arg-type]


def test_a_request_is_one_try_at_the_replica_that_answered() -> None:
    found = line(upstream="10.0.0.2:3001", upstream_status="200", upstream_seconds="0.040")
    assert list(tries_of(found)) == [Try("10.0.0.2:3001", 200, 0.04, begun=0.95)]


def test_a_refused_connection_counts_for_the_replica_that_refused() -> None:
    found = line(upstream="10.0.0.2:3001, 10.0.0.3:3001", upstream_status="502, 200", upstream_seconds="0.001, 0.020")
    assert [each.status for each in tries_of(found)] == [502, 200]


def test_a_second_group_is_read_too() -> None:
    found = line(upstream="10.0.0.2:3001 : 10.0.0.3:3001", upstream_status="502 : 200", upstream_seconds="- : 0.020")
    assert [(each.address, each.seconds) for each in tries_of(found)] == [
        ("10.0.0.2:3001", None),
        ("10.0.0.3:3001", 0.02),
    ]


def test_a_stream_is_as_fast_as_its_first_byte() -> None:
    found = line(
        seconds=31.0,
        upstream="10.0.0.2:3001, 10.0.0.3:3001",
        upstream_status="502, 200",
        upstream_seconds="0.001, 30.9",
        upstream_first="-, 0.004",
    )
    assert [(each.status, each.seconds) for each in tries_of(found)] == [(502, None), (200, 0.004)]


def test_no_answer_is_a_failure_and_has_no_time() -> None:
    found = line(status=0, upstream="10.0.0.2:3001", upstream_status="-", upstream_seconds="3.1")
    assert list(tries_of(found)) == [Try("10.0.0.2:3001", 0, None, begun=0.95)]


def test_a_client_that_left_is_no_failure_but_its_wait_counts() -> None:
    found = line(status=499, seconds=3.2, upstream="10.0.0.2:3001", upstream_status="-", upstream_seconds="3.2")
    assert [(each.status, each.seconds) for each in tries_of(found)] == [(499, 3.2)]


def test_probes_and_what_nginx_answers_itself_are_left_out() -> None:
    probe = line(request_id="videa-0123456789ab-7", upstream="10.0.0.2:3001", upstream_status="200")
    assert list(tries_of(probe)) == []
    assert list(tries_of(line(upstream=""))) == []


def tried(number: int = 0, seconds: float | None = 0.02, status: int = 200, **values: object) -> Try:
    return Try(**{"address": "10.0.0.2:3001", "status": status, "seconds": seconds, "begun": 100.0 + number, **values})  # type: ignore[arg-type]


def test_a_body_is_expected_of_the_last_try_and_of_no_head() -> None:
    twice = line(upstream="10.0.0.2:3001, 10.0.0.3:3001", upstream_status="502, 200", method="GET", path="/a", body=0)
    assert [each.body for each in tries_of(twice)] == [None, 0]
    assert [each.body for each in tries_of(line(upstream="10.0.0.2:3001", method="HEAD", body=0))] == [None]
    assert [each.body for each in tries_of(line(upstream="10.0.0.2:3001", method="GET"))] == [None]


def test_tries_are_counted_by_address_class_and_body() -> None:
    tallies = Tallies(Warmup(seconds=0))
    for each in (
        tried(body=10),
        tried(body=0),
        tried(status=304, body=0),
        tried(status=404, body=0),
        tried(status=503),
        tried(status=0, seconds=None),
        tried(status=499, seconds=3.0),
        tried(address="10.0.0.9:3001"),
    ):
        tallies.add(each)
    found = tallies.of(["10.0.0.2", "10.0.0.7"])
    mix = total(found.routes)
    assert (found.failed, found.unanswered, found.warm.count) == (2, 1, 6)
    assert dict(mix.classes) == {2: 3, 4: 1, 5: 2}
    assert (mix.empty, mix.bodies) == (1, 2)
    tallies.clear()
    assert not tallies.of(["10.0.0.2"]).routes


def test_memory_and_the_cost_of_a_look_do_not_grow_with_the_requests() -> None:
    tallies = Tallies(Warmup(seconds=0))
    for number in range(20_000):
        tallies.add(tried(number, seconds=number / 100, method="GET", path=f"/{'ab' * (number % 300)}/{number}"))
    found = tallies.of(["10.0.0.2"])
    assert found.warm.count == 20_000
    assert len(found.routes) <= MAX_ROUTES + 1
    assert len(found.warm.steps) < 2000


def cold_ones(warmup: Warmup, *given: Try, warming: dict[str, Warming] | None = None) -> int:
    tallies = Tallies(warmup, warming)
    for each in given:
        tallies.add(each)
    return tallies.of(["10.0.0.2"]).cold.count


def test_for_a_stated_time_after_its_first_request_a_replica_is_cold() -> None:
    requests = [tried(number) for number in range(30)]
    assert cold_ones(Warmup(seconds=10), *requests) == 10
    assert cold_ones(Warmup(seconds=0), *requests) == 0


def test_by_its_own_trend_it_is_warm_once_it_is_quick_ten_times_in_a_row() -> None:
    slow = [tried(number, seconds=2.0) for number in range(60)]
    quick = [tried(number) for number in range(500)]
    assert cold_ones(Warmup(), *slow, *quick) == 60
    assert cold_ones(Warmup(), *quick) == 0


def test_what_stays_slow_is_not_cold_for_ever() -> None:
    assert cold_ones(Warmup(), *(tried(number, seconds=2.0) for number in range(500))) == 99


def test_a_replica_that_is_warm_stays_so_in_the_next_window() -> None:
    warming: dict[str, Warming] = {}
    cold_ones(Warmup(), *(tried(number) for number in range(50)), warming=warming)
    assert cold_ones(Warmup(), *(tried(number, seconds=2.0) for number in range(50)), warming=warming) == 0


def test_requests_that_wait_count_towards_its_warming_up() -> None:
    tallies = Tallies(Warmup())
    assert tallies.waits("10.0.0.2", [3.0] * 99) == []
    assert len(tallies.waits("10.0.0.2", [3.0] * 100)) == 100


def test_what_began_cold_and_is_logged_after_the_quick_ones_is_cold_all_the_same() -> None:
    """At 50 requests a second the first 60 take 2 s: nginx logs 40 of the next ones before the first of them."""
    given = [tried(number, seconds=2.0 if number < 60 else 0.02, begun=number / 50) for number in range(400)]
    logged = sorted(given, key=lambda each: each.begun + (each.seconds or 0))
    assert cold_ones(Warmup(), *logged) == 60


def test_once_warm_what_is_slow_counts_and_what_waits_since_then_too() -> None:
    tallies = Tallies(Warmup())
    for number in range(20):
        tallies.add(tried(number))
    tallies.add(tried(20, seconds=2.0))
    assert tallies.of(["10.0.0.2"]).cold.count == 0
    assert tallies.waits("10.0.0.2", [3.0, 50.0]) == [3.0]

"""What each replica answered, out of nginx's log."""

from __future__ import annotations

from ops.balancer.access_log import Line
from ops.balancer.tries import Try, tries_of


def line(**values: object) -> Line:
    return Line(**{"time": 1.0, "status": 200, "seconds": 0.05, "request_id": "abc", **values})  # type: ignore[arg-type]


def test_a_request_is_one_try_at_the_replica_that_answered() -> None:
    found = line(upstream="10.0.0.2:3001", upstream_status="200", upstream_seconds="0.040")
    assert list(tries_of(found)) == [Try("10.0.0.2:3001", 200, 0.04)]


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
    assert list(tries_of(found)) == [Try("10.0.0.2:3001", 0, None)]


def test_a_client_that_left_is_no_failure_but_its_wait_counts() -> None:
    found = line(status=499, seconds=3.2, upstream="10.0.0.2:3001", upstream_status="-", upstream_seconds="3.2")
    assert list(tries_of(found)) == [Try("10.0.0.2:3001", 499, 3.2)]


def test_probes_and_what_nginx_answers_itself_are_left_out() -> None:
    probe = line(request_id="videa-0123456789ab-7", upstream="10.0.0.2:3001", upstream_status="200")
    assert list(tries_of(probe)) == []
    assert list(tries_of(line(upstream=""))) == []

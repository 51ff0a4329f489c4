"""Counts many requests in limited memory."""

from __future__ import annotations

import pytest

from ops.balancer.tally import BOUNDS, MAX_ROUTES, OTHERS, Latencies, Mix, Routes, route, total


def test_up_to_one_second_latencies_are_exact_to_a_millisecond() -> None:
    latencies = Latencies(number / 1000 for number in range(1, 1001))
    assert latencies.percentile(99) == 0.99
    assert latencies.percentile(50) == 0.5
    assert latencies.above(0.5) == 500
    assert latencies.above(0.499) == 501


@pytest.mark.parametrize("seconds", [1.5, 3.0, 29.7, 600.0])
def test_above_one_second_latencies_are_exact_to_one_percent(seconds: float) -> None:
    latencies = Latencies([seconds])
    assert seconds * 0.989 <= latencies.percentile(99) <= seconds
    assert latencies.above(seconds) == 0
    assert latencies.above(seconds * 0.98) == 1


def test_the_percentile_of_no_latencies_is_0() -> None:
    assert (Latencies().percentile(99), Latencies().above(0.1), Latencies().count) == (0.0, 0, 0)


def test_a_histogram_has_every_answer_in_the_class_that_it_does_not_exceed() -> None:
    counts = Latencies([0.0, 0.001, 0.0014, 0.5, 0.501, 10.0, 11.0]).histogram()
    assert len(counts) == len(BOUNDS) + 1
    assert {BOUNDS[number]: count for number, count in enumerate(counts[:-1]) if count} == {
        **{0.001: 3, 0.5: 1, 0.7: 1},
        10.0: 1,
    }
    assert counts[-1] == 1
    assert Latencies().histogram() == ()


def test_merging_adds_the_counts() -> None:
    latencies = Latencies([0.1, 0.2])
    latencies.merge(Latencies([0.3]))
    assert (latencies.count, latencies.above(0.15)) == (3, 2)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("/api/v1/titles", "/api/v1/titles"),
        ("/api/v1/titles/123", "/api/v1/titles/*"),
        ("/t/2b1c6f6e-9d0b-4a52-8a2e-0b8f5f7c1d2e/cast", "/t/*/cast"),
        ("/blob/9F86D081884C7D659A2FEAA0", "/blob/*"),
        ("/watch/dQw4w9WgXcQ", "/watch/*"),
        ("/static/" + "x" * 64, "/static/*"),
        ("/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/**"),
        ("/favicon.ico", "/favicon.ico"),
        ("/dashboard", "/dashboard"),
    ],
)
def test_a_route_has_no_ids(path: str, expected: str) -> None:
    assert route(path) == expected


def test_routes_are_limited_and_a_scanner_does_not_use_them_up() -> None:
    routes = Routes()
    scanned = {routes.name("GET", f"/scan-{'x' * number}") for number in range(1, 3000)}
    assert scanned <= {OTHERS, *(f"GET /{'*'}",)}
    real = [f"/page-{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(MAX_ROUTES + 20)]
    names = {routes.name("GET", path) for _ in range(2) for path in real}
    assert len(names - {OTHERS}) <= MAX_ROUTES
    assert "GET /page-aa" in names
    assert OTHERS in names
    assert routes.name("POST", "/page-aa") == OTHERS
    assert routes.name("", "") == OTHERS


def test_the_total_is_the_sum_of_all_routes() -> None:
    one, other = Mix(empty=1, bodies=4), Mix(empty=0, bodies=6)
    one.classes.update({2: 4, 4: 1})
    other.classes.update({2: 6})
    combined = total({"a": one, "b": other})
    assert (combined.answers, combined.classes[2], combined.empty, combined.bodies) == (11, 10, 1, 10)

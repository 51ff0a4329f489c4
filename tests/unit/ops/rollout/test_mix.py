"""Comparison of the canary's answers with stable's, in total and by route."""

from __future__ import annotations

import random

import pytest

from ops.balancer.tally import OTHERS, Mix
from ops.rollout.mix import difference

LEVEL = 0.01


def mix(empty: int = 0, bodies: int = 0, **classes: int) -> Mix:
    """A mix by status class, for example c2=90, c4=10."""
    answers = Mix(empty=empty, bodies=bodies)
    answers.classes.update({int(name[1:]): count for name, count in classes.items()})
    return answers


GOOD = {"GET /": mix(c2=90, c3=5, c4=5), "GET /titles/*": mix(c2=100)}
STABLE = {"GET /": mix(c2=1800, c3=100, c4=100), "GET /titles/*": mix(c2=2000)}


def test_the_same_mix_is_no_difference() -> None:
    assert not difference(GOOD, STABLE, LEVEL)
    assert not difference({}, STABLE, LEVEL)
    assert not difference(GOOD, {}, LEVEL)


@pytest.mark.parametrize(
    ("canary", "words"),
    [
        ({"GET /": mix(c4=200)}, "client errors (4xx)"),
        ({"GET /": mix(c3=200)}, "redirects (3xx)"),
        ({"GET /": mix(c2=140, c3=60)}, "redirects (3xx)"),
        ({"GET /": mix(c2=100), "GET /titles/*": mix(c4=100)}, "client errors (4xx)"),
        ({"GET /": mix(c2=95, c5=5), "GET /titles/*": mix(c2=100)}, "server errors"),
    ],
)
def test_a_larger_share_of_bad_answers_is_a_difference(canary: dict[str, Mix], words: str) -> None:
    assert words in difference(canary, STABLE, LEVEL)


def test_one_broken_route_among_many_good_ones_is_found_and_named() -> None:
    stable = {f"GET /{number}": mix(c2=1900) for number in range(40)}
    canary = {f"GET /{number}": mix(c2=100) for number in range(40)} | {"GET /7": mix(c2=60, c4=40)}
    assert "client errors (4xx) at GET /7: 40.00%" in difference(canary, stable, LEVEL)


def test_answers_without_a_body_are_a_difference_if_stable_has_bodies() -> None:
    stable, canary = {"GET /": mix(c2=1900, bodies=1900)}, {"GET /": mix(c2=100, empty=100, bodies=100)}
    assert difference(canary, stable, LEVEL).startswith("answers without a body: 100.00%")
    both = {"GET /": mix(c2=1900, empty=1900, bodies=1900)}
    assert not difference(canary, both, LEVEL)
    assert not difference(canary, {"GET /": mix(c2=1900)}, LEVEL)


def test_a_smaller_or_a_slightly_larger_share_is_no_difference() -> None:
    assert not difference({"GET /": mix(c2=10_000)}, STABLE, LEVEL)
    assert not difference({"GET /": mix(c2=9600, c4=400)}, {"GET /": mix(c2=98_000, c4=2000)}, LEVEL)


def test_a_release_with_small_changes_fails_at_most_as_often_as_the_level() -> None:
    source = random.Random(2)

    def drawn(requests: int, client_errors: float) -> dict[str, Mix]:
        kinds = source.choices((2, 4), (1 - client_errors, client_errors), k=requests)
        return {"GET /": mix(c2=kinds.count(2), c4=kinds.count(4))}

    failed = sum(bool(difference(drawn(300, 0.07), drawn(3000, 0.04), LEVEL)) for _ in range(200))
    assert failed <= 2


def test_a_route_with_requests_to_one_of_them_only_is_not_compared() -> None:
    canary = {OTHERS: mix(c2=100), "GET /wp-login": mix(c4=2)}
    assert not difference(canary, {OTHERS: mix(c2=1900)}, LEVEL)


def test_a_good_release_with_many_routes_fails_at_most_as_often_as_the_level() -> None:
    source = random.Random(1)

    def drawn(requests: int) -> dict[str, Mix]:
        routes = {}
        for number in range(30):
            kinds = source.choices((2, 3, 4, 5), (0.8, 0.08, 0.1, 0.02), k=requests)
            routes[f"GET /{number}"] = mix(**{f"c{kind}": kinds.count(kind) for kind in (2, 3, 4, 5)})
        return routes

    failed = sum(bool(difference(drawn(8), drawn(150), LEVEL)) for _ in range(60))
    assert failed <= 2

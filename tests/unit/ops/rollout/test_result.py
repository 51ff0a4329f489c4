"""What differs at the end of an operation from what it would report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.fleet import Fleet
from ops.rollout.result import not_serving, unlike_before, unlike_plan
from tests.unit.ops.rollout.model import NEW, OLD, fleet, member

BOTH = ("app-1", "app-2")
WELL = fleet(member(1, NEW), member(2, NEW))


@pytest.mark.parametrize(
    ("now", "listed", "expected"),
    [
        (WELL, BOTH, []),
        (fleet(member(1, NEW)), ("app-1",), ["1 replica instead of 2"]),
        (fleet(member(1, NEW)), BOTH, ["1 replica instead of 2", "app-2 is in the balancer but not running"]),
        (
            fleet(member(1, NEW), member(2, NEW), member(3, NEW, listed=False)),
            BOTH,
            ["3 replicas instead of 2", "app-3 is not in the balancer"],
        ),
        (
            fleet(member(1, NEW), member(2, NEW), member(3, NEW, state="created")),
            BOTH,
            ["app-3 is created"],
        ),
        (fleet(member(1, OLD), member(2, NEW)), BOTH, ["app-1 is of another release"]),
        (fleet(member(1, OLD), member(2, OLD)), BOTH, ["app-1, app-2 are of another release"]),
        (fleet(member(1, NEW, ready=False), member(2, NEW)), BOTH, ["app-1 is not ready"]),
        (fleet(member(1, NEW, listed=False), member(2, NEW)), ("app-2",), ["app-1 is not in the balancer"]),
        (replace(WELL, split=True), BOTH, ["the traffic is still split"]),
    ],
    ids=[
        "well",
        "one is gone",
        "a listed one is gone",
        "more",
        "not started",
        "old",
        "all old",
        "sick",
        "unlisted",
        "split",
    ],
)
def test_every_difference_from_the_plan_is_named(now: Fleet, listed: tuple[str, ...], expected: list[str]) -> None:
    assert unlike_plan(now, listed, 2, {NEW}, ()) == expected


def test_an_excused_replica_counts_but_need_not_be_ready_or_listed() -> None:
    now = fleet(member(1, NEW, ready=False, listed=False), member(2, NEW))
    assert unlike_plan(now, ("app-2",), 2, {NEW}, {"app-1"}) == []
    assert unlike_plan(now, ("app-2",), 3, {NEW}, {"app-1"}) == ["2 replicas instead of 3"]


@pytest.mark.parametrize(
    ("now", "listed", "expected"),
    [
        (WELL, BOTH, []),
        (fleet(member(1, ready=False, listed=False), member(2)), ("app-2",), []),
        (fleet(member(1, listed=False), member(2)), ("app-2",), ["app-1 is not in the balancer"]),
        (fleet(member(2)), ("app-2",), ["app-1 is no longer running"]),
        (fleet(member(1), member(2), member(3, listed=False)), BOTH, ["app-3 is additional"]),
        (fleet(member(1), member(2)), (*BOTH, "app-3"), ["app-3 is in the balancer but not running"]),
    ],
    ids=["as before", "not ready", "unlisted", "gone", "additional", "listed too much"],
)
def test_every_difference_from_the_state_before_is_named(
    now: Fleet, listed: tuple[str, ...], expected: list[str]
) -> None:
    assert unlike_before(now, listed, BOTH, BOTH, {}) == expected


def test_a_new_replica_under_the_name_of_an_old_one_is_a_difference() -> None:
    now = fleet(member(1, OLD), member(2, NEW))
    assert unlike_before(now, BOTH, BOTH, BOTH, dict.fromkeys(BOTH, OLD)) == ["app-2 is of another release"]
    assert unlike_before(now, BOTH, BOTH, BOTH, {"app-1": OLD}) == []


def test_replicas_that_do_not_serve_are_named_with_what_to_do() -> None:
    idle = not_serving(
        fleet(
            member(1, NEW),
            member(2, NEW, ready=False, state="paused"),
            member(3, NEW, listed=False),
            member(4, NEW, ready=False),
            member(5, NEW, ready=False, state="exited"),
        )
    )
    assert [(each.replica, each.reason) for each in idle] == [
        ("app-2", "it is paused"),
        ("app-3", "it is not in the balancer"),
        ("app-4", "it is not ready"),
    ]
    assert idle[0].fix == "docker unpause app-2"

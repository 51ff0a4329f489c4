"""Whose fault a failed request is, and why a stream ended."""

from __future__ import annotations

import pytest

from bench.witness import Happenings, manner_of, own_fault
from ops.balancer.access_log import Line

DRAIN = 3.0


@pytest.fixture
def happened() -> Happenings:
    return Happenings(
        homes=[
            *((0.0, "10.0.0.2", "app-1"), (100.0, "10.0.0.3", "app-2"), (200.0, "10.0.0.3", "app-3")),
            *((300.0, "10.0.0.5", "app-4"), (351.0, "10.0.0.5", "app-5")),
        ],
        deaths=[(150.0, "app-2"), (350.5, "app-4")],
        stops=[(120.0, "app-1")],
        reloads=[110.0],
    )


def failed(when: float, upstream: str) -> Line:
    return Line(when, 502, 0.01, "x", "POST", "/", upstream)


@pytest.mark.parametrize(
    ("when", "upstream", "own"),
    [
        (150.5, "10.0.0.3:3001", True),
        (150.5, "10.0.0.2:3001, 10.0.0.3:3001", True),
        (149.5, "10.0.0.3:3001", True),
        (150.5, "10.0.0.2:3001", False),
        (130.0, "10.0.0.3:3001", False),
        (170.0, "10.0.0.3:3001", False),
        (203.0, "10.0.0.3:3001", False),
        (120.5, "10.0.0.2:3001", False),
        (151.0, "app", True),
        (130.0, "app", False),
        (151.0, "app : 10.0.0.3:3001, 10.0.0.2:3001", True),
        (151.0, "10.0.0.2:3001, app", True),
        (130.0, "10.0.0.2:3001, app", False),
        (130.0, "app : 10.0.0.3:3001, 10.0.0.2:3001", False),
        (150.5, "10.0.0.9:3001", False),
        (350.6, "10.0.0.5:3001", True),
    ],
)
def test_only_a_replica_that_died_by_itself_is_to_blame(
    happened: Happenings, when: float, upstream: str, own: bool
) -> None:
    assert own_fault(failed(when, upstream), happened) is own


@pytest.mark.parametrize(
    ("end", "manner"),
    [(113.1, "drain"), (120.3, "drain"), (150.2, "release"), (111.5, "other"), (140.0, "other"), (119.0, "other")],
)
def test_a_stream_ends_with_a_drain_or_with_its_replica_or_is_cut(
    happened: Happenings, end: float, manner: str
) -> None:
    assert manner_of(end, DRAIN, happened) == manner

"""When certificates are renewed, and when a failed try is repeated."""

from __future__ import annotations

from itertools import accumulate

import pytest

from ops.balancer.certificates import Info
from ops.certificates.schedule import FIRST, JITTER, LONGEST, MOST_RETRY_AFTER, fraction, next_try, pause, renewal
from ops.certificates.state import DomainState

DAY = 86400.0
NINETY = Info("a", "ca", 0, 90 * DAY)


def test_a_certificate_is_renewed_when_a_third_is_left_or_a_little_earlier() -> None:
    times = [renewal(f"shop{number}.example", NINETY) for number in range(200)]
    assert all(60 * DAY - 30 * DAY * JITTER <= time <= 60 * DAY for time in times)
    assert max(times) - min(times) > 2 * DAY
    assert renewal("shop1.example", NINETY) == times[1]


def test_the_authority_may_ask_for_an_earlier_or_later_time_but_not_for_too_late_a_one() -> None:
    assert renewal("a.example", NINETY, 10 * DAY) == 10 * DAY
    assert renewal("a.example", NINETY, 70 * DAY) == 70 * DAY
    assert renewal("a.example", NINETY, 200 * DAY) == 75 * DAY


def test_a_suggestion_is_for_one_certificate_only() -> None:
    state = DomainState(serial="before", suggested=1.0)
    assert next_try("a.example", NINETY, state) == renewal("a.example", NINETY)
    assert next_try("a.example", NINETY, DomainState(serial="a", suggested=1.0)) == 1.0


def test_the_first_certificate_is_due_at_once_and_after_a_failure_not_before_its_pause() -> None:
    assert next_try("a.example", None, DomainState()) <= 0
    assert next_try("a.example", None, DomainState(retry_at=500)) == 500
    assert next_try("a.example", NINETY, DomainState(retry_at=500)) > 500


def test_pauses_grow_to_a_bound_and_stay_below_the_limit_of_lets_encrypt() -> None:
    pauses = [pause("a.example", failures) for failures in range(1, 100)]
    assert pauses == sorted(pauses)
    assert FIRST <= pauses[0] <= pauses[-1] <= LONGEST * (1 + JITTER)
    assert sum(time < 3600 for time in accumulate(pauses)) < 5
    assert pause("a.example", 5000) == pauses[-1]


@pytest.mark.parametrize(("retry_after", "expected"), [(90000.0, 90000.0), (1e12, MOST_RETRY_AFTER)])
def test_the_authority_is_not_asked_before_it_has_said(retry_after: float, expected: float) -> None:
    assert pause("a.example", 1, retry_after) == expected


def test_a_fraction_is_between_0_and_1() -> None:
    assert all(0 <= fraction(f"{number}.example") < 1 for number in range(1000))

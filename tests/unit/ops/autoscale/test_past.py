"""Windows and periods: what earlier rounds asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ops.autoscale.past import GAP, Past


def test_before_the_first_round_and_after_a_gap_the_present_number_counts() -> None:
    assert Past().known(100.0, 3) == Past(((100.0, 3),))
    past = Past().then(100.0, 5)
    assert past.known(100.0 + GAP, 3) is past
    assert past.known(101.0 + GAP, 3).asked == ((101.0 + GAP, 3),)


def test_the_number_at_the_start_of_a_period_is_without_its_changes() -> None:
    past = Past().changed(10.0, 4).changed(20.0, -1)
    assert past.start_of_period(15.0, 8) == 9
    assert past.start_of_period(5.0, 8) == 5
    assert past.start_of_period(25.0, 8) == 8


@given(st.lists(st.integers(0, 9), max_size=80), st.floats(0, 500), st.integers(0, 9))
def test_what_it_forgets_changes_no_window(numbers: list[int], window: float, present: int) -> None:
    past, every = Past(), [(5.0 * place, number) for place, number in enumerate(numbers)]
    for time, number in every:
        past = past.then(time, number)
    since = 5.0 * len(numbers) - window
    recent = [present, *(number for time, number in every if time > since)]
    assert past.extremes(since, present) == (min(recent), max(recent))
    assert len(past.asked) <= 2 * 10

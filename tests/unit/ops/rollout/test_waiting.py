"""How long a step waits, at the start and when resumed, and that a share is not judged twice."""

from __future__ import annotations

import pytest

from ops.project.settings import Canary
from ops.project.units import Seconds
from ops.rollout.entries import Header, JournalState, StepEntry
from ops.rollout.waiting import resumed, wait_for
from ops.steps import Judge, Keep, Pause, Plan, Split, Step, Target, Wait, Waiting

BOUNDS = Canary(interval=Seconds(30), deadline=Seconds(600))
NEW = Target("new", "app:new")
HEADER = Header("videa deploy", "me@here", 1.0, 2, NEW, ("app-1",), ("app-1",), {})
SPLIT = Split(("app-1",), ("app-3",), 25.0)


@pytest.mark.parametrize(
    ("step", "known", "attended", "expected"),
    [
        (Keep(600.0), None, True, Wait(1000.0, 1600.0)),
        (Keep(600.0), None, False, Wait(1000.0, 1600.0)),
        (Keep(600.0), Wait(100.0, 700.0), True, Wait(100.0, 700.0)),
        (Pause(25.0), None, True, Wait(1000.0)),
        (Pause(25.0), Wait(100.0), True, Wait(100.0)),
        (Judge(25.0), None, True, Wait(1000.0, 1600.0)),
        (Judge(25.0), None, False, Wait(1000.0)),
        (Judge(25.0), Wait(100.0), True, Wait(100.0, 1600.0)),
        (Judge(25.0), Wait(900.0, 1500.0), True, Wait(900.0, 1500.0)),
        (Judge(25.0), Wait(100.0, 700.0), True, Wait(100.0, 1030.0)),
        (Judge(25.0), Wait(900.0, 1500.0), False, Wait(900.0)),
    ],
    ids=[
        *("keep", "keep, unattended", "keep, resumed", "a pause has no end", "nor has a resumed pause"),
        *("judging", "judging, unattended", "its time starts when resumed", "the time left"),
        *("at least one interval", "left again"),
    ],
)
def test_how_long_a_step_waits(step: Waiting, known: Wait | None, attended: bool, expected: Wait) -> None:
    assert wait_for(step, known, 1000.0, BOUNDS, attended) == expected


def test_a_deadline_shorter_than_the_interval_still_allows_a_verdict() -> None:
    bounds = Canary(interval=Seconds(900), deadline=Seconds(60))
    assert wait_for(Judge(5.0), None, 0.0, bounds, attended=True) == Wait(0.0, 900.0)


def state(*steps: tuple[Step, Wait | None]) -> JournalState:
    return JournalState(HEADER, tuple(StepEntry(n, 9, step, 1.0, wait) for n, (step, wait) in enumerate(steps, 1)))


JUDGED = ((SPLIT, None), (Judge(25.0), Wait(1.0, 61.0)), (Pause(25.0), Wait(70.0)))


@pytest.mark.parametrize(
    ("planned", "journal", "expected"),
    [
        ((SPLIT, Judge(25.0), Pause(25.0)), JUDGED[:2], (SPLIT, Judge(25.0), Pause(25.0))),
        ((SPLIT, Judge(25.0), Pause(25.0)), JUDGED, (SPLIT, Pause(25.0))),
        ((SPLIT, Judge(25.0), Pause(25.0)), (*JUDGED, JUDGED[0]), (SPLIT, Pause(25.0))),
        ((SPLIT, Judge(25.0), Judge(50.0)), JUDGED, (SPLIT, Pause(25.0), Judge(50.0))),
        ((Judge(50.0),), (*JUDGED, (Split(("app-1",), ("app-3",), 50.0), None)), (Judge(50.0),)),
    ],
    ids=["not judged yet", "judged", "resumed and killed again", "no verdict, so it pauses", "the next share"],
)
def test_a_share_that_was_judged_is_not_judged_again(
    planned: tuple[Step, ...], journal: tuple[tuple[Step, Wait | None], ...], expected: tuple[Step, ...]
) -> None:
    assert resumed(Plan(planned, NEW, ""), state(*journal)).steps == expected

"""Events in a list: what is good and bad is visible at the start of the line."""

from __future__ import annotations

import pytest

from ops.events import Event, Kind, OperationEnded, StepEnded, StepFailed, StepStarted, VerdictGiven
from ops.steps import Drain, Start
from videa_cli.event_lines import Mark, event_line


@pytest.mark.parametrize(
    ("event", "mark", "text"),
    [
        (StepStarted(Drain()), Mark.BEGUN, "drain"),
        (StepEnded(Start(1), 1.44), Mark.GOOD, "start 1 replica (1.4 s)"),
        (StepFailed(Drain(), "no answer"), Mark.BAD, "drain: no answer"),
        (VerdictGiven(5.0, Kind.PASS, "good", "-"), Mark.GOOD, "5%: pass: good (-)"),
        (VerdictGiven(5.0, Kind.FAIL, "slow", "-"), Mark.BAD, "5%: fail: slow (-)"),
        (VerdictGiven(5.0, Kind.ERROR, "no log", "-"), Mark.NOTE, "5%: error: no log (-)"),
        (
            OperationEnded("videa scale 3", "me", "scale", "r", "done", 1.0),
            Mark.GOOD,
            "`videa scale 3` of me ended after 1.0 s: done",
        ),
        (
            OperationEnded("videa scale 3", "me", "scale", "r", "it failed", 1.0),
            Mark.BAD,
            "`videa scale 3` of me ended after 1.0 s: it failed",
        ),
    ],
)
def test_a_line_has_a_mark_and_the_text(event: Event, mark: Mark, text: str) -> None:
    assert event_line(event) == (mark, text)

"""What a journal tells whoever reads it after a crash."""

from __future__ import annotations

from ops.rollout.journal import (
    _ENCODER,
    NoteEntry,
    Opening,
    RemovalEntry,
    ReturnEntry,
    StepEntry,
    Story,
    _decode,
)
from ops.rollout.request import Request, Strategy
from ops.rollout.steps import Keep, Target

OPENING = Opening(
    "videa deploy", "me@here", 1.0, 2, Target("new", "app:new"), ("app-1",), ("app-1",), {}, Request(Strategy.CANARY)
)


def files(*entries: object) -> dict[str, bytes]:
    return {f"{number:06}": _ENCODER.encode(entry) for number, entry in enumerate(entries)}


def test_entries_come_back_in_order() -> None:
    entries = [OPENING, StepEntry(1, 3, "start 1 replica"), NoteEntry("so"), RemovalEntry({"app-1": {"Id": "x"}})]
    assert list(_decode(files(*entries))) == entries


def test_an_entry_that_was_cut_short_counts_as_not_written() -> None:
    written = files(OPENING, StepEntry(1, 3, "start 1 replica"), StepEntry(2, 3, "wait until ready"))
    written["000002"] = written["000002"][:-5]
    assert list(_decode(written)) == [OPENING, StepEntry(1, 3, "start 1 replica")]


def test_it_knows_where_it_was() -> None:
    story = Story(
        OPENING,
        (StepEntry(1, 9, "give the canary 5%", 5.0), StepEntry(2, 9, "drain"), RemovalEntry({"app-1": {"Id": "x"}})),
    )
    assert story.reached == 5.0
    assert set(story.snapshots) == {"app-1"}
    assert not story.returning
    assert str(story) == "`videa deploy` of me@here, at step 2 of 9: drain"
    assert Story(OPENING, (ReturnEntry("it failed"),)).returning
    assert "before its first step" in str(Story(OPENING, ()))
    assert Story(OPENING, ()).reached == 0


def test_it_knows_whether_the_old_set_is_kept() -> None:
    kept = (StepEntry(5, 7, "drain"), StepEntry(6, 7, str(Keep(60))))
    assert Story(OPENING, kept).keeping
    assert not Story(OPENING, kept[:1]).keeping
    assert not Story(OPENING, (*kept, ReturnEntry("aborted"))).keeping
    assert not Story(OPENING, (*kept, StepEntry(7, 7, "stop and remove app-1"))).keeping
    assert not Story(OPENING, ()).keeping

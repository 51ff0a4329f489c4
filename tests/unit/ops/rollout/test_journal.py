"""The journal after a crash, also one of an older videa."""

from __future__ import annotations

from contextlib import suppress
from itertools import count

import msgspec
import pytest

from ops.errors import LockHeld
from ops.events import HookFailed, Kind, NoVerdict, Promoted, Remark, VerdictGiven
from ops.rollout.entries import Header, JournalState, RemovalEntry, ReturnEntry, StepEntry, decode, encode, state_of
from ops.rollout.journal import Journal
from ops.rollout.request import Request, Strategy
from ops.steps import (
    AnyStep,
    AwaitReady,
    Check,
    Drain,
    Follow,
    Hook,
    Judge,
    Keep,
    Pause,
    Recreate,
    Remember,
    Remove,
    Route,
    Split,
    Start,
    Target,
    Wait,
    Worded,
)
from tests.unit.ops.fakes.store import FakeStore
from tests.unit.ops.fakes.world import World

HEADER = Header(
    "videa deploy", "me@here", 1.0, 2, Target("new", "app:new"), ("app-1",), ("app-1",), {}, Request(Strategy.CANARY)
)
STEPS: tuple[AnyStep, ...] = (
    *(Start(2), AwaitReady(("app-3",)), Route(("app-3",), started=True), Drain(), Remove(("app-1",)), Remember(2)),
    *(Split(("app-1",), ("app-3",), 5.0, private=True), Check(("make smoke",), ("/health",)), Judge(5.0), Pause(5.0)),
    *(Keep(60.0), Hook("pre_deploy", "migrate"), Follow(("worker",)), Recreate(("app-1",)), Worded("drain", 5.0)),
)


REMARKS: tuple[Remark, ...] = (
    *(VerdictGiven(5.0, Kind.PASS, "as good as stable", "-"), NoVerdict(5.0, 600.0)),
    *(Promoted("me@here"), Promoted("me@here", 5.0), HookFailed("post_traffic", "no")),
)


def files(*entries: object) -> dict[str, bytes]:
    return {f"{number:06}": encode(entry) for number, entry in enumerate(entries)}


def test_entries_are_read_in_order() -> None:
    steps = [StepEntry(number, len(STEPS), step) for number, step in enumerate(STEPS, 1)]
    entries = [HEADER, *steps, *REMARKS, RemovalEntry({"app-1": {"Id": "x"}}), ReturnEntry("it failed")]
    assert list(decode(files(*entries))) == entries


def test_a_truncated_entry_counts_as_not_written() -> None:
    written = files(HEADER, StepEntry(1, 3, Start(1)), StepEntry(2, 3, AwaitReady()))
    for truncated in (written["000002"][:-5], b'{"type": "note", "text": "\xff"}'):
        assert list(decode({**written, "000002": truncated})) == [HEADER, StepEntry(1, 3, Start(1))]


def test_a_step_and_what_it_needs_are_written_by_one_call() -> None:
    world = World()
    journal = Journal(FakeStore(world), "shop")
    journal.begin(HEADER)
    calls: list[str] = []
    world.disturb = calls.append
    entries = (StepEntry(1, 2, Remove(("app-1",))), RemovalEntry({"app-1": {"Id": "x"}}))
    journal.write(*entries)
    assert calls == ["write record"]
    state = Journal(journal.store, "shop").read()
    assert state is not None
    assert state.entries == journal.state().entries == entries


def test_the_state_has_the_last_step_the_share_and_the_snapshots() -> None:
    split = Split(("app-1",), (), 5.0)
    state = JournalState(
        HEADER, (StepEntry(1, 9, split), StepEntry(2, 9, Drain()), RemovalEntry({"app-1": {"Id": "x"}}))
    )
    assert state.reached == 5.0
    assert set(state.snapshots) == {"app-1"}
    assert not state.returning
    assert str(state) == "`videa deploy` of me@here, at step 2 of 9 (drain)"
    assert JournalState(HEADER, (ReturnEntry("it failed"),)).returning
    assert "before its first step" in str(JournalState(HEADER, ()))
    assert JournalState(HEADER, ()).reached == 0


def test_the_share_of_a_private_path_does_not_count_as_reached() -> None:
    private = Split(("app-1",), (), 0.0, private=True)
    assert JournalState(HEADER, (StepEntry(1, 9, Judge(25.0)), StepEntry(2, 9, private))).reached == 25.0


def test_the_state_shows_whether_the_old_set_is_kept() -> None:
    keeping = (StepEntry(5, 7, Drain()), StepEntry(6, 7, Keep(60)))
    assert JournalState(HEADER, keeping).keeping
    assert not JournalState(HEADER, keeping[:1]).keeping
    assert not JournalState(HEADER, (*keeping, ReturnEntry("aborted"))).keeping
    assert not JournalState(HEADER, (*keeping, StepEntry(7, 7, Remove(("app-1",))))).keeping
    assert not JournalState(HEADER, ()).keeping


def test_the_state_shows_whether_it_waits_and_the_last_wait_of_a_step() -> None:
    wait = Wait(1.0, 61.0)
    waiting = JournalState(HEADER, (StepEntry(1, 9, Judge(5.0), 1.0, wait),))
    assert waiting.waiting
    assert waiting.standing.wait == wait
    assert waiting.wait_at(Judge(5.0)) == wait
    assert waiting.wait_at(Judge(25.0)) is None
    assert str(waiting) == "`videa deploy` of me@here, which waits at step 1 of 9 (judge)"
    assert not JournalState(HEADER, (*waiting.entries, ReturnEntry("it failed"))).waiting
    continued = JournalState(HEADER, (*waiting.entries, StepEntry(2, 9, Drain())))
    assert not continued.waiting
    assert continued.standing.wait is None
    assert continued.wait_at(Judge(5.0)) == wait


@pytest.mark.parametrize("pruned", [True, False])
def test_a_pruned_journal_is_written_again_unless_another_process_has_ended_it(pruned: bool) -> None:
    journal = Journal(FakeStore(), "shop")
    journal.begin(HEADER)
    journal.write(StepEntry(1, 9, Drain()))
    journal.confirm()
    journal.store.remove("videa.journal.shop")
    if pruned:
        journal.confirm()
        journal.store.remove("videa.journal.shop")
        journal.write(ReturnEntry("it failed"))
        state = journal.read()
        assert state is not None
        assert state.entries == (StepEntry(1, 9, Drain()), ReturnEntry("it failed"))
    else:
        journal.pruned = lambda: False
        for act in (journal.confirm, lambda: journal.write(ReturnEntry("it failed"))):
            with pytest.raises(LockHeld, match="another process has ended this operation"):
                act()
        assert journal.read() is None


def test_the_journal_of_another_operation_is_not_written_to() -> None:
    store = FakeStore()
    journal = Journal(store, "shop")
    journal.begin(HEADER)
    other = Journal(store, "shop")
    with pytest.raises(LockHeld, match="or started another"):
        other.begin(HEADER)  # it has begun since the other one looked
    other.read()
    other.begin(HEADER)
    with pytest.raises(LockHeld, match="or started another"):
        journal.write(ReturnEntry("it failed"))


def test_after_another_process_has_resumed_it_the_first_one_neither_writes_nor_ends_it() -> None:
    store = FakeStore()
    first, second = Journal(store, "shop", "here"), Journal(store, "shop")
    first.begin(HEADER)
    first.write(StepEntry(1, 9, Drain()))
    second.reopen()
    second.write(ReturnEntry("aborted"))
    assert second.is_mine()
    assert not first.is_mine()
    first.pruned = lambda: True
    with pytest.raises(LockHeld, match="another process has ended this operation"):
        first.write(StepEntry(2, 9, Remember(2)))
    first.end()
    assert second.state().entries == (StepEntry(1, 9, Drain()), ReturnEntry("aborted"))
    assert second.read() == second.state()
    found = Journal.begun_at(store, "here")
    assert found is not None
    assert found.project == "shop"


class KilledError(Exception):
    """The end of a process."""


@pytest.mark.parametrize("then", ["resume", "begin", "discard"])
def test_killed_at_any_call_while_it_resumes_nothing_is_lost(then: str) -> None:
    for place in count(1):
        store = FakeStore()
        Journal(store, "shop").begin(HEADER)
        seen: list[str] = []

        def kill(call: str, seen: list[str] = seen, place: int = place) -> None:
            seen.append(call)
            if len(seen) == place:
                raise KilledError

        store.world.disturb = kill
        with suppress(KilledError):
            Journal(store, "shop").reopen()
        store.world.disturb = lambda call: None
        if len(seen) < place:
            break
        journal = Journal(store, "shop")
        assert journal.exists()
        assert journal.read() == JournalState(HEADER, ()), seen
        if then == "resume":
            journal.reopen()
            journal.end()
        elif then == "begin":
            journal.begin(HEADER)
            journal.end()
        else:
            journal.discard()
        assert store.records == {}, seen
    assert place > 5


def test_an_entry_of_a_later_videa_does_not_hide_the_entries_after_it() -> None:
    later = msgspec.json.encode({"type": "of a later videa", "number": 1})
    removal = RemovalEntry({"app-1": {"Id": "x"}})
    written = {**files(HEADER), "000001": later, "000002": encode(removal)}
    assert list(decode(written)) == [HEADER, removal]


def test_an_older_videa_reads_the_steps_that_wait() -> None:
    """It does not know `wait`, and ignores unknown fields of an entry."""
    entry = encode(StepEntry(6, 7, Keep(60.0), 1.0, Wait(1.0, 61.0)))
    assert msgspec.json.decode(entry) == {
        **{"type": "step_begun", "number": 6, "total": 7, "time": 1.0},
        **{"step": {"type": "keep", "seconds": 60.0}, "wait": {"begun": 1.0, "until": 61.0}},
    }


def test_a_hook_with_a_command_like_the_text_of_a_step_is_not_that_step() -> None:
    keeping = JournalState(HEADER, (StepEntry(1, 2, Hook("post_traffic", "keep the old ones for 60 s")),))
    assert not keeping.keeping


WORDED = [
    b'{"type":"opening","command":"videa deploy --blue-green","who":"me@here","time":1.0,"wanted":2,"target":'
    b'{"release":"new","image":"app:new","overrides":{"APP_IMAGE":"app:new"}},"before":["app-1"],"served":["app-1"],"variables":'
    b'{"APP_IMAGE":null},"request":{"strategy":"canary","surge":1,"force":false,"keep":0.0,"commands":[],"paths":[],'
    b'"shares":[5.0,100.0],"pause_at":[]}}',
    b'{"type":"step","number":1,"total":7,"text":"start 1 replica","share":null,"time":2.0}',
    b'{"type":"step","number":2,"total":7,"text":"judge the canary at 5%","share":5.0,"time":3.0}',
    b'{"type":"note","text":"5%: pass"}',
    b'{"type":"removal","snapshots":{"app-1":{"Id":"x"}}}',
]
"""Entries of the previous version, byte for byte."""


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("keep the old ones for 0.5 s (videa promote ends it, videa abort goes back to them)", Keep(0.5)),
        ("keep the old ones for 600 s (videa promote ends it, videa abort goes back to them)", Keep(600.0)),
        ("keep the old ones for 1e+06 s (videa promote ends it, videa abort goes back to them)", Keep(1e6)),
        ("let worker follow", Follow(("worker",))),
        ("let worker, mail-2 follow", Follow(("worker", "mail-2"))),
        ("hook pre_deploy: let worker follow", Worded("hook pre_deploy: let worker follow")),
        ("hook pre_deploy: keep the old ones for 1 s", Worded("hook pre_deploy: keep the old ones for 1 s")),
        ("drain", Worded("drain")),
    ],
)
def test_a_step_written_as_text_is_recognized(text: str, step: AnyStep) -> None:
    entry = msgspec.json.encode({"type": "step", "number": 3, "total": 7, "text": text, "share": None, "time": 4.0})
    state = state_of({f"{number:06}": line for number, line in enumerate([*WORDED, entry])})
    assert state is not None
    assert state.steps[-1] == step
    assert state.keeping == isinstance(step, Keep)
    assert state.reached == 5.0
    assert state.snapshots == {"app-1": {"Id": "x"}}
    assert state.header.target.overrides == {"APP_IMAGE": "app:new"}

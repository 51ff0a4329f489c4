"""Who gets a message, when it is tried again, and that a storm is one message."""

from __future__ import annotations

from msgspec.structs import replace

from ops.notify import queue
from ops.notify.message import LONGEST, MOST, Item, Message, State, TargetState
from ops.project.notify import TEST
from ops.project.settings import Level, Receiver

TEAM = {"team": Receiver(apprise="A")}
NOW = 1000.0


def message(id: str = "a", kind: str = "replica.out", severity: str = "warning", time: float = NOW) -> Message:
    return Message(id, time, kind, severity, "title", "text")


def waiting(state: State) -> list[str]:
    return [item.message.id for item in state.queue]


def settled(state: State, what: Message, error: str = "", final: bool = False, now: float = NOW) -> State:
    return queue.settled(state, "team", what, error, final, now, jitter=0.5)


def test_a_target_gets_what_it_selects() -> None:
    receivers = {
        "all": Receiver(apprise="A"),
        "deploys": Receiver(apprise="B", events=("deploy.*",)),
        "worst": Receiver(apprise="C", severity=Level.CRITICAL),
        "some": Receiver(apprise="D", severity=Level.WARNING),
    }
    sent = [message("a"), message("b", "deploy.began", "info"), message("c", "deploy.interrupted", "critical")]
    state = queue.add(State(), sent, receivers, NOW)
    assert {item.message.id: item.to for item in state.queue} == {
        "a": ("all", "some"),
        "b": ("all", "deploys"),
        "c": ("all", "deploys", "worst", "some"),
    }


def test_the_same_message_is_queued_once_and_an_old_one_never() -> None:
    state = queue.add(State(), [message(), message()], TEAM, NOW)
    state = queue.add(state, [message(), message("old", time=NOW - queue.OLDEST)], TEAM, NOW)
    assert waiting(state) == ["a"]
    assert state.told == ("a", "old")


def test_ids_of_what_is_stored_are_never_forgotten() -> None:
    many = tuple(map(str, range(2000)))
    assert queue.forgotten(State(told=many), {"3", "7"}).told == ("3", "7", *many[1400:])
    assert queue.forgotten(State(told=("a", "b")), ()).told == ("a", "b")


def test_a_storm_becomes_one_message_with_the_count() -> None:
    storm = [message(str(number)) for number in range(queue.STORM + 25)]
    state = queue.add(State(), storm, TEAM, NOW)
    assert len(state.queue) == queue.STORM + 1
    folded = state.queue[-1]
    assert (folded.message.count, folded.held) == (25, NOW + queue.WINDOW)
    assert folded.message.title == "25 times: title"
    assert [each.id for each in queue.due(state, "team", NOW + 1)] == [str(number) for number in range(queue.STORM)]
    assert len(queue.due(state, "team", NOW + queue.WINDOW)) == queue.STORM + 1
    assert queue.next_due(State(queue=(folded,)), NOW + 1) == queue.WINDOW - 1


def test_a_storm_is_as_severe_as_its_worst_message() -> None:
    storm = [message(str(number), "doctor.new") for number in range(queue.STORM + 1)]
    storm += [message("worst", "doctor.new", "critical"), message("last", "doctor.new", "info")]
    assert queue.add(State(), storm, TEAM, NOW).queue[-1].message.severity == "critical"


def test_another_kind_and_the_next_window_are_not_folded() -> None:
    state = queue.add(State(), [message(str(number)) for number in range(queue.STORM)], TEAM, NOW)
    state = queue.add(state, [message("other", "replica.back")], TEAM, NOW)
    state = queue.add(state, [message("later")], TEAM, NOW + queue.WINDOW)
    assert not any(item.held for item in state.queue)
    assert waiting(state)[-2:] == ["other", "later"]


def test_it_leaves_the_queue_when_every_target_has_it() -> None:
    both = {**TEAM, "pager": Receiver(apprise="B")}
    state = queue.add(State(), [message()], both, NOW)
    state = settled(state, message())
    assert state.queue[0].to == ("pager",)
    assert state.targets["team"] == TargetState(delivered=1, delivered_at=NOW)
    assert queue.settled(state, "pager", message(), "", False, NOW, 0.5).queue == ()


def test_pauses_grow_up_to_a_limit_and_end_with_a_success() -> None:
    state, now, pauses = queue.add(State(), [message()], TEAM, NOW), NOW, []
    for _ in range(12):
        state = settled(state, message(), "no connection", now=now)
        assert not queue.due(state, "team", now)
        pauses.append(state.targets["team"].next - now)
        now = state.targets["team"].next
        assert queue.due(state, "team", now) == [message()]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == queue.LONGEST_PAUSE
    assert state.targets["team"].error == "no connection"
    state = settled(state, message(), now=now)
    assert (state.targets["team"].tries, state.targets["team"].error, state.queue) == (0, "", ())


def test_a_refused_message_does_not_hold_up_the_next_ones() -> None:
    state = queue.add(State(), [message("a"), message("b")], TEAM, NOW)
    state = settled(state, message("a"), "the receiver answered 400", final=True)
    assert [each.id for each in queue.due(state, "team", NOW)] == ["b"]
    assert (state.targets["team"].dropped, state.targets["team"].error) == (1, "the receiver answered 400")


def test_a_test_is_tried_at_once_and_never_again() -> None:
    state = queue.add(State(), [message()], TEAM, NOW)
    state = settled(state, message(), "no connection")
    test = message("t", TEST, "info")
    state = queue.add_test(state, test, ["team"])
    assert queue.due(state, "team", NOW) == [test]
    state = settled(state, test, "no connection")
    assert waiting(state) == ["a"]
    result = state.targets["team"].test
    assert result is not None
    assert (result.id, result.error) == ("t", "no connection")
    assert state.targets["team"].tries == 1


def test_the_queue_is_bounded_in_number_age_and_size() -> None:
    items = tuple(Item(message(str(number)), ("team",)) for number in range(MOST + 5))
    state = queue.trimmed(State(queue=items), TEAM, NOW)
    assert waiting(state) == [str(number) for number in range(5, MOST + 5)]
    assert state.targets["team"].dropped == 5
    assert queue.trimmed(state, TEAM, NOW + queue.OLDEST).queue == ()
    long = queue.add(State(), [replace(message(), text="x" * 5000)], TEAM, NOW)
    assert len(long.queue[0].message.text) == LONGEST


def test_a_target_that_is_gone_from_the_file_is_forgotten() -> None:
    state = State(queue=(Item(message(), ("gone",)),), targets={"gone": TargetState(delivered=3)})
    assert queue.trimmed(state, TEAM, NOW) == State(targets={"team": TargetState()})

"""Operations that wait: left, killed or resumed by another process, and changes by others during the wait."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path

import pytest

from ops import maintenance, operations, planning
from ops.errors import CONTINUE, EngineUnreachable, Left, LockHeld, OperationFailed, PlanRefused, VideaError
from ops.events import Event, Kind, LeftWaiting, Promoted, discard
from ops.operations import Operation
from ops.outcome import Outcome
from ops.preflight import Capacity
from ops.project.settings import Canary
from ops.project.units import Seconds
from ops.rollout import history, lease, lock, monitor, restore
from ops.rollout.journal import Header, Journal
from ops.rollout.judgement import Verdict
from ops.rollout.lease import LEASE
from ops.rollout.lock import Lock
from ops.rollout.monitor import Monitor
from ops.rollout.request import Request, Strategy
from ops.rollout.under_way import Phase, UnderWay, under_way
from ops.steps import Judge, Keep, Pause, Target, Waiting
from ops.traffic import Maintenance
from ops.watch import Judge as Watcher
from ops.watch import check_once
from tests.unit.ops.disturbances import left_over, recorded, state, unnumbered
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.gateway import NoTraffic

NEW = Target("new", "app:new", {"APP_IMAGE": "app:new", "APP_RELEASE": "new"})
FIRST, SECOND, THIRD = (f"shop-app-{number}" for number in (1, 2, 3))
CANARY = Canary(steps=(5, 100), interval=Seconds(2), deadline=Seconds(60))
PASS, UNSURE = Verdict(Kind.PASS, "as good as stable", "-"), Verdict(Kind.INCONCLUSIVE, "too few", "-")
REQUESTS = {
    "judge": Request(Strategy.CANARY, shares=(5.0, 100.0)),
    "pause": Request(Strategy.CANARY, shares=(5.0, 100.0), pause_at=(5.0,)),
    "keep": Request(Strategy.BLUE_GREEN, keep=60.0),
}
"""Deploys by the name of their first wait; a pause is the second wait, after the judging."""

STEPS: dict[str, Waiting] = {"judge": Judge(5.0), "pause": Pause(5.0), "keep": Keep(60.0)}


@dataclass
class EventClock:
    """The clock of a waiting process: each sleep runs the next of ``events``."""

    events: Iterator[Callable[[], object]] = field(default_factory=lambda: repeat(lambda: None))
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 1000, "it waits forever"
        next(self.events)()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> EventClock:
    """No traffic proof, no measuring, and waits that last as long as their events."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("locks")))
    monkeypatch.setattr(operations, "TrafficProof", NoTraffic)
    monkeypatch.setattr(planning, "measure", lambda *_: Capacity(None, 0, 0, 0, None))
    for module in (restore, lease):
        monkeypatch.setattr(module, "PAUSES", (0.0,))
        monkeypatch.setattr(module, "PATIENCE", 0.0)
    clock = EventClock()
    monkeypatch.setattr(monitor, "time", clock)
    return clock


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path, canary=CANARY)


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> list[Verdict]:
    """The verdict of each check; the last one is used for all further ones."""
    script = [PASS]

    def check(self: Monitor, *_: object) -> Verdict:
        return script.pop(0) if len(script) > 1 else script[0]

    monkeypatch.setattr(Monitor, "_check", check)
    return script


def begin(stack: FakeStack, name: str, detach: bool = False, emitted: list[Event] | None = None) -> Outcome:
    emit = discard if emitted is None else emitted.append
    return Operation(stack, emit, f"videa deploy, {name}").deploy(NEW, REQUESTS[name], detach=detach)


def end(stack: FakeStack, emitted: list[Event] | None = None) -> Operation:
    return Operation(stack, discard if emitted is None else emitted.append, "videa, another")


def ask(stack: FakeStack, verb: str) -> None:
    Journal(stack.store, stack.project.name).commands.send(verb)


def present(stack: FakeStack) -> UnderWay | None:
    return under_way(stack.store, stack.project.name)


def leave(stack: FakeStack, name: str) -> None:
    """Starts a deploy that stops at the wait with this name."""
    outcome = begin(stack, name, detach=True)
    if name == "pause":
        assert outcome.waiting is not None
        assert outcome.waiting.step == Judge(5.0)  # without a process there is no judging
        outcome = end(stack).promote(detach=True)
    assert outcome.waiting is not None
    assert outcome.waiting.step == STEPS[name]


class Killed(BaseException):
    """An exception that ops never catches."""


def kill(stack: FakeStack, name: str, clock: EventClock) -> None:
    """Kills a deploy in the wait with this name: for the engine, such a process sends no more requests."""

    def gone(call: str) -> None:
        raise EngineUnreachable("refused", "")

    def kill_at_wait() -> None:
        operation = present(stack)
        if operation and operation.standing.step == STEPS[name]:
            stack.world.disturb = gone
            raise Killed

    clock.events = repeat(kill_at_wait)
    with pytest.raises((Killed, EngineUnreachable)):
        begin(stack, name)
    stack.world.disturb = lambda _: None
    clock.events = repeat(lambda: None)


@pytest.fixture
def done(tmp_path_factory: pytest.TempPathFactory, verdicts: list[Verdict], clock: EventClock) -> tuple[object, ...]:
    """The state after an undisturbed deploy."""
    stack = fake_stack(tmp_path_factory.mktemp("undisturbed"), canary=CANARY)
    begin(stack, "judge")
    clock.now = 0.0
    return unnumbered(state(stack))


@pytest.mark.parametrize("name", ["judge", "keep"])
def test_detach_leaves_a_deploy_at_its_first_wait_with_its_locks_free(
    stack: FakeStack, name: str, verdicts: list[Verdict]
) -> None:
    emitted: list[Event] = []
    outcome = begin(stack, name, detach=True, emitted=emitted)
    assert outcome.waiting is not None
    assert outcome.waiting.step == STEPS[name]
    assert isinstance(emitted[-1], LeftWaiting)
    assert left_over(stack) == ["videa.journal.shop"]
    assert Lock(stack.store, "shop").status() is None
    operation = present(stack)
    assert operation is not None
    assert (operation.phase, operation.attended) == (Phase.WAITING, False)
    assert recorded(stack) == [history.LEFT]
    assert "new" not in [entry.release for entry in history.releases(history.read(stack.project.directory))]


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("how", ["left", "killed"])
@pytest.mark.parametrize("then", ["promote", "abort", "resume"])
def test_an_unattended_operation_is_continued_by_another_process(
    stack: FakeStack, name: str, how: str, then: str, done: tuple[object, ...], clock: EventClock
) -> None:
    before = state(stack)
    if how == "left":
        leave(stack, name)
    else:
        kill(stack, name, clock)
    operation = present(stack)
    assert operation is not None
    assert (operation.standing.step, operation.phase, operation.attended) == (STEPS[name], Phase.WAITING, False)
    assert operation.standing.wait is not None
    if then == "promote":
        end(stack).promote()
    elif then == "abort":
        end(stack).abort()
    else:
        clock.events = chain([lambda: name == "pause" and ask(stack, "promote")], repeat(lambda: None))
        end(stack).resume()
    assert left_over(stack) == []
    if then == "abort":
        assert state(stack) == before
    else:
        assert unnumbered(state(stack)) == done


@pytest.mark.parametrize("name", STEPS)
def test_another_operation_is_refused_while_an_unattended_one_waits(
    stack: FakeStack, name: str, verdicts: list[Verdict]
) -> None:
    leave(stack, name)
    before, files = state(stack), Journal(stack.store, "shop").read()
    other = Target("other", "app:other", {"APP_IMAGE": "app:other", "APP_RELEASE": "other"})
    for attempt in (
        lambda: end(stack).check_nothing_waits(),
        lambda: end(stack).scale(lambda present: 3),
        lambda: end(stack).deploy(other, Request()),
    ):
        with pytest.raises(LockHeld, match=f"videa deploy, {name}") as caught:
            attempt()
        assert "videa promote" in caught.value.hint
        assert "videa abort" in caught.value.hint
    assert state(stack) == before
    assert Journal(stack.store, "shop").read() == files


@pytest.mark.parametrize("name", STEPS)
def test_during_a_wait_maintenance_is_possible_and_no_other_operation_starts(
    stack: FakeStack, name: str, done: tuple[object, ...], clock: EventClock, verdicts: list[Verdict]
) -> None:
    closed = Maintenance(retry_after=60)
    seen: list[UnderWay | None] = []
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]

    def change_meanwhile() -> None:
        operation = present(stack)
        if operation is None or operation.standing.step != STEPS[name] or seen:
            return
        seen.append(operation)
        assert Lock(stack.store, "shop").change_holder() is None
        permit = stack.gateway.permit  # type: ignore[attr-defined]  # another process has another gateway
        assert maintenance.switch(stack, closed, "videa maintenance on")
        stack.gateway.permit = permit  # type: ignore[attr-defined]
        with pytest.raises(LockHeld, match="videa deploy"):
            end(stack).scale(lambda present: 4)
        with pytest.raises(LockHeld, match="videa deploy"):
            end(stack).promote()
        verdicts[:] = [PASS]
        ask(stack, "promote")

    clock.events = repeat(change_meanwhile)
    begin(stack, name)
    assert [(operation.phase, operation.attended) for operation in seen if operation] == [(Phase.WAITING, True)]
    assert unnumbered(state(stack)) == done
    assert stack.gateway.maintenance == closed  # type: ignore[attr-defined]
    assert left_over(stack) == []


@pytest.mark.parametrize("name", STEPS)
def test_a_waiting_operation_is_aborted_from_another_process(
    stack: FakeStack, name: str, clock: EventClock, verdicts: list[Verdict]
) -> None:
    before = state(stack)
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]
    clock.events = repeat(
        lambda: (
            ask(stack, "abort") if (operation := present(stack)) and operation.standing.step == STEPS[name] else None
        )
    )
    with pytest.raises(OperationFailed, match="aborted by"):
        begin(stack, name)
    assert state(stack) == before
    assert left_over(stack) == []


def hold_change_lock_elsewhere(stack: FakeStack, **labels: str) -> None:
    """Another process, on another machine, holds the change lock."""
    named = {f"videa.lock.{name}": value for name, value in {"machine": "elsewhere", "who": "ann", **labels}.items()}
    assert stack.store.create("videa.lock.shop", named, int(stack.world.now) + LEASE)


def test_at_the_end_of_the_wait_it_waits_for_a_brief_change(
    stack: FakeStack, done: tuple[object, ...], clock: EventClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "INTERVAL", 0.0)
    calls: list[str] = []

    def start_change() -> None:
        hold_change_lock_elsewhere(stack, brief="1", command="videa maintenance on")
        ask(stack, "promote")
        stack.world.disturb = count

    def count(call: str) -> None:
        calls.append(call)
        if len(calls) == 20:
            stack.world.disturb = lambda _: None
            stack.store.remove("videa.lock.shop")

    clock.events = chain([start_change], repeat(lambda: None))
    begin(stack, "keep")
    assert len(calls) == 20
    assert unnumbered(state(stack)) == done


def test_a_change_that_is_not_brief_stops_it_and_another_process_completes_it(
    stack: FakeStack, done: tuple[object, ...], clock: EventClock
) -> None:
    """For example an older videa, which does not know waits."""

    def start_change() -> None:
        hold_change_lock_elsewhere(stack, command="videa scale 9")
        ask(stack, "promote")

    clock.events = chain([start_change], repeat(lambda: None))
    with pytest.raises(LockHeld, match="videa scale 9") as caught:
        begin(stack, "keep")
    assert caught.value.aftermath is not None
    assert caught.value.aftermath.left is Left.STOPPED
    waiting = state(stack)
    assert stack.gateway.served == ("shop-app-3", "shop-app-4")  # type: ignore[attr-defined]
    stack.store.remove("videa.lock.shop")
    end(stack).promote()
    assert state(stack) != waiting
    assert unnumbered(state(stack)) == done


@pytest.mark.parametrize("name", STEPS)
def test_a_process_that_lost_the_operation_during_a_wait_changes_nothing(
    stack: FakeStack, name: str, clock: EventClock, verdicts: list[Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process was stopped (SIGSTOP) until its lease ended, and another one may have resumed it."""
    uptime, later = lock.uptime, [0.0]
    then: list[object] = []
    calls: list[str] = []
    monkeypatch.setattr(lock, "uptime", lambda: uptime() + later[0])
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]

    def stop() -> None:
        operation = present(stack)
        if operation and operation.standing.step == STEPS[name]:
            later[0] = LEASE + 1.0
            then.append(state(stack))
            stack.world.disturb = calls.append

    clock.events = repeat(stop)
    with pytest.raises(LockHeld) as caught:
        begin(stack, name)
    assert caught.value.aftermath is not None
    assert caught.value.aftermath.left is Left.STOPPED
    assert [state(stack)] == then
    assert "create record" not in calls


def test_it_stops_if_an_older_videa_has_started_another_operation_during_the_wait(
    stack: FakeStack, clock: EventClock
) -> None:
    header = Header("videa scale 9, older", "ann@here", 1.0, 9, NEW, (FIRST,), (FIRST,), {})

    def replace_operation() -> None:
        journal = Journal(stack.store, "shop")
        journal.read()
        journal.begin(header)
        ask(stack, "promote")

    clock.events = chain([replace_operation], repeat(lambda: None))
    with pytest.raises(LockHeld, match="another operation has taken over") as caught:
        begin(stack, "keep")
    assert caught.value.aftermath is not None
    assert caught.value.aftermath.left is Left.TAKEN_OVER
    assert CONTINUE not in caught.value.hint
    assert set(stack.platform.names()) == {FIRST, SECOND, THIRD, "shop-app-4"}
    operation = Journal(stack.store, "shop").read()
    assert operation is not None
    assert operation.header == header


@pytest.mark.parametrize("name", STEPS)
def test_it_stops_if_an_older_videa_has_ended_it_during_the_wait(
    stack: FakeStack, name: str, clock: EventClock, verdicts: list[Verdict]
) -> None:
    then: list[object] = []
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]

    def end_it() -> None:
        operation = present(stack)
        if operation and operation.standing.step == STEPS[name]:
            Journal(stack.store, "shop").discard()
            verdicts[:] = [PASS]
            then.append(state(stack))

    clock.events = repeat(end_it)
    with pytest.raises(LockHeld, match="another operation has taken over"):
        begin(stack, name)
    assert [state(stack)] == then
    assert left_over(stack) == []
    assert clock.now < 10, "it did not check the journal"


def test_a_prune_during_a_wait_has_no_effect(stack: FakeStack, done: tuple[object, ...], clock: EventClock) -> None:
    pruned: list[str] = []

    def prune() -> None:
        operation = present(stack)
        if not pruned and operation and operation.standing.step == Pause(5.0):
            pruned.extend(stack.store.records)
            for name in pruned:
                stack.store.remove(name)
        elif operation and operation.standing.step == Pause(5.0):
            ask(stack, "promote")

    clock.events = repeat(prune)
    begin(stack, "pause")
    assert "videa.journal.shop" in pruned
    assert unnumbered(state(stack)) == done
    assert left_over(stack) == []


@pytest.mark.parametrize("healthy_again", [True, False])
def test_watch_ejects_a_stable_replica_and_the_canary_keeps_its_share(
    stack: FakeStack, clock: EventClock, verdicts: list[Verdict], healthy_again: bool
) -> None:
    """The operation's next change returns the ejected replica to the balancer only if it is ready."""
    gateway, listed = stack.gateway, []
    request = Request(Strategy.CANARY, shares=(5.0, 50.0, 100.0), pause_at=(5.0,))

    def watch() -> None:
        operation = present(stack)
        if operation and operation.standing.step == Pause(5.0):
            before = gateway.membership().split
            stack.world.sick.update({SECOND, THIRD})  # THIRD is the canary, which watch does not eject
            check_once(stack, Watcher(failure_threshold=1, success_threshold=1), discard)
            assert gateway.membership().servers == (FIRST,)
            assert gateway.membership().split == before
            assert before is not None
            assert (before.servers, before.percent) == ((THIRD,), 5.0)
            stack.world.sick -= {SECOND, THIRD} if healthy_again else {THIRD}
            ask(stack, "promote")
        elif operation and operation.standing.step == Judge(50.0):
            listed.append(gateway.membership().servers)

    clock.events = repeat(watch)
    Operation(stack, discard, "videa deploy").deploy(NEW, request)
    assert set(listed) == {(FIRST, SECOND) if healthy_again else (FIRST,)}


def test_a_promotion_ends_one_wait_and_completes_the_deploy(stack: FakeStack, done: tuple[object, ...]) -> None:
    leave(stack, "pause")
    emitted: list[Event] = []
    outcome = end(stack, emitted).promote()
    assert [event.percent for event in emitted if isinstance(event, Promoted)] == [None]
    assert [verdict.percent for verdict in outcome.verdicts] == [100.0]
    assert unnumbered(state(stack)) == done


def test_a_promotion_with_detach_stops_at_the_next_wait(stack: FakeStack, verdicts: list[Verdict]) -> None:
    leave(stack, "judge")
    outcome = end(stack).promote(detach=True)
    assert outcome.waiting is not None
    assert outcome.waiting.step == Judge(100.0)
    assert stack.gateway.canary == ()  # type: ignore[attr-defined]


def test_only_a_waiting_operation_can_be_promoted(stack: FakeStack, verdicts: list[Verdict]) -> None:
    with pytest.raises(PlanRefused, match="no operation waits"):
        end(stack).promote()

    def lost(call: str) -> None:
        raise EngineUnreachable("refused", "")

    def lose(call: str) -> None:
        if call == "create":
            stack.world.disturb = lost

    stack.world.disturb = lose
    with pytest.raises(VideaError, match="refused"):
        begin(stack, "judge")
    stack.world.disturb = lambda _: None
    with pytest.raises(PlanRefused, match="does not wait"):
        end(stack).promote()
    end(stack).abort()


def test_the_same_deploy_again_continues_the_waiting_one(stack: FakeStack, done: tuple[object, ...]) -> None:
    leave(stack, "judge")
    begin(stack, "judge")
    assert unnumbered(state(stack)) == done

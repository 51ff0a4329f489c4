"""Operations that wait: left, killed, taken up by another, and what others may change meanwhile."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path

import pytest

from ops import maintenance, operations
from ops.errors import EngineUnreachable, Left, LockHeld, OperationFailed, PlanRefused, VideaError
from ops.events import Event, Kind, LeftWaiting, Promoted, nobody
from ops.operations import Operation, Outcome
from ops.preflight import Capacity
from ops.project.settings import Canary, Seconds
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
"""A deploy whose first wait, or in the case of a pause the one after it, is what its name says."""

STEPS: dict[str, Waiting] = {"judge": Judge(5.0), "pause": Pause(5.0), "keep": Keep(60.0)}


@dataclass
class Meanwhile:
    """The clock of whoever waits: each time it sleeps, the next of ``events`` happens."""

    events: Iterator[Callable[[], object]] = field(default_factory=lambda: repeat(lambda: None))
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 1000, "it waits for ever"
        next(self.events)()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Meanwhile:
    """No traffic to watch, nothing to measure, and waits that last as long as their events."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("locks")))
    monkeypatch.setattr(operations, "TrafficProof", NoTraffic)
    monkeypatch.setattr(operations, "measure", lambda *_: Capacity(None, 0, 0, 0, None))
    for module in (restore, lease):
        monkeypatch.setattr(module, "PAUSES", (0.0,))
        monkeypatch.setattr(module, "PATIENCE", 0.0)
    clock = Meanwhile()
    monkeypatch.setattr(monitor, "time", clock)
    return clock


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path, canary=CANARY)


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> list[Verdict]:
    """What is seen at each look; the last for all further ones."""
    script = [PASS]

    def look(self: Monitor, *_: object) -> Verdict:
        return script.pop(0) if len(script) > 1 else script[0]

    monkeypatch.setattr(Monitor, "_check", look)
    return script


def begin(stack: FakeStack, name: str, detach: bool = False, told: list[Event] | None = None) -> Outcome:
    emit = nobody if told is None else told.append
    return Operation(stack, emit, f"videa deploy, {name}").deploy(NEW, REQUESTS[name], detach=detach)


def end(stack: FakeStack, told: list[Event] | None = None) -> Operation:
    return Operation(stack, nobody if told is None else told.append, "videa, another")


def ask(stack: FakeStack, verb: str) -> None:
    Journal(stack.store, stack.project.name).commands.send(verb)


def present(stack: FakeStack) -> UnderWay | None:
    return under_way(stack.store, stack.project.name)


def leave(stack: FakeStack, name: str) -> None:
    """Leaves a deploy at the wait that has this name."""
    outcome = begin(stack, name, detach=True)
    if name == "pause":
        assert outcome.waiting is not None
        assert outcome.waiting.step == Judge(5.0)  # nobody judges it
        outcome = end(stack).promote(detach=True)
    assert outcome.waiting is not None
    assert outcome.waiting.step == STEPS[name]


class Killed(BaseException):
    """Nothing of ops catches it."""


def kill(stack: FakeStack, name: str, clock: Meanwhile) -> None:
    """Kills a deploy in the wait that has this name: to the engine such a process is one that reaches it no more."""

    def gone(call: str) -> None:
        raise EngineUnreachable("refused", "")

    def look() -> None:
        found = present(stack)
        if found and found.standing.step == STEPS[name]:
            stack.world.disturb = gone
            raise Killed

    clock.events = repeat(look)
    with pytest.raises((Killed, EngineUnreachable)):
        begin(stack, name)
    stack.world.disturb = lambda _: None
    clock.events = repeat(lambda: None)


@pytest.fixture
def done(tmp_path_factory: pytest.TempPathFactory, verdicts: list[Verdict], clock: Meanwhile) -> tuple[object, ...]:
    """What there is after a deploy that nothing has disturbed."""
    stack = fake_stack(tmp_path_factory.mktemp("undisturbed"), canary=CANARY)
    begin(stack, "judge")
    clock.now = 0.0
    return unnumbered(state(stack))


@pytest.mark.parametrize("name", ["judge", "keep"])
def test_a_deploy_is_left_at_its_first_wait_whole_and_with_its_locks_free(
    stack: FakeStack, name: str, verdicts: list[Verdict]
) -> None:
    told: list[Event] = []
    outcome = begin(stack, name, detach=True, told=told)
    assert outcome.waiting is not None
    assert outcome.waiting.step == STEPS[name]
    assert isinstance(told[-1], LeftWaiting)
    assert left_over(stack) == ["videa.journal.shop"]
    assert Lock(stack.store, "shop").status() is None
    found = present(stack)
    assert found is not None
    assert (found.phase, found.attended) == (Phase.WAITING, False)
    assert recorded(stack) == [history.LEFT]
    assert "new" not in [entry.release for entry in history.releases(history.read(stack.project.directory))]


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("how", ["left", "killed"])
@pytest.mark.parametrize("then", ["promote", "abort", "resume"])
def test_what_nobody_attends_is_taken_up_by_another(
    stack: FakeStack, name: str, how: str, then: str, done: tuple[object, ...], clock: Meanwhile
) -> None:
    before = state(stack)
    if how == "left":
        leave(stack, name)
    else:
        kill(stack, name, clock)
    found = present(stack)
    assert found is not None
    assert (found.standing.step, found.phase, found.attended) == (STEPS[name], Phase.WAITING, False)
    assert found.standing.wait is not None
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
def test_another_operation_is_refused_while_one_waits_that_nobody_attends(
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
def test_while_it_waits_others_may_close_the_site_and_no_other_operation_begins(
    stack: FakeStack, name: str, done: tuple[object, ...], clock: Meanwhile, verdicts: list[Verdict]
) -> None:
    closed = Maintenance(retry_after=60)
    seen: list[UnderWay | None] = []
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]

    def look() -> None:
        found = present(stack)
        if found is None or found.standing.step != STEPS[name] or seen:
            return
        seen.append(found)
        stack.gateway.permit = lambda: None  # another process has another gateway
        assert Lock(stack.store, "shop").change_holder() is None
        assert maintenance.switch(stack, closed, "videa maintenance on")
        with pytest.raises(LockHeld, match="videa deploy"):
            end(stack).scale(lambda present: 4)
        with pytest.raises(LockHeld, match="videa deploy"):
            end(stack).promote()
        verdicts[:] = [PASS]
        ask(stack, "promote")

    clock.events = repeat(look)
    begin(stack, name)
    assert [(found.phase, found.attended) for found in seen if found] == [(Phase.WAITING, True)]
    assert unnumbered(state(stack)) == done
    assert stack.gateway.maintenance == closed  # type: ignore[attr-defined]
    assert left_over(stack) == []


@pytest.mark.parametrize("name", STEPS)
def test_what_waits_is_aborted_from_elsewhere(
    stack: FakeStack, name: str, clock: Meanwhile, verdicts: list[Verdict]
) -> None:
    before = state(stack)
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]
    clock.events = repeat(
        lambda: ask(stack, "abort") if (found := present(stack)) and found.standing.step == STEPS[name] else None
    )
    with pytest.raises(OperationFailed, match="aborted by"):
        begin(stack, name)
    assert state(stack) == before
    assert left_over(stack) == []


def changing_elsewhere(stack: FakeStack, **labels: str) -> None:
    """Another process, on another machine, holds the change lock."""
    named = {f"videa.lock.{name}": value for name, value in {"machine": "elsewhere", "who": "ann", **labels}.items()}
    assert stack.store.create("videa.lock.shop", named, int(stack.world.now) + LEASE)


def test_what_is_brief_is_waited_for_when_the_wait_ends(
    stack: FakeStack, done: tuple[object, ...], clock: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "INTERVAL", 0.0)
    looks: list[str] = []

    def begin_to_change() -> None:
        changing_elsewhere(stack, brief="1", command="videa maintenance on")
        ask(stack, "promote")
        stack.world.disturb = look

    def look(call: str) -> None:
        looks.append(call)
        if len(looks) == 20:
            stack.world.disturb = lambda _: None
            stack.store.remove("videa.lock.shop")

    clock.events = chain([begin_to_change], repeat(lambda: None))
    begin(stack, "keep")
    assert len(looks) == 20
    assert unnumbered(state(stack)) == done


def test_what_is_not_brief_leaves_the_operation_where_it_is_and_another_ends_it(
    stack: FakeStack, done: tuple[object, ...], clock: Meanwhile
) -> None:
    """Such as an older videa, which knows nothing of waits."""

    def begin_to_change() -> None:
        changing_elsewhere(stack, command="videa scale 9")
        ask(stack, "promote")

    clock.events = chain([begin_to_change], repeat(lambda: None))
    with pytest.raises(LockHeld, match="videa scale 9") as caught:
        begin(stack, "keep")
    assert caught.value.aftermath is not None
    assert caught.value.aftermath.left is Left.STOPPED
    kept = state(stack)
    assert stack.gateway.served == ("shop-app-3", "shop-app-4")  # type: ignore[attr-defined]
    stack.store.remove("videa.lock.shop")
    end(stack).promote()
    assert state(stack) != kept
    assert unnumbered(state(stack)) == done


@pytest.mark.parametrize("name", STEPS)
def test_whoever_has_lost_the_operation_while_it_waited_changes_nothing_any_more(
    stack: FakeStack, name: str, clock: Meanwhile, verdicts: list[Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was stopped (SIGSTOP) until its lease ended, and another may have taken it up."""
    uptime, later = lock.uptime, [0.0]
    then: list[object] = []
    calls: list[str] = []
    monkeypatch.setattr(lock, "uptime", lambda: uptime() + later[0])
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]

    def stop() -> None:
        found = present(stack)
        if found and found.standing.step == STEPS[name]:
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


def test_it_stops_where_an_older_videa_has_begun_another_operation_while_it_waited(
    stack: FakeStack, clock: Meanwhile
) -> None:
    header = Header("videa scale 9, older", "ann@here", 1.0, 9, NEW, (FIRST,), (FIRST,), {})

    def take_its_place() -> None:
        Journal(stack.store, "shop").begin(header)
        ask(stack, "promote")

    clock.events = chain([take_its_place], repeat(lambda: None))
    with pytest.raises(LockHeld, match="another process has ended this operation") as caught:
        begin(stack, "keep")
    assert caught.value.aftermath is not None
    assert caught.value.aftermath.left is Left.STOPPED
    assert set(stack.platform.names()) == {FIRST, SECOND, THIRD, "shop-app-4"}
    found = Journal(stack.store, "shop").read()
    assert found is not None
    assert found.header == header


@pytest.mark.parametrize("name", STEPS)
def test_it_stops_where_an_older_videa_has_ended_it_while_it_waited(
    stack: FakeStack, name: str, clock: Meanwhile, verdicts: list[Verdict]
) -> None:
    then: list[object] = []
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]

    def end_it() -> None:
        found = present(stack)
        if found and found.standing.step == STEPS[name]:
            Journal(stack.store, "shop").discard()
            verdicts[:] = [PASS]
            then.append(state(stack))

    clock.events = repeat(end_it)
    with pytest.raises(LockHeld, match="another process has ended this operation"):
        begin(stack, name)
    assert [state(stack)] == then
    assert left_over(stack) == []
    assert clock.now < 10, "it did not look"


def test_a_prune_while_it_waits_costs_nothing(stack: FakeStack, done: tuple[object, ...], clock: Meanwhile) -> None:
    pruned: list[str] = []

    def prune() -> None:
        found = present(stack)
        if not pruned and found and found.standing.step == Pause(5.0):
            pruned.extend(stack.store.records)
            for name in pruned:
                stack.store.remove(name)
        elif found and found.standing.step == Pause(5.0):
            ask(stack, "promote")

    clock.events = repeat(prune)
    begin(stack, "pause")
    assert "videa.journal.shop" in pruned
    assert unnumbered(state(stack)) == done
    assert left_over(stack) == []


@pytest.mark.parametrize("well_again", [True, False])
def test_watch_takes_a_stable_replica_out_and_the_canary_keeps_its_share(
    stack: FakeStack, clock: Meanwhile, verdicts: list[Verdict], well_again: bool
) -> None:
    """What it took out comes back with the next change of the operation only when it is ready."""
    gateway, listed = stack.gateway, []
    request = Request(Strategy.CANARY, shares=(5.0, 50.0, 100.0), pause_at=(5.0,))

    def watch() -> None:
        found = present(stack)
        if found and found.standing.step == Pause(5.0):
            before = gateway.membership().split
            stack.world.sick.update({SECOND, THIRD})  # THIRD is the canary: its judge's matter
            check_once(stack, Watcher(failure_threshold=1, success_threshold=1), nobody)
            assert gateway.membership().servers == (FIRST,)
            assert gateway.membership().split == before
            assert before is not None
            assert (before.servers, before.percent) == ((THIRD,), 5.0)
            stack.world.sick -= {SECOND, THIRD} if well_again else {THIRD}
            ask(stack, "promote")
        elif found and found.standing.step == Judge(50.0):
            listed.append(gateway.membership().servers)

    clock.events = repeat(watch)
    Operation(stack, nobody, "videa deploy").deploy(NEW, request)
    assert set(listed) == {(FIRST, SECOND) if well_again else (FIRST,)}


def test_a_promotion_ends_one_wait_and_the_rest_is_carried_out(stack: FakeStack, done: tuple[object, ...]) -> None:
    leave(stack, "pause")
    told: list[Event] = []
    outcome = end(stack, told).promote()
    assert [event.percent for event in told if isinstance(event, Promoted)] == [None]
    assert [verdict.percent for verdict in outcome.verdicts] == [100.0]
    assert unnumbered(state(stack)) == done


def test_a_promotion_may_leave_it_at_the_next_wait(stack: FakeStack, verdicts: list[Verdict]) -> None:
    leave(stack, "judge")
    outcome = end(stack).promote(detach=True)
    assert outcome.waiting is not None
    assert outcome.waiting.step == Judge(100.0)
    assert stack.gateway.canary == ()  # type: ignore[attr-defined]


def test_only_what_waits_can_be_promoted(stack: FakeStack, verdicts: list[Verdict]) -> None:
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


def test_the_same_deploy_again_goes_on_with_the_one_that_waits(stack: FakeStack, done: tuple[object, ...]) -> None:
    leave(stack, "judge")
    begin(stack, "judge")
    assert unnumbered(state(stack)) == done

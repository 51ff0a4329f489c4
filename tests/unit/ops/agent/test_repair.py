"""What somebody changed without videa, and what is an operation's own business."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from ops.agent.repair import Repair
from ops.balancer.render import parse, render
from ops.errors import BalancerError, LockHeld
from ops.events import Event, discard
from ops.notices import DriftRepaired, ReplicaLeftOut
from ops.rollout.lease import LEASE
from ops.traffic import Membership, TrafficSplit
from ops.watch import Judge, check_once
from tests.unit.ops.fakes import FakeStack, fake_stack

FIRST, SECOND, THIRD = (f"shop-app-{number}" for number in (1, 2, 3))


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return fake_stack(tmp_path, replicas=2)


def told(stack: FakeStack, repair: Repair) -> list[Event]:
    """What one round of checks and repairs tells."""
    events: list[Event] = []
    seen = check_once(stack, Judge(1, 1), events.append)
    assert seen
    repair.repair(seen, events.append, "videa agent")
    return events


def test_a_replica_that_compose_has_added_gets_requests_when_it_is_ready(stack: FakeStack) -> None:
    stack.world.sick.add(stack.platform.add())
    repair = Repair()
    assert told(stack, repair) == []
    stack.world.sick.clear()
    assert told(stack, repair) == [DriftRepaired((f"{THIRD} is ready, and was not listed",))]
    assert stack.gateway.served == (FIRST, SECOND, THIRD)
    assert told(stack, repair) == []


def test_a_replica_that_was_removed_leaves_the_list(stack: FakeStack) -> None:
    stack.platform.remove(SECOND)
    repair = Repair()
    assert told(stack, repair) == [DriftRepaired((f"{SECOND} was listed, and does not exist",))]
    assert stack.gateway.served == (FIRST,)


def test_the_list_stays_if_all_its_replicas_are_gone(stack: FakeStack) -> None:
    stack.platform.by_name.clear()
    assert told(stack, Repair()) == []
    assert stack.gateway.served == (FIRST, SECOND)


def test_replicas_that_took_the_place_of_all_others_get_the_requests(stack: FakeStack) -> None:
    stack.platform.by_name.clear()
    stack.platform.count = 7
    stack.platform.add("app:new", number=3)
    told(stack, Repair())
    assert stack.gateway.served == (THIRD,)


def test_a_replica_of_another_release_gets_no_requests_and_is_told_once(stack: FakeStack) -> None:
    stack.platform.add("app:new")
    repair = Repair()
    assert told(stack, repair) == [ReplicaLeftOut(THIRD, "new")]
    assert told(stack, repair) == []
    assert stack.gateway.served == (FIRST, SECOND)


def test_an_ejected_replica_is_the_judges_business(stack: FakeStack) -> None:
    stack.world.sick.add(SECOND)
    check_once(stack, Judge(1, 1), discard)
    assert stack.gateway.served == (FIRST,)
    assert told(stack, Repair()) == []
    assert stack.gateway.served == (FIRST,)


def test_nothing_is_repaired_while_an_operation_has_not_ended(stack: FakeStack) -> None:
    stack.platform.add()
    stack.store.create("videa.journal.shop", {})
    assert told(stack, Repair()) == []
    assert stack.gateway.served == (FIRST, SECOND)


def test_nothing_is_repaired_beside_a_canary(stack: FakeStack) -> None:
    canary = stack.platform.add()
    stack.gateway.split = TrafficSplit((canary,), 5.0)
    assert told(stack, Repair()) == []
    assert stack.gateway.served == (FIRST, SECOND)


def test_an_operation_that_has_just_begun_is_not_disturbed(stack: FakeStack) -> None:
    stack.platform.add()
    repair = Repair()
    seen = check_once(stack, Judge(1, 1), discard)
    assert seen
    stack.store.create("videa.lock.shop", {}, int(stack.world.now) + LEASE)
    events: list[Event] = []
    repair.repair(seen, events.append, "videa agent")
    assert events == []
    assert stack.gateway.served == (FIRST, SECOND)


def test_a_change_of_the_configuration_by_hand_is_undone(stack: FakeStack) -> None:
    written = render(stack.upstream((FIRST, SECOND)), 1, None, "")
    text = {"now": written.replace("keepalive 64", "keepalive 9")}
    assert text["now"] != written

    def membership(remembered: bool = False) -> Membership:
        return parse(text["now"], "app")

    def apply(upstream: object) -> None:
        text["now"] = written

    stack.gateway.membership = membership  # type: ignore[method-assign]
    stack.gateway.apply = apply  # type: ignore[assignment,method-assign]
    repair = Repair()
    (event,) = told(stack, repair)
    assert isinstance(event, DriftRepaired)
    assert any("keepalive 9" in line for line in event.differences)
    assert told(stack, repair) == []


def test_whoever_writes_the_same_again_and_again_wins(stack: FakeStack) -> None:
    by_hand = render(stack.upstream((FIRST, SECOND)), 1, None, "").replace("keepalive 64", "keepalive 9")
    stack.gateway.membership = lambda remembered=False: parse(by_hand, "app")  # type: ignore[method-assign]
    repair = Repair()
    assert [type(event) for event in told(stack, repair)] == [DriftRepaired]
    with pytest.raises(BalancerError, match="changed again"):
        told(stack, repair)
    assert len(stack.gateway.applied) == 1


def test_the_lock_of_another_process_is_no_error(stack: FakeStack) -> None:
    stack.platform.remove(SECOND)
    seen = check_once(stack, Judge(1, 1), discard)
    assert seen

    def refuse(above: int = 0) -> int:
        raise LockHeld("somebody else", "")

    stack.gateway.apply = lambda upstream: refuse()  # type: ignore[assignment,method-assign,return-value]
    events: list[Event] = []
    Repair().repair(seen, events.append, "videa agent")
    assert events == []

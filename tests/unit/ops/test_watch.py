"""When a replica is taken out of the balancer, and when it comes back."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from ops import watch
from ops.ejected import Ejected
from ops.errors import BalancerError
from ops.events import Event, discard
from ops.notices import ReplicaReturned
from ops.rollout.identity import machine_id
from ops.rollout.lease import LEASE
from ops.watch import Judge, check_once
from tests.unit.ops.fakes import FakeStack, fake_stack

BOTH = {"a", "b"}


def test_out_after_three_bad_answers_in_a_row() -> None:
    judge = Judge(failure_threshold=3, success_threshold=2)
    assert judge.judge({"a": True, "b": False}, BOTH) == BOTH
    assert judge.judge({"a": True, "b": False}, BOTH) == BOTH
    assert judge.judge({"a": True, "b": False}, BOTH) == {"a"}


def test_a_good_answer_between_bad_ones_starts_the_count_again() -> None:
    judge = Judge(failure_threshold=2, success_threshold=2)
    for ok in (False, True, False, True, False):
        assert judge.judge({"a": True, "b": ok}, BOTH) == BOTH


def test_back_after_two_good_answers() -> None:
    judge = Judge(failure_threshold=1, success_threshold=2)
    assert judge.judge({"a": True, "b": False}, BOTH) == {"a"}
    assert judge.judge({"a": True, "b": True}, {"a"}) == {"a"}
    assert judge.judge({"a": True, "b": True}, {"a"}) == BOTH


def test_the_last_one_is_never_taken_out() -> None:
    judge = Judge(failure_threshold=1, success_threshold=2)
    assert judge.judge({"a": False, "b": False}, BOTH) == BOTH


def test_a_replica_that_an_operation_drains_is_not_brought_back() -> None:
    judge = Judge(failure_threshold=1, success_threshold=1)
    assert judge.judge({"a": True}, {"a"}) == {"a"}
    assert judge.judge({"a": True}, {"a"}) == {"a"}


def test_a_replica_that_is_gone_is_forgotten() -> None:
    judge = Judge(failure_threshold=1, success_threshold=1)
    assert judge.judge({"a": True, "b": False}, BOTH) == {"a"}
    assert judge.judge({"a": True}, {"a"}) == {"a"}
    assert not judge.ejected


FIRST, SECOND, THIRD = (f"shop-app-{number}" for number in (1, 2, 3))


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return fake_stack(tmp_path, replicas=3)


def watching() -> Judge:
    """A watcher that has just been started, and for which one answer is enough."""
    return Judge(failure_threshold=1, success_threshold=1)


def out(stack: FakeStack) -> dict[str, str]:
    return Ejected(stack.store, stack.project.name).read()


def test_what_was_taken_out_is_let_back_by_whoever_watches_next(stack: FakeStack) -> None:
    stack.world.sick.add(SECOND)
    check_once(stack, watching(), discard)
    assert stack.gateway.served == (FIRST, THIRD)
    check_once(stack, watching(), discard)
    assert stack.gateway.served == (FIRST, THIRD)
    stack.world.sick.clear()
    told: list[Event] = []
    check_once(stack, watching(), told.append)
    assert stack.gateway.served == (FIRST, SECOND, THIRD)
    assert told == [ReplicaReturned(SECOND)]
    assert out(stack) == {}
    assert "videa.watch" not in str(stack.store.records)


def test_one_that_an_operation_has_listed_again_is_told_as_returned_once(stack: FakeStack) -> None:
    ids = {replica.name: replica.id for replica in stack.replicas()}
    Ejected(stack.store, stack.project.name).write({SECOND: ids[SECOND]})
    told: list[Event] = []
    check_once(stack, watching(), told.append)
    check_once(stack, watching(), told.append)
    assert told == [ReplicaReturned(SECOND)]
    assert out(stack) == {}


def test_one_that_could_not_be_taken_out_because_of_an_operation_does_not_count_as_ejected(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.world.sick.add(SECOND)
    monkeypatch.setattr(watch, "apply_briefly", lambda *_: False)
    check_once(stack, watching(), discard)
    assert out(stack) == {}


def test_the_ejected_replicas_of_another_service_stay_while_they_exist(stack: FakeStack) -> None:
    mail = stack.platform.add("mail:old")
    other = stack.platform.by_name[mail]
    stack.platform.by_name[mail] = replace(other, service="mail")
    Ejected(stack.store, stack.project.name).write({mail: other.id, "shop-mail-9": "gone"})
    stack.world.sick.add(SECOND)
    check_once(stack, watching(), discard)
    assert out(stack).keys() == {SECOND, mail}
    stack.world.sick.clear()
    check_once(stack, watching(), discard)
    assert out(stack) == {mail: other.id}


def test_killed_while_it_takes_one_out_it_is_let_back_too(stack: FakeStack) -> None:
    class Killed(BaseException):
        pass

    stack.world.sick.add(SECOND)
    applied = len(stack.gateway.applied)

    def kill_after_apply(call: str) -> None:
        if len(stack.gateway.applied) > applied:
            raise Killed

    stack.world.disturb = kill_after_apply
    with pytest.raises(Killed):
        check_once(stack, watching(), discard)
    stack.world.disturb = lambda call: None
    assert stack.gateway.served == (FIRST, THIRD)
    stack.world.sick.clear()
    stack.world.now += LEASE + 1
    check_once(stack, watching(), discard)
    assert stack.gateway.served == (FIRST, SECOND, THIRD)


def test_what_an_operation_has_listed_again_is_not_out_any_more(stack: FakeStack) -> None:
    stack.world.sick.add(SECOND)
    check_once(stack, watching(), discard)
    stack.world.sick.clear()
    stack.gateway.served = (FIRST, SECOND, THIRD)
    check_once(stack, watching(), discard)
    assert out(stack) == {}
    stack.gateway.served = (FIRST, THIRD)  # an operation that was broken off has taken it out
    check_once(stack, watching(), discard)
    assert stack.gateway.served == (FIRST, THIRD)


def test_another_container_of_the_same_name_was_never_taken_out(stack: FakeStack) -> None:
    stack.world.sick.add(THIRD)
    check_once(stack, watching(), discard)
    stack.platform.remove(THIRD)
    assert stack.platform.add() == THIRD
    stack.world.sick.clear()
    check_once(stack, watching(), discard)
    assert stack.gateway.served == (FIRST, SECOND)
    assert out(stack) == {}


def test_a_change_that_failed_takes_nothing_out(stack: FakeStack) -> None:
    def refuse() -> None:
        raise BalancerError("nginx does not answer", "look at its log")

    stack.world.sick.add(SECOND)
    judge = watching()
    applied, stack.gateway.apply = stack.gateway.apply, lambda upstream: refuse()  # type: ignore[method-assign]
    with pytest.raises(BalancerError):
        check_once(stack, judge, discard)
    stack.gateway.apply = applied  # type: ignore[method-assign]
    stack.world.sick.clear()
    check_once(stack, judge, discard)
    assert stack.gateway.served == (FIRST, SECOND, THIRD)
    assert out(stack) == {}


def test_it_changes_nothing_beside_an_operation_whose_files_it_cannot_see(stack: FakeStack) -> None:
    """As of a systemd unit with PrivateTmp: the deploy's lock file is not there for it."""
    labels = {"videa.lock.machine": machine_id(), "videa.lock.file": "/tmp/videa-lock-elsewhere"}
    stack.store.create("videa.lock.shop", labels, int(stack.world.now) + LEASE)
    stack.world.sick.add(SECOND)
    check_once(stack, watching(), discard)
    assert stack.gateway.applied == []
    stack.world.now += LEASE + 1
    check_once(stack, watching(), discard)
    assert stack.gateway.served == (FIRST, THIRD)

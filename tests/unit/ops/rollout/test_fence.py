"""Fencing numbers: larger at each taking of the lock, and what a process does that was stopped at its change."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.errors import Left, LockHeld, VideaError
from ops.events import discard
from ops.maintenance import switch
from ops.operations import Operation
from ops.rollout import fence, lock
from ops.rollout.lease import LEASE
from ops.rollout.lock import Lock
from ops.traffic import Maintenance
from tests.unit.ops.disturbances import deploy, quiet, recorded
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.store import FakeStore


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return fake_stack(tmp_path)


def test_each_taking_of_the_lock_has_a_larger_number_also_after_a_release_and_a_prune(stack: FakeStack) -> None:
    lock, numbers = Lock(stack.store, "shop"), []
    with lock.hold("videa deploy") as lease:
        numbers.append(lease.permit())
        with lease.suspended(), lock.hold_briefly("videa maintenance on") as brief:
            numbers.append(brief.permit())
        numbers.append(lease.permit())
        assert lease.permit() == numbers[-1]
    stack.store.records.clear()
    stack.world.now += 10
    with lock.hold("videa scale 3") as lease:
        numbers.append(lease.permit())
    assert numbers == sorted(set(numbers))


class LateStore(FakeStore):
    """Another process takes numbers between the first look of this one and its record."""

    def create(self, *arguments: object) -> str | None:
        if not self.count:
            FakeStore.create(self, "videa.fence.shop.1800000001", labels(1_800_000_001))
            FakeStore.create(self, "videa.fence.shop.1800000002", labels(1_800_000_002))
            self.remove("videa.fence.shop.1800000001")
        return super().create(*arguments)  # type: ignore[arg-type]


def labels(number: int) -> dict[str, str]:
    return {"videa.fence": "shop", "videa.fence.number": str(number)}


def test_a_number_that_somebody_else_has_surpassed_is_not_taken() -> None:
    store = LateStore()
    assert fence.take_number(store, "shop") == 1_800_000_003
    assert [name for name in store.records if "fence" in name] == ["videa.fence.shop.1800000003"]


def test_a_lock_that_was_taken_and_released_in_the_meantime_is_not_created_again(stack: FakeStack) -> None:
    """To a process whose clock stood still, such as on a paused virtual machine, this looks like a prune."""
    lock = Lock(stack.store, "shop")
    with lock.hold("videa deploy") as lease:
        for name in ("videa.lock.shop", "videa.operation.shop"):
            stack.store.remove(name)
        with lock.hold("videa scale 3") as other:
            other.permit()
        with pytest.raises(LockHeld, match="lost its lock"):
            lease.permit()
    assert lock.status() is None


def test_a_higher_number_of_the_balancer_is_passed_only_with_a_valid_lock(stack: FakeStack) -> None:
    with Lock(stack.store, "shop").hold("videa deploy") as lease:
        number = lease.permit()
        assert lease.permit(above=number + 5) == number + 6
        assert lease.permit() == number + 6
        stack.store.remove("videa.lock.shop")
        stack.store.create("videa.lock.shop", {"videa.lock.who": "ann"}, int(stack.world.now) + LEASE)
        with pytest.raises(LockHeld, match="lost its lock"):
            lease.permit(above=number + 9)


def test_maintenance_has_a_number_of_its_own(stack: FakeStack) -> None:
    stack.gateway.highest = fence.take_number(stack.store, "shop")
    assert switch(stack, Maintenance(), "videa maintenance on")
    assert stack.gateway.highest == fence.highest(stack.store, "shop")


TAKE_OVERS: dict[str, Callable[[Operation], object]] = {
    "scale": lambda other: other.scale(lambda present: 3),
    "abort": lambda other: other.abort(),
}


@pytest.mark.parametrize("other", TAKE_OVERS)
@pytest.mark.parametrize("call", ["apply", "create", "created", "start"])
def test_stopped_at_a_change_until_another_one_has_taken_over_it_leaves_nothing(
    stack: FakeStack, call: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP after the last check before the change: the balancer refuses it, and new replicas are removed."""
    uptime, later = lock.uptime, [0.0]
    monkeypatch.setattr(lock, "uptime", lambda: uptime() + later[0])
    then: list[object] = []

    def take_over(current: str) -> None:
        if current != call:
            return
        stack.world.disturb = lambda _: None
        stack.world.now += LEASE + 1
        later[0] = LEASE + 1.0
        permit = stack.gateway.permit
        TAKE_OVERS[other](Operation(stack, discard, "videa"))
        stack.gateway.permit = permit
        then.extend([set(stack.platform.names()), stack.gateway.served])

    stack.world.disturb = take_over
    with pytest.raises(VideaError, match="another operation has taken over") as caught:
        deploy(Operation(stack, discard, "videa deploy"))
    assert caught.value.aftermath is not None
    assert caught.value.aftermath.left is Left.TAKEN_OVER
    names, served = then
    assert stack.gateway.served == served
    assert set(stack.platform.names()) == names
    assert set(served) <= set(stack.platform.names())  # type: ignore[call-overload]
    assert recorded(stack)[0] == "done"


__all__ = ["quiet"]

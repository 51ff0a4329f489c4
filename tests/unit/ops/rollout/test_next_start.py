"""The next start is checked while replicas are drained or start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from ops.errors import PlanRefused
from ops.platform.ports import Platform
from ops.rollout.next_start import check_next_start
from ops.steps import AnyStep, AwaitReady, Delay, Drain, Remember, Remove, Start, Target

TARGET = Target("b", "app:b")
REMOVE = Remove(("app-1",))


@dataclass
class Checked:
    creates_alone: bool = False
    refusal: PlanRefused | None = None
    totals: list[int] = field(default_factory=list)

    def names(self) -> list[str]:
        return ["app-1", "app-2"]

    def check_create(self, total: int, target: Target, next: bool = False) -> None:
        assert (target, next) == (TARGET, True)
        self.totals.append(total)
        if self.refusal:
            raise self.refusal


def checked(platform: Checked, *following: AnyStep) -> list[int]:
    with check_next_start(cast(Platform, platform), following, TARGET):
        pass
    return platform.totals


def test_the_start_after_the_removal_is_checked_next_to_the_replicas_that_are_drained() -> None:
    assert checked(Checked(), REMOVE, Start(2), Drain()) == [4]


def test_the_start_of_the_next_batch_is_checked_while_one_is_awaited() -> None:
    assert checked(Checked(), Start(1), AwaitReady(), REMOVE) == [3]


@pytest.mark.parametrize("following", [(), (REMOVE,), (REMOVE, Remember(3)), (REMOVE, Delay(1), Start(1))])
def test_no_other_start_is_checked(following: tuple[AnyStep, ...]) -> None:
    assert checked(Checked(), *following) == []


def test_a_platform_that_creates_alone_has_fewer_replicas_by_then() -> None:
    assert checked(Checked(creates_alone=True), REMOVE, Start(1)) == []


def test_a_refusal_does_not_end_the_drain_because_the_start_checks_again() -> None:
    assert checked(Checked(refusal=PlanRefused("would stop db", "")), REMOVE, Start(1)) == [3]


def test_an_interrupted_drain_is_not_held_up() -> None:
    with pytest.raises(KeyboardInterrupt), check_next_start(cast(Platform, Checked()), (REMOVE, Start(1)), TARGET):
        raise KeyboardInterrupt

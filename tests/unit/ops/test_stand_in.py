"""While a balancer has no listener a stand-in serves; where that cannot be, the reason is told and all goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import EngineError
from ops.events import Event
from ops.handover import stand_in
from ops.notices import PortGap
from ops.stack import Stack
from tests.unit.ops.fakes import FakeStack, fake_stack


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    stack = fake_stack(tmp_path)
    monkeypatch.setattr(stand_in, "Balancer", lambda platform, name: stack.gateway)
    return stack


def covered(stack: FakeStack, reason: str = "") -> tuple[bool, list[Event]]:
    """Whether it served during the block, and what was told."""
    events: list[Event] = []

    def serves(asked: Stack) -> None:
        stack.world.used("stand-in serves")

    with stand_in.covered(stack, "shop-nginx-1", serves, events.append, reason) as standing:
        stack.platform.stand_ins.calls.append("block")
        if standing:
            standing.release()
    return standing is not None, events


def test_it_serves_until_it_is_released_and_is_removed_at_the_end(stack: FakeStack) -> None:
    assert covered(stack) == (True, [])
    assert stack.platform.stand_ins.calls == ["remove", "start published", "redirect", "block", "release", "remove"]


def test_with_a_known_reason_none_is_started(stack: FakeStack) -> None:
    assert covered(stack, "it is not wanted") == (False, [PortGap("it is not wanted")])
    assert stack.platform.stand_ins.calls == ["block"]


@pytest.mark.parametrize("failing", ["stand-in start published", "stand-in serves", "stand-in redirect"])
def test_one_that_fails_is_removed_and_stops_nobody(stack: FakeStack, failing: str) -> None:
    def disturb(call: str) -> None:
        if call == failing:
            raise EngineError("it failed", "see its log")

    stack.world.disturb = disturb
    assert covered(stack) == (False, [PortGap("it failed")])
    assert stack.platform.stand_ins.calls.count("remove") == 2  # that of a killed command, and this one
    assert "block" in stack.platform.stand_ins.calls

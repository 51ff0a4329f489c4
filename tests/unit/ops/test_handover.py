"""The published port moves to a new balancer; whichever call fails, somebody has it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from ops import handover
from ops.errors import EngineError, Left, PlanRefused, ReplicaNotReady, VideaError
from ops.events import Event, discard
from ops.handover import Leaving, _is_alone, hand_over, holders
from ops.notices import PortMoves
from tests.unit.ops.fakes import FakeStack, fake_stack

OLD = "shop-app-1"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    """One replica that publishes the port; its file wants two."""
    stack = fake_stack(tmp_path, replicas=1)
    cast(dict[str, Any], stack.project.service)["deploy"] = {"replicas": 2}
    monkeypatch.setattr(type(stack.project.compose), "run", lambda self, *arguments: "", raising=False)

    @contextmanager
    def prober(probed: FakeStack) -> Iterator[FakeStack]:
        yield probed

    monkeypatch.setattr(handover, "_prober", prober)
    return stack


def move(stack: FakeStack, emit: Any = discard) -> None:
    hand_over(stack, stack.replicas(), lambda: stack.world.used("serves"), emit, lambda above=0: 0)


def states(stack: FakeStack) -> dict[str, str]:
    return {replica.name: replica.state for replica in stack.platform.by_name.values()}


def test_new_replicas_take_the_place_of_the_one_with_the_port(stack: FakeStack) -> None:
    events: list[Event] = []
    move(stack, events.append)
    assert states(stack) == {"shop-app-2": "running", "shop-app-3": "running"}
    assert PortMoves((OLD,), "nginx") in events


def test_the_old_one_serves_until_the_new_ones_are_ready(stack: FakeStack) -> None:
    seen: list[tuple[str, str]] = []
    stack.world.disturb = lambda call: seen.append((call, states(stack).get(OLD, "")))
    move(stack)
    first_stop = next(index for index, (call, _) in enumerate(seen) if call == "stop")
    assert "probe" in [call for call, _ in seen[:first_stop]]
    assert {state for _, state in seen[: first_stop + 1]} == {"running"}


def test_a_replica_that_never_becomes_ready_is_removed_and_the_old_one_never_knows(stack: FakeStack) -> None:
    stack.world.sick = {"shop-app-3"}
    stopped: list[str] = []
    stack.world.disturb = lambda call: stopped.append(call) if call == "stop" else None
    with pytest.raises(ReplicaNotReady) as error:
        move(stack)
    assert error.value.aftermath is not None
    assert error.value.aftermath.left is Left.ROLLED_BACK
    assert states(stack) == {OLD: "running"}
    assert not stopped


def test_a_balancer_that_does_not_serve_gives_the_port_back(stack: FakeStack) -> None:
    def disturb(call: str) -> None:
        if call == "serves":
            raise EngineError("nginx does not answer", "see its log")

    stack.world.disturb = disturb
    with pytest.raises(EngineError, match="nginx does not answer"):
        move(stack)
    assert states(stack) == {OLD: "running"}


def test_whichever_call_fails_there_is_a_running_replica_afterwards(stack: FakeStack, tmp_path: Path) -> None:
    for number in range(100):
        again = fake_stack(tmp_path, replicas=1)
        left = [number]

        def disturb(call: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise EngineError(f"{call} failed", "try again")

        again.world.disturb = disturb
        try:
            move(again)
        except VideaError:
            assert "running" in states(again).values(), number
            continue
        assert left[0] >= 0
        return
    pytest.fail("it never came to the end")


def test_a_volume_that_only_one_replica_may_write_is_refused_before_anything_is_touched(stack: FakeStack) -> None:
    cast(dict[str, Any], stack.project.service)["volumes"] = [{"type": "volume", "source": "data", "target": "/data"}]
    with pytest.raises(PlanRefused, match="/data"):
        move(stack)
    assert states(stack) == {OLD: "running"}


@pytest.mark.parametrize(
    ("bound", "held"),
    [
        ({"3001/tcp": [{"HostPort": "80"}]}, True),
        ({"3001/tcp": [{"HostPort": "81"}]}, False),
        ({"3001/tcp": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_who_holds_the_port(stack: FakeStack, monkeypatch: pytest.MonkeyPatch, bound: object, held: bool) -> None:
    ports = [{"target": 8080, "published": "80", "protocol": "tcp"}]
    cast(dict[str, Any], stack.project.model["services"]["nginx"])["ports"] = ports
    details = [(replica, {"NetworkSettings": {"Ports": bound}}) for replica in stack.replicas()]
    monkeypatch.setattr(type(stack.platform), "details", lambda self: details)
    assert [container.name for container in holders(stack)] == ([OLD] if held else [])


@pytest.mark.parametrize(
    ("definition", "alone"),
    [
        ({}, False),
        ({"container_name": "shop"}, True),
        ({"volumes": [{"type": "volume", "source": "data", "target": "/data"}]}, True),
        ({"volumes": [{"type": "volume", "source": "data", "target": "/shared"}]}, False),
    ],
)
def test_which_service_cannot_have_a_second_container(definition: dict[str, Any], alone: bool) -> None:
    assert _is_alone("web", definition, Leaving(("web",), (), "balancer", (), ("/shared",))) is alone

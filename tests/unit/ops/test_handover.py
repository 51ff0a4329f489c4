"""The published port moves to a new balancer; whichever call fails, somebody has it afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, cast

import pytest

from ops.errors import EngineError, Left, PlanRefused, ReplicaNotReady, VideaError
from ops.events import Event, discard
from ops.handover import over, stand_in
from ops.handover.back import Leaving, _is_alone
from ops.handover.over import hand_over, holders
from ops.models import ExecResult
from ops.notices import PortGap, PortMoves
from ops.stack import Stack
from tests.unit.ops.fakes import FakeStack, fake_stack

OLD, NGINX = "shop-app-1", "shop-nginx-1"
CONNECTED = "  0: 020011AC:0BB9 010011AC:D2F0 01 00000000:00000000\n"
"""A row of /proc/net/tcp: a client's connection to port 3001."""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    """One replica that publishes the port; its file wants two."""
    return running(tmp_path, monkeypatch)


def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    stack = fake_stack(tmp_path, replicas=1)
    cast(dict[str, Any], stack.project.service)["deploy"] = {"replicas": 2}

    def compose(self: object, *arguments: str, overrides: object = None) -> str:
        created = replace(stack.platform.by_name[OLD], name=NGINX, service="nginx", number=0, state="created")
        stack.platform.by_name[NGINX] = created
        return ""

    foresee(monkeypatch, stack, f"Container {NGINX}  Created")
    monkeypatch.setattr(type(stack.project.compose), "run", compose, raising=False)
    monkeypatch.setattr(stand_in, "Balancer", lambda platform, name: stack.gateway)
    monkeypatch.setattr(over, "LOOK_AGAIN", 0.001)
    return stack


def foresee(monkeypatch: pytest.MonkeyPatch, stack: FakeStack, progress: str, hashes_depends_on: bool = False) -> None:
    """What Compose says before it creates the balancer."""
    compose = type(stack.project.compose)
    said = CompletedProcess([], 0, "", f" DRY-RUN MODE -  {progress}\n")
    monkeypatch.setattr(compose, "dry_run", lambda self, *arguments, overrides: said, raising=False)
    monkeypatch.setattr(compose, "hashes_depends_on", hashes_depends_on, raising=False)


def move(stack: FakeStack, emit: Any = discard, redirect: bool = True) -> None:
    def serves(asked: Stack) -> None:
        stack.world.used("serves" if asked is stack else "stand-in serves")

    held = [replica for replica in stack.replicas() if replica.name == OLD]
    hand_over(stack, held, serves, emit, lambda above=0: 0, redirect)


def states(stack: FakeStack) -> dict[str, str]:
    return {replica.name: replica.state for replica in stack.platform.by_name.values() if replica.service == "app"}


def calls(stack: FakeStack) -> list[tuple[str, dict[str, str]]]:
    """Every call with the states of all containers before it, while it is filled by the world."""
    seen: list[tuple[str, dict[str, str]]] = []
    stack.world.disturb = lambda call: seen.append(
        (call, {each.name: each.state for each in stack.platform.by_name.values()})
    )
    return seen


def test_new_replicas_take_the_place_of_the_one_with_the_port(stack: FakeStack) -> None:
    events: list[Event] = []
    move(stack, events.append)
    assert states(stack) == {"shop-app-2": "running", "shop-app-3": "running"}
    assert PortMoves((OLD,), "nginx") in events


def test_the_old_one_serves_until_the_new_ones_are_ready(stack: FakeStack) -> None:
    seen = calls(stack)
    move(stack)
    first_stop = next(index for index, (call, _) in enumerate(seen) if call == "stop")
    assert "probe" in [call for call, _ in seen[:first_stop]]
    assert {names.get(OLD) for _, names in seen[: first_stop + 1]} == {"running"}


def test_new_connections_go_to_the_stand_in_while_nobody_has_the_port(stack: FakeStack) -> None:
    seen = calls(stack)
    move(stack)
    order = [call for call, _ in seen]
    begins, ends = order.index("stand-in redirect"), order.index("stand-in release")
    assert order.index("stand-in serves") < begins
    without = [index for index, (_, names) in enumerate(seen) if "running" not in (names.get(OLD), names.get(NGINX))]
    assert without
    assert begins < without[0] <= without[-1] < ends
    assert "serves" in order[without[-1] : ends]
    assert stack.platform.stand_ins.calls == ["remove", "start published", "redirect", "release", "remove"]


def test_the_old_one_stays_until_its_clients_have_ended_their_connections(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([CONNECTED, CONNECTED, "  0: 00000000:0BB9 00000000:0000 0A\n"])

    def look(self: object, container: str, command: list[str]) -> ExecResult:
        stack.world.used("look")
        return ExecResult(0, next(answers))

    monkeypatch.setattr(type(stack.platform), "exec", look)
    seen = calls(stack)
    move(stack)
    order = [call for call, _ in seen]
    assert order.count("look") == 3
    assert "stop" not in order[: order.index("look") + 3]


def test_a_network_that_compose_would_recreate_for_the_balancer_leaves_the_old_one_alone(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    foresee(monkeypatch, stack, f"Container {OLD}  Stopping\n DRY-RUN MODE -  Network shop_front  Removed")
    with pytest.raises(PlanRefused, match="network shop_front differs"):
        move(stack)
    assert states(stack) == {OLD: "running"}
    assert NGINX not in stack.platform.by_name


def test_a_balancer_that_an_interrupted_command_has_created_is_used(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.project.compose.run("up")
    foresee(monkeypatch, stack, "")
    move(stack)
    assert stack.platform.by_name[NGINX].running


def test_an_older_compose_creates_the_balancer_with_the_hash_of_a_plain_up(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    create = type(stack.project.compose).run

    def run(self: Any, *arguments: str, overrides: object = None) -> str:
        ran.append(" ".join(arguments))
        return create(self, *arguments)

    foresee(monkeypatch, stack, f"Container {NGINX}  Created", hashes_depends_on=True)
    monkeypatch.setattr(type(stack.project.compose), "run", run)
    move(stack)
    assert ran == ["up --no-start --no-recreate --scale app=3 nginx"]


@pytest.mark.parametrize("wanted", [True, False])
def test_without_a_stand_in_the_reason_of_the_gap_is_said(stack: FakeStack, wanted: bool) -> None:
    stack.platform.stand_ins.why = "it is not possible" if wanted else ""
    events: list[Event] = []
    move(stack, events.append, redirect=wanted)
    assert PortMoves((OLD,), "nginx", "it is not possible" if wanted else stand_in.NOT_WANTED) in events
    assert stack.platform.stand_ins.calls == ["remove", "start", "remove"]
    assert states(stack) == {"shop-app-2": "running", "shop-app-3": "running"}


def test_a_redirection_that_fails_only_leaves_the_gap(stack: FakeStack) -> None:
    def disturb(call: str) -> None:
        if call == "stand-in redirect":
            raise EngineError("the kernel refuses the rules", "see docs/security.md")

    stack.world.disturb = disturb
    events: list[Event] = []
    move(stack, events.append)
    assert PortGap("the kernel refuses the rules") in events
    assert stack.platform.stand_ins.calls == ["remove", "start published", "release", "remove"]
    assert states(stack) == {"shop-app-2": "running", "shop-app-3": "running"}


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
    assert stack.platform.stand_ins.calls[-1] == "remove"


def test_a_balancer_that_does_not_serve_gives_the_port_back(stack: FakeStack) -> None:
    def disturb(call: str) -> None:
        if call == "serves":
            raise EngineError("nginx does not answer", "see its log")

    stack.world.disturb = disturb
    with pytest.raises(EngineError, match="nginx does not answer"):
        move(stack)
    assert states(stack) == {OLD: "running"}


def test_whichever_call_fails_there_is_a_running_replica_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(100):
        again = running(tmp_path, monkeypatch)
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
        assert "running" in states(again).values(), number
        if left[0] >= 0:
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
        ({"container_name": "the-shop"}, False),
        ({"container_name": OLD}, True),
        ({"volumes": [{"type": "volume", "source": "data", "target": "/data"}]}, True),
        ({"volumes": [{"type": "volume", "source": "data", "target": "/shared"}]}, False),
    ],
)
def test_which_service_cannot_have_a_second_container(definition: dict[str, Any], alone: bool) -> None:
    assert _is_alone("web", definition, Leaving(("web",), (), "balancer", (), ("/shared",)), [OLD]) is alone

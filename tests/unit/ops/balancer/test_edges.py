"""Several nginx as one gateway: a change reaches all that run, or none of them; one that was away gets it later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

import pytest

from ops.balancer import scripts
from ops.balancer.edges import Edges, open_edges
from ops.balancer.generations import Place
from ops.balancer.nginx import Balancer
from ops.balancer.render import parse, render
from ops.errors import BalancerError, ConfigRefused, EngineError, LockHeld
from ops.events import Event
from ops.models import ExecResult
from ops.notices import EdgeReturned
from ops.traffic import Maintenance, Upstream

WEB = Upstream("web", 8000)
NOW = 1_800_000_000


@dataclass
class Nginx:
    """LOOK, APPLY and DRAIN of one nginx. ``reason``: why the platform calls it away; ``broken``: it does not answer.

    ``dies``: it goes away while it is changed.
    """

    text: str
    reason: str = ""
    broken: bool = False
    dies: bool = False
    refuses: bool = False
    texts: list[str] = field(default_factory=list)

    def run(self, command: list[str]) -> ExecResult:
        if self.dies and command[2] == scripts.APPLY:
            self.reason, self.dies = "its node is down", False
        if self.broken or self.reason:
            raise EngineError("it does not answer", "wait")
        if command[2] == scripts.LOOK:
            return ExecResult(0, f"nginx version: nginx/1.30.6\n{parse(self.text).generation}\n{self.text}")
        if command[2] == scripts.DRAIN:
            return ExecResult(0, "")
        if self.refuses:
            return ExecResult(scripts.REFUSED, "nginx: [emerg] no room")
        _, _, before, _, *pieces, _ = command[4:]
        if before and before != sha256(self.text.rstrip("\n").encode()).hexdigest():
            return ExecResult(scripts.CHANGED, "")
        self.text = "".join(pieces)
        self.texts.append(self.text)
        return ExecResult(0, "videa-old-workers 7@8\n")


class Nodes:
    """Three nodes with an nginx each, in the place of a platform."""

    def __init__(self) -> None:
        self.nginx = {name: Nginx(render(replace(WEB, servers=("web-1",)), 5)) for name in ("a", "b", "c")}

    def places(self) -> list[Place]:
        return [Place(name, name, f"node-{name}", nginx.reason) for name, nginx in self.nginx.items()]

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        return self.nginx[container].run(command)

    def exec(self, container: str, command: list[str], user: str = "", environment: object = None) -> ExecResult:
        return self.nginx[container].run(command)

    def gateway(self) -> Edges:
        return open_edges(self.places, lambda place, least: Balancer(self, place.id, "web", least), "web")  # type: ignore[arg-type]

    def lists(self) -> dict[str, tuple[str, ...]]:
        """What each nginx sends requests to."""
        return {name: parse(nginx.text, "web").servers for name, nginx in self.nginx.items()}


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    monkeypatch.setattr("ops.balancer.edges.time.time", lambda: NOW)
    return Nodes()


def served(*names: str) -> Upstream:
    return replace(WEB, servers=names)


def drained(gateway: Edges) -> list[Event]:
    events: list[Event] = []
    assert gateway.wait_drained(1, events.append) == ()
    return events


def test_every_nginx_gets_the_same_text_with_a_generation_of_its_time(nodes: Nodes) -> None:
    gateway = nodes.gateway()
    assert gateway.apply(served("web-2")).old_workers == ("7@8",) * 3
    assert nodes.lists() == dict.fromkeys("abc", ("web-2",))
    assert len({nginx.text for nginx in nodes.nginx.values()}) == 1
    edges = gateway.membership(remembered=True).edges
    assert [(edge.name, edge.node, edge.generation, edge.behind) for edge in edges] == [
        (name, f"node-{name}", NOW, False) for name in "abc"
    ]
    gateway.maintain(Maintenance())
    assert all(parse(nginx.text).maintenance for nginx in nodes.nginx.values())
    assert gateway.membership().generation == NOW + 1


def test_a_look_answers_for_all_services(nodes: Nodes) -> None:
    nodes.nginx["c"].reason = "its node is down"
    first, other = nodes.gateway(), nodes.gateway()
    other.remember(first.look())
    assert other.membership(remembered=True) == first.membership()


@pytest.mark.parametrize("name", ["b", "c"])
def test_a_text_that_one_refuses_goes_back_on_all(nodes: Nodes, name: str) -> None:
    nodes.nginx[name].refuses = True
    with pytest.raises(ConfigRefused, match=f"{name}: .*no room; the previous configuration is active again on a, "):
        nodes.gateway().apply(served("web-2"))
    assert nodes.lists() == dict.fromkeys("abc", ("web-1",))


def test_a_text_that_the_first_one_refuses_reaches_no_other(nodes: Nodes) -> None:
    nodes.nginx["a"].refuses = True
    with pytest.raises(ConfigRefused):
        nodes.gateway().apply(served("web-2"))
    assert not any(nginx.texts for nginx in nodes.nginx.values())


def test_nothing_changes_while_one_runs_and_does_not_answer(nodes: Nodes) -> None:
    nodes.nginx["b"].broken = True
    gateway = nodes.gateway()
    with pytest.raises(BalancerError, match="it does not answer"):
        gateway.apply(served("web-2"))
    assert not any(nginx.texts for nginx in nodes.nginx.values())
    shown = {edge.name: edge.reason for edge in gateway.membership().edges}
    assert "it does not answer" in shown["b"]
    assert shown["a"] == ""


@pytest.mark.parametrize("name", ["a", "c"])
def test_one_that_goes_away_while_it_is_changed_is_left_out_and_said(nodes: Nodes, name: str) -> None:
    nodes.nginx[name].dies = True
    gateway = nodes.gateway()
    missed = gateway.apply(served("web-2")).left_out
    assert nodes.lists() == {**dict.fromkeys("abc", ("web-2",)), name: ("web-1",)}
    (again,) = missed or gateway.apply(served("web-2")).left_out
    assert (again.name, again.node, again.generation) == (name, f"node-{name}", None)
    assert gateway.apply(served("web-2")).left_out == ()


def test_one_that_was_away_gets_the_present_text_before_a_replica_is_stopped(nodes: Nodes) -> None:
    nodes.nginx["b"].reason = "its node is down"
    gateway = nodes.gateway()
    (missing,) = gateway.apply(served("web-2")).left_out
    assert (missing.name, missing.reason) == ("b", "its node is down")
    assert drained(gateway) == []
    assert nodes.lists()["b"] == ("web-1",)
    gateway.apply(served("web-3"))
    nodes.nginx["b"].reason = ""  # it has returned between a change and the end of the replica
    assert drained(gateway) == [EdgeReturned("b")]
    assert nodes.lists() == dict.fromkeys("abc", ("web-3",))


def test_the_next_change_brings_one_that_has_returned_to_the_text_of_the_others(nodes: Nodes) -> None:
    nodes.nginx["a"].reason = "its node is down"
    nodes.gateway().apply(served("web-2"))
    nodes.nginx["a"].reason = ""
    gateway = nodes.gateway()
    membership = gateway.membership()
    assert membership.servers == ("web-2",)
    assert {edge.name: edge.behind for edge in membership.edges} == {"a": True, "b": False, "c": False}
    gateway.apply(served("web-2", "web-3"))
    assert nodes.lists() == dict.fromkeys("abc", ("web-2", "web-3"))
    assert not any(edge.behind for edge in nodes.gateway().membership().edges)


def test_what_an_interrupted_change_has_left_is_the_same_everywhere_after_the_next_one(nodes: Nodes) -> None:
    nodes.nginx["b"].text = render(served("web-2"), NOW)  # the process was killed after the first one
    gateway = nodes.gateway()
    assert gateway.membership().servers == ("web-2",)
    gateway.apply(served("web-1"))
    assert nodes.lists() == dict.fromkeys("abc", ("web-1",))
    assert {parse(nginx.text).generation for nginx in nodes.nginx.values()} == {NOW + 1}


def test_a_former_holder_of_the_lock_changes_nothing(nodes: Nodes) -> None:
    def lost(above: int = 0) -> int:
        raise LockHeld("another operation is running", "wait")

    gateway = nodes.gateway()
    gateway.guard(lost)
    with pytest.raises(LockHeld):
        gateway.apply(served("web-2"))
    assert not any(nginx.texts for nginx in nodes.nginx.values())


def test_without_any_nginx_the_reasons_are_said(nodes: Nodes) -> None:
    for nginx in nodes.nginx.values():
        nginx.reason = "its node is down"
    with pytest.raises(BalancerError, match="a: its node is down; b: its node is down"):
        nodes.gateway().membership()

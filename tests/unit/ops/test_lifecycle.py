"""Waits for a balancer that has just started, and gives it the replicas of all services."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from ops import lifecycle
from ops.errors import BalancerError, UsageError
from ops.events import discard
from ops.lifecycle import add_to_balancer, await_balancer, bring_up
from ops.project.managed import Managed
from ops.project.settings import Route
from ops.traffic import Applied, Upstream
from tests.unit.ops.fakes import FakeStack, fake_shop, fake_stack
from tests.unit.ops.fakes.gateway import FakeGateway
from tests.unit.ops.fakes.world import APP, MAIL

NO_FILE = BalancerError("nginx's container has no upstreams.conf", "use the image of ops/balancer/image")


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    monkeypatch.setattr(lifecycle, "LOOK_AGAIN", 0.0)
    return fake_stack(tmp_path)


def test_a_balancer_that_has_not_written_its_file_yet_is_checked_again(stack: FakeStack) -> None:
    refusals = [NO_FILE] * 3

    def disturb(call: str) -> None:
        if call == "look" and refusals:
            raise refusals.pop()

    stack.world.disturb = disturb
    await_balancer(stack)
    assert not refusals


def test_a_balancer_with_another_image_raises_its_error(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    def disturb(call: str) -> None:
        raise NO_FILE

    monkeypatch.setattr(lifecycle, "STARTING", 0.0)
    stack.world.disturb = disturb
    with pytest.raises(BalancerError, match=r"has no upstreams\.conf"):
        await_balancer(stack)


@pytest.mark.parametrize(("service", "words"), [(APP, "videa scales app"), ("nothing", "no service nothing")])
def test_replicas_and_what_is_not_there_are_never_recreated(stack: FakeStack, service: str, words: str) -> None:
    used: list[str] = []
    stack.world.disturb = used.append
    with pytest.raises(UsageError, match=words):
        bring_up(stack, discard, recreate=[service])
    assert used == []


class Site(FakeGateway):
    """nginx with two services, as one of their gateways. ``changes``: the upstreams of each change."""

    changes: list[tuple[Upstream, ...]]

    def apply(self, upstream: Upstream, *more: Upstream) -> Applied:
        self.changes.append((upstream, *more))
        return super().apply(upstream, *more)


def test_the_replicas_of_all_services_are_added_by_one_change(tmp_path: Path) -> None:
    shop = fake_shop(tmp_path)
    mail = changed(shop.project.of(MAIL).settings, worker=False, route=Route(path="/mail"))
    project = replace(shop.project, managed={**shop.project.managed, MAIL: Managed(mail, {})})
    gateways = {name: Site(shop.world) for name in (APP, MAIL)}
    for gateway in gateways.values():
        gateway.changes = []
    served = [
        replace(shop.of(name), project=project.of(name), connect=lambda name=name: gateways[name])
        for name in (APP, MAIL)
    ]
    add_to_balancer(served, discard)
    (change,) = [change for gateway in gateways.values() for change in gateway.changes]
    assert {each.service: each.servers for each in change} == {
        APP: ("shop-app-1", "shop-app-2"),
        MAIL: ("shop-mail-1", "shop-mail-2"),
    }
    assert [[other.service for other in each.others] for each in change] == [[MAIL], [APP]]

"""The agent's rounds: what is due is renewed, and nothing else is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from msgspec.structs import replace as with_fields

from ops.certificates import process
from ops.certificates.duty import EVERY, LOOK, SHORTEST, WAIT, Certificates
from ops.certificates.protocol import Authority
from ops.certificates.renewal import Renewals
from ops.errors import PlanRefused
from ops.events import Event, discard
from ops.notices import CertificateFailed
from ops.project.settings import Tls
from ops.stack import Stack
from tests.unit.ops.certificates.volume import DAY, FakeAuthority, FakeVolume
from tests.unit.ops.fakes import fake_stack

DOMAINS = ("a.example", "b.example", "c.example")


@dataclass
class Shop:
    stacks: Sequence[Stack]
    authority: FakeAuthority
    volume: FakeVolume = field(default_factory=FakeVolume)
    told: list[Event] = field(default_factory=list)
    active: bool = True

    def duty(self) -> Certificates:
        def renewals(stack: Stack, emit: object) -> Renewals:
            tls, told = stack.project.settings.tls, self.told.append
            return Renewals("shop", tls, Authority(""), stack.store, self.volume, told, lambda: self.authority.now)

        return Certificates(lambda: self.stacks, lambda: self.active, lambda: self.authority.now, renewals)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    authority = FakeAuthority()
    monkeypatch.setattr(process, "order", authority.order)
    monkeypatch.setattr(process, "suggest", authority.suggest)
    stack = fake_stack(tmp_path)
    settings = with_fields(stack.project.settings, tls=Tls(DOMAINS))
    return Shop((replace(stack, project=replace(stack.project, settings=settings)),), authority)


def test_a_domain_that_fails_does_not_stop_the_others(shop: Shop) -> None:
    shop.authority.failing = {"b.example": None}
    duty = shop.duty()
    duty.run(discard)
    assert shop.authority.orders == list(DOMAINS)
    assert sorted(shop.volume.served) == ["a.example", "c.example"]
    assert [event.domain for event in shop.told if isinstance(event, CertificateFailed)] == ["b.example"]
    assert duty.every == EVERY
    shop.authority.now += 301 * 1.1
    shop.duty().run(discard)  # an agent that has restarted knows when
    assert shop.authority.orders == [*DOMAINS, "b.example"]


def test_nothing_is_asked_until_something_is_due(shop: Shop) -> None:
    duty = shop.duty()
    duty.run(discard)
    looks, asked = len(shop.volume.looks), len(shop.authority.asked)
    shop.authority.now += EVERY
    duty.run(discard)
    assert len(shop.volume.looks) == looks
    assert len(shop.authority.asked) == asked + 1  # for suggestions, of the new certificates
    shop.authority.now += LOOK
    duty.run(discard)
    assert len(shop.volume.looks) == looks + 1
    assert shop.authority.orders == list(DOMAINS)


def test_all_are_renewed_when_a_third_is_left(shop: Shop) -> None:
    duty = shop.duty()
    duty.run(discard)
    shop.authority.now += 60 * DAY
    duty.run(discard)
    assert shop.authority.orders == [*DOMAINS, *DOMAINS]
    assert {info.serial for info in shop.volume.served.values()} == {"s4", "s5", "s6"}


def test_the_next_round_is_when_something_is_due(shop: Shop) -> None:
    duty = shop.duty()
    duty.run(discard)
    due = min(each.due for each in duty.open(shop.stacks[0], discard).certificates())
    shop.authority.now = due - 10
    duty.run(discard)
    assert SHORTEST <= duty.every <= 10
    assert shop.authority.orders == list(DOMAINS)


def test_a_volume_that_was_lost_is_filled_again(shop: Shop) -> None:
    duty = shop.duty()
    duty.run(discard)
    shop.volume.served.clear()
    shop.volume.sites.clear()
    shop.authority.now += LOOK
    duty.run(discard)
    assert sorted(shop.volume.served) == list(DOMAINS)
    assert shop.volume.sites == list(DOMAINS)


def test_without_domains_or_when_the_agent_is_off_it_does_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.stacks = (fake_stack(tmp_path),)
    shop.duty().run(discard)

    def refused() -> Sequence[Stack]:
        raise PlanRefused("x-videa.agent is off", "")

    Certificates(refused, lambda: True).run(discard)
    assert not shop.volume.looks and not shop.authority.orders


def test_only_the_process_that_looks_after_the_project_orders(shop: Shop) -> None:
    shop.active = False
    duty = shop.duty()
    duty.run(discard)
    assert not shop.volume.looks and duty.every == WAIT
    shop.active = True
    duty.run(discard)
    assert shop.authority.orders == list(DOMAINS)

"""Certificates are obtained one by one, and a failure is remembered."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ops.certificates import process, state
from ops.certificates.protocol import Authority
from ops.certificates.renewal import Renewals
from ops.certificates.schedule import FIRST
from ops.events import Event
from ops.notices import CertificateFailed, CertificateRenewed
from ops.project.settings import Tls
from tests.unit.ops.certificates.volume import DAY, FakeAuthority, FakeVolume
from tests.unit.ops.fakes.store import FakeStore


@dataclass
class Site:
    authority: FakeAuthority
    volume: FakeVolume = field(default_factory=FakeVolume)
    store: FakeStore = field(default_factory=FakeStore)
    told: list[Event] = field(default_factory=list)

    def renewals(self, *domains: str, directory: str = "https://ca.example/dir") -> Renewals:
        tls = Tls(domains, directory=directory)
        told = self.told.append
        clock = lambda: self.authority.now  # noqa: E731
        return Renewals("shop", tls, Authority(directory), self.store, self.volume, told, clock)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    authority = FakeAuthority()
    monkeypatch.setattr(process, "order", authority.order)
    monkeypatch.setattr(process, "suggest", authority.suggest)
    return Site(authority)


def test_the_challenge_is_answered_only_while_it_is_needed(site: Site) -> None:
    site.authority.seen = lambda: answered.append(dict(site.volume.answers))
    answered: list[dict[str, str]] = []
    site.authority.failing = {"b.example": None}
    renewals = site.renewals("a.example", "b.example")
    assert (renewals.renew("a.example"), renewals.renew("b.example")) == (True, False)
    assert answered == [{"token": "content"}] * 2
    assert site.volume.answers == {}


def test_an_account_is_used_again_with_the_same_authority_only(site: Site) -> None:
    for _ in range(2):
        site.renewals("a.example").renew("a.example")
    site.renewals("a.example", directory="https://other.example/dir").renew("a.example")
    assert site.authority.accounts == ["", "an account", ""]


def test_a_certificate_of_another_authority_is_replaced(site: Site) -> None:
    site.renewals("a.example", directory="https://staging.example/dir").renew("a.example")
    renewals = site.renewals("a.example")
    assert renewals.certificates()[0].due <= site.authority.now
    renewals.renew("a.example")
    assert renewals.certificates()[0].due > site.authority.now


def test_a_failure_is_told_and_tried_again_later_and_the_next_success_ends_it(site: Site) -> None:
    site.authority.failing = {"a.example": None}
    renewals = site.renewals("a.example")
    renewals.renew("a.example")
    renewals.renew("a.example")
    (certificate,) = renewals.certificates()
    assert (certificate.state.failures, certificate.state.error) == (2, "dns: no such name")
    assert certificate.due >= site.authority.now + 2 * FIRST
    assert isinstance(site.told[-1], CertificateFailed) and site.told[-1].retry_at == certificate.due
    site.authority.failing = {}
    renewals.renew("a.example")
    (certificate,) = renewals.certificates()
    assert certificate.state.failures == 0 and certificate.state.error == ""
    assert 55 * DAY < certificate.due - site.authority.now < 60 * DAY
    assert isinstance(site.told[-1], CertificateRenewed)


def test_what_nginx_does_not_serve_has_failed(site: Site) -> None:
    site.volume.refused.add("a.example")
    renewals = site.renewals("a.example")
    assert not renewals.renew("a.example")
    assert "previous one was restored" in renewals.certificates()[0].state.error


def test_the_authority_says_when_to_try_again(site: Site) -> None:
    site.authority.failing = {"a.example": 2 * DAY}
    renewals = site.renewals("a.example")
    renewals.renew("a.example")
    assert renewals.certificates()[0].due == site.authority.now + 2 * DAY


def test_a_suggestion_of_the_authority_decides_until_there_is_a_new_certificate(site: Site) -> None:
    renewals = site.renewals("a.example", "b.example")
    renewals.renew("a.example")
    site.authority.suggestion = site.authority.now + 5 * DAY
    renewals.ask_for_suggestions(renewals.certificates())
    renewals.ask_for_suggestions(renewals.certificates())
    assert site.authority.asked == [("a.example",)]
    assert renewals.certificates()[0].due == site.authority.now + 5 * DAY
    site.authority.now += 3601
    site.authority.failing = {"a.example": None}
    renewals.ask_for_suggestions(renewals.certificates())
    assert renewals.certificates()[0].due > site.authority.now + 50 * DAY
    assert len(site.authority.asked) == 2


def test_names_that_are_no_longer_in_the_file_are_no_longer_served(site: Site) -> None:
    site.authority.failing = {"b.example": None}
    both = site.renewals("a.example", "b.example")
    both.arrange(site.volume.look())
    both.renew("b.example")
    one = site.renewals("a.example")
    one.arrange(site.volume.look())
    assert site.volume.sites == ["a.example"]
    assert state.read(site.store, "shop") == {}

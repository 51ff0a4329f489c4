"""What `videa tls` shows and changes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace as with_fields

from ops.certificates import process, renewal
from ops.certificates.protocol import Authority
from ops.certificates.renewal import Renewals
from ops.errors import PlanRefused, UsageError
from ops.events import Emit
from ops.project.settings import Tls
from ops.stack import Stack
from tests.unit.ops.certificates.volume import FakeAuthority, FakeVolume
from tests.unit.ops.fakes import FakeStack, fake_stack
from videa_cli.commands import Commands


@dataclass
class Shop:
    stack: Stack
    authority: FakeAuthority = field(default_factory=FakeAuthority)
    volume: FakeVolume = field(default_factory=FakeVolume)

    def videa(self, *words: str) -> int:
        options = SimpleNamespace(stack=lambda: self.stack, project="shop")
        return int(Commands()["tls"].main(words, obj=options, standalone_mode=False) or 0)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    stack: FakeStack = fake_stack(tmp_path)
    settings = with_fields(stack.project.settings, tls=Tls(("a.example", "b.example")))
    shop = Shop(replace(stack, project=replace(stack.project, settings=settings)))

    def renewals(stack: Stack, emit: Emit) -> Renewals:
        return Renewals("shop", settings.tls, Authority(""), stack.store, shop.volume, emit, lambda: shop.authority.now)

    monkeypatch.setattr(renewal, "of_stack", renewals)
    monkeypatch.setattr(process, "order", shop.authority.order)
    return shop


def status(shop: Shop, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    shop.videa("status", "--json")
    return {each["domain"]: each for each in json.loads(capsys.readouterr().out)["domains"]}


def test_a_renewal_shows_what_failed_and_the_status_keeps_it(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.authority.failing = {"b.example": None}
    assert shop.videa("renew", "--json") == 1
    assert json.loads(capsys.readouterr().out)["renewed"] == ["a.example"]
    shown = status(shop, capsys)
    assert (shown["a.example"]["issuer"], shown["a.example"]["error"]) == ("Fake CA", None)
    assert (shown["b.example"]["serial"], shown["b.example"]["error"]) == (None, "dns: no such name")
    shop.videa("status")
    assert "dns: no such name" in capsys.readouterr().out


def test_a_dry_run_changes_nothing(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.videa("renew", "--dry-run") == 0
    assert "would order" in capsys.readouterr().out
    assert not shop.authority.orders and not shop.volume.sites


def test_a_named_domain_is_renewed_also_if_it_is_not_due(shop: Shop) -> None:
    shop.videa("renew", "A.example")
    shop.videa("renew", "a.example")
    assert shop.authority.orders == ["a.example", "a.example"]
    shop.videa("renew")
    assert shop.authority.orders[2:] == ["b.example"]
    with pytest.raises(UsageError, match=r"has no 'c\.example'"):
        shop.videa("renew", "c.example")


def test_without_domains_it_says_what_to_write(shop: Shop, tmp_path: Path) -> None:
    shop.stack = fake_stack(tmp_path)
    with pytest.raises(PlanRefused, match="has no domains"):
        shop.videa("status")

"""Sticky sessions by cookie, as text for nginx; tests/engine checks with a real nginx that clients stay."""

from __future__ import annotations

import re

import pytest

from ops.balancer.render import parse, render
from ops.balancer.sticky import BACKUPS, backups, choice, replica_id
from ops.traffic import Membership, TrafficSplit, Upstream

NAMES = ("app-1", "app-2", "app-3", "app-4")


def test_a_replica_has_its_own_group_and_others_are_its_backups() -> None:
    text = render(Upstream("app", 3001, NAMES, "cookie"), 2)
    body = text.partition(f"upstream app-{replica_id('app-3')} {{")[2].partition("}")[0]
    assert re.findall(r"server (\S+):3001 .*?( backup)?;", body) == [
        ("app-3", ""),
        ("app-4", " backup"),
        ("app-1", " backup"),
    ]


def test_backups_are_spread_and_never_the_replica_itself() -> None:
    backups_of = {name: backups(NAMES, name) for name in NAMES}
    assert all(len(others) == BACKUPS and name not in others for name, others in backups_of.items())
    assert {others[0] for others in backups_of.values()} == set(NAMES)
    assert backups(("only",), "only") == ()


def test_backups_are_not_parsed_as_listed_replicas() -> None:
    split = TrafficSplit(("app-8", "app-9"), 5, by="client")
    text = render(Upstream("app", 3001, NAMES, "cookie", split=split), 3)
    assert parse(text) == Membership(3, NAMES, ("app-8", "app-9"))


def test_the_id_of_a_replica_is_fixed_and_does_not_reveal_its_name() -> None:
    assert replica_id("app-1") == replica_id("app-1") != replica_id("app-2")
    assert re.fullmatch(r"[0-9a-f]{12}", replica_id("x" * 200))
    assert "app-1" not in choice({"app": ("app-1",)})


@pytest.mark.parametrize("count", [1, 2, 3, 7, 200])
def test_the_shares_of_new_clients_are_even_and_below_100_percent(count: int) -> None:
    names = [f"app-{number}" for number in range(count)]
    shares = [float(share) for share in re.findall(r"([\d.]+)% ", choice({"app": names}))]
    assert len(shares) == count - 1
    assert sum(shares) < 100
    assert all(abs(share - 100 / count) < 0.01 for share in shares)


def test_with_sticky_cookies_a_canary_has_its_own_pick() -> None:
    text = render(Upstream("app", 3001, NAMES, "cookie", split=TrafficSplit(("app-9",), 5, by="client")), 3)
    assert 'split_clients "canary$videa_at$videa_client"' in text
    assert f'"canary:{replica_id("app-9")}"' in text
    assert '$cookie_videa_canary" $videa_side {' in text

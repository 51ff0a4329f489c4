"""Sessions that stick by cookie, as text for nginx; that clients stay is tested on a real one."""

from __future__ import annotations

import re

import pytest

from ops.balancer.render import parse, render
from ops.balancer.sticky import SPARE, choice, replica_id, spares
from ops.traffic import Membership, TrafficSplit, Upstream

NAMES = ("app-1", "app-2", "app-3", "app-4")


def test_a_replica_is_its_own_group_and_others_are_its_spares() -> None:
    text = render(Upstream("app", 3001, NAMES, "cookie"), 2)
    body = text.partition(f"upstream app-{replica_id('app-3')} {{")[2].partition("}")[0]
    assert re.findall(r"server (\S+):3001 .*?( backup)?;", body) == [
        ("app-3", ""),
        ("app-4", " backup"),
        ("app-1", " backup"),
    ]


def test_spares_are_spread_and_never_the_replica_itself() -> None:
    asked = [spares(NAMES, name) for name in NAMES]
    assert all(len(each) == SPARE and name not in each for name, each in zip(NAMES, asked, strict=True))
    assert {each[0] for each in asked} == set(NAMES)
    assert spares(("only",), "only") == ()


def test_spares_are_not_taken_for_listed_replicas() -> None:
    split = TrafficSplit(("app-8", "app-9"), 5, by="client")
    text = render(Upstream("app", 3001, NAMES, "cookie", split=split), 3)
    assert parse(text) == Membership(3, NAMES, ("app-8", "app-9"))


def test_what_clients_are_told_of_a_replica_is_always_the_same_and_not_its_name() -> None:
    assert replica_id("app-1") == replica_id("app-1") != replica_id("app-2")
    assert re.fullmatch(r"[0-9a-f]{12}", replica_id("x" * 200))
    assert "app-1" not in choice({"app": ("app-1",)})


@pytest.mark.parametrize("count", [1, 2, 3, 7, 200])
def test_the_shares_of_new_clients_are_even_and_never_more_than_all(count: int) -> None:
    names = [f"app-{number}" for number in range(count)]
    shares = [float(each) for each in re.findall(r"([\d.]+)% ", choice({"app": names}))]
    assert len(shares) == count - 1
    assert sum(shares) < 100
    assert all(abs(each - 100 / count) < 0.01 for each in shares)


def test_a_canary_under_cookies_has_a_pick_of_its_own() -> None:
    text = render(Upstream("app", 3001, NAMES, "cookie", split=TrafficSplit(("app-9",), 5, by="client")), 3)
    assert 'split_clients "canary$videa_at$videa_client"' in text
    assert f'"canary:{replica_id("app-9")}"' in text
    assert '$cookie_videa_canary" $videa_side {' in text

"""Several services in one upstreams.conf: each changes only its own block."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ops.balancer.drift import differences
from ops.balancer.render import is_outdated, parse, render, switched
from ops.balancer.site import blocks
from ops.route import Route
from ops.traffic import Maintenance, Membership, Proxy, Sticky, TrafficSplit, Upstream

WEB = Upstream("web", 8000)
API = Upstream("api-v1", 8001, route=Route(path="/api", strip=True), sticky="cookie")
SHOP = Upstream("shop", 8002, route=Route("shop.example"), sticky="ip", drain_timeout=90)
ALL = (WEB, API, SHOP)
CLOSED = Maintenance(("10.0.0.0/8",), ("/health",), 60)


def with_others(upstream: Upstream, site: tuple[Upstream, ...] = ALL) -> Upstream:
    return replace(upstream, others=tuple(each for each in site if each.service != upstream.service))


def served(*changes: Upstream, site: tuple[Upstream, ...] = ALL, before: str = "") -> str:
    """The text after these changes, one after the other."""
    for number, upstream in enumerate(changes, start=1):
        before = render(with_others(upstream, site), number, None, before)
    return before


FIRST = served(
    replace(WEB, servers=("web-1", "web-2")),
    replace(API, servers=("api-1",), split=TrafficSplit(("api-2",), 25, "header:X-User")),
    replace(SHOP, servers=("shop-1", "shop-2"), split=TrafficSplit(("shop-3",), 50, "client")),
)


def test_each_service_has_its_own_list_and_split() -> None:
    assert parse(FIRST, "web") == Membership(3, ("web-1", "web-2"))
    assert parse(FIRST, "api-v1") == Membership(3, ("api-1",), ("api-2",))
    assert parse(FIRST, "api-v1").split == TrafficSplit(("api-2",), 25, "header:x-user")
    assert parse(FIRST, "shop").split == TrafficSplit(("shop-3",), 50, "client")
    assert (parse(FIRST, "shop").ports["shop-1"], parse(FIRST, "api-v1").any_port) == (8002, 8001)


@pytest.mark.parametrize(
    "change",
    [
        WEB,
        replace(WEB, servers=("web-9",), sticky="cookie"),
        replace(WEB, servers=("web-1",), split=TrafficSplit(("web-9",), 5, token="t0")),
    ],
    ids=["everything", "list", "private split"],
)
def test_a_change_of_one_service_leaves_the_others_as_they_are(change: Upstream) -> None:
    # The others' settings have changed in the Compose file, but not their replicas.
    site = (WEB, replace(API, port=1, sticky="none"), replace(SHOP, port=2))
    after = render(with_others(change, site), 4, None, FIRST)
    before = blocks(FIRST)
    assert {name: text for name, text in blocks(after).items() if name != "web"} == {
        name: before[name] for name in ("api-v1", "shop")
    }
    assert parse(after, "web") == Membership(4, change.servers, change.split.servers if change.split else ())


def test_a_service_that_becomes_one_of_several_keeps_its_list() -> None:
    split = TrafficSplit(("web-3",), 12.5, "cookie:u")
    alone = render(Upstream("web", 8000, ("web-1", "web-2"), split=split, ports={"web-1": 7000}), 7)
    text = render(with_others(replace(API, servers=("api-1",))), 8, None, alone)
    assert parse(text, "web") == Membership(8, ("web-1", "web-2"), ("web-3",))
    assert parse(text, "web").split == split
    assert parse(text, "web").ports == {"web-1": 7000, "web-2": 8000, "web-3": 8000}
    assert parse(text, "shop").everything


def test_before_its_first_change_every_replica_of_a_service_gets_requests() -> None:
    default = "http {\n" + render(WEB, 0).partition("http {\n")[2]
    text = served(replace(API, servers=("api-1",)), before=default)
    assert parse(text, "web").everything
    assert "server web:8000 resolve" in blocks(text)["web"]
    assert parse(default, "api-v1") == Membership(0, ())


def test_a_service_that_is_the_only_one_again_has_todays_text() -> None:
    listed = replace(WEB, servers=("web-1",))
    assert render(listed, 9, None, FIRST) == render(listed, 9)
    assert "$videa_service" not in render(listed, 9)
    assert "$videa_service" in render(replace(listed, route=Route(path="/app")), 9)


def test_the_routing_is_that_of_the_compose_file_and_the_best_route_comes_first() -> None:
    moved = (WEB, API, replace(SHOP, route=Route("*.example", "/api")), Upstream("cart", 1, route=Route(path="/api/x")))
    text = render(with_others(replace(WEB, servers=("web-1",)), moved), 4, None, FIRST)
    lines = re.findall(r'^ {8}"~\^(\S+)\(/\|\$\)" "(\S+)";$', text, re.MULTILINE)
    assert lines == [
        (r"[^/]+\.example/api", ".shop"),
        ("[^/]*/api/x", ".cart"),
        ("[^/]*/api", ".api-v1"),
    ]
    assert 'default ".web";' in text


def test_without_a_service_for_the_rest_the_rest_gets_nginxs_404() -> None:
    text = render(with_others(replace(API, servers=("a",)), (API, SHOP)), 1)
    assert '"$host$uri" $videa_service {\n        default "";' in text


@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
def test_no_variable_or_group_is_defined_twice(sticky: Sticky) -> None:
    site = tuple(replace(each, sticky=sticky) for each in ALL)
    split = TrafficSplit(("n-1",), 5, "client")
    changes = (replace(each, servers=("a-1", "a-2"), split=replace(split, servers=(each.service,))) for each in site)
    text = served(*changes, site=site)
    variables = re.findall(r"^ *(?:map|split_clients|geo) .*?\$(\w+) \{", text, re.MULTILINE)
    captures = [name for name in re.findall(r"\(\?<(\w+)>", text) if name not in ("videa_below", "videa_query")]
    groups = re.findall(r"upstream (\S+) \{", text)
    cookies = re.findall(r'default "(\w+)=\$', text)
    for names in (variables, captures, groups, cookies):
        assert len(names) == len(set(names)), names
    assert len(cookies) == (3 if sticky == "cookie" else 0)


def test_what_nginx_has_once_suits_every_service() -> None:
    site = (
        replace(WEB, proxy=Proxy(max_body=1 << 20, trusted=("10.0.0.0/8",))),
        replace(API, proxy=Proxy(read_timeout=900, buffering=False)),
        replace(SHOP, proxy=Proxy(max_body=200 << 20, read_timeout=5)),
    )
    text = served(replace(site[0], servers=("web-1",)), site=site)
    assert "# proxy: max_body=204800 read_timeout=900 buffering=off trusted=10.0.0.0/8\n" in text
    assert "worker_shutdown_timeout 90s;" in text


def test_maintenance_closes_the_whole_site_and_stays() -> None:
    closed = switched(FIRST, 9, CLOSED)
    assert blocks(closed) == blocks(FIRST)
    assert parse(closed, "shop").maintenance == parse(closed, "web").maintenance == CLOSED
    assert parse(render(with_others(WEB), 10, CLOSED, closed), "api-v1").maintenance == CLOSED


def test_a_text_is_outdated_by_a_change_of_this_service_or_of_any_route() -> None:
    web = with_others(replace(WEB, servers=("web-1", "web-2")))
    membership = parse(FIRST, "web")
    assert not is_outdated(membership, web)
    assert is_outdated(membership, replace(web, sticky="ip"))
    moved = replace(SHOP, route=Route("other.example"))
    assert is_outdated(membership, replace(web, others=(API, moved)))


def test_the_drift_of_every_service_is_reported_except_that_of_a_canary() -> None:
    wanted = [with_others(replace(each, servers=parse(FIRST, each.service).servers)) for each in ALL]
    assert differences(parse(FIRST, "web"), *wanted) == []
    changed = FIRST.replace("least_conn;", "ip_hash;").replace('".shop";', '".web";')
    shown = differences(parse(changed, "web"), *wanted)
    assert "+ upstream app.web: ip_hash;" in shown
    assert '- map "$host$uri" $videa_service: "~^shop\\.example(/|$)" ".shop";' in shown
    assert not [line for line in shown if "shop:" in line]

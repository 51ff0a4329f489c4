"""Several services behind a real nginx: which of them gets a request, and at which path."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.balancer.nginx import Balancer
from ops.route import Route
from ops.traffic import Sticky, TrafficSplit, Upstream
from tests.engine.balancer.conftest import PORT, SERVICE, Bench

API = "api-v1"
REQUESTS = [
    ("", "/x", "one"),
    ("", "/api/x?y=1", "two"),
    ("", "/api", "two"),
    ("", "/a%70i/x", "two"),
    ("", "/apix", "one"),
    ("SHOP.example:8080", "/cart/%2F", "two"),
    ("shop.example", "/carts", "one"),
    ("a.b.example", "/x", "two"),
]
"""Host, path, the replica that answers."""


@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
def test_each_service_gets_the_requests_of_its_route(bench: Bench, sticky: Sticky) -> None:
    app = Upstream(SERVICE, PORT, sticky=sticky)
    site = (
        app,
        Upstream(API, PORT, sticky=sticky, route=Route(path="/api", strip=True)),
        Upstream("cart", PORT, sticky=sticky, route=Route("shop.example", "/cart", strip=True)),
        Upstream("tenants", PORT, sticky=sticky, route=Route("*.b.example")),
    )
    platform, nginx = bench.balancer._platform, bench.nginx.id

    def serve(upstream: Upstream) -> None:
        others = tuple(each for each in site if each.service != upstream.service)
        balancer = Balancer(platform, nginx, upstream.service)
        balancer.apply(replace(upstream, others=others))
        assert balancer.wait_drained(60) == ()  # some requests of the first moment still go to the old workers

    for upstream in site:
        own, other = ("one", "two") if upstream is app else ("two", "one")
        split = TrafficSplit((bench.name(other),), 0, by="client")
        serve(replace(upstream, servers=(bench.name(own),), split=split))
    seen = int(bench.ask("two", "/count/x?y=1"))
    answers = [bench.get(path, **({"Host": host} if host else {}))[:2] for host, path, _ in REQUESTS]
    assert answers == [(200, replica) for *_, replica in REQUESTS]
    assert int(bench.ask("two", "/count/x?y=1")) == seen + 1
    assert bench.get("/api/health/metrics")[0] == bench.get("/health/metrics")[0] == 404
    assert ("videa_client_api_2d_v1=" in str(bench.get("/api/x")[2])) == (sticky == "cookie")
    # No listed name resolves: any replica of the same service answers, at the same path.
    site = (replace(app, route=Route(path="/app", strip=True)),)
    serve(replace(site[0], servers=("nowhere",)))
    before = sum(int(bench.ask(replica, "/count/fallback")) for replica in ("one", "two"))
    assert bench.get("/app/fallback")[0] == 200
    assert sum(int(bench.ask(replica, "/count/fallback")) for replica in ("one", "two")) == before + 1
    assert (bench.get("/")[0], bench.get("/apps")[0]) == (404, 404)

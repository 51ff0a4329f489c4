"""The upstreams.conf of the version before is read, and the next change replaces it with the same replicas."""

from __future__ import annotations

import pytest

from ops.balancer.render import is_outdated, parse, render, switched
from ops.traffic import Maintenance, TrafficSplit, Upstream

CLOSED = r"""
# Written by videa, replaced at every change. To start over: remove it and restart the container.
worker_shutdown_timeout 30s;

http {
    include /etc/nginx/http.conf;

    map "" $videa_generation { default 7; }
    map "" $videa_upstream { default app; }

    map "" $videa_set_cookie { default ""; }

    # maintenance
    geo $videa_closed {
        default 1;
        127.0.0.0/8 0;
        10.0.0.0/8 0;
    }
    map $uri $videa_maintenance {
        default $videa_closed;
        "/health" 0;
    }
    map "" $videa_retry_after { default 600; }
    # end of maintenance

    upstream app {
        zone app 512k;
        least_conn;
        server app-1:3001 resolve max_fails=1 fail_timeout=2s;
        server app-2:3001 resolve max_fails=1 fail_timeout=2s;
        keepalive 64;
        keepalive_requests 10000;
        keepalive_timeout 60s;
    }

    upstream any {
        zone any 512k;
        least_conn;
        server app:3001 resolve max_fails=1 fail_timeout=2s;
        keepalive 64;
        keepalive_requests 10000;
        keepalive_timeout 60s;
    }
}
"""
"""Two replicas, closed for maintenance."""

CANARY = r"""
# Written by videa, replaced at every change. To start over: remove it and restart the container.
worker_shutdown_timeout 30s;

http {
    include /etc/nginx/http.conf;

    map "" $videa_generation { default 7; }
    map $videa_client $videa_key { default $videa_client; "" $request_id; }
    split_clients $videa_key $videa_arm { 5.00% canary; * app; }
    map "$http_x_videa_canary:$cookie_videa_canary" $videa_side {
        default $videa_arm;
        "~^always:" canary;
        "~^never:" app;
        "~^:always$" canary;
        "~^:never$" app;
    }
    map $cookie_videa_client $videa_client {
        default $request_id;
        "~^(?<videa_c>[0-9a-f]{32})(\.|$)" $videa_c;
    }
    map $cookie_videa_client $videa_at {
        default "";
        "~^[0-9a-f]{32}\.(?<videa_r>[0-9a-f]{12})$" $videa_r;
    }
    split_clients "app$videa_at$videa_client" $videa_pick_app { 50.00% 5eb7e725e6ba; * 80d6ae0197c2; }
    split_clients "canary$videa_at$videa_client" $videa_pick_canary { * fb360aa6c10b; }
    map $videa_side $videa_pick { app $videa_pick_app; canary $videa_pick_canary; }
    map "$videa_side:$videa_at" $videa_home {
        default $videa_pick;
        "app:5eb7e725e6ba" 5eb7e725e6ba;
        "app:80d6ae0197c2" 80d6ae0197c2;
        "canary:fb360aa6c10b" fb360aa6c10b;
    }
    map "" $videa_upstream { default $videa_side-$videa_home; }
    map $scheme $videa_secure { default ""; https "; Secure"; }
    map "$videa_at:$videa_home" $videa_set_cookie {
        default "videa_client=$videa_client.$videa_home; Path=/; HttpOnly; SameSite=Lax$videa_secure";
        "~^(.+):\1$" "";
    }

    # maintenance
    map "" $videa_maintenance { default 0; }
    map "" $videa_retry_after { default 0; }
    # end of maintenance

    upstream app-5eb7e725e6ba {
        zone app-5eb7e725e6ba 128k;
        server app-1:3001 resolve max_fails=1 fail_timeout=2s;
        server app-2:3001 resolve max_fails=1 fail_timeout=2s backup;
        keepalive 64;
        keepalive_requests 10000;
        keepalive_timeout 60s;
    }

    upstream app-80d6ae0197c2 {
        zone app-80d6ae0197c2 128k;
        server app-2:3001 resolve max_fails=1 fail_timeout=2s;
        server app-1:3001 resolve max_fails=1 fail_timeout=2s backup;
        keepalive 64;
        keepalive_requests 10000;
        keepalive_timeout 60s;
    }

    upstream canary-fb360aa6c10b {
        zone canary-fb360aa6c10b 128k;
        server app-3:3001 resolve max_fails=1 fail_timeout=2s;
        server app-1:3001 resolve max_fails=1 fail_timeout=2s backup;
        server app-2:3001 resolve max_fails=1 fail_timeout=2s backup;
        keepalive 64;
        keepalive_requests 10000;
        keepalive_timeout 60s;
    }

    upstream any {
        zone any 512k;
        least_conn;
        server app:3001 resolve max_fails=1 fail_timeout=2s;
        keepalive 64;
        keepalive_requests 10000;
        keepalive_timeout 60s;
    }
}
"""
"""A canary with 5% of the clients, who stay on their replicas by a cookie."""

SITE = Maintenance(("10.0.0.0/8",), ("/health",), 600)
TEXTS = [
    (CLOSED, Upstream("app", 3001, ("app-1", "app-2")), SITE),
    (CANARY, Upstream("app", 3001, ("app-1", "app-2"), "cookie", split=TrafficSplit(("app-3",), 5.0, "client")), None),
]


@pytest.mark.parametrize(("text", "upstream", "site"), TEXTS, ids=["closed", "canary"])
def test_what_the_version_before_has_written_is_read_and_replaced_by_the_same(
    text: str, upstream: Upstream, site: Maintenance | None
) -> None:
    found = parse(text)
    assert (found.generation, found.servers, found.split, found.maintenance) == (
        7,
        upstream.servers,
        upstream.split,
        site,
    )
    assert found.ports == dict.fromkeys((*found.servers, *found.canary), 3001)
    assert is_outdated(found, upstream)
    after = parse(render(upstream, 8, found.maintenance, found.text))
    assert (after.servers, after.split, after.maintenance) == (found.servers, found.split, found.maintenance)


@pytest.mark.parametrize("site", [None, SITE])
def test_its_site_can_be_opened_and_closed(site: Maintenance | None) -> None:
    for text, upstream, _ in TEXTS:
        after = parse(switched(text, 8, site))
        assert (after.generation, after.servers, after.split, after.maintenance) == (
            8,
            upstream.servers,
            upstream.split,
            site,
        )

"""The role of each service, by what its definition and its image say."""

from __future__ import annotations

from typing import Any

import pytest

from ops.adopt.detect import Evidence, Found, Role, candidates, detect, speaks_grpc
from ops.adopt.routes import Route


def one(spec: dict[str, Any], exposed: tuple[int, ...] = (), *routes: Route) -> Found:
    return detect({"x": spec}, {"x": exposed}, routes)[0]


def published(*targets: int, protocol: str = "tcp") -> list[dict[str, Any]]:
    return [{"target": target, "published": str(target), "protocol": protocol} for target in targets]


@pytest.mark.parametrize(
    ("spec", "exposed", "role", "ports"),
    [
        ({"image": "shop", "ports": published(8000)}, (), Role.HTTP, (8000,)),
        ({"image": "shop", "expose": ["8000/tcp"]}, (), Role.HTTP, (8000,)),
        ({"image": "shop"}, (8000,), Role.HTTP, (8000,)),
        ({"image": "shop", "environment": {"PORT": "3000"}}, (), Role.HTTP, (3000,)),
        ({"image": "shop", "environment": ["PORT=3000"]}, (), Role.HTTP, (3000,)),
        ({"image": "shop", "environment": {"VIRTUAL_HOST": "a.example", "VIRTUAL_PORT": "81"}}, (), Role.HTTP, (81,)),
        (
            {"image": "shop", "labels": {"caddy": "a.example", "caddy.reverse_proxy": "{{upstreams 82}}"}},
            (),
            Role.HTTP,
            (82,),
        ),
        ({"image": "shop", "healthcheck": {"test": "curl localhost:9000/up"}}, (), Role.HTTP, (9000,)),
        ({"image": "shop", "healthcheck": {"test": "curl http://elsewhere:9000/up"}}, (), Role.WORKER, ()),
        ({"image": "shop", "healthcheck": {"test": "curl http://x:9000/up"}}, (), Role.HTTP, (9000,)),
        ({"image": "shop", "expose": ["8125/udp", "3000-3002"]}, (), Role.HTTP, (3000,)),
        ({"image": "shop", "healthcheck": {"test": "nc -z localhost:9000"}}, (), Role.WORKER, ()),
        ({"image": "shop", "healthcheck": {"test": "curl http://localhost:9000/up"}}, (), Role.HTTP, (9000,)),
        ({"image": "shop", "command": ["gunicorn", "-b", "0.0.0.0:8000", "shop:app"]}, (), Role.HTTP, (8000,)),
        ({"image": "shop", "command": "flask run --host=0.0.0.0 --port=5000"}, (), Role.HTTP, (5000,)),
        ({"image": "shop", "command": "manage.py runserver 0:8001"}, (), Role.HTTP, (8001,)),
        ({"image": "shop", "command": ["run", "--since", "10:3000", "-p", "tcp"]}, (), Role.WORKER, ()),
        ({"image": "shop", "command": "proxy --port 5432"}, (), Role.WORKER, ()),
        ({"image": "shop", "ports": published(25, 5432)}, (25,), Role.WORKER, ()),
        ({"image": "shop", "ports": published(8000, protocol="udp")}, (), Role.WORKER, ()),
        ({"image": "ghcr.io/acme/postgres:17", "ports": published(5432)}, (5432,), Role.DATA, ()),
        ({"image": "acme", "volumes": [{"type": "volume", "target": "/data"}]}, (), Role.DATA, ()),
        ({"image": "acme", "build": {}, "volumes": [{"type": "volume", "target": "/data"}]}, (), Role.WORKER, ()),
        ({"image": "acme", "volumes": [{"type": "volume", "target": "/data", "read_only": True}]}, (), Role.WORKER, ()),
        ({"image": "shop"}, (), Role.WORKER, ()),
    ],
)
def test_what_a_service_does(
    spec: dict[str, Any], exposed: tuple[int, ...], role: Role, ports: tuple[int, ...]
) -> None:
    found = one(spec, exposed)
    assert (found.role, found.ports) == (role, ports)


def test_what_speaks_another_protocol_is_left_alone_by_its_image_its_base_or_its_port() -> None:
    services = {
        "db": {"build": {"context": "."}, "image": "shop-db"},
        "search": {"build": {"context": "."}, "ports": published(9200)},
        "mail": {"image": "acme/postfix", "restart": "always", "expose": ["587"]},
        "queue": {"image": "acme/broker", "restart": "always", "ports": published(1883)},
        "web": {"image": "acme/web", "ports": published(3000, 9229)},
    }
    bases = {"db": "postgres:17", "search": "elasticsearch:8.15.0", "web": "node:22"}
    found = {each.service: each for each in detect(services, {}, (), {}, bases)}
    assert [each.service for each in found.values() if each.role is Role.DATA] == ["db", "search"]
    assert all("videa drains HTTP only" in found[name].alone for name in ("mail", "queue"))
    assert found["web"].ports == (3000,)


def test_a_label_by_which_traefik_leaves_a_service_out_sends_it_no_requests() -> None:
    services = {
        "web": {"image": "a", "expose": ["80"], "labels": {"traefik.enable": "true"}},
        "api": {"image": "b", "expose": ["80"], "labels": {"traefik.enable": "false"}},
    }
    assert [each.service for each in candidates(detect(services, {}, ()))] == ["web"]


def test_the_port_that_the_health_check_asks_comes_before_the_other_published_ones_and_tls_last() -> None:
    spec = {
        "image": "shop",
        "ports": published(443, 9000, 8000),
        "healthcheck": {"test": "curl http://localhost:8000/"},
    }
    assert one(spec).ports == (8000, 9000, 443)


def test_what_another_service_waits_for_to_complete_is_a_task() -> None:
    web = {
        "image": "a",
        "ports": published(80),
        "depends_on": {"init": {"condition": "service_completed_successfully"}},
    }
    roles = {found.service: found.role for found in detect({"web": web, "init": {"image": "a"}}, {}, ())}
    assert roles == {"web": Role.HTTP, "init": Role.TASK}


def test_an_nginx_is_a_proxy_beside_an_application_and_the_application_where_there_is_no_other() -> None:
    nginx = {"image": "nginx:alpine", "ports": published(80)}
    assert one(nginx).role is Role.HTTP
    both = detect({"nginx": nginx, "web": {"image": "a", "expose": ["80"]}}, {}, ())
    assert [found.role for found in both] == [Role.PROXY, Role.HTTP]


def test_the_strongest_evidence_decides_and_tools_never_win() -> None:
    services: dict[str, dict[str, Any]] = {
        "adminer": {"image": "adminer", "ports": published(8080)},
        "registry": {"image": "confluentinc/cp-schema-registry:7.2.1", "ports": published(8085)},
        "flower": {"image": "web", "ports": published(5555), "command": "/start-flower"},
        "monitor": {"image": "web", "ports": published(5556), "command": ["celery", "flower"]},
        "docs": {"image": "docs", "expose": ["80"]},
        "web": {"image": "web", "ports": published(8000)},
        "api": {"image": "api", "expose": ["81"]},
    }
    assert [found.service for found in candidates(detect(services, {}, ()))] == ["web"]
    route = Route("nginx", "api", 81, "nginx.conf:3", "", "")
    routed = candidates(detect(services, {}, (route,)))
    assert [(found.service, found.evidence) for found in routed] == [("api", Evidence.ROUTED)]
    assert [found.service for found in candidates(detect({"adminer": services["adminer"]}, {}, ()))] == ["adminer"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"labels": {"traefik.http.services.api.loadbalancer.server.scheme": "h2c"}}, True),
        ({"labels": ["caddy.reverse_proxy=h2c://{{upstreams 50051}}"]}, True),
        ({"healthcheck": {"test": ["CMD", "/bin/grpc_health_probe", "-addr=:50051"]}}, True),
        ({"labels": {"traefik.http.services.api.loadbalancer.server.scheme": "http"}}, False),
        ({"labels": {"note": "h2c"}, "healthcheck": {"test": "curl -f http://localhost/grpc"}}, False),
        ({}, False),
    ],
)
def test_a_service_speaks_grpc_if_its_proxy_or_its_health_check_does(spec: dict[str, Any], expected: bool) -> None:
    assert speaks_grpc(spec) is expected


def test_a_worker_that_inherits_a_port_is_one_and_what_runs_by_the_clock_is_left_alone() -> None:
    shared = {"image": "shop", "expose": ["8000"], "environment": {"PORT": "8000"}}
    services: dict[str, dict[str, Any]] = {
        "web": {**shared, "command": ["gunicorn", "--workers", "4"]},
        "tasks": {**shared, "command": ["celery", "-A", "shop", "worker"]},
        "beat": {**shared, "command": "celery -A shop beat"},
        "flower": {**shared, "command": "celery -A shop flower"},
    }
    found = {each.service: each for each in detect(services, dict.fromkeys(services, (8000,)), ())}
    assert {name: each.role.value for name, each in found.items()} == {
        "web": "http",
        "tasks": "worker",
        "beat": "worker",
        "flower": "http",
    }
    assert found["tasks"].alone == ""
    assert "docker compose up -d beat" in found["beat"].alone
    published_too = detect({"worker": {**shared, "ports": published(8000)}}, {}, ())[0]
    assert published_too.role is Role.HTTP


def test_the_web_server_before_php_is_the_http_service_and_php_is_left_alone() -> None:
    services: dict[str, dict[str, Any]] = {
        "web": {"image": "nginx:alpine", "ports": published(80)},
        "app": {"image": "acme", "expose": ["9000"]},
        "php": {"image": "wordpress:6-fpm-alpine"},
        "cron": {"image": "wordpress:6-fpm-alpine", "entrypoint": ["/cron.sh"]},
        "adminer": {"image": "adminer", "ports": published(8080)},
    }
    found = {each.service: each for each in detect(services, {"php": (9000,)}, (), {"app": "web"})}
    assert "timed jobs" in found["cron"].alone
    assert {name: each.role.value for name, each in found.items()} == {
        "cron": "worker",
        "web": "http",
        "app": "worker",
        "php": "worker",
        "adminer": "http",
    }
    assert "docker compose up -d app" in found["app"].alone
    assert [each.service for each in candidates(found.values())] == ["web"]


def test_a_service_in_whose_network_others_run_is_the_last_to_be_chosen() -> None:
    vpn = {"image": "vpn", "ports": published(8080)}
    torrent = {"image": "torrent", "network_mode": "service:vpn"}
    films = {"image": "films", "ports": published(8989)}
    with_other = candidates(detect({"vpn": vpn, "torrent": torrent, "films": films}, {}, ()))
    assert [each.service for each in with_other] == ["films"]
    assert [each.service for each in candidates(detect({"vpn": vpn, "torrent": torrent}, {}, ()))] == ["vpn"]


def test_what_a_provider_runs_has_no_container_to_scale() -> None:
    found = one({"provider": {"type": "cloud"}, "restart": "always"})
    assert (found.role, found.evidence) == (Role.DATA, None)


def test_a_service_whose_url_another_one_has_is_no_worker() -> None:
    web = {"image": "web", "ports": published(8000), "environment": {"PDF": "http://pdf:3000/", "DB": "http://db:5432"}}
    services: dict[str, Any] = {"web": web, "pdf": {"image": "pdf"}, "db": {"image": "own"}, "jobs": {"image": "jobs"}}
    found = {each.service: each for each in detect(services, {}, ())}
    assert (found["pdf"].role, found["pdf"].ports, found["pdf"].reason) == (Role.HTTP, (3000,), "web has its URL")
    assert found["db"].role is found["jobs"].role is Role.WORKER
    assert [each.service for each in candidates(found.values())] == ["web"]


def test_what_lends_its_network_is_not_scaled() -> None:
    services: dict[str, Any] = {
        "vpn": {"image": "vpn", "restart": "always"},
        "app": {"image": "app", "network_mode": "service:vpn"},
    }
    assert "docker compose up -d vpn" in detect(services, {}, ())[0].alone

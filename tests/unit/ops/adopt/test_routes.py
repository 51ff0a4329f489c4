"""How a user's own proxy finds a service."""

from __future__ import annotations

import pytest

from ops.adopt.routes import ProxyFile, declared, for_balancer, labelled_port, routes, routing, without_variables

SERVICES = {
    "web": {"container_name": "shop-web", "networks": {"front": {"aliases": ["app"]}}},
    "api": {},
    "nginx": {},
}


@pytest.mark.parametrize(
    ("line", "service", "port", "wanted"),
    [
        ("proxy_pass http://web:8000;", "web", 8000, "proxy_pass http://balancer:8080;"),
        ("  proxy_pass http://web:8000/app/;  # the shop", "web", 8000, "proxy_pass http://balancer:8080/app/;"),
        ("proxy_pass http://shop-web;", "web", None, "proxy_pass http://balancer:8080;"),
        ("server app:80 max_fails=3;", "web", 80, "server balancer:8080 max_fails=3;"),
        ("reverse_proxy api:3000", "api", 3000, "reverse_proxy balancer:8080"),
        ("reverse_proxy /v1/* api:3000", "api", 3000, "reverse_proxy /v1/* balancer:8080"),
        ("    server s1 web:8000 check", "web", 8000, "server s1 balancer:8080 check"),
        ("grpc_pass grpc://api:50051;", "api", 50051, "grpc_pass grpc://balancer:8080;"),
    ],
)
def test_a_line_that_names_a_service_and_what_it_must_say(
    line: str, service: str, port: int | None, wanted: str
) -> None:
    file = ProxyFile("nginx", "nginx.conf", f"http {{\n{line}\n}}\n")
    (route,) = routes([file], SERVICES, "balancer")
    assert (route.service, route.port, route.wanted, route.place) == (service, port, wanted, "nginx.conf:2")


@pytest.mark.parametrize(
    "line",
    [
        "# proxy_pass http://web:8000;",
        "proxy_pass http://other.example;",
        "server_name web;",
        "proxy_pass http://nginx;",
    ],
)
def test_other_lines_are_left_alone(line: str) -> None:
    assert routes([ProxyFile("nginx", "nginx.conf", line)], SERVICES, "balancer") == ()


@pytest.mark.parametrize(
    ("other", "forwards"),
    [
        ("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", True),
        ("    option forwardfor", True),
        ("# proxy_set_header X-Forwarded-For $remote_addr;", False),
        ("proxy_set_header Host $host;", False),
    ],
)
def test_whether_the_proxy_passes_on_the_client_may_be_in_another_of_its_files(other: str, forwards: bool) -> None:
    files = [ProxyFile("nginx", "a.conf", "proxy_pass http://web;"), ProxyFile("nginx", "b.conf", f"x;\n{other}\n")]
    assert [route.forwards for route in routes(files, SERVICES, "balancer")] == [forwards]


def test_traefiks_labels_lead_to_the_balancer() -> None:
    labels = {
        "traefik.enable": "true",
        "traefik.http.services.shop.loadbalancer.server.port": "8000",
        "made": "by hand",
    }
    spec = {"labels": labels}
    assert labelled_port(spec) == 8000
    moved, variables = for_balancer(*routing(spec))
    assert moved == {"traefik.enable": "true", "traefik.http.services.shop.loadbalancer.server.port": "8080"}
    assert not variables


@pytest.mark.parametrize(
    ("text", "wanted"), [("{{upstreams 80}}", "{{upstreams 8080}}"), ("{{upstreams}}", "{{upstreams 8080}}")]
)
def test_caddys_labels_lead_to_the_balancer(text: str, wanted: str) -> None:
    moved, _ = for_balancer(*routing({"labels": {"caddy": "a.example", "caddy.reverse_proxy": text}}))
    assert moved == {"caddy": "a.example", "caddy.reverse_proxy": wanted}


def test_nginx_proxys_variables_lead_to_the_balancer() -> None:
    spec = {"environment": ["VIRTUAL_HOST=a.example", "VIRTUAL_PORT=3000", "SECRET=1"]}
    assert labelled_port(spec) == 3000
    assert for_balancer(*routing(spec)) == ({}, {"VIRTUAL_HOST": "a.example", "VIRTUAL_PORT": "8080"})


def test_what_an_env_file_says_counts_too() -> None:
    written = {"environment": {"VIRTUAL_HOST": "${SHOP}"}}
    merged = {"environment": {"VIRTUAL_HOST": "a.example", "VIRTUAL_PORT": "3000"}}
    assert declared(written, merged) == ({}, {"VIRTUAL_HOST": "${SHOP}", "VIRTUAL_PORT": "3000"})


def test_a_label_with_a_variable_in_its_name_is_there_once_and_as_it_is_written() -> None:
    labels = {"traefik.http.routers.${STACK}.rule": "Host(`${DOMAIN}`)"}
    merged = {"labels": {"traefik.http.routers.shop.rule": "Host(`a.example`)"}}
    assert declared({"labels": labels}, merged) == (labels, {})
    assert without_variables({"labels": labels}, merged)["labels"] == merged["labels"]


def test_a_link_is_a_name_of_the_service_for_this_proxy() -> None:
    services = {"web": {}, "nginx": {"links": ["web:app", "redis"]}, "other": {}}
    text = "proxy_pass http://app:8000;"
    assert [each.service for each in routes([ProxyFile("nginx", "a.conf", text)], services, "balancer")] == ["web"]
    assert not routes([ProxyFile("other", "a.conf", text)], services, "balancer")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('          - url: "http://web:3000"', '- url: "http://balancer:8080"'),
        ("    url: http://web:3000/", "url: http://balancer:8080/"),
        ("ProxyPass / http://web:3000/", "ProxyPass / http://balancer:8080/"),
        ("    BalancerMember http://web:3000", "BalancerMember http://balancer:8080"),
    ],
)
def test_the_lines_of_traefik_kong_and_httpd(line: str, wanted: str) -> None:
    (route,) = routes([ProxyFile("proxy", "file", line)], {"web": {}, "proxy": {}}, "balancer")
    assert (route.service, route.port, route.wanted) == ("web", 3000, wanted)


def test_labels_by_which_traefik_leaves_a_service_out_are_no_route() -> None:
    labels = {"traefik.enable": "false", "traefik.http.routers.a.rule": "x", "caddy": "a.example"}
    assert routing({"labels": labels}) == ({"caddy": "a.example"}, {})

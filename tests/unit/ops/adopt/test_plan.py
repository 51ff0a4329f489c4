"""What the overlay must say, by the facts."""

from __future__ import annotations

from typing import Any

import pytest

from ops.adopt.detect import Found, Role
from ops.adopt.notes import Weight
from ops.adopt.parts import RESET, RESET_LIST, variable_name
from ops.adopt.plan import CONTAINERS, MANY, Adoption, Choice, free_name, plan
from ops.adopt.routes import Route

PORT = {"target": 8000, "published": "80", "protocol": "tcp"}


def adopt(spec: dict[str, Any], *routes: Route, networks: dict[str, Any] | None = None, port: int = 8000) -> Adoption:
    model = {"services": {"web": spec, "nginx": {"networks": {"edge": None}}}, "networks": networks or {}}
    return plan(Choice("web", port, {}), (), model, model, routes, "balancer", "videa-nginx:1")


def test_a_published_port_moves_to_the_balancer() -> None:
    adoption = adopt({"ports": [PORT]})
    assert (adoption.ports, adoption.moves) == (("80:8080",), True)
    assert adoption.service_part["ports"] is RESET_LIST
    assert (adoption.environment["UPSTREAM_SERVICE"], adoption.environment["UPSTREAM_PORT"]) == ("web", "8000")
    assert adoption.environment["REQUESTS_PER_CLIENT"] == "${REQUESTS_PER_CLIENT:-512}"
    assert adoption.environment["TESTER_KEY"] == "${TESTER_KEY:-}"
    assert adoption.networks == ("default",)


def test_a_grpc_service_is_marked_unless_it_answers_a_path() -> None:
    probe = {"ports": [PORT], "healthcheck": {"test": ["CMD", "grpc_health_probe", "-addr=:8000"]}}
    model = {"services": {"web": {"ports": [PORT]}, "api": probe}}

    def others(health: dict[str, str]) -> Adoption:
        choice = Choice("web", 8000, {}, others=(Choice("api", 8000, health),))
        return plan(choice, (), model, model, (), "balancer", "videa-nginx:1")

    assert (adopt(probe).protocol, adopt({"ports": [PORT]}).protocol) == ("grpc", "")
    assert others({}).others[0].part["x-videa"] == {"port": 8000, "protocol": "grpc"}
    assert "protocol" not in others({"ready": "/up"}).others[0].part["x-videa"]


def test_a_service_that_nobody_reaches_gets_a_port_of_the_balancers() -> None:
    adoption = adopt({"expose": ["8000"]})
    assert (adoption.ports, adoption.moves) == (("${HTTP_PORT:-8080}:8080",), False)
    assert "ports" not in adoption.service_part


def test_behind_the_users_own_nginx_the_balancer_publishes_nothing_and_is_where_both_are() -> None:
    route = Route(
        "nginx", "web", 8000, "nginx.conf:3", "proxy_pass http://web:8000;", "proxy_pass http://balancer:8080;"
    )
    adoption = adopt({"networks": {"app": None}}, route, Route("nginx", "api", 1, "nginx.conf:9", "", ""))
    assert adoption.ports == ()
    assert adoption.trusted == ()
    assert adoption.networks == ("app", "edge")
    assert adoption.environment["REQUESTS_PER_CLIENT"] == f"${{REQUESTS_PER_CLIENT:-{MANY}}}"
    (note,) = [note for note in adoption.notes if "past the balancer" in note.what]
    assert note.what == "nginx.conf:3 sends requests past the balancer: proxy_pass http://web:8000;"
    assert note.change.startswith("proxy_pass http://balancer:8080;")


def test_a_proxy_that_passes_on_the_client_is_trusted_with_it() -> None:
    route = Route("nginx", "web", 8000, "nginx.conf:3", "", "", forwards=True)
    adoption = adopt({}, route)
    assert adoption.trusted == CONTAINERS
    assert adoption.environment["REQUESTS_PER_CLIENT"] == "${REQUESTS_PER_CLIENT:-512}"
    assert not [note for note in adoption.notes if "who the client is" in note.what]
    assert adopt({"ports": [PORT]}, route).trusted == ()


def test_a_proxy_that_names_the_balancer_already_is_still_in_front_of_it() -> None:
    route = Route("nginx", "balancer", 8080, "nginx.conf:3", "", "", forwards=True)
    adoption = adopt({"networks": {"app": None}}, route)
    assert (adoption.ports, adoption.networks, adoption.routes) == ((), ("app", "edge"), ())
    assert adoption.trusted == CONTAINERS


def test_traefiks_labels_move_and_the_service_is_hidden_from_it() -> None:
    adoption = adopt({"labels": {"traefik.enable": "true", "traefik.http.routers.web.rule": "Host(`a`)"}})
    assert adoption.labels["traefik.http.routers.web.rule"] == "Host(`a`)"
    assert adoption.service_part["labels"] == {"traefik.enable": "false", "videa.release": "${VIDEA_RELEASE:-}"}
    assert adoption.ports == ()


def test_caddys_labels_and_nginx_proxys_variables_move() -> None:
    adoption = adopt({"labels": {"caddy": "a.example"}, "environment": {"VIRTUAL_HOST": "a", "SECRET": "1"}})
    assert adoption.labels == {"caddy": "a.example"}
    assert adoption.environment["VIRTUAL_PORT"] == "8080"
    assert adoption.service_part["labels"]["caddy"] is RESET
    assert adoption.service_part["environment"] == {"VIRTUAL_HOST": RESET}


@pytest.mark.parametrize(
    ("networks", "own"), [({"app": {"internal": True}}, "balancer"), ({"app": {}}, ""), ({"app": None}, "")]
)
def test_a_port_needs_a_network_that_is_not_internal(networks: dict[str, Any], own: str) -> None:
    assert adopt({"networks": {"app": None}, "ports": [PORT]}, networks=networks).new_network == own


def test_a_fixed_container_name_stays_a_name_on_every_network() -> None:
    part = adopt({"container_name": "shop", "networks": {"a": None, "b": None}}).service_part
    assert part["container_name"] is RESET
    assert part["networks"] == {"a": {"aliases": ["shop"]}, "b": {"aliases": ["shop"]}}


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ({}, {"deploy": {"replicas": "${WEB_REPLICAS:-1}"}}),
        ({"deploy": {"replicas": 3}}, {"deploy": {"replicas": "${WEB_REPLICAS:-3}"}}),
        ({"scale": 2}, {"scale": "${WEB_REPLICAS:-2}"}),
        ({"scale": 0}, {"scale": "${WEB_REPLICAS:-0}"}),
        ({"deploy": {"replicas": "${N:-2}"}}, {}),
        ({"scale": "${N}"}, {}),
    ],
)
def test_the_number_of_replicas_is_a_variable(spec: dict[str, Any], part: dict[str, Any]) -> None:
    model = {"services": {"web": {"ports": [PORT]}}}
    raw = {"services": {"web": {"ports": [PORT], **spec}}}
    found = plan(Choice("web", 8000, {}), (), model, raw, (), "balancer", "videa-nginx:1").service_part
    assert {key: found[key] for key in ("deploy", "scale") if key in found} == part


READ_ONLY = {"type": "bind", "source": "/a", "target": "/a", "read_only": True}


@pytest.mark.parametrize(
    ("spec", "running", "taken"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"restart": "no"}, False, False),
        ({"restart": "always"}, False, True),
        ({"deploy": {"replicas": 2, "restart_policy": {"condition": "any"}}, "volumes": [READ_ONLY]}, False, True),
        ({"container_name": "jobs"}, True, False),
        ({"volumes": [{"type": "volume", "source": "data", "target": "/data"}]}, True, False),
        ({"network_mode": "host"}, True, False),
        ({"deploy": {"mode": "global"}}, True, False),
        ({"ports": [{"target": 9000, "published": "9000", "protocol": "udp"}]}, True, False),
    ],
)
def test_a_worker_can_be_scaled_if_it_runs_on_and_two_of_it_are_not_in_each_others_way(
    spec: dict[str, Any], running: bool, taken: bool
) -> None:
    model = {"services": {"web": {}, "jobs": spec, "db": {}}}
    found = (Found("jobs", Role.WORKER, ""), Found("db", Role.DATA, ""), Found("web", Role.HTTP, ""))
    choice = Choice("web", 8000, {}, running=frozenset({"jobs", "web", "db"} if running else ()))
    adoption = plan(choice, found, model, model, (), "balancer", "videa-nginx:1")
    assert set(adoption.workers) == ({"jobs"} if taken else set())
    why = {each.service: each.alone for each in adoption.found}
    assert (bool(why.pop("jobs")), set(why.values())) == (not taken, {""})


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ({}, {"scale": "${JOBS_REPLICAS:-1}"}),
        ({"deploy": {"resources": {}}}, {"deploy": {"replicas": "${JOBS_REPLICAS:-1}"}}),
        ({"deploy": {"replicas": 2}}, {"deploy": {"replicas": "${JOBS_REPLICAS:-2}"}}),
        ({"scale": "${N}"}, {}),
    ],
)
def test_what_the_overlay_says_of_a_worker_is_no_change_for_compose(spec: dict[str, Any], part: dict[str, Any]) -> None:
    """Its hash of a service has the `deploy` key, but no number of replicas."""
    model = {"services": {"web": {}, "jobs": spec}}
    choice = Choice("web", 8000, {}, running=frozenset({"jobs"}))
    adoption = plan(choice, (Found("jobs", Role.WORKER, ""),), model, model, (), "balancer", "videa-nginx:1")
    assert adoption.workers["jobs"] == {"x-videa": {"worker": True}, **part}


def test_a_service_that_ends_https_itself_is_refused() -> None:
    port = {"target": 443, "published": "443", "protocol": "tcp"}
    assert [note.weight for note in adopt({"ports": [port]}, port=443).refused] == [Weight.REFUSED]


def test_a_service_behind_a_tunnel_is_not_published_and_the_balancer_is_where_the_tunnel_is() -> None:
    services = {
        "web": {"networks": {"app": None}},
        "tunnel": {"image": "cloudflare/cloudflared", "networks": {"edge": None}},
    }
    model = {"services": services}
    found = (Found("tunnel", Role.PROXY, ""),)
    adoption = plan(Choice("web", 8000, {}), found, model, model, (), "balancer", "videa-nginx:1")
    assert (adoption.ports, adoption.networks) == ((), ("app", "edge"))
    published = {"services": {**services, "web": {"ports": [PORT]}}}
    adoption = plan(Choice("web", 8000, {}), found, published, published, (), "balancer", "videa-nginx:1")
    assert adoption.ports == ("80:8080",)


def test_a_port_that_the_engine_chooses_does_not_move_and_the_user_is_told() -> None:
    adoption = adopt({"ports": [{"target": 8000, "protocol": "tcp"}]})
    assert (adoption.ports, adoption.moves) == (("8080",), False)
    (note,) = [note for note in adoption.notes if note.key[-1] == "ports"]
    assert note.change.startswith("`docker compose port balancer 8080`")


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        ({"target": 22, "published": "222"}, ["222:22"]),
        ({"target": 53, "published": "53", "protocol": "udp"}, ["53:53/udp"]),
        ({"target": 9090, "published": "9090"}, []),
        ({"target": 9229, "published": "9229"}, []),
    ],
)
def test_a_port_of_another_protocol_is_not_taken_from_its_clients(other: dict[str, Any], refused: list[str]) -> None:
    notes = adopt({"ports": [PORT, other]}).refused
    assert [note.what.rpartition(": ")[2] for note in notes] == refused


@pytest.mark.parametrize(
    ("choice", "keys"),
    [
        (Choice("web", 8000, {}, checked=True), []),
        (Choice("web", 8000, {}, checked=True, silent=True), ["ports"]),
        (Choice("web", 8000, {}, checked=True, fails=True), ["healthcheck"]),
        (Choice("web", 8000, {"ready": "/"}, checked=True, fails=True), []),
    ],
)
def test_what_the_running_service_says_against_the_proposal_is_named(choice: Choice, keys: list[str]) -> None:
    model = {"services": {"web": {"mem_limit": 1}}}
    notes = plan(choice, (), model, model, (), "balancer", "videa-nginx:1").notes
    assert [note.key[-1] for note in notes if note.weight is Weight.ADVICE] == keys


def test_names_that_the_project_does_not_use() -> None:
    assert free_name({"web": {}}) == "balancer"
    assert free_name({"balancer": {}, "videa-balancer": {}}) == "videa-balancer-2"
    assert variable_name("my-web.2") == "MY_WEB_2_REPLICAS"


def test_a_variable_of_an_env_file_can_only_be_overruled() -> None:
    model = {"services": {"web": {"environment": {"VIRTUAL_HOST": "a.example", "VIRTUAL_PORT": "8000"}}}}
    raw = {"services": {"web": {"environment": {"VIRTUAL_PORT": "8000"}}}}
    adoption = plan(Choice("web", 8000, {}), (), model, raw, (), "balancer", "videa-nginx:1")
    assert (adoption.environment["VIRTUAL_HOST"], adoption.environment["VIRTUAL_PORT"]) == ("a.example", "8080")
    assert adoption.service_part["environment"] == {"VIRTUAL_HOST": "", "VIRTUAL_PORT": RESET}
    assert adoption.ports == ()


def test_https_of_the_service_itself_is_not_taken_away() -> None:
    both = [PORT, {"target": 443, "published": "443", "protocol": "tcp"}]
    assert [(note.key[-1], note.change.rpartition(" and ")[2]) for note in adopt({"ports": both}).refused] == [
        ("ports", "remove 443:443 from ports")
    ]
    other = {"target": 9443, "published": "9443", "protocol": "tcp"}
    assert not adopt({"ports": [PORT, other]}).refused


@pytest.mark.parametrize(
    ("image", "source", "reload"),
    [
        (
            "nginx:alpine",
            "/shop/nginx.conf",
            "docker compose exec nginx nginx -s reload, or, if the editor has replaced the file: "
            "docker compose restart nginx",
        ),
        ("nginx:alpine", "/shop", "docker compose exec nginx nginx -s reload"),
        ("caddy:2", "/shop", "docker compose exec nginx caddy reload --config /etc/caddy/Caddyfile"),
        ("haproxy:3.0", "/shop", "docker compose kill --signal HUP nginx"),
        ("envoyproxy/envoy:v1", "/shop/nginx.conf", "reload nginx"),
        ("", "/shop", "docker compose up --detach --build nginx"),
    ],
)
def test_how_the_users_proxy_reads_its_configuration_again(image: str, source: str, reload: str) -> None:
    route = Route("nginx", "web", 8000, "nginx.conf:3", "", "", forwards=True)
    made = {"image": image} if image else {"build": {"context": "/shop"}}
    proxy = {**made, "volumes": [{"type": "bind", "source": source, "target": "/etc/conf"}]}
    model = {"services": {"web": {}, "nginx": proxy}, "networks": {}}
    notes = plan(Choice("web", 8000, {}), (), model, model, [route], "balancer", "videa-nginx:1").notes
    (change,) = [note.change for note in notes if "past the balancer" in note.what]
    assert change.rpartition("then: ")[0].endswith("after `videa up`; ")
    assert change.endswith(f"then: {reload}")


def test_replicas_share_what_two_services_write_already_unless_the_user_has_said_what_they_share() -> None:
    volumes = [
        {"type": "volume", "source": "media", "target": "/media"},
        {"type": "volume", "source": "own", "target": "/own"},
    ]
    services = {
        "web": {"volumes": volumes},
        "queue": {"restart": "always", "volumes": [volumes[0]]},
        "migrate": {"volumes": [volumes[1]]},
    }
    model = {"services": services}
    found = [Found("queue", Role.WORKER, ""), Found("migrate", Role.TASK, "")]

    def shared(said: tuple[str, ...] | None) -> Adoption:
        return plan(Choice("web", 8000, {}, shared=said), found, model, model, (), "balancer", "videa-nginx:1")

    adoption = shared(None)
    assert adoption.shared == ("/media",)
    assert adoption.workers["queue"]["x-videa"] == {"worker": True, "shared_volumes": ["/media"]}
    told = {note.what: note.weight for note in adoption.notes if note.key[-1:] == ("volumes",)}
    assert told == {
        "replicas share /media, which queue writes at the same time already": Weight.SOLVED,
        "videa refuses a second replica, because both would write /own at the same time": Weight.ADVICE,
    }
    assert shared(()).shared == ()


@pytest.mark.parametrize(("mounted", "shared"), [("/shop", ("/app",)), ("/shop/data", ())])
def test_the_source_code_that_developers_mount_is_shared_by_replicas(mounted: str, shared: tuple[str, ...]) -> None:
    volumes = [{"type": "bind", "source": mounted, "target": "/app"}]
    model = {"services": {"web": {"build": {"context": "/shop"}, "ports": [PORT], "volumes": volumes}}}
    adoption = plan(Choice("web", 8000, {}), (), model, model, (), "balancer", "videa-nginx:1")
    assert adoption.shared == shared
    solved = [note.what for note in adoption.notes if note.key[-1:] == ("volumes",) and note.weight is Weight.SOLVED]
    assert solved == [f"replicas share {target}, from which its image is built" for target in shared]


@pytest.mark.parametrize(
    ("running", "shared", "told"),
    [(frozenset({"web"}), (), True), (frozenset(), (), False), (frozenset({"web"}), ("/data",), False)],
)
def test_a_volume_that_stands_in_the_way_of_moving_the_port_is_said_before_up(
    running: frozenset[str], shared: tuple[str, ...], told: bool
) -> None:
    spec = {"ports": [PORT], "volumes": [{"type": "volume", "source": "data", "target": "/data"}]}
    model = {"services": {"web": spec}}
    choice = Choice("web", 8000, {}, running=running, shared=shared)
    notes = plan(choice, (), model, model, (), "balancer", "videa-nginx:1").notes
    assert any("before it moves the port" in note.what for note in notes) is told


def test_a_configuration_in_the_compose_file_itself_needs_a_new_container() -> None:
    route = Route("edge", "web", 80, "configs.caddyfile:3", "", "", forwards=True)
    model = {"services": {"web": {}, "edge": {"image": "caddy:2"}}, "networks": {}}
    notes = plan(Choice("web", 80, {}), (), model, model, [route], "balancer", "videa-nginx:1").notes
    (change,) = [note.change for note in notes if "past the balancer" in note.what]
    assert change.endswith("then: docker compose up --detach edge")

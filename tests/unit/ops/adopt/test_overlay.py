"""The text of the overlay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from ops.adopt.overlay import included, line_of, others, section, shared, variables, volumes, workers, write
from ops.adopt.plan import Adoption, Choice, plan
from ops.errors import ConfigError
from ops.route import Route

PORT = {"target": 8000, "published": "80", "protocol": "tcp"}


def adoption(spec: dict[str, Any] | None = None, **health: str) -> Adoption:
    model = {"services": {"web": {"ports": [PORT]} if spec is None else spec}}
    return plan(Choice("web", 8000, health), (), model, model, (), "balancer", "videa-nginx:1")


class Loader(yaml.SafeLoader):
    """Knows Compose's tag for what is to be forgotten."""


Loader.add_constructor("!reset", lambda loader, node: "forgotten")


def read(text: str) -> Any:
    return yaml.load(text, Loader)


def test_it_has_what_the_service_and_the_balancer_need() -> None:
    model = read(write(adoption(ready="/up")))
    assert model["x-videa"] == {"service": "web", "port": 8000, "balancer": "balancer", "health": {"ready": "/up"}}
    web = {"ports": "forgotten", "labels": {"videa.release": "${VIDEA_RELEASE:-}"}}
    assert model["services"]["web"] == {**web, "deploy": {"replicas": "${WEB_REPLICAS:-1}"}}
    balancer = model["services"]["balancer"]
    assert balancer["ports"] == ["80:8080"]
    assert balancer["environment"].items() >= {"UPSTREAM_SERVICE": "web", "UPSTREAM_PORT": "8000"}.items()
    assert balancer["image"] == "videa-nginx:1"


def test_without_a_health_path_the_key_is_left_out() -> None:
    assert "health" not in read(write(adoption()))["x-videa"]


@pytest.mark.parametrize("name", ["on", "NULL", "1", "1.5", "a b", "Host(`a`) && Path(`/x`)", "ü: '", "a/"])
def test_every_text_is_read_as_it_is(name: str) -> None:
    text = write(replace(adoption(), labels={name: name}, networks=(name,)))
    balancer = read(text)["services"]["balancer"]
    assert (balancer["labels"], balancer["networks"]) == ({name: name}, [name])


def test_labels_with_a_variable_in_a_name_are_a_list_because_compose_replaces_none_in_keys() -> None:
    labels = {"traefik.http.routers.${STACK}-web.rule": "Host(`${DOMAIN}`)", "traefik.enable": "true"}
    balancer = read(write(replace(adoption(), labels=labels)))["services"]["balancer"]
    assert balancer["labels"] == [f"{name}={value}" for name, value in labels.items()]


def test_an_update_changes_the_image_and_keeps_what_the_user_has_written() -> None:
    text = write(adoption(ready="/up"))
    edited = text.replace("  port: 8000\n", "  port: 8000\n  drain_timeout: 90s # slow reports\n").replace(
        "memory: 512M", "memory: 1G"
    )
    updated = write(replace(adoption(ready="/up"), image="videa-nginx:2"), edited)
    assert updated == edited.replace("videa-nginx:1", "videa-nginx:2")


def test_an_update_with_nothing_new_changes_nothing() -> None:
    text = write(adoption(ready="/up"))
    assert write(adoption(ready="/up"), text) == text


def test_another_service_takes_the_place_of_the_one_before() -> None:
    text = write(adoption())
    model = {"services": {"web": {}, "api": {"ports": [PORT]}}}
    api = plan(Choice("api", 9000, {"ready": "/"}), (), model, model, (), "balancer", "videa-nginx:1")
    found = read(write(api, text))
    assert set(found["services"]) == {"api", "balancer"}
    assert (found["x-videa"]["service"], found["x-videa"]["port"], found["x-videa"]["health"]) == (
        "api",
        9000,
        {"ready": "/"},
    )
    assert found["services"]["balancer"]["environment"]["UPSTREAM_PORT"] == "9000"


def test_a_worker_that_the_user_has_taken_out_stays_out() -> None:
    part = {"x-videa": {"worker": True}, "deploy": {"replicas": "${MAILS_REPLICAS:-1}"}}
    with_worker = replace(adoption(), workers={"mails": part})
    text = write(with_worker)
    assert read(text)["services"]["mails"] == part
    assert workers(text) == ("mails",)
    assert write(with_worker, text) == text
    without = write(adoption())
    assert workers(without) == ()
    assert write(with_worker, without) == without


def test_what_an_existing_one_says() -> None:
    text = write(adoption())
    assert section(text)["service"] == "web"
    assert section("") == {}
    assert volumes(text) == ("balancer", "balancer-spool")
    assert variables(text) >= {"VIDEA_RELEASE", "WEB_REPLICAS"}


@pytest.mark.parametrize("text", ["x-videa: [", "- a"])
def test_one_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="the overlay is not"):
        write(adoption(), text)


COMPOSE = """\
x-app: &app
  image: shop
services:
  web:
    <<: *app
    # a comment
    ports: ["80:80"]
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("services", "web", "ports"), 7),
        (("services", "web", "deploy"), 4),
        (("services", "api", "ports"), None),
        (("networks", "a"), None),
    ],
)
def test_the_line_of_a_key(keys: tuple[str, ...], line: int | None) -> None:
    assert line_of(COMPOSE, keys) == line


def test_the_line_in_what_is_no_yaml_is_unknown() -> None:
    assert line_of("a: [", ("a",)) is None


def test_a_further_service_is_added_to_an_overlay_that_the_user_has_changed() -> None:
    model = {"services": {"web": {"ports": [PORT]}, "api": {"profiles": ["shop"]}, "db-api": {}}}
    other = Choice("api", 9000, {"ready": "/up"}, requests=Route("", "/api", True))
    choice = replace(Choice("web", 8000, {}), others=(other, Choice("db-api", 80, {}, requests=Route("db"))))
    wanted = plan(choice, (), model, model, (), "balancer", "videa-nginx:1")
    before = write(adoption()).replace("stop_grace_period: 40s", "stop_grace_period: 50s # mine")
    for text in (write(wanted), write(wanted, before)):
        services = read(text)["services"]
        section = {"port": 9000, "health": {"ready": "/up"}, "route": {"path": "/api", "strip": True}}
        assert services["api"]["x-videa"] == section
        assert services["api"]["labels"] == {"videa.release": "${API_RELEASE:-}"}
        assert services["web"]["labels"] == {"videa.release": "${VIDEA_RELEASE:-}"}
        assert services["api"]["deploy"] == {"replicas": "${API_REPLICAS:-1}"}
        assert services["balancer"]["depends_on"] == ["web", "db-api"]
        assert (set(others(text)), others(text)["api"], workers(text)) == ({"api", "db-api"}, section, ())
    assert "# mine" in write(wanted, before)


def test_the_files_that_a_file_includes() -> None:
    text = "include: [a.yaml, {path: b.yaml}, {path: [c.yaml, '${D}.yaml'], env_file: e}]\n"
    assert included(text) == ("a.yaml", "b.yaml", "c.yaml")
    assert included("include: 3") == included("- 1") == included("{") == included("services: {}") == ()


def test_what_replicas_share_is_written_for_each_service_and_read_for_the_way_back() -> None:
    volume = {"type": "volume", "source": "media", "target": "/media"}
    model: dict[str, Any] = {
        "services": {"web": {"ports": [PORT], "volumes": [volume]}, "api": {"volumes": [volume]}, "db": {}}
    }
    choice = Choice("web", 8000, {}, others=(Choice("api", 9000, {}, requests=Route("", "/api")),))
    text = write(plan(choice, (), model, model, (), "balancer", "videa-nginx:1"))
    assert read(text)["x-videa"]["shared_volumes"] == ["/media"]
    assert read(text)["services"]["api"]["x-videa"]["shared_volumes"] == ["/media"]
    assert shared(text) == ("/media", "/media")
    assert shared("") == ()

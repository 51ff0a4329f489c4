"""The text of the overlay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from ops.adopt.overlay import line_of, section, variables, volumes, workers, write
from ops.adopt.plan import Adoption, Choice, plan
from ops.errors import ConfigError

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


@pytest.mark.parametrize("name", ["on", "NULL", "1", "1.5", "a b", "${X:-y}", "Host(`a`) && Path(`/x`)", "ü: '", "a/"])
def test_every_text_is_read_as_it_is(name: str) -> None:
    text = write(replace(adoption(), labels={name: name}, networks=(name,)))
    balancer = read(text)["services"]["balancer"]
    assert (balancer["labels"], balancer["networks"]) == ({name: name}, [name])


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

"""Obstacles in a service's definition, and the line to change."""

from __future__ import annotations

from typing import Any

import pytest

from ops.adopt.notes import Weight, companions, obstacles, why_alone

GOOD: dict[str, Any] = {"mem_limit": "128m"}


def keys(spec: dict[str, Any], checked: bool = True) -> list[tuple[str, str]]:
    return [(note.weight.value, ".".join(note.key)) for note in obstacles("web", spec, spec, checked, ("/shared",))]


def test_a_service_without_obstacles() -> None:
    assert keys(GOOD) == []
    assert keys({"deploy": {"resources": {"limits": {"memory": "1G"}}}}) == []
    assert keys(GOOD, checked=False) == [("advice", "services.web.healthcheck")]


@pytest.mark.parametrize(
    ("more", "weight", "key"),
    [
        ({"container_name": "shop"}, Weight.SOLVED, "container_name"),
        ({"network_mode": "host"}, Weight.REFUSED, "network_mode"),
        ({"network_mode": "service:vpn"}, Weight.REFUSED, "network_mode"),
        ({"deploy": {"mode": "global"}}, Weight.REFUSED, "deploy"),
        ({"networks": {"lan": {"ipv4_address": "10.0.0.7"}}}, Weight.REFUSED, "networks.lan.ipv4_address"),
        ({"volumes": [{"type": "volume", "source": "data", "target": "/data"}]}, Weight.ADVICE, "volumes"),
        ({"volumes": [{"type": "bind", "source": "/srv", "target": "/data"}]}, Weight.ADVICE, "volumes"),
        ({"volumes": [{"type": "bind", "source": "/var/run/shop", "target": "/run"}]}, Weight.ADVICE, "volumes"),
        ({"mac_address": "02:42:ac:11:00:02"}, Weight.REFUSED, "mac_address"),
        ({"mem_limit": None}, Weight.ADVICE, "deploy"),
    ],
)
def test_an_obstacle(more: dict[str, Any], weight: Weight, key: str) -> None:
    assert keys({**GOOD, **more}) == [(weight.value, f"services.web.{key}")]


@pytest.mark.parametrize(
    "volume",
    [
        {"type": "volume", "source": "data", "target": "/data", "read_only": True},
        {"type": "tmpfs", "target": "/tmp"},
        {"type": "volume", "target": "/cache"},
        {"type": "volume", "source": "data", "target": "/shared"},
        {"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock"},
        {"type": "bind", "source": "/etc/localtime", "target": "/etc/localtime"},
    ],
)
def test_a_volume_that_replicas_do_not_share_is_no_obstacle(volume: dict[str, Any]) -> None:
    assert keys({**GOOD, "volumes": [volume]}) == []


@pytest.mark.parametrize(
    ("written", "shown"), [("${DATA:-data}:/data", "- ${DATA:-data}:/data:ro"), ("data:/data:rw", "- data:/data:ro")]
)
def test_the_line_of_a_volume_is_shown_as_it_must_be(written: str, shown: str) -> None:
    spec = {**GOOD, "volumes": [{"type": "volume", "source": "data", "target": "/data"}]}
    (note,) = obstacles("web", spec, {"volumes": [written]}, True, ())
    assert note.change.startswith(shown)


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("host", "would listen on the same port"),
        ("service:vpn", "would share the network of one container"),
        ("container:vpn-1", "would share the network of one container"),
        ("bridge", "cannot find the replicas by name"),
    ],
)
def test_why_a_network_mode_stands_against_replicas(mode: str, why: str) -> None:
    (note,) = obstacles("web", {**GOOD, "network_mode": mode}, {}, True, ())
    assert why in note.what


def test_labels_from_a_file_hide_whether_a_replica_is_up_to_date() -> None:
    (note,) = obstacles("web", GOOD, {"label_file": ["web.labels"]}, True, ())
    assert (note.weight, note.key[-1]) == (Weight.REFUSED, "label_file")
    assert "label_file" in why_alone({**GOOD, "restart": "always"}, {"label_file": ["x"]}, running=False)


def test_a_worker_keeps_its_container_name_and_is_alone() -> None:
    """The overlay drops it only from services that get requests."""
    assert why_alone({"restart": "always", "container_name": "the-worker"}, {}, running=False) == (
        "two containers cannot share the name the-worker; without container_name it can be scaled"
    )


def test_a_service_that_lives_in_a_replica_is_named() -> None:
    """A tunnel in the network of the application, for example: it would end with the container that is replaced."""
    model = {
        "services": {
            "web": {"pid": "host"},
            "tunnel": {"network_mode": "service:web"},
            "profiler": {"pid": "service:web"},
            "other": {"network_mode": "service:db", "ipc": "shareable"},
        }
    }
    notes = list(companions(["web"], model))
    assert [note.key for note in notes] == [("services", "tunnel", "network_mode"), ("services", "profiler", "pid")]
    assert {note.weight for note in notes} == {Weight.REFUSED}


def test_what_is_tied_to_one_container_is_named_unless_it_will_ask_the_balancer() -> None:
    services = {
        "web": {"links": ["db"]},
        "static": {"volumes_from": ["web:ro"]},
        "client": {"links": ["db", "web:shop"]},
        "nginx": {"links": ["web"]},
    }
    notes = list(companions(["web"], {"services": services}, ["nginx"]))
    assert [note.key for note in notes] == [("services", "static", "volumes_from"), ("services", "client", "links")]
    assert {note.weight for note in notes} == {Weight.REFUSED}
    assert "aliases: [shop]" in notes[1].change

"""Operations that cannot work are refused, with the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ops.errors import PlanRefused
from ops.preflight import (
    MIB,
    Capacity,
    check,
    check_memory,
    check_pool,
    check_room,
    check_shape,
    check_volumes,
    has_check,
    reservation,
    spare,
)

ROOMY = Capacity(memory=8192 * MIB, reserved=512 * MIB, reservation=64 * MIB, pool=5, connections=97)


def test_replicas_that_fit_are_accepted() -> None:
    check({}, "backend", ROOMY, 18, 1)


def test_more_connections_than_postgres_accepts_are_refused_with_the_number_that_fits() -> None:
    with pytest.raises(PlanRefused) as refused:
        check_pool(ROOMY, 20)
    assert "20 replicas x connection_limit 5 = 100" in refused.value.message
    assert "97" in refused.value.message
    assert "at most 19 replicas" in refused.value.hint
    assert "connection_limit=4" in refused.value.hint


def test_more_memory_than_the_machine_has_is_refused_with_the_number_that_fits() -> None:
    with pytest.raises(PlanRefused) as refused:
        check_memory(ROOMY, 121)
    assert "121 replicas x 64 MiB + 512 MiB" in refused.value.message
    assert "at most 120 replicas" in refused.value.hint


def test_exactly_all_memory_fits() -> None:
    check_memory(ROOMY, 120)


def test_unknown_resources_are_not_checked() -> None:
    check({}, "backend", Capacity(None, 0, 64 * MIB, None, None), 1000, 1000)


@pytest.mark.parametrize(
    ("service", "words"),
    [({"container_name": "one"}, "container_name"), ({"ports": [{"target": 3001, "published": "3001"}]}, "3001")],
)
def test_a_service_that_can_have_only_one_replica_is_refused_a_second(service: dict[str, Any], words: str) -> None:
    check_shape(service, "backend", 1)
    with pytest.raises(PlanRefused, match=words):
        check_shape(service, "backend", 2)


def test_a_port_that_docker_chooses_is_accepted() -> None:
    check_shape({"ports": [{"target": 3001}]}, "backend", 3)


def test_the_reservation_is_read_in_composes_format() -> None:
    assert reservation({"deploy": {"resources": {"reservations": {"memory": "67108864"}}}}) == 64 * MIB
    assert reservation({"mem_reservation": "1048576"}) == MIB
    assert reservation({}) == 0


@pytest.mark.parametrize(
    ("check", "declared"),
    [
        ({}, None),
        ({"interval": "5s"}, None),
        ({"disable": True}, False),
        ({"test": ["NONE"]}, False),
        ({"test": ["CMD", "true"]}, True),
    ],
    ids=["image", "image's test", "disabled", "none", "own"],
)
def test_the_file_or_the_image_has_the_health_check(check: dict[str, Any], declared: bool | None) -> None:
    assert has_check({"healthcheck": check}) is declared


@pytest.mark.parametrize("kind", ["volume", "bind"])
def test_replicas_that_write_to_the_same_volume_are_refused_unless_allowed(kind: str) -> None:
    service = {"volumes": [{"type": kind, "source": "uploads", "target": "/data"}]}
    check_volumes(service, "backend", (), 1)
    with pytest.raises(PlanRefused) as refused:
        check_volumes(service, "backend", (), 2)
    assert "writes to uploads at /data" in refused.value.message
    assert "x-videa.shared_volumes: [/data]" in refused.value.hint
    check_volumes(service, "backend", ("/data",), 2)
    check_volumes(service, "backend", ("uploads",), 2)


@pytest.mark.parametrize(
    "volume",
    [
        {"type": "volume", "source": "pages", "target": "/pages", "read_only": True},
        {"type": "volume", "target": "/cache"},
        {"type": "tmpfs", "target": "/tmp"},
    ],
    ids=["read-only", "anonymous", "tmpfs"],
)
def test_volumes_that_replicas_do_not_share_for_writing_are_accepted(volume: dict[str, Any]) -> None:
    check_volumes({"volumes": [volume]}, "backend", (), 3)


def test_a_second_replica_without_enough_memory_is_refused() -> None:
    tight = replace(ROOMY, reservation=0, usage=300 * MIB, free=200 * MIB)
    with pytest.raises(PlanRefused) as refused:
        check_room(tight, alive=1, surge=1)
    assert "no room for a second replica" in refused.value.message
    assert "1 more x 300 MiB (used by one now) = 300 MiB, but 200 MiB are free" in refused.value.message
    assert "reservations.memory" in refused.value.hint
    check_room(replace(tight, reservation=150 * MIB), alive=1, surge=1)
    with pytest.raises(PlanRefused, match=r"3 more x 150 MiB \(reserved each\)"):
        check_room(replace(tight, reservation=150 * MIB), alive=3, surge=3)


def test_memory_and_connections_limit_further_replicas() -> None:
    assert spare(replace(ROOMY, free=10 * 64 * MIB), replicas=4, surge=1) == 9
    assert spare(replace(ROOMY, free=10 * 64 * MIB, connections=25), replicas=4, surge=1) == 1
    assert spare(replace(ROOMY, free=64 * MIB), replicas=4, surge=1) == 0
    assert spare(replace(ROOMY, free=0), replicas=4, surge=1) == 0
    assert spare(Capacity(None, 0, 0, None, None), replicas=4, surge=1) is None

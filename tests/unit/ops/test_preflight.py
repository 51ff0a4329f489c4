"""What cannot work is refused with its arithmetic."""

from __future__ import annotations

from typing import Any

import pytest

from ops.errors import PlanRefused
from ops.preflight import MIB, Capacity, check, check_memory, check_pool, check_shape, reservation

ROOMY = Capacity(memory=8192 * MIB, reserved=512 * MIB, reservation=64 * MIB, pool=5, connections=97)


def test_what_fits_passes() -> None:
    check({}, "backend", ROOMY, 19)


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


def test_exactly_what_there_is_fits() -> None:
    check_memory(ROOMY, 120)


def test_what_is_not_known_is_not_judged() -> None:
    check({}, "backend", Capacity(None, 0, 64 * MIB, None, None), 1000)


@pytest.mark.parametrize(
    ("service", "words"),
    [({"container_name": "one"}, "container_name"), ({"ports": [{"target": 3001, "published": "3001"}]}, "3001")],
)
def test_a_service_that_can_exist_only_once_is_not_doubled(service: dict[str, Any], words: str) -> None:
    check_shape(service, "backend", 1)
    with pytest.raises(PlanRefused, match=words):
        check_shape(service, "backend", 2)


def test_a_port_that_docker_chooses_is_no_obstacle() -> None:
    check_shape({"ports": [{"target": 3001}]}, "backend", 3)


def test_the_reservation_is_read_as_compose_writes_it() -> None:
    assert reservation({"deploy": {"resources": {"reservations": {"memory": "67108864"}}}}) == 64 * MIB
    assert reservation({"mem_reservation": "1048576"}) == MIB
    assert reservation({}) == 0

"""The limits of the machine, as numbers of replicas."""

from __future__ import annotations

from typing import Any

import pytest

from ops.autoscale.bounds import CONNECTIONS, CORES, MEMORY, Bounds, cores_of, machine_bounds, with_last
from ops.errors import PlanRefused
from ops.preflight import MIB, Capacity, check

CAPACITY = Capacity(4096 * MIB, 1024 * MIB, 256 * MIB, 5, 97, free=1000 * MIB)


def limits(capacity: Capacity, now: int = 2, cores: int = 64, **service: Any) -> dict[str, int]:
    tightest: dict[str, int] = {}
    for bound in machine_bounds(capacity, service, cores, now):
        tightest[bound.name] = min(bound.most, tightest.get(bound.name, bound.most))
    return tightest


def test_each_resource_has_its_limit() -> None:
    assert limits(CAPACITY) == {CONNECTIONS: 19, MEMORY: 5, CORES: 64}
    assert limits(CAPACITY, now=10) == {CONNECTIONS: 19, MEMORY: 12, CORES: 64}, "reserved, instead of free"
    unknown = Capacity(None, 0, 0, None, None)
    assert limits(unknown) == {CORES: 64}
    assert limits(Capacity(None, 0, 0, None, None, free=300 * MIB, usage=100 * MIB)) == {MEMORY: 5, CORES: 64}


@pytest.mark.parametrize("name", [CONNECTIONS, MEMORY])
def test_videa_scale_accepts_as_many_and_refuses_one_more(name: str) -> None:
    capacity = Capacity(4096 * MIB, 1024 * MIB, 256 * MIB, 5, 22 if name == CONNECTIONS else 400, free=1000 * MIB)
    bound = Bounds(1, 100, machine_bounds(capacity, {}, 64, 2)).tightest
    assert bound
    assert bound.name == name
    check({}, "app", capacity, alive=2, surge=bound.most - 2)
    with pytest.raises(PlanRefused, match=name):
        check({}, "app", capacity, alive=2, surge=bound.most - 1)


@pytest.mark.parametrize(
    ("service", "cores"),
    [
        ({}, 1.0),
        ({"cpus": 0.5}, 0.5),
        ({"deploy": {"resources": {"limits": {"cpus": "2.0"}}}}, 2.0),
        ({"deploy": {"resources": {"limits": {"cpus": "2.0"}, "reservations": {"cpus": "0.25"}}}}, 0.25),
    ],
)
def test_a_replica_needs_what_it_reserves_or_may_use(service: dict[str, Any], cores: float) -> None:
    assert cores_of(service)[0] == cores
    assert limits(Capacity(None, 0, 0, None, None), cores=2, **service)[CORES] == int(2 / cores)


def test_a_full_postgresql_that_does_not_answer_keeps_its_limit() -> None:
    known, unknown = (machine_bounds(Capacity(None, 0, 0, 5, connections), {}, 64, 2) for connections in (97, None))
    assert [bound.name for bound in with_last(unknown, known)] == [CORES, CONNECTIONS]
    assert with_last(known, known) == known
    assert with_last(unknown, unknown) == unknown

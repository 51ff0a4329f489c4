"""Containers as read from the engine's details, and how these are queried."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ops.engine.answer import Refused
from ops.engine.replicas import find_container, list_containers, list_replicas, read, states

TIMES = [
    ("2026-11-23T14:00:03.123456789Z", datetime(2026, 11, 23, 14, 0, 3, 123456, UTC)),
    ("2026-11-23T14:00:03.5Z", datetime(2026, 11, 23, 14, 0, 3, 500000, UTC)),
    ("2026-11-23T14:00:03Z", datetime(2026, 11, 23, 14, 0, 3, 0, UTC)),
    ("2026-11-23T16:00:03.123456789+02:00", datetime(2026, 11, 23, 14, 0, 3, 123456, UTC)),
]


def details(number: int = 1, limits: Mapping[str, Any] | None = None, **state: Any) -> dict[str, Any]:
    labels = {"com.docker.compose.service": "app", "com.docker.compose.container-number": str(number)}
    return {
        "Id": f"id{number}",
        "Name": f"/app-{number}",
        "Image": "sha256:1",
        "Created": TIMES[0][0],
        "State": {"Status": "running", "StartedAt": TIMES[0][0], **state},
        "Config": {"Image": "app:1", "Labels": labels},
        "HostConfig": limits or {},
        "NetworkSettings": {"Networks": {"front": {"IPAddress": "10.0.0.2"}}},
    }


def row(number: int) -> dict[str, Any]:
    """A container in the engine's list; number 2 is linked to another one, which gives it a second name."""
    names = [f"/other/app-{number}", f"/app-{number}"] if number == 2 else [f"/app-{number}"]
    labels = {"com.docker.compose.container-number": str(number)}
    return {"Id": f"id{number}", "Names": names, "State": "paused" if number == 3 else "running", "Labels": labels}


class Engine:
    """Answers inspections only when ``parallel`` of them are in progress; container 13 goes away after it is listed."""

    def __init__(self, count: int, parallel: int = 1) -> None:
        self.numbers = range(1, count + 1)
        self.inspected: list[str] = []
        self.barrier = threading.Barrier(parallel, timeout=10)
        self.api, self.sdk = self, SimpleNamespace(api=self)

    def containers(self, **options: object) -> list[dict[str, Any]]:
        return [row(number) for number in reversed(self.numbers)]

    def inspect_container(self, name: str) -> dict[str, Any]:
        self.inspected.append(name)
        self.barrier.wait()
        number = int(name.removeprefix("id"))
        if number == 13:
            raise Refused(404, "gone")
        return details(number)


def test_containers_are_inspected_in_parallel_and_missing_ones_are_omitted() -> None:
    engine: Any = Engine(16, parallel=16)
    assert [replica.number for replica in list_replicas(engine, "shop", "app")] == [n for n in range(1, 17) if n != 13]


def test_only_chosen_containers_are_inspected() -> None:
    engine: Any = Engine(40)
    assert [each.name for each in list_replicas(engine, "shop", "app", {"app-2", "app-7"}.__contains__)] == [
        "app-2",
        "app-7",
    ]
    assert sorted(engine.inspected) == ["id2", "id7"]


def test_the_states_of_all_need_no_inspection() -> None:
    engine: Any = Engine(3)
    assert list(states(engine, "shop", "app").items()) == [
        ("app-1", "running"),
        ("app-2", "running"),
        ("app-3", "paused"),
    ]
    assert engine.inspected == []


def test_the_container_of_a_service_is_none_if_there_is_none() -> None:
    engine: Any = Engine(1)
    empty: Any = Engine(0)
    container = find_container(engine, "shop", "app")
    assert container is not None
    assert (container.name, container.running) == ("app-1", True)
    assert find_container(empty, "shop", "app") is None
    assert list_containers(empty, "shop") == []


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_formats_of_the_engines_times(text: str, expected: datetime) -> None:
    assert read(details(StartedAt=text)).started == expected


def test_a_container_that_never_started_has_no_start_time() -> None:
    assert read(details(StartedAt="0001-01-01T00:00:00Z")).started is None


@pytest.mark.parametrize(
    ("limits", "cpus", "memory"),
    [
        ({}, None, None),
        ({"NanoCpus": 0, "CpuQuota": 0, "Memory": 0}, None, None),
        ({"NanoCpus": 1_500_000_000, "Memory": 64 << 20}, 1.5, 64 << 20),
        ({"CpuQuota": 50_000}, 0.5, None),
        ({"CpuQuota": 400_000, "CpuPeriod": 200_000}, 2.0, None),
        ({"CpuQuota": -1}, None, None),
    ],
)
def test_every_way_to_set_limits(limits: dict[str, int], cpus: float | None, memory: int | None) -> None:
    container = read(details(limits=limits))
    assert (container.cpu_limit, container.memory_limit) == (cpus, memory)


def test_fields_that_an_engine_omits_are_empty() -> None:
    bare = details()
    del bare["HostConfig"], bare["NetworkSettings"]
    bare["Config"]["Labels"] = None
    container = read(bare)
    assert (container.service, container.number, container.networks, container.health) == ("", 0, {}, "none")


SECOND = 10**9


@pytest.mark.parametrize(
    ("check", "seconds"),
    [
        ({}, 0.0),
        ({"Test": ["NONE"], "Interval": SECOND}, 0.0),
        ({"Test": ["CMD", "true"]}, 60.0),
        ({"Test": ["CMD", "true"], "Interval": 5 * SECOND, "Timeout": 2 * SECOND}, 7.0),
        ({"Test": ["CMD", "true"], "Timeout": SECOND, "StartPeriod": 60 * SECOND, "StartInterval": SECOND}, 2.0),
        ({"Test": ["CMD", "true"], "Timeout": SECOND, "Interval": 9 * SECOND, "StartInterval": SECOND}, 10.0),
    ],
    ids=["no check", "switched off", "Docker's defaults", "own times", "start interval", "no start period"],
)
def test_when_the_first_health_check_ends(check: dict[str, Any], seconds: float) -> None:
    container = details()
    container["Config"]["Healthcheck"] = check
    assert read(container).first_check == seconds


def test_the_state_and_the_last_output_of_the_health_check() -> None:
    log = [{"Output": "early"}, {"Output": " disk full\n" + "x" * 1000}]
    replica = read(details(Health={"Status": "unhealthy", "Log": log}))
    assert (replica.has_check, replica.health) == (True, "unhealthy")
    assert replica.health_output.startswith("disk full\nx")
    assert len(replica.health_output) == 300
    assert (read(details()).has_check, read(details()).health_output) == (False, "")

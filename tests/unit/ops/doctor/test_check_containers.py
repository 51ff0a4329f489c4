"""The container and host checks on facts."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ops.doctor.facts import Skipped
from ops.doctor.facts_engine import EngineFacts
from tests.unit.ops.doctor.stack import (
    MIB,
    NOW,
    container,
    finding,
    healthy,
    instance,
    replica,
    reported,
    with_replicas,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"restarts": 4, "started": NOW - 60}, [("ctr.restart_loop", "fail")]),
        ({"restarts": 4, "started": NOW - 90000}, []),
        ({"restarts": 3, "started": NOW - 60}, []),
        ({"oom_killed": True}, [("ctr.oom", "fail")]),
        ({"memory": 210 * MIB}, [("ctr.mem", "warn")]),
        ({"memory": 245 * MIB}, [("ctr.mem", "fail")]),
        ({"memory_limit": None}, [("ctr.mem", "info")]),
        ({"health": "unhealthy"}, [("ctr.unhealthy", "fail")]),
        ({"cpu": 0.81}, [("ctr.cpu", "warn")]),
        ({"throttled": 0.26}, [("ctr.throttled", "warn")]),
        ({"image_id": "sha256:other"}, [("ctr.image_skew", "warn")]),
        ({"image_id": "sha256:other", "state": "exited"}, [("deploy.replicas", "warn")]),
        ({"oom_killed": True, "finished": NOW - 90000}, []),
        ({"oom_kills": 1}, [("ctr.oom", "fail")]),
        ({"error": "no such file", "state": "created"}, [("ctr.start_failed", "fail"), ("deploy.replicas", "warn")]),
    ],
)
def test_one_replica_has_a_problem(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    # nginx lists no replica, so that a stopped one is not a stale upstream.
    balancer = replace(present(), listed=None)
    assert reported(containers=with_replicas(replica(1), replica(2, **changes)), balancer=balancer) == expected


def present() -> Any:
    return healthy().balancer


def test_a_container_of_a_removed_service_is_left_over_but_a_one_off_run_is_not() -> None:
    assert reported(containers=[*with_replicas(replica(1), replica(2)), container("worker")]) == [
        ("ctr.orphan", "warn")
    ]
    oneoff = container("worker", oneoff=True)
    assert reported(containers=[*with_replicas(replica(1), replica(2)), oneoff]) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"disk_free": 0.09}, "host.disk"),
        ({"inodes_free": 0.09}, "host.inodes"),
        ({"memory_free": 0.09}, "host.mem"),
    ],
)
def test_a_machine_without_resources(changes: dict[str, float], expected: str) -> None:
    host = healthy().host
    assert host
    assert [check for check, _ in reported(host=replace(host, **changes))] == [expected]


def test_an_engine_that_does_not_answer_is_a_failure() -> None:
    result = finding("host.docker", engine=None, skipped=[Skipped("engine", "the Docker Engine does not answer")])
    assert result.severity == "fail"


def test_an_engine_that_is_too_old() -> None:
    assert reported(engine=EngineFacts("19.03.8", "1.40", local=True)) == [("host.docker", "fail")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [("ctr.unhealthy", "fail")]),
        ({"health": "unhealthy"}, [("ctr.unhealthy", "fail")]),
        ({"health": "starting"}, []),
        ({"health": "none", "started": NOW - 5}, []),
        ({"health": "none"}, [("ctr.unhealthy", "fail")]),
    ],
)
def test_a_hanging_replica_is_reported_before_docker_detects_it(
    changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    hangs = instance(2, live=None, ready=None, health=None, error="Operation timed out")
    containers = with_replicas(replica(1), replica(2, **changes))
    assert reported(containers=containers, instances=[instance(1), hangs]) == expected


@pytest.mark.parametrize(
    ("output", "command"),
    [
        ("/bin/sh: 1: curl: not found", "curl"),
        ("sh: wget: command not found\n", "wget"),
        ('exec: "curl": executable file not found in $PATH: unknown', "curl"),
        ('exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown', "/bin/sh"),
        ("curl: (22) The requested URL returned error: 404 not found", ""),
        ("", ""),
    ],
)
def test_a_health_check_that_cannot_run_is_no_sick_container(output: str, command: str) -> None:
    containers = with_replicas(replica(1), replica(2, health="unhealthy", health_output=output))
    found = finding("ctr.unhealthy", containers=containers)
    assert ("its image has no" in found.title) is bool(command)
    assert (f"install {command} in it" in found.fix) is bool(command)

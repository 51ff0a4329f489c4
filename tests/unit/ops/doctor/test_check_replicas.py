"""Missing and left-over replicas: what was stopped by hand is started again, and never removed."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ops.doctor.checks.replicas import missing
from tests.unit.ops.doctor.stack import (
    NOW,
    balancer,
    container,
    declared,
    finding,
    healthy,
    replica,
    report_on,
    reported,
    with_replicas,
)

STOPPED = {"state": "exited", "exit_code": 0, "finished": NOW - 60}


def stopped(**changes: Any) -> Any:
    return with_replicas(replica(1), replica(2, **{**STOPPED, **changes}))


def test_a_replica_that_was_stopped_is_missing_and_not_left_over() -> None:
    report = report_on(containers=stopped())
    assert [(one.id, one.cause) for one in report.findings] == [
        ("deploy.replicas", ""),
        ("lb.stale", "deploy.replicas"),
    ]
    (root, stale) = report.findings
    assert root.fix == "docker start app-backend-2"
    assert "exited with code 0, 60 s ago" in root.evidence
    assert stale.fix.startswith("docker start app-backend-2")


def test_a_paused_one_is_unpaused_and_one_that_nginx_does_not_list_is_added_by_videa() -> None:
    assert finding("deploy.replicas", containers=stopped(state="paused")).fix == "docker unpause app-backend-2"
    unlisted = balancer(listed=["app-backend-1"])
    assert finding("deploy.replicas", containers=stopped(), balancer=unlisted).fix == "videa scale 2"
    ejected = finding("deploy.replicas", containers=stopped(state="paused"), balancer=unlisted)
    assert ejected.fix == "docker unpause app-backend-2\nvidea scale 2", "a scale leaves it paused"


def test_a_removed_one_needs_a_new_container() -> None:
    result = finding("deploy.replicas", containers=with_replicas(replica(1)), declared=declared(recorded=2))
    assert result.fix == "videa scale 2"
    assert "1 without a container" in result.evidence


def test_without_any_replica_it_is_a_failure_and_the_cause_of_no_answer() -> None:
    none = with_replicas(replica(1, **STOPPED), replica(2, **STOPPED))
    silent = balancer(answers={}, failures={"502": 20})
    findings = {one.id: one for one in report_on(containers=none, balancer=silent).findings}
    assert findings["deploy.replicas"].severity == "fail"
    assert findings["lb.no_live"].cause == "deploy.replicas"


@pytest.mark.parametrize(
    ("recorded", "in_file", "running", "ended", "asked"),
    [
        (None, 2, 2, 0, None),
        (None, 2, 1, 0, 2),
        (3, 2, 2, 1, 3),  # the file has a literal number, and the last operation another one
        (3, 2, 2, 0, None),  # somebody has scaled with Compose, which leaves no container behind
        (5, 2, 4, 0, 5),
        (2, 3, 2, 1, 3),  # .env was changed before `videa up`
        (2, 3, 2, 0, None),
        (2, 2, 2, 1, None),  # left over
        (0, 2, 0, 0, None),
    ],
)
def test_how_many_there_should_be(
    recorded: int | None, in_file: int, running: int, ended: int, asked: int | None
) -> None:
    replicas = [replica(number + 1) for number in range(running)]
    replicas += [replica(number + 50, **STOPPED) for number in range(ended)]
    facts = replace(
        healthy(), containers=with_replicas(*replicas), declared=declared(replicas=in_file, recorded=recorded)
    )
    gap = missing(facts, "backend")
    assert (gap.asked if gap else None) == asked


def test_only_what_is_beyond_the_number_is_left_over_and_the_running_release_is_started() -> None:
    old = replica(3, **STOPPED, release="r0")
    new = replica(2, **STOPPED, created=NOW - 90000)
    report = report_on(containers=with_replicas(replica(1), new, old), balancer=balancer(listed=None))
    assert {(one.id, one.subject) for one in report.findings} == {
        ("deploy.replicas", "app-backend-2"),
        ("ctr.orphan", "app-backend-3"),
    }


def test_while_an_operation_runs_or_nothing_is_known_no_replica_is_called_left_over() -> None:
    containers = stopped()
    busy = replace(healthy().operation, holder="ann", alive=True)
    assert reported(containers=containers, operation=busy, balancer=balancer(listed=None)) == []
    assert reported(containers=containers, declared=None, balancer=balancer(listed=None)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"state": "exited", "exit_code": 0}, []),  # a one-shot that has completed
        ({"state": "exited", "exit_code": 1}, [("ctr.exited", "warn")]),
        ({"state": "exited", "exit_code": 0, "restarted": True}, [("ctr.exited", "warn")]),
        ({"state": "paused"}, [("ctr.exited", "warn")]),
        ({"state": "exited", "exit_code": 127, "error": "exec failed"}, [("ctr.start_failed", "fail")]),
        ({"state": "running", "error": ""}, []),
    ],
)
def test_another_service_ends(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    services = ["agent", "backend", "nginx", "postgres", "redis"]
    containers = [*(healthy().containers or []), container("agent", **changes)]
    assert reported(containers=containers, services=services) == expected


@pytest.mark.parametrize(
    ("service", "error", "then"),
    [
        ("agent", "Bind for 0.0.0.0:80 failed: port is already allocated", "then: docker start app-agent-1"),
        ("agent", 'exec: "/x": stat /x: no such file or directory', "then: docker compose up -d agent"),
        ("backend", 'exec: "/x": stat /x: no such file or directory', "then: videa deploy"),
        ("agent", "something else", "mend what it says"),
    ],
)
def test_what_mends_a_container_that_cannot_start(service: str, error: str, then: str) -> None:
    containers = [*(healthy().containers or []), container(service, state="created", error=error)]
    services = ["agent", *healthy().services]
    assert then in finding("ctr.start_failed", containers=containers, services=services).fix
    assert finding("ctr.start_failed", containers=containers, services=[]).fix == f"docker rm -f app-{service}-1"


def test_a_database_that_has_ended_is_named_by_its_own_check() -> None:
    down = replace(healthy().postgres, up=False, error="container exited")  # type: ignore[type-var]
    containers = [
        replace(one, state="exited", exit_code=1, error="exec failed") if one.service == "postgres" else one
        for one in healthy().containers or []
    ]
    findings = report_on(containers=containers, postgres=down).findings
    assert [(one.id, one.cause) for one in findings[:2]] == [("ctr.start_failed", ""), ("pg.down", "ctr.start_failed")]
    paused = [replace(one, state="paused") if one.service == "postgres" else one for one in healthy().containers or []]
    assert finding("pg.down", containers=paused, postgres=down).fix == "docker unpause app-postgres-1"

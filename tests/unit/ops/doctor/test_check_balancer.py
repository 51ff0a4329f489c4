"""The balancer checks on facts."""

from __future__ import annotations

from typing import Any

import pytest

from ops.doctor.facts import UNKNOWN, OperationFacts
from tests.unit.ops.doctor.stack import balancer, finding, instance, replica, report_on, reported, with_replicas


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"accepted": False, "refusal": "unknown directive"}, [("lb.config", "fail")]),
        ({"serving": "2"}, [("lb.config", "fail")]),
        ({"running": False, "refusal": "container exited"}, [("lb.no_live", "fail")]),
        ({"answers": {}, "failures": {"502": 20}}, [("lb.no_live", "fail")]),
        ({"unreachable": "Connection refused"}, [("lb.unreachable", "fail")]),
        ({"answers": {"app-backend-1": 20}}, [("lb.starved", "fail")]),
        ({"answers": {"i1": 20}}, [("lb.starved", "fail")]),
        ({"answers": {UNKNOWN: 20}}, []),
        ({"drift": ["- least_conn;", "+ ip_hash;"]}, [("lb.config", "fail")]),
        ({"answers": {"i1": 20}, "sticky": True}, []),
        ({"version": "1.26.3"}, [("lb.version", "fail")]),
        ({"listed": None}, []),
        ({"maintenance": []}, [("lb.maintenance", "warn")]),
        ({"own_refused": ["a.conf: unknown directive"]}, [("lb.own_files", "warn")]),
        ({"listed": ["app-backend-1", "app-backend-2", "app-backend-3"]}, [("lb.stale", "fail")]),
    ],
)
def test_one_thing_wrong_in_the_balancer(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert reported(balancer=balancer(**changes)) == expected


@pytest.mark.parametrize(("container", "fix"), [("app-nginx-1", "docker compose up -d nginx"), ("", "videa up")])
def test_nginx_without_a_container_is_started_by_what_also_moves_the_port(container: str, fix: str) -> None:
    stopped = balancer(container=container, running=False, refusal="it has no container")
    assert finding("lb.no_live", balancer=stopped).fix.splitlines()[0] == fix


def test_a_ready_replica_that_is_not_listed() -> None:
    assert "app-backend-2" in finding("lb.config", balancer=balancer(listed=["app-backend-1"])).title


def test_a_listed_replica_that_stopped() -> None:
    stopped = with_replicas(replica(1), replica(2, state="exited", exit_code=137))
    result = finding("lb.stale", containers=stopped, instances=[instance(1)], balancer=balancer(answers={"i1": 20}))
    assert result.evidence == "app-backend-2: exited"


def test_drift_names_what_is_missing_and_what_was_added() -> None:
    result = finding("lb.config", balancer=balancer(drift=["- least_conn;", "+ ip_hash;"]))
    assert result.evidence == "missing: least_conn;\nadded: ip_hash;"
    assert len(finding("lb.config", balancer=balancer(drift=["+ x;"] * 50)).evidence.splitlines()) == 7


def test_differences_during_an_operation_are_not_drift() -> None:
    busy = OperationFacts(holder="me", command="videa scale 3", alive=True)
    assert reported(balancer=balancer(drift=["- least_conn;"]), operation=busy) == []


def test_if_the_answering_replicas_are_unknown_none_is_starved() -> None:
    report = report_on(balancer=balancer(answers={UNKNOWN: 20}))
    assert {skip.id: skip.reason for skip in report.skipped} == {
        "lb.starved": "nginx's log does not show which replica answers"
    }


def test_a_replica_that_is_ready_with_another_good_status_is_ready() -> None:
    odd = instance(2, ready=204)
    assert (
        "app-backend-2"
        in finding("lb.config", instances=[instance(1), odd], balancer=balancer(listed=["app-backend-1"])).title
    )


def test_answers_from_unknown_addresses_skip_the_check_for_starved_replicas() -> None:
    report = report_on(balancer=balancer(answers={"app-backend-1": 10, UNKNOWN: 10}))
    assert report.findings == []
    assert [skip.id for skip in report.skipped] == ["lb.starved"]


def test_a_port_that_cannot_be_probed_is_skipped() -> None:
    report = report_on(balancer=balancer(unreachable=None))
    assert {skip.id: skip.reason for skip in report.skipped} == {
        "lb.unreachable": "the published port cannot be queried from here"
    }


def test_a_hanging_nginx_is_the_cause_of_a_port_that_does_not_answer() -> None:
    hanging = balancer(serving="", answers={}, failures={"no answer": 20}, unreachable="timed out")
    causes = {finding.id: finding.cause for finding in report_on(balancer=hanging).findings}
    assert causes["lb.unreachable"] == "lb.no_live"

"""Findings with a common cause become one chain, and none is lost."""

from __future__ import annotations

from graphlib import TopologicalSorter

from ops.doctor.causes import LINKS, chain, explain
from ops.doctor.check import Finding, Severity
from ops.doctor.facts_redis import RedisFacts, RedisNode
from ops.doctor.registry import CHECKS
from tests.unit.ops.doctor.stack import container, healthy, instance, report_on


def made(check_id: str, severity: str = "fail", subject: str = "") -> Finding:
    return Finding(check_id, Severity(severity), check_id, "", "", "", subject=subject)


def test_the_links_name_checks_and_have_no_cycle() -> None:
    graph: dict[str, set[str]] = {}
    for link in LINKS:
        graph.setdefault(link.effect, set()).add(link.cause)
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) <= {check.id for check in CHECKS}


def test_an_oom_killed_redis_leads_to_local_limits() -> None:
    others = [container for container in healthy().containers or [] if container.service != "redis"]
    killed = container("redis", state="exited", exit_code=137, oom_killed=True)
    report = report_on(
        containers=[*others, killed],
        redis=RedisFacts([RedisNode("redis", "app-redis-1", up=False, error="container exited, exit code 137")]),
        instances=[instance(1, limiter="local"), instance(2, limiter="local")],
    )
    assert [(finding.id, finding.cause) for finding in report.findings] == [
        ("ctr.oom", ""),
        ("redis.down", "ctr.oom"),
        ("app.ratelimit_local", "redis.down"),
    ]
    assert [finding.id for finding in chain(report.findings[0], report.findings)] == [
        "redis.down",
        "app.ratelimit_local",
    ]


def test_two_unrelated_faults_stay_separate() -> None:
    explained = explain([made("redis.down", subject="r"), made("ctr.oom", subject="app-backend-1")])
    assert [finding.cause for finding in explained] == ["", ""]


def test_a_warning_that_leads_to_a_failure_comes_before_other_warnings() -> None:
    explained = explain(
        [made("redis.frag", "warn"), made("ctr.orphan", "warn", "b-1"), made("lb.stale", "fail", "b-1")]
    )
    assert [finding.id for finding in explained] == ["ctr.orphan", "lb.stale", "redis.frag"]


def test_no_finding_is_lost_or_duplicated() -> None:
    everything = [made(check.id, subject="x") for check in CHECKS] + [made("ctr.oom", subject="y")]
    explained = explain(everything)
    assert sorted(finding.key for finding in explained) == sorted(finding.key for finding in everything)


def test_replicas_that_restart_again_and_again_leave_nginx_without_one() -> None:
    explained = explain([made("lb.no_live"), made("ctr.restart_loop", subject="b-1")])
    assert [(finding.id, finding.cause) for finding in explained] == [
        ("ctr.restart_loop", ""),
        ("lb.no_live", "ctr.restart_loop"),
    ]


def test_a_log_decides_among_several_causes() -> None:
    found = [made("lb.5xx"), made("ctr.oom", subject="a-1"), made("net.dns", subject="b-1")]
    assert {finding.id: finding.cause for finding in explain(found)}["lb.5xx"] == "net.dns"
    only_oom = explain(
        [made("lb.5xx"), made("ctr.oom", subject="a-1"), made("pg.conn_high")], {"lb.5xx": ["pg.conn_high"]}
    )
    assert {finding.id: finding.cause for finding in only_oom}["lb.5xx"] == "pg.conn_high"


def test_what_keeps_replicas_from_being_ready_is_the_cause_of_their_errors() -> None:
    found = [made("app.errors"), made("app.not_ready", subject="b-1"), made("pg.down", subject="p")]
    assert {finding.id: finding.cause for finding in explain(found)} == {
        "pg.down": "",
        "app.not_ready": "pg.down",
        "app.errors": "pg.down",
    }
    assert {finding.id: finding.cause for finding in explain(found[:2])}["app.errors"] == "app.not_ready"

"""Findings that share a cause are told as one chain, and none is lost."""

from __future__ import annotations

from graphlib import TopologicalSorter

from ops.doctor.causes import LINKS, chain, explain
from ops.doctor.check import Finding, Severity
from ops.doctor.facts_data import RedisFacts, RedisNode
from ops.doctor.registry import CHECKS
from tests.unit.ops.doctor.stack import container, healthy, instance, report_on


def made(check_id: str, severity: str = "fail", subject: str = "") -> Finding:
    return Finding(check_id, Severity(severity), check_id, "", "", "", subject=subject)


def test_the_links_name_checks_and_never_run_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for link in LINKS:
        graph.setdefault(link.effect, set()).add(link.cause)
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) <= {check.id for check in CHECKS}


def test_redis_killed_for_memory_to_limits_that_are_local() -> None:
    others = [one for one in healthy().containers or [] if one.service != "redis"]
    killed = container("redis", state="exited", exit_code=137, oom_killed=True)
    report = report_on(
        containers=[*others, killed],
        redis=RedisFacts([RedisNode("redis", "app-redis-1", up=False, error="container exited, exit code 137")]),
        instances=[instance(1, limiter="local"), instance(2, limiter="local")],
    )
    assert [(one.id, one.cause) for one in report.findings] == [
        ("ctr.oom", ""),
        ("redis.down", "ctr.oom"),
        ("app.ratelimit_local", "redis.down"),
    ]
    assert [one.id for one in chain(report.findings[0], report.findings)] == ["redis.down", "app.ratelimit_local"]


def test_two_faults_that_have_nothing_to_do_with_each_other_stay_two() -> None:
    found = explain([made("redis.down", subject="r"), made("ctr.oom", subject="app-backend-1")])
    assert [one.cause for one in found] == ["", ""]


def test_a_warning_that_leads_to_a_failure_comes_before_other_warnings() -> None:
    found = explain([made("redis.frag", "warn"), made("ctr.orphan", "warn", "b-1"), made("lb.stale", "fail", "b-1")])
    assert [one.id for one in found] == ["ctr.orphan", "lb.stale", "redis.frag"]


def test_no_finding_is_lost_or_told_twice() -> None:
    everything = [made(check.id, subject="x") for check in CHECKS] + [made("ctr.oom", subject="y")]
    told = explain(everything)
    assert sorted(one.key for one in told) == sorted(one.key for one in everything)

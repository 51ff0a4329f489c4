"""Alert rules and a dashboard for Prometheus and Grafana, from the doctor's catalogue and its thresholds. Pure.

The expressions use the metrics of the replicas (/health/metrics of our own backend) and of the agent. Checks that need
more data, such as those of the database itself, have no rule: `videa doctor --notify` covers them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops.doctor.check import Check
from ops.doctor.limits import Limits
from ops.doctor.registry import CHECKS

WINDOW = "5m"
AGENT = "agent"


@dataclass(frozen=True)
class Rule:
    """``check``: of the doctor, or a name that starts with "agent". ``hold``: how long it must stay true."""

    check: str
    severity: str
    expression: str
    hold: str
    summary: str
    unit: str = "short"


def rules(limits: Limits | None = None) -> tuple[Rule, ...]:
    """All rules, in the order of the catalogue."""
    of = limits or Limits()
    errors = (
        f'sum by (project, service) (rate(videa_http_requests_total{{status=~"5.."}}[{WINDOW}]))'
        f" / sum by (project, service) (rate(videa_http_requests_total[{WINDOW}]))"
    )
    p99 = (
        "histogram_quantile(0.99, sum by (project, service, le)"
        f" (rate(videa_http_request_duration_seconds_bucket[{WINDOW}])))"
    )
    releases = "count by (project, service) (count by (project, service, release) (videa_instance_info))"
    found = (
        Rule(
            "pg.down",
            "critical",
            f"rate(videa_db_connect_failures_total[{WINDOW}]) > 0",
            "1m",
            "connections to PostgreSQL fail",
        ),
        Rule(
            "pg.replica_lag",
            "warning",
            f"rate(videa_db_replica_fallbacks_total[{WINDOW}]) > 0",
            "1m",
            "reads fall back from the read replica to the primary",
        ),
        Rule("redis.down", "critical", "videa_redis_up == 0", "30s", "Redis is not usable"),
        Rule(
            "ctr.restart_loop",
            "critical",
            f"changes(process_start_time_seconds[{of.restart_window / 60:g}m]) > {of.restarts}",
            "0s",
            "a replica is restarted again and again",
        ),
        Rule("ctr.unhealthy", "critical", "videa_replicas_out > 0", "1m", "a replica is out of the balancer"),
        Rule("lb.no_live", "critical", "videa_replicas_in_balancer == 0", "30s", "no replica gets requests"),
        Rule("lb.p99", "warning", f"{p99} > {of.lb_p99:g}", "5m", "the slowest answers are too slow", "s"),
        Rule("app.version_skew", "warning", f"{releases} > 1", "30m", "replicas have different releases"),
        Rule(
            "app.ratelimit_local",
            "critical",
            'videa_limiter_mode{mode="local"} == 1',
            "1m",
            "a replica counts rate limits in its own memory",
        ),
        Rule(
            "app.pool_exhausted",
            "critical",
            "videa_db_pool_waiting > 0 and on (instance)"
            ' videa_db_connections{state="used"} >= on (instance) videa_db_pool_limit',
            "1m",
            "the connection pool is full, and requests wait",
        ),
        Rule(
            "app.errors",
            "critical",
            f"{errors} > {of.app_errors_fail:g}",
            "2m",
            "too many answers are errors",
            "percentunit",
        ),
        Rule(
            "app.errors",
            "warning",
            f"{errors} > {of.app_errors_warn:g}",
            "5m",
            "some answers are errors",
            "percentunit",
        ),
        Rule(
            "deploy.stuck",
            "critical",
            'videa_operation{phase="interrupted"} == 1',
            "1m",
            "an operation was interrupted",
        ),
        Rule(
            "agent.down",
            "critical",
            "absent(videa_agent_info)",
            "2m",
            "the replicas are not watched: the agent is not running",
        ),
        Rule(
            "agent.duty",
            "warning",
            f"increase(videa_duty_failures_total[{WINDOW}]) > 0",
            "0s",
            "a duty of the agent fails",
        ),
        Rule(
            "agent.notify",
            "warning",
            "videa_notification_failed_tries > 5",
            "5m",
            "a target does not take notifications",
        ),
        Rule("agent.autoscale", "warning", "videa_autoscale_limited == 1", "5m", "a limit stops autoscaling"),
    )
    order = [check.id for check in CHECKS]
    return tuple(sorted(found, key=lambda rule: order.index(rule.check) if rule.check in order else len(order)))


def alert_rules() -> dict[str, Any]:
    """The content of a rule file of Prometheus."""
    return {"groups": [{"name": "videa", "rules": [_alert(rule) for rule in rules()]}]}


def _alert(rule: Rule) -> dict[str, Any]:
    check = _check(rule)
    annotations = {"summary": rule.summary}
    if check:
        annotations["description"] = (
            f"doctor's {check.id}: {check.threshold} ({check.source}); what to do: videa doctor"
        )
    return {
        "alert": _name(rule),
        "expr": rule.expression,
        "for": rule.hold,
        "labels": {"severity": rule.severity, **({"check": check.id, "group": check.group.value} if check else {})},
        "annotations": annotations,
    }


def _check(rule: Rule) -> Check | None:
    return next((check for check in CHECKS if check.id == rule.check), None)


def _name(rule: Rule) -> str:
    """In the style of Prometheus: VideaAppErrorsCritical."""
    words = rule.check.replace(".", " ").replace("_", " ").split()
    return "Videa" + "".join(word.capitalize() for word in words) + rule.severity.capitalize()


PANELS = (
    ("Replicas in the balancer", "videa_replicas_in_balancer", "{{service}}", "short"),
    ("Replicas out", "videa_replicas_out", "{{service}}", "short"),
    ("Desired by the autoscaler", "videa_autoscale_desired_replicas", "{{service}}", "short"),
    ("Operation", "videa_operation", "{{phase}}", "short"),
    ("Requests", "sum by (service, replica) (rate(videa_http_requests_total[1m]))", "{{replica}}", "reqps"),
    (
        "5xx",
        'sum by (service) (rate(videa_http_requests_total{status=~"5.."}[1m]))'
        " / sum by (service) (rate(videa_http_requests_total[1m]))",
        "{{service}}",
        "percentunit",
    ),
    (
        "p99",
        "histogram_quantile(0.99, sum by (replica, le) (rate(videa_http_request_duration_seconds_bucket[1m])))",
        "{{replica}}",
        "s",
    ),
    ("Requests in flight", "videa_http_requests_in_flight", "{{replica}}", "short"),
    ("Waiting for a connection", "videa_db_pool_waiting", "{{replica}}", "short"),
    ("Memory", "process_resident_memory_bytes", "{{replica}}", "bytes"),
)
"""(title, expression, legend, unit) of the panels that are not alerts."""

WIDTH, HEIGHT, COLUMNS = 12, 7, 2
"""Size of a panel, in Grafana's grid of 24 columns."""


def dashboard() -> dict[str, Any]:
    """A Grafana dashboard: first the replicas and their load, then one panel for each group of alerts."""
    panels = [
        _panel(number, title, expression, legend, unit)
        for number, (title, expression, legend, unit) in enumerate([*PANELS, *_alert_panels()])
    ]
    return {
        "title": "videa",
        "uid": "videa",
        "tags": ["videa"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "panels": panels,
    }


def _alert_panels() -> Iterator[tuple[str, str, str, str]]:
    groups = dict.fromkeys(check.group.value if (check := _check(rule)) else AGENT for rule in rules())
    for group in groups:
        names = "Videa.*" if group != AGENT else "VideaAgent.*"
        label = f',group="{group}"' if group != AGENT else ""
        expression = f'ALERTS{{alertname=~"{names}"{label}}}'
        yield f"Alerts: {group}", expression, "{{alertname}} {{service}} {{alertstate}}", "short"


def _panel(number: int, title: str, expression: str, legend: str, unit: str) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "gridPos": {"x": number % COLUMNS * WIDTH, "y": number // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [{"refId": "A", "datasource": source, "expr": expression, "legendFormat": legend}],
    }

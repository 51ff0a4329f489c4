"""Adds log lines as evidence to findings; known messages determine the cause. Pure."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

from msgspec.structs import replace

from ops.doctor.causes import BY_LOG
from ops.doctor.check import Finding, Severity
from ops.doctor.facts import Facts
from ops.doctor.facts_services import LogGroup
from ops.doctor.signs import fix_of

MOST = 3
"""Maximum log lines in one finding."""

SHOWN = 2
"""Maximum of these lines per container."""

_SERVICES = {"pg": "postgres", "redis": "redis", "lb": "balancer", "app": "replicas", "net": "replicas"}


def suspects(findings: Iterable[Finding], facts: Facts) -> list[str]:
    """The containers whose logs may explain the findings, the worst first."""
    named = [name for finding in findings for name in related(finding, facts)]
    return list(dict.fromkeys(named))


def related(finding: Finding, facts: Facts) -> list[str]:
    """The containers that a finding is about, if it is a failure or has many possible causes."""
    if finding.severity is not Severity.FAIL and finding.id not in BY_LOG:
        return []
    known = {container.name for container in facts.containers or []}
    kind = _SERVICES.get(finding.id.partition(".")[0], "")
    names = [finding.subject]
    if kind == "postgres" and facts.postgres:
        names.append(facts.postgres.container)
    elif kind == "redis" and facts.redis:
        names += [node.container for node in facts.redis.nodes if not node.up] or [
            node.container for node in facts.redis.nodes
        ]
    elif kind == "balancer" and facts.balancer:
        names.append(
            next((each.name for each in facts.edges or [] if each.node == finding.node), facts.balancer.container)
        )
    if (kind == "replicas" and not finding.subject) or finding.id in ("lb.5xx", "lb.no_live"):
        names += [replica.name for replica in facts.replicas]
    return [name for name in dict.fromkeys(names) if name in known]


def with_logs(findings: Iterable[Finding], facts: Facts) -> list[Finding]:
    """The findings with the error lines of their containers, and fixes for known errors that no other finding has."""
    found = list(findings)
    ids = {finding.id for finding in found}
    return [_with_logs(finding, facts, ids) for finding in found]


def _with_logs(finding: Finding, facts: Facts, ids: Collection[str]) -> Finding:
    said = [(name, group) for name in related(finding, facts) for group in facts.logs.get(name, [])[:SHOWN]]
    if not said:
        return finding
    said.sort(key=lambda entry: (not entry[1].sign, -entry[1].count))
    lines = [_line(name, group) for name, group in said[:MOST]]
    # A finding with a single cause has its own fix; a known error in the log is unrelated or old.
    unnamed = [group.sign for _, group in said if finding.id in BY_LOG and group.sign and group.sign not in ids]
    fix = f"{finding.fix}\nits log tells more: {fix_of(unnamed[0])}" if unnamed else finding.fix
    return replace(finding, evidence="\n".join([finding.evidence, *lines]), fix=fix)


def signs(finding: Finding, facts: Facts) -> list[str]:
    """The ids of the findings that the logs of a finding's containers point to."""
    return [group.sign for name in related(finding, facts) for group in facts.logs.get(name, []) if group.sign]


def _line(name: str, group: LogGroup) -> str:
    since = f" since {time.strftime('%H:%M:%S', time.localtime(group.first))}" if group.count > 1 else ""
    return f"log of {name}: {group.count} x{since}: {group.text}"

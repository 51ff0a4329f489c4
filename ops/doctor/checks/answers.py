"""The answers of the sources themselves: an answer that ended early leaves the rest unknown."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import BALANCER, FLEET, INSTANCES, POSTGRES, REDIS


def broken_off(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A source began to answer and ended early. The missing part is neither good nor bad."""
    postgres, nodes = facts.postgres, facts.redis.nodes if facts.redis else []
    answers = [
        *((POSTGRES, postgres.container, postgres.service, postgres.broken_off) for _ in "1" if postgres),
        *((REDIS, node.container, node.service, node.broken_off) for node in nodes),
        *((skip.id, "", _service(facts, skip.id), skip.reason) for skip in facts.skipped if skip.broken_off),
    ]
    for source, container, service, reason in answers:
        if reason:
            log = f"docker compose logs --tail 50 {service}" if service in facts.services else "see its log"
            yield Finding(
                "doctor.broken_off",
                Severity.FAIL,
                f"the answer of {source} broke off",
                reason,
                "the connection was cut or the command was killed, as it may happen to every client;"
                " what was not answered is unknown",
                f"look again: videa doctor\nif it breaks off again: {log}",
                subject=container or source,
            )


def _service(facts: Facts, source: str) -> str:
    return facts.balancer_service if source in (BALANCER, INSTANCES) else "redis" if source == FLEET else ""


CHECKS = (Check("doctor.broken_off", Group.CONTAINERS, "an answer ended early F", "own", (), broken_off),)

"""All pairs of ten faults: both faults are reported, and nothing else.

The facts are written by hand, each fault where its collector would put it. tests/engine/doctor shows that real
components give such facts, with up to four faults at once.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import TypeAlias

import pytest
from msgspec.structs import replace

from ops.doctor.facts import Facts, OperationFacts
from ops.doctor.facts_balancer import Traffic
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.facts_postgres import PostgresFacts, Session, Slot
from ops.doctor.facts_redis import RedisFacts, RedisNode
from ops.doctor.limits import Limits
from ops.doctor.report import examine
from tests.unit.ops.doctor.stack import MIB, NOW, container, healthy, session

Fault: TypeAlias = Callable[[Facts], Facts]


def in_postgres(facts: Facts, *sessions: Session, **changes: object) -> Facts:
    postgres = facts.postgres
    assert isinstance(postgres, PostgresFacts)
    return replace(facts, postgres=replace(postgres, sessions=[*postgres.sessions, *sessions], **changes))


def in_container(facts: Facts, service: str, **changes: object) -> Facts:
    """Changes the first container of the service."""
    containers = list(facts.containers or [])
    index = next(number for number, container in enumerate(containers) if container.service == service)
    containers[index] = replace(containers[index], **changes)
    return replace(facts, containers=containers)


def left_open(facts: Facts) -> Facts:
    return in_postgres(facts, session(pid=200, state="idle in transaction", state_age=400.0))


def blocked(facts: Facts) -> Facts:
    holder = session(pid=300, state="active", query_age=40.0)
    waiter = session(pid=301, state="active", wait="Lock:relation", query_age=40.0, blocked_by=[300])
    return in_postgres(facts, holder, waiter)


def slot(facts: Facts) -> Facts:
    return in_postgres(facts, slots=[Slot("gone", active=False, retained=5e9)])


def redis_down(facts: Facts) -> Facts:
    return replace(facts, redis=RedisFacts([RedisNode("redis", "app-redis-1", up=False, error="no answer within 4 s")]))


def memory(facts: Facts) -> Facts:
    return in_container(facts, "nginx", memory=250 * MIB)


def killed(facts: Facts) -> Facts:
    gone: list[ContainerFacts] = [container("worker", oom_killed=True, finished=NOW - 60)]
    return replace(facts, services=[*facts.services, "worker"], containers=[*(facts.containers or []), *gone])


def secret(facts: Facts) -> Facts:
    return in_container(facts, "backend", fingerprints={"JWT_ACCESS_SECRET": ["cc"], "JWT_REFRESH_SECRET": ["bb"]})


def refused(facts: Facts) -> Facts:
    assert facts.balancer
    return replace(facts, balancer=replace(facts.balancer, accepted=False, refusal='unknown directive "nonsense"'))


def errors(facts: Facts) -> Facts:
    return replace(facts, traffic=Traffic(60, 1000, 80, p99=0.05))


def broken_off(facts: Facts) -> Facts:
    return replace(facts, operation=OperationFacts(since=NOW - 60, broken_off="`videa deploy` of ann@host"))


FAULTS: dict[str, Fault] = {
    "pg.idle_in_tx": left_open,
    "pg.blocked": blocked,
    "pg.slot_inactive": slot,
    "redis.down": redis_down,
    "ctr.mem": memory,
    "ctr.oom": killed,
    "app.jwt_skew": secret,
    "lb.config": refused,
    "lb.5xx": errors,
    "deploy.stuck": broken_off,
}


def ids_with(*faults: str) -> set[str]:
    facts = healthy()
    for fault in faults:
        facts = FAULTS[fault](facts)
    return {finding.id for finding in examine(facts, Limits()).findings}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_single_fault_is_the_only_finding(fault: str) -> None:
    assert ids_with(fault) == {fault}


@pytest.mark.parametrize(("first", "second"), list(combinations(FAULTS, 2)))
def test_two_faults_are_both_reported(first: str, second: str) -> None:
    assert ids_with(first, second) == {first, second}

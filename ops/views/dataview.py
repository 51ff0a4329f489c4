"""The data of `videa db` and `videa redis`: the doctor's facts about the data services, arranged for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec
from msgspec import Struct

from ops.doctor import sources
from ops.doctor.collect import collect
from ops.doctor.collectors.redis import SIGN_IN
from ops.doctor.facts import Facts
from ops.doctor.facts_postgres import PostgresFacts, Session, Statement
from ops.doctor.facts_redis import RedisNode
from ops.errors import OperationFailed
from ops.project.config import Project
from ops.stack import Stack

MOST = 10
"""Number of statements, sessions and slow log entries to show."""

_SLOWLOG = f"{SIGN_IN}\nexec timeout 3 redis-cli --json SLOWLOG GET {MOST}"


class Holder(Struct, frozen=True):
    """Connections of one client. ``limit``: maximum size of its pool, None if the client is not a replica."""

    name: str
    open: int
    limit: int | None = None


class DatabaseView(Struct, frozen=True):
    """``budget``: the sum of all replicas' pool limits; ``usable``: connections that are not reserved."""

    service: str
    version: str
    uptime: float
    used: int
    usable: int
    budget: int
    states: dict[str, int]
    holders: list[Holder]
    busy: list[Session]
    blocked: list[Session]
    statements: list[Statement] | None


class SlowCommand(Struct, frozen=True):
    """An entry of Redis's slow log, without the arguments, which may be personal data."""

    when: float
    milliseconds: float
    command: str
    arguments: int


class NodeView(Struct, frozen=True):
    """One Redis. Rates are per second; ``hit_rate`` is None before the first read."""

    container: str
    role: str
    version: str
    uptime: float
    memory: float
    memory_limit: float
    policy: str
    clients: int
    commands_per_second: float
    hit_rate: float | None
    keys: int
    evicted: int
    expired: int
    cluster: str
    slow: list[SlowCommand]


def read_database(project: Project, connect: Callable[[], Stack]) -> DatabaseView:
    """The current state of PostgreSQL. Raises OperationFailed if it cannot be queried."""
    facts = collect(project, connect, only=(sources.POSTGRES,))
    if facts.postgres is None:
        raise OperationFailed(facts.why_skipped(sources.POSTGRES), "videa doctor --only postgres")
    if not facts.postgres.up:
        raise OperationFailed(f"PostgreSQL does not answer: {facts.postgres.error}", "videa doctor --only postgres")
    return view_database(facts, facts.postgres)


def view_database(facts: Facts, postgres: PostgresFacts) -> DatabaseView:
    """The facts in order: replicas first, longest statement first."""
    replicas = [replica for replica in facts.replicas if replica.running]
    open_by = Counter(_client_of(session) for session in postgres.clients)
    known = {replica.id[:12]: replica for replica in replicas}
    holders = [Holder(replica.name, open_by.pop(short, 0), replica.pool_limit) for short, replica in known.items()]
    holders += [Holder(name, count) for name, count in open_by.most_common()]
    holders += [Holder("other roles", postgres.hidden)] if postgres.hidden else []
    active = [session for session in postgres.clients if session.state != "idle"]
    return DatabaseView(
        service=postgres.service,
        version=f"{postgres.version // 10000}.{postgres.version % 10000}",
        uptime=postgres.uptime,
        used=postgres.connections,
        usable=postgres.usable,
        budget=sum(replica.pool_limit or 0 for replica in replicas),
        states=dict(Counter(session.state or "unknown" for session in postgres.clients).most_common()),
        holders=holders,
        busy=sorted(active, key=lambda session: -(session.query_age or 0))[:MOST],
        blocked=[session for session in postgres.sessions if session.blocked_by],
        statements=postgres.statements[:MOST] if postgres.statements is not None else None,
    )


def read_redis(project: Project, connect: Callable[[], Stack]) -> list[NodeView]:
    """The current state of every Redis node. Raises OperationFailed if no node can be queried."""
    facts = collect(project, connect, only=(sources.REDIS,))
    if facts.redis is None:
        raise OperationFailed(facts.why_skipped(sources.REDIS), "videa doctor --only redis")
    up = [node for node in facts.redis.nodes if node.up]
    if not up:
        reasons = "; ".join(node.error for node in facts.redis.nodes)
        raise OperationFailed(f"Redis does not answer: {reasons}", "videa doctor --only redis")
    platform = connect().platform
    return [view_node(node, read_slow(platform.exec(node.container, ["sh", "-c", _SLOWLOG]).output)) for node in up]


def view_node(node: RedisNode, slow: list[SlowCommand]) -> NodeView:
    """The most important figures of INFO."""
    hits, misses = node.number("keyspace_hits"), node.number("keyspace_misses")
    spaces = [value for key, value in node.info.items() if key.startswith("db") and value.startswith("keys=")]
    return NodeView(
        container=node.container,
        role=node.info.get("role", "?"),
        version=node.info.get("redis_version", "?"),
        uptime=node.number("uptime_in_seconds"),
        memory=node.number("used_memory"),
        memory_limit=node.number("maxmemory"),
        policy=node.info.get("maxmemory_policy", "?"),
        clients=int(node.number("connected_clients")),
        commands_per_second=node.delta("total_commands_processed") / node.gap if node.gap else 0.0,
        hit_rate=hits / (hits + misses) if hits + misses else None,
        keys=sum(int(space.split(",")[0].removeprefix("keys=")) for space in spaces),
        evicted=int(node.number("evicted_keys")),
        expired=int(node.number("expired_keys")),
        cluster=node.info.get("cluster_state", "") if node.info.get("cluster_enabled") == "1" else "",
        slow=slow,
    )


def read_slow(output: str) -> list[SlowCommand]:
    """The slow log in redis-cli's JSON; empty if this redis-cli cannot print JSON."""
    try:
        entries: list[list[object]] = msgspec.json.decode(output)
        return [
            SlowCommand(float(str(when)), float(str(micros)) / 1000, str(argv[0]).upper(), len(argv) - 1)
            for _, when, micros, argv, *_ in entries
            if isinstance(argv, list) and argv
        ]
    except (msgspec.DecodeError, ValueError, TypeError):
        return []


def _client_of(session: Session) -> str:
    """The instance after the slash in a replica's application name, otherwise the client's own name or address."""
    name = session.application
    return name.rpartition("/")[2] if name.startswith("videa/") else name or session.client or session.user or "?"

"""Facts of a healthy stack, and functions that change one fact."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ops.doctor.check import Finding
from ops.doctor.facts import Facts, History, OperationFacts
from ops.doctor.facts_balancer import BalancerFacts, Traffic
from ops.doctor.facts_engine import ContainerFacts, EngineFacts, HostFacts, Volume
from ops.doctor.facts_postgres import Archiver, Damage, PostgresFacts, Session, Wal
from ops.doctor.facts_redis import RedisFacts, RedisNode
from ops.doctor.facts_replicas import InstanceFacts
from ops.doctor.facts_services import ServiceFacts
from ops.doctor.facts_swarm import SwarmFacts
from ops.doctor.limits import Limits
from ops.doctor.report import Report, examine

NOW = 1_800_000_000.0
MIB = 1 << 20


def container(service: str, number: int = 1, **changes: Any) -> ContainerFacts:
    """A container that has been running for a day."""
    values: dict[str, Any] = {
        "id": f"{service}{number}".ljust(64, "0"),
        "name": f"app-{service}-{number}",
        "service": service,
        "number": number,
        "image": f"{service}:1",
        "image_id": f"sha256:{service}",
        "release": "r1",
        "state": "running",
        "health": "healthy",
        "restarts": 0,
        "exit_code": 0,
        "oom_killed": False,
        "created": NOW - 86400,
        "started": NOW - 86400,
        "cpu": 0.1,
        "cpu_limit": 1.0,
        "memory": 60 * MIB,
        "memory_limit": 256 * MIB,
        "throttled": 0.0,
    }
    return ContainerFacts(**{**values, **changes})


def replica(number: int = 1, **changes: Any) -> ContainerFacts:
    """A replica of the scaled service."""
    values = {
        "pool_limit": 5,
        "fingerprints": {"JWT_ACCESS_SECRET": ["aa"], "JWT_REFRESH_SECRET": ["bb"]},
        "stores": {"DATABASE_URL": "dd", "REDIS_URL": "rr"},
    }
    return container("backend", number, **{**values, **changes})


def session(**changes: Any) -> Session:
    """An idle client of PostgreSQL."""
    values: dict[str, Any] = {
        "pid": 100,
        "user": "app",
        "application": "backend-1",
        "client": "10.0.0.2",
        "state": "idle",
        "kind": "client backend",
        "wait": "Client:ClientRead",
        "query": "SELECT ?",
        "state_age": 1.0,
        "xact_age": None,
        "query_age": 1.0,
    }
    return Session(**{**values, **changes})


def instance(number: int = 1, **changes: Any) -> InstanceFacts:
    """A replica that answers and reports no problem."""
    values: dict[str, Any] = {
        "name": f"app-backend-{number}",
        "live": 200,
        "ready": 200,
        "health": 200,
        "instance": f"i{number}",
        "release": "r1",
        "overall": "ok",
        "database": "ok",
        "redis": "ok",
        "pool_limit": 5,
        "pool_size": 1,
        "pool_idle": 1,
        "limiter": "shared",
        "requests": 100,
        "error_rate": 0.0,
        "clock": 0.0,
    }
    return InstanceFacts(**{**values, **changes})


def redis(**info: str) -> RedisFacts:
    """One Redis node with these figures in its INFO."""
    values = {"used_memory": "1000000", "maxmemory": "100000000", "maxmemory_policy": "volatile-lru", **info}
    return RedisFacts([RedisNode("redis", "app-redis-1", up=True, info=values, earlier=values, gap=1.0)])


def healthy(**changes: Any) -> Facts:
    """Two replicas behind nginx with PostgreSQL and Redis, all healthy."""
    values: dict[str, Any] = {
        "taken": NOW,
        "project": "app",
        "service": "backend",
        "services": ["backend", "nginx", "postgres", "redis"],
        "balancer_service": "nginx",
        "engine": EngineFacts("28.1.0", "1.49", local=True, root="/var/lib/docker", memory=8 << 30, cpus=4),
        "host": HostFacts("/var/lib/docker", 0.5, 50 << 30, 0.9, 0.6, 5 << 30),
        "containers": [replica(1), replica(2), container("nginx"), container("postgres"), container("redis")],
        "postgres": postgres(),
        "redis": redis(),
        "balancer": balancer(),
        "traffic": Traffic(60, 1000, 0, p99=0.05),
        "instances": [instance(1), instance(2)],
        "fleet": [],
        "operation": OperationFacts(),
        "certificates": [],
        "swarm": SwarmFacts(),
        "edges": [],
        "declared": declared(),
        "history": History(),
    }
    return Facts(**{**values, **changes})


def declared(**backend: Any) -> dict[str, ServiceFacts]:
    """What the Compose file says of each service, with changes for the scaled one."""
    others = {name: ServiceFacts(networks=["app_data"]) for name in ("nginx", "postgres", "redis")}
    return {"backend": ServiceFacts(**{"replicas": 2, "scaled": True, "networks": ["app_data"], **backend}), **others}


def postgres(**changes: Any) -> PostgresFacts:
    """A PostgreSQL with one idle client."""
    values: dict[str, Any] = {
        "service": "postgres",
        "container": "app-postgres-1",
        "up": True,
        "version": 170000,
        "uptime": 86400.0,
        "max_connections": 100,
        "reserved": 3,
        "sessions": [session()],
        "tables": [],
        "sequences": [],
        "bad_indexes": [],
        "slots": [],
        "standbys": [],
        "read_only": [],
        "prepared": [],
        "archiver": Archiver(False, "", 0, 0, None, None, ""),
        "wal": Wal(32 * MIB, 1024 * MIB),
        "volume": Volume(50 << 30, 40 << 30),
        "statements": [],
        "settings": [],
        "roles": [],
        "damage": Damage(0, None),
        "file_errors": [],
        "collations": [],
    }
    return PostgresFacts(**{**values, **changes})


def balancer(**changes: Any) -> BalancerFacts:
    """An nginx that balances requests between two replicas."""
    values: dict[str, Any] = {
        "container": "app-nginx-1",
        "running": True,
        "version": "1.30.6",
        "generation": "3",
        "serving": "3",
        "listed": ["app-backend-1", "app-backend-2"],
        "probes": 20,
        "answers": {"app-backend-1": 10, "app-backend-2": 10},
        "unreachable": "",
    }
    return BalancerFacts(**{**values, **changes})


def with_replicas(*replicas: ContainerFacts) -> list[ContainerFacts]:
    """The healthy stack's containers with ``replicas`` instead of its own."""
    return [*replicas, *(container for container in healthy().containers or [] if container.service != "backend")]


def report_on(limits: Limits | None = None, **changes: Any) -> Report:
    """The report on a healthy stack with ``changes``."""
    return examine(replace(healthy(), **changes), limits or Limits())


def reported(limits: Limits | None = None, **changes: Any) -> list[tuple[str, str]]:
    """The ids and severities of the findings, in the report's order."""
    return [(finding.id, finding.severity.value) for finding in report_on(limits, **changes).findings]


def finding(check_id: str, **changes: Any) -> Finding:
    """The only finding with that id."""
    (result,) = [result for result in report_on(**changes).findings if result.id == check_id]
    return result

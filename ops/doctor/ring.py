"""The last runs of the doctor, stored with the project, for rates over minutes and trends over days."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct, field

from ops.doctor.facts import Facts, History, Skipped
from ops.doctor.facts_data import PostgresFacts, RedisFacts, RedisNode
from ops.doctor.report import Report
from ops.doctor.sources import HISTORY

MOST = 500
"""Snapshots: three and a half days at one every ten minutes, in less than a megabyte."""
SHORTEST, LONGEST = 30.0, 900.0
"""Seconds between the two samples of a rate; a newer or older snapshot is not used for rates."""
_REDIS_COUNTERS = ("evicted_keys", "rejected_connections", "slowlog_id")


class Snapshot(Struct, frozen=True):
    """The stored data of one run. ``postgres_start``: start time of the server, where its counters begin."""

    taken: float
    memory: dict[str, int] = field(default_factory=dict)
    postgres: dict[str, float] = field(default_factory=dict)
    postgres_start: float = 0
    redis: dict[str, dict[str, str]] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)


class Ring:
    """A file with one snapshot per line, oldest first."""

    def __init__(self, folder: Path, project: str) -> None:
        self.path = folder / ".videa" / f"doctor-{project}.jsonl"

    def read(self) -> list[Snapshot]:
        """The snapshots, without damaged lines; empty if there is no file. Raises other OSErrors."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        snapshots = []
        for line in lines:
            with suppress(msgspec.MsgspecError):
                snapshots.append(msgspec.json.decode(line, type=Snapshot))
        return snapshots

    def append(self, snapshots: Iterable[Snapshot], newest: Snapshot) -> None:
        """Replaces the file by one that also has the newest snapshot. Atomic. Raises OSError."""
        retained = [*snapshots, newest][-MOST:]
        self.path.parent.mkdir(exist_ok=True)
        new_file = self.path.with_suffix(".next")
        new_file.write_bytes(b"".join(msgspec.json.encode(item) + b"\n" for item in retained))
        new_file.replace(self.path)


def snapshot(report: Report) -> Snapshot:
    """The data of this run to store. Known findings stay known if their check did not run."""
    facts, known = report.facts, report.known
    postgres, nodes = facts.postgres, facts.redis.nodes if facts.redis else []
    return Snapshot(
        taken=facts.taken,
        memory={container.id: container.memory for container in facts.containers or [] if container.memory is not None},
        postgres=postgres.counters if postgres else {},
        postgres_start=facts.taken - postgres.uptime if postgres else 0,
        redis={node.container: _counters(node) for node in nodes if node.up},
        known={
            **{key: since for key, since in known.items() if key not in report.gone},
            **{finding.key: known.get(finding.key, facts.taken) for finding in report.findings},
        },
    )


def with_history(facts: Facts, snapshots: list[Snapshot]) -> Facts:
    """The facts with the stored snapshots: trends, and rates over minutes instead of a second."""
    memory: dict[str, list[tuple[float, float]]] = {}
    for item in snapshots:
        for container, used in item.memory.items():
            memory.setdefault(container, []).append((item.taken, float(used)))
    last = snapshots[-1] if snapshots else None
    history = History(
        since=snapshots[0].taken if snapshots else None,
        last=last.taken if last else None,
        memory=memory,
        known=last.known if last else {},
    )
    usable = [item for item in snapshots if SHORTEST <= facts.taken - item.taken <= LONGEST]
    base = usable[-1] if usable else None
    return msgspec.structs.replace(
        facts,
        history=history,
        postgres=_widen_postgres(facts.postgres, base, facts.taken) if base and facts.postgres else facts.postgres,
        redis=_widen_redis(facts.redis, base, facts.taken) if base and facts.redis else facts.redis,
    )


def without_history(facts: Facts, reason: str) -> Facts:
    """The facts if the ring cannot be read."""
    return msgspec.structs.replace(facts, skipped=[*facts.skipped, Skipped(HISTORY, reason)])


def _widen_postgres(postgres: PostgresFacts, base: Snapshot, taken: float) -> PostgresFacts:
    same_server = abs(taken - postgres.uptime - base.postgres_start) < 5
    if not same_server or not base.postgres:
        return postgres
    return msgspec.structs.replace(postgres, earlier=base.postgres, gap=taken - base.taken)


def _widen_redis(redis: RedisFacts, base: Snapshot, taken: float) -> RedisFacts:
    def widen(node: RedisNode) -> RedisNode:
        old = base.redis.get(node.container)
        if not old or old.get("run_id") != node.info.get("run_id"):
            return node
        return msgspec.structs.replace(node, earlier={**node.earlier, **old}, gap=taken - base.taken)

    return RedisFacts([widen(node) for node in redis.nodes])


def _counters(node: RedisNode) -> dict[str, str]:
    return {key: node.info[key] for key in (*_REDIS_COUNTERS, "run_id") if key in node.info}

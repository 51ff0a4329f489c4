"""The last runs of the doctor, stored on the engine, for rates over minutes and trends over days.

All users of the project add to them, on machines whose clocks may differ, so stored times use the engine's clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from ops import documents
from ops.doctor.facts import Facts, History, Skipped
from ops.doctor.facts_postgres import PostgresFacts
from ops.doctor.facts_redis import RedisFacts, RedisNode
from ops.doctor.report import Report
from ops.doctor.sources import HISTORY
from ops.documents import Kind
from ops.platform.ports import Store
from ops.project.config import Project
from ops.project.private import private_file

MOST = 1000
"""Maximum snapshots: three and a half days at one every five minutes, the interval of the agent's runs."""
MOST_BYTES = 1024 * 1024
"""Maximum size of all snapshots as JSON."""
SKEW = 2.0
"""Seconds by which a clock must differ from the engine's, which reports full seconds, to count as different."""
SHORTEST, LONGEST = 30.0, 900.0
"""Seconds between the two samples of a rate; a newer or older snapshot is not used for rates."""
_REDIS_COUNTERS = ("evicted_keys", "rejected_connections", "slowlog_id")


class Snapshot(Struct, frozen=True):
    """The stored data of one run. ``postgres_start``: start time of the server, which resets its counters.

    ``memory``: without shared memory, whose size is configured; ``levels``: see ``History``.
    """

    taken: float
    memory: dict[str, int] = field(default_factory=dict)
    postgres: dict[str, float] = field(default_factory=dict)
    postgres_start: float = 0
    redis: dict[str, dict[str, str]] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)
    oom: dict[str, int] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)


_DECODER = msgspec.json.Decoder(Snapshot)


@dataclass(frozen=True)
class Ring:
    """The snapshots of one project, oldest first. ``clock``: this machine's Unix time."""

    store: Store
    project: Project
    clock: Callable[[], float] = time.time

    def read(self) -> Iterator[Snapshot]:
        """The undamaged snapshots, with times converted to this machine's clock. Raises EngineError.

        An iterator, because a thousand snapshots need as much memory as all of videa's modules.
        """
        lines, behind = self._with_file(documents.load(self.store, Kind.DOCTOR, self.project.name)), -self._ahead
        return (_shifted(item, behind) for item in _decoded(lines))

    def append(self, newest: Snapshot) -> None:
        """Adds a snapshot, and removes the oldest ones beyond the maximum. Raises EngineError."""
        added = msgspec.json.encode(_shifted(newest, self._ahead))

        def change(content: bytes) -> bytes:
            lines = self._with_file(content)
            return b"\n".join(_bounded(lines if added in lines else [*lines, added]))

        documents.update(self.store, Kind.DOCTOR, self.project.name, change)

    @cached_property
    def _ahead(self) -> float:
        """Seconds by which the engine's clock is ahead."""
        ahead = self.store.now() - self.clock()
        return ahead if abs(ahead) > SKEW else 0.0

    def _with_file(self, content: bytes) -> list[bytes]:
        """The lines of the document or, if there is none yet, of the file that older versions of videa wrote."""
        if not content:
            with suppress(OSError):
                content = private_file(self.project.directory, f"doctor-{self.project.name}.jsonl").read_bytes()
        return content.splitlines()


def _decoded(lines: Iterable[bytes]) -> Iterator[Snapshot]:
    for line in lines:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            yield _DECODER.decode(line)


def _bounded(lines: list[bytes]) -> list[bytes]:
    newest, size = lines[-MOST:], 0
    for index, line in reversed(list(enumerate(newest))):
        size += len(line) + 1
        if size > MOST_BYTES:
            return newest[index + 1 :]
    return newest


def _shifted(item: Snapshot, seconds: float) -> Snapshot:
    if not seconds:
        return item
    return replace(
        item,
        taken=item.taken + seconds,
        postgres_start=item.postgres_start and item.postgres_start + seconds,
        known={key: since + seconds for key, since in item.known.items()},
    )


def snapshot(report: Report) -> Snapshot:
    """The data of this run to store. Findings whose check did not run stay known."""
    facts, known = report.facts, report.known
    postgres, nodes = facts.postgres, facts.redis.nodes if facts.redis else []
    return Snapshot(
        taken=facts.taken,
        memory={
            container.id: container.memory - container.shared
            for container in facts.containers or []
            if container.memory is not None
        },
        postgres=postgres.counters if postgres else {},
        postgres_start=facts.taken - postgres.uptime if postgres else 0,
        redis={node.container: _counters(node) for node in nodes if node.up},
        known={
            **{key: since for key, since in known.items() if key not in report.gone},
            **{finding.key: known.get(finding.key, facts.taken) for finding in report.findings},
        },
        oom={container.id: container.oom_kills for container in facts.containers or [] if container.oom_kills},
        levels=levels(facts),
    )


def levels(facts: Facts) -> dict[str, float]:
    """The sizes of what may fill up, in bytes: logs, WAL, WAL retained by slots, and used space of volumes."""
    postgres, nodes = facts.postgres, facts.redis.nodes if facts.redis else []
    slots = {f"slot {slot.name}": slot.retained for slot in (postgres and postgres.slots) or [] if slot.retained}
    volumes = {each.container: each.volume for each in (postgres, *nodes) if each and each.volume}
    used = {f"volume {name}": volume.size - volume.free for name, volume in volumes.items()}
    logs = {f"log {each.name}": each.log_size for each in facts.containers or [] if each.log_size is not None}
    return {**logs, **({"wal": postgres.wal.size} if postgres and postgres.wal else {}), **slots, **used}


def with_history(facts: Facts, snapshots: Iterable[Snapshot]) -> Facts:
    """The facts with the stored snapshots: trends, and rates over minutes instead of a second."""
    first: Snapshot | None = None
    last: Snapshot | None = None
    base: Snapshot | None = None
    memory: dict[str, list[tuple[float, float]]] = {}
    oom: dict[str, list[tuple[float, int]]] = {}
    filling: dict[str, list[tuple[float, float]]] = {}
    for item in snapshots:
        first, last = first or item, item
        if SHORTEST <= facts.taken - item.taken <= LONGEST:
            base = item
        for container, used in item.memory.items():
            memory.setdefault(container, []).append((item.taken, float(used)))
        for container, kills in item.oom.items():
            seen = oom.setdefault(container, [])
            if not seen or seen[-1][1] != kills:
                seen.append((item.taken, kills))
        for name, level in item.levels.items():
            filling.setdefault(name, []).append((item.taken, level))
    history = History(
        since=first.taken if first else None,
        last=last.taken if last else None,
        memory=memory,
        known=last.known if last else {},
        oom=oom,
        levels=filling,
    )
    return replace(
        facts,
        history=history,
        postgres=_widen_postgres(facts.postgres, base, facts.taken) if base and facts.postgres else facts.postgres,
        redis=_widen_redis(facts.redis, base, facts.taken) if base and facts.redis else facts.redis,
    )


def without_history(facts: Facts, reason: str) -> Facts:
    """The facts if the ring cannot be read."""
    return replace(facts, skipped=[*facts.skipped, Skipped(HISTORY, reason)])


def _widen_postgres(postgres: PostgresFacts, base: Snapshot, taken: float) -> PostgresFacts:
    same_server = abs(taken - postgres.uptime - base.postgres_start) < 5
    if not same_server or not base.postgres:
        return postgres
    return replace(postgres, earlier=base.postgres, gap=taken - base.taken)


def _widen_redis(redis: RedisFacts, base: Snapshot, taken: float) -> RedisFacts:
    def widen(node: RedisNode) -> RedisNode:
        old = base.redis.get(node.container)
        if not old or old.get("run_id") != node.info.get("run_id"):
            return node
        return replace(node, earlier={**node.earlier, **old}, gap=taken - base.taken)

    return RedisFacts([widen(node) for node in redis.nodes])


def _counters(node: RedisNode) -> dict[str, str]:
    return {key: node.info[key] for key in (*_REDIS_COUNTERS, "run_id") if key in node.info}

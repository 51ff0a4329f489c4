"""What the instances tell each other through Redis: their heartbeats, read without going through any of them."""

from __future__ import annotations

from typing import Any

import msgspec

from ops.doctor.collectors.redis import SIGN_IN
from ops.doctor.facts import Beat, ContainerFacts
from ops.engine.client import Engine

INDEX = "videa:fleet"
"""Sorted set of the instances; each one's beat is JSON under ``videa:fleet:INSTANCE``. Pinned by tests/contract."""

_SCRIPT = f"""{SIGN_IN}
found=$(timeout 2 redis-cli -c --raw ZRANGE {INDEX} 0 -1) || exit 1
case $found in [A-Z]*\\ *) echo "$found"; exit 1; esac
for one in $found; do echo "GET {INDEX}:$one"; done | timeout 2 redis-cli -c --raw
"""
"""An error is capital letters and words; a name has no space."""


class NoHeartbeats(Exception):
    """There is no Redis to read them from, or it does not let us."""


class _Memory(msgspec.Struct):
    samples: list[tuple[float, float]] = msgspec.field(default_factory=list)


class _Limiter(msgspec.Struct):
    limits: dict[str, dict[str, int]] | None = None


class _Pool(msgspec.Struct):
    limit: int = 0
    size: int = 0
    idle: int = 0
    waiting: int = 0


class _Beat(msgspec.Struct):
    """The part of a beat that the doctor reads; more may be in it."""

    id: str
    secrets: dict[str, list[str]] = msgspec.field(default_factory=dict)
    memory: _Memory = msgspec.field(default_factory=_Memory)
    pool: _Pool | None = None
    limiter: _Limiter = msgspec.field(default_factory=_Limiter)
    clock_offset: float | None = None


def fleet_beats(engine: Engine, redis: ContainerFacts | None) -> list[Beat]:
    """The last beat of every instance. Raises EngineError, and NoHeartbeats."""
    if redis is None or not redis.running:
        raise NoHeartbeats("Redis does not run, so there are no heartbeats")
    answer = engine.ask(redis.name, ["sh", "-c", _SCRIPT])
    if not answer.ok or answer.output.startswith(("ERR", "NOAUTH", "NOPERM", "CLUSTERDOWN")):
        raise NoHeartbeats(f"the heartbeats cannot be read: {answer.output.strip()[:200] or 'no answer'}")
    return read(answer.output)


def read(output: str) -> list[Beat]:
    """The beats in the output, a line each; what is none is left out."""
    return [_beat(line) for line in output.splitlines() if line.startswith("{")]


def _beat(line: str) -> Beat:
    told = msgspec.json.decode(line, type=_Beat)
    table: dict[str, Any] = told.limiter.limits or {}
    return Beat(
        id=told.id,
        secrets=told.secrets,
        memory_samples=told.memory.samples,
        clock_offset=told.clock_offset,
        pool=(told.pool.limit, told.pool.size, told.pool.idle, told.pool.waiting) if told.pool else None,
        rate_limits={name: (limit["requests"], limit["seconds"]) for name, limit in table.items()},
    )

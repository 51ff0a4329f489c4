"""The heartbeats that the instances write to Redis, read without querying any instance."""

from __future__ import annotations

from typing import Any

import msgspec

from ops.contract import FLEET, Heartbeat
from ops.doctor.collectors.redis import SIGN_IN
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.facts_replicas import Beat
from ops.doctor.skip import BrokenOff, Skip
from ops.doctor.together import Asked

_SCRIPT = f"""{SIGN_IN}
ids=$(timeout 2 redis-cli -c --raw ZRANGE {FLEET} 0 -1) || exit 1
case $ids in [A-Z]*\\ *) echo "$ids"; exit 1; esac
for id in $ids; do echo "GET {FLEET}:$id"; done | timeout 2 redis-cli -c --raw
"""
"""An error reply starts with capital letters and contains spaces; an id contains no space."""

_DECODER = msgspec.json.Decoder(Heartbeat)


def fleet_beats(asked: Asked, redis: ContainerFacts | None) -> list[Beat]:
    """The last heartbeat of every instance. Raises EngineError and Skip."""
    if redis is None or not redis.running:
        raise Skip("Redis is not running, so there are no heartbeats")
    answer = asked.ask(redis.name, ["sh", "-c", _SCRIPT])
    if not answer.ok or answer.output.startswith(("ERR", "NOAUTH", "NOPERM", "CLUSTERDOWN")):
        raise Skip(f"the heartbeats cannot be read: {answer.output.strip()[:200] or 'no answer'}")
    if cut := [line for line in answer.output.splitlines() if line.startswith("Error: ")]:
        raise BrokenOff(f"the heartbeats were not read completely: {cut[0].strip()[:200]}")
    return read(answer.output)


def read(output: str) -> list[Beat]:
    """The heartbeats in the output, one per line; other lines are ignored."""
    return [_beat(line) for line in output.splitlines() if line.startswith("{")]


def _beat(line: str) -> Beat:
    heartbeat = _DECODER.decode(line)
    table: dict[str, Any] = heartbeat.limiter.limits or {}
    return Beat(
        id=heartbeat.id,
        secrets=heartbeat.secrets,
        memory_samples=heartbeat.memory.samples,
        clock_offset=heartbeat.clock_offset,
        pool=(heartbeat.pool.limit, heartbeat.pool.size, heartbeat.pool.idle, heartbeat.pool.waiting)
        if heartbeat.pool
        else None,
        rate_limits={name: (limit["requests"], limit["seconds"]) for name, limit in table.items()},
    )

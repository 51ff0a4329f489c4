"""What the instances tell each other through Redis: their heartbeats, read without going through any of them."""

from __future__ import annotations

from typing import Any

import msgspec

from ops.contract import FLEET, Heartbeat
from ops.doctor.collectors.redis import SIGN_IN
from ops.doctor.facts import Beat, ContainerFacts
from ops.doctor.skip import Skip
from ops.platform.ports import Platform

_SCRIPT = f"""{SIGN_IN}
found=$(timeout 2 redis-cli -c --raw ZRANGE {FLEET} 0 -1) || exit 1
case $found in [A-Z]*\\ *) echo "$found"; exit 1; esac
for one in $found; do echo "GET {FLEET}:$one"; done | timeout 2 redis-cli -c --raw
"""
"""An error is capital letters and words; a name has no space."""


def fleet_beats(platform: Platform, redis: ContainerFacts | None) -> list[Beat]:
    """The last beat of every instance. Raises EngineError, and Skip."""
    if redis is None or not redis.running:
        raise Skip("Redis does not run, so there are no heartbeats")
    answer = platform.ask(redis.name, ["sh", "-c", _SCRIPT])
    if not answer.ok or answer.output.startswith(("ERR", "NOAUTH", "NOPERM", "CLUSTERDOWN")):
        raise Skip(f"the heartbeats cannot be read: {answer.output.strip()[:200] or 'no answer'}")
    return read(answer.output)


def read(output: str) -> list[Beat]:
    """The beats in the output, a line each; what is none is left out."""
    return [_beat(line) for line in output.splitlines() if line.startswith("{")]


def _beat(line: str) -> Beat:
    told = msgspec.json.decode(line, type=Heartbeat)
    table: dict[str, Any] = told.limiter.limits or {}
    return Beat(
        id=told.id,
        secrets=told.secrets,
        memory_samples=told.memory.samples,
        clock_offset=told.clock_offset,
        pool=(told.pool.limit, told.pool.size, told.pool.idle, told.pool.waiting) if told.pool else None,
        rate_limits={name: (limit["requests"], limit["seconds"]) for name, limit in table.items()},
    )

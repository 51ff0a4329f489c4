"""Requests that replicas have taken and not answered yet, as far as the service tells.

nginx logs a request only when it ends, so what takes longer than a canary is judged for would escape its judgement.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ops.stack import Stack

PATH = "/health/metrics?format=json"
"""Where a service may tell it: as ``unanswered_seconds``, how long each has been waiting by now."""

TIMEOUT = 0.5
"""Seconds for each replica: one that does not tell in time has not told."""


class Figures(msgspec.Struct, frozen=True):
    """What a replica says of itself, as far as it is needed here."""

    unanswered_seconds: list[float] = msgspec.field(default_factory=list)


def unanswered(stack: Stack, names: Iterable[str]) -> list[float]:
    """How long requests have been waiting at running replicas, in seconds. Raises EngineError."""
    urls = [f"http://{name}:{stack.project.settings.port}{PATH}" for name in names]
    if not urls:
        return []
    command = ["curl", "-s", "--globoff", "--max-time", str(TIMEOUT), "-A", "videa-probe", "-w", "\n", *urls]
    return read(stack.engine.exec(stack.balancer_container.id, command).output)


def read(output: str) -> list[float]:
    """What all replicas say, a line each; a line that is something else says nothing."""
    found: list[float] = []
    for line in output.splitlines():
        try:
            found += msgspec.json.decode(line, type=Figures).unanswered_seconds
        except msgspec.DecodeError:
            continue
    return found

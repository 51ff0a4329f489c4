"""The load client as a separate process, during an operation."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.companion import companion
from bench.temporary_stack import Ran

GETS = ("/api/v1/titles/1", "/api/v1/whoami")
POSTS = ("/api/v1/echo",)


@dataclass
class Watched:
    """The client's report on the time of the operations; filled when the `under_load` block ends."""

    operations: list[Ran] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)


@contextmanager
def under_load(
    url: str,
    *,
    rate: int = 1000,
    connections: int = 32,
    lead: float = 1.0,
    tail: float = 2.0,
    more: tuple[str, ...] = (),
    within: tuple[str, ...] = (),
) -> Iterator[Watched]:
    """Send GETs and POSTs, half and half, from `lead` seconds before the block until `tail` seconds after it.

    `more`: further arguments of bench.load; `within`: see `companion`.
    Raises BenchError if no request succeeds.
    """
    watched = Watched()
    with companion(
        "bench.load",
        *("--url", url, "--json", "--rate", str(rate), "--connections", str(connections), "--post-share", "0.5"),
        *(part for path in GETS for part in ("--get", path)),
        *(part for path in POSTS for part in ("--post", path)),
        *("--post-body", '{"probe": "bench"}', *more),
        ready="load: first answer",
        within=within,
    ) as end:
        time.sleep(lead)
        yield watched
        time.sleep(tail)
        watched.report = end()


def counted(report: Mapping[str, Any]) -> dict[str, Any]:
    """What a comparison keeps of the client's report: requests, failures by kind, and milliseconds."""
    return {
        **{name: report[name] for name in ("sent", "failed", "failed_by_kind", "not_sent")},
        "p99_ms": report["latency_ms"].get("p99"),
        "slowest_ms": report["latency_ms"].get("max"),
    }

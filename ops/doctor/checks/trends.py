"""Problems that show only over time: memory that grows up to its limit."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.limits import Limits
from ops.doctor.slope import Sample, steady, theil_sen
from ops.doctor.sources import CONTAINERS, HISTORY
from ops.doctor.words import size, span


def leak(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Memory grows steadily and will reach the limit within a day."""
    beats = {beat.id: beat for beat in facts.fleet or []}
    recorded = present(facts.history).memory
    for container in present(facts.containers):
        if _bounded(container, facts):
            continue
        beat = beats.get(container.id[:12])
        samples: list[Sample] = list(beat.memory_samples) if beat else []
        if len(samples) < limits.leak_samples:
            samples = recorded.get(container.id, [])
        # A process warms up during its first minute.
        samples = [sample for sample in samples if sample[0] > container.started + limits.leak_warm_up]
        if not container.running or not container.memory_limit or len(samples) < limits.leak_samples:
            continue
        slope, now = theil_sen(samples), samples[-1][1]
        if slope <= 0 or now - samples[0][1] < limits.leak_growth or not steady(samples):
            continue
        left = (container.memory_limit - container.shared - now) / slope
        if left < limits.leak_horizon:
            yield Finding(
                "app.leak",
                Severity.WARN,
                f"{container.name} leaks memory: full in {span(max(left, 0))}",
                f"{size(samples[0][1])} -> {size(now)} in {span(samples[-1][0] - samples[0][0])}"
                f" ({len(samples)} samples), {size(slope * 3600)} an hour, limit {size(container.memory_limit)}",
                "at the limit the kernel kills it, and its requests are cut",
                f"to gain time, restart one after the other: docker restart {container.name}\n"
                "if the previous release did not leak: videa rollback",
                subject=container.name,
            )


def _bounded(container: ContainerFacts, facts: Facts) -> bool:
    """Whether the server's own configuration bounds it below the limit, as maxmemory does for Redis.

    PostgreSQL's buffers are shared memory, which the samples do not include.
    """
    return any(
        0 < node.number("maxmemory") < (container.memory_limit or 0)
        for node in (facts.redis.nodes if facts.redis else [])
        if node.container == container.name
    )


CHECKS = (
    Check(
        "app.leak",
        Group.APP,
        "Theil-Sen slope over >= 20 samples reaches the limit within 24 h W",
        "own",
        (CONTAINERS, HISTORY),
        leak,
    ),
)

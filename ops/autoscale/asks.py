"""How many replicas each metric asks for. Pure.

The formulas are those of the Kubernetes documentation, "Horizontal Pod Autoscaling", "Algorithm details"
(https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details), and of its
``replica_calculator.go`` where the text leaves a case open.

p95 and pool_waiting show that there are too few replicas, but not how many are too many: far below its target, neither
is proportional to the load. Above their target they ask for more, like the others; below it for nothing (0 replicas).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ops.autoscale.samples import Observed, Samples
from ops.project.settings import Autoscale

CPU, REQUESTS, P95, POOL_WAITING = "cpu", "requests", "p95", "pool_waiting"

PROPORTIONAL = (CPU, REQUESTS)
"""Metrics that are proportional to the load."""

_EPSILON = 1e-9
"""Tolerates floating-point errors in quotients that should be whole numbers: 0.7 * 3 / 0.7 is not four replicas."""


@dataclass(frozen=True, slots=True)
class Ask:
    """``value``: per replica, for pool_waiting the sum of all replicas; None if it was not measured.

    ``replicas``: how many the metric asks for; 0: no opinion, None: unknown. ``note``: what adjusted that number.
    """

    metric: str
    value: float | None
    target: float
    replicas: int | None
    note: str = ""


def asks(samples: Samples, rules: Autoscale) -> tuple[Ask, ...]:
    """What every metric with a target asks for. ``samples`` must have at least one replica."""
    return tuple(_asks(samples, rules))


def _asks(samples: Samples, rules: Autoscale) -> Iterator[Ask]:
    target, tolerance = rules.target, float(rules.tolerance)
    if target.cpu is not None:
        yield _cpu(samples, float(target.cpu), tolerance)
    if target.requests is not None:
        yield _requests(samples, float(target.requests), tolerance)
    if target.p95 is not None:
        yield _p95(samples, float(target.p95), tolerance)
    if target.pool_waiting is not None:
        yield _pool_waiting(samples, target.pool_waiting, tolerance)


def _cpu(samples: Samples, target: float, tolerance: float) -> Ask:
    """The mean over all replicas; for replicas without a sample, conservative values that dampen a change."""
    now = samples.now
    measured, unready, missing = _groups(samples.replicas, lambda replica: replica.cpu)
    if not measured:
        return Ask(CPU, None, target, None, samples.missing.get(CPU) or "no replica is ready")
    value = sum(measured) / len(measured)
    ratio = value / target
    growing = ratio > 1
    if not missing and not (unready and growing):
        note = f"{unready} not ready" if unready else ""
        return Ask(CPU, value, target, now if within(ratio, tolerance) else ceil(ratio * len(measured)), note)
    assumed = [*measured, *([0.0 if growing else target] * missing), *([0.0] * (unready if growing else 0))]
    corrected = sum(assumed) / len(assumed) / target
    note = ", ".join(
        filter(
            None,
            (
                f"{missing} not measured count as {'0%' if growing else 'at their target'}" if missing else "",
                f"{unready} not ready count as 0%" if unready and growing else "",
            ),
        )
    )
    wanted = ceil(corrected * len(assumed))
    turned = (corrected > 1) is not growing or (wanted < now if growing else wanted > now)
    return Ask(CPU, value, target, now if within(corrected, tolerance) or turned else wanted, note)


def _requests(samples: Samples, target: float, tolerance: float) -> Ask:
    """Uses a total, so it does not matter which replicas are ready."""
    if samples.requests is None:
        return Ask(REQUESTS, None, target, None, samples.missing.get(REQUESTS, ""))
    share = samples.requests / samples.now
    wanted = samples.now if within(share / target, tolerance) else ceil(samples.requests / target)
    return Ask(REQUESTS, share, target, wanted)


def _p95(samples: Samples, target: float, tolerance: float) -> Ask:
    if samples.p95 is None:
        return Ask(P95, None, target, None, samples.missing.get(P95, ""))
    ready = sum(replica.ready for replica in samples.replicas)
    return Ask(P95, samples.p95, target, _above(samples.p95 / target, tolerance, ready, samples.now))


def _pool_waiting(samples: Samples, target: int, tolerance: float) -> Ask:
    """With a target of 0 there is no ratio: if any request waits, it asks for one more replica."""
    measured, _, missing = _groups(samples.replicas, lambda replica: replica.pool_waiting)
    if not measured:
        return Ask(POOL_WAITING, None, target, None, samples.missing.get(POOL_WAITING) or "no replica is ready")
    total = sum(measured)
    if target == 0:
        wanted = samples.now + 1 if total > 0 else 0
    else:
        wanted = _above(total / len(measured) / target, tolerance, len(measured), samples.now)
    unknown = missing > 0 and wanted <= samples.now
    return Ask(POOL_WAITING, total, target, None if unknown else wanted, f"{missing} not measured" if missing else "")


def _groups(replicas: Sequence[Observed], value: Callable[[Observed], float | None]) -> tuple[list[float], int, int]:
    """The values of the ready replicas, the number of unready replicas, and the number without a value."""
    ready = [value(replica) for replica in replicas if replica.ready]
    measured = [each for each in ready if each is not None]
    return measured, len(replicas) - len(ready), len(ready) - len(measured)


def _above(ratio: float, tolerance: float, ready: int, now: int) -> int:
    if within(ratio, tolerance):
        return now
    return max(now, ceil(ratio * ready)) if ratio > 1 else 0


def within(ratio: float, tolerance: float) -> bool:
    """Whether a metric is so close to its target that it asks for no change."""
    return abs(ratio - 1) <= tolerance + _EPSILON


def ceil(replicas: float) -> int:
    """Rounds up, tolerating floating-point errors."""
    return math.ceil(replicas - _EPSILON)

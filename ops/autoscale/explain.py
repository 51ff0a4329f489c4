"""Explains a decision in text, and what would have to change. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ops.autoscale.asks import CPU, P95, POOL_WAITING, REQUESTS, Ask
from ops.autoscale.decide import Decision
from ops.project.units import Seconds


@dataclass(frozen=True, slots=True)
class Row:
    """A metric as text. ``more``, ``fewer``: the values above and below which it asks for more or fewer replicas."""

    metric: str
    value: str
    target: str
    asks_for: str
    more: str
    fewer: str
    note: str


def rows(decision: Decision, tolerance: float) -> list[Row]:
    """One row per metric with a target. ``tolerance``: a fraction, 0..1."""
    return [_row(ask, decision.now, tolerance) for ask in decision.asks]


def reason(decision: Decision) -> str:
    """The decision in one line: the metric that asks for the most, and the last limit that changed its number."""
    leading, limit = decision.leading, decision.stopped_by
    if not decision.asks and limit is None:
        return "no replica is running"
    if leading is None:
        measured = "no metric could be measured"
    elif decision.asks and all(ask.replicas in (0, None) for ask in decision.asks):
        measured = "no metric needs the replicas"
    else:
        measured = (
            f"{leading.metric} {shown(leading.metric, leading.value)} of {shown(leading.metric, leading.target)} "
            f"asks for {leading.replicas}"
        )
    return f"{measured}; {limit.name}: {limit.why}, so {limit.after} instead of {limit.before}" if limit else measured


def shown(metric: str, value: float | None) -> str:
    """A metric's value with its unit."""
    if value is None:
        return "-"
    if metric == CPU:
        return f"{value:.0%}"
    if metric == REQUESTS:
        return f"{value:.1f}/s" if value < 100 else f"{value:.0f}/s"
    return str(Seconds(value)) if metric == P95 else f"{value:g}"


def _row(ask: Ask, now: int, tolerance: float) -> Row:
    asked = "unknown" if ask.replicas is None else "nothing" if ask.replicas == 0 else str(ask.replicas)
    above = ask.target * (1 + tolerance)
    more = f"above {shown(ask.metric, above)}" if ask.metric != POOL_WAITING or ask.target else "above 0"
    below = ask.target * min(1 - tolerance, (now - 1) / now) if now > 1 else 0.0
    fewer = f"below {shown(ask.metric, below)}" if now > 1 and ask.metric in (CPU, REQUESTS) else "-"
    target = shown(ask.metric, ask.target)
    return Row(ask.metric, shown(ask.metric, ask.value), target, asked, more, fewer, ask.note)

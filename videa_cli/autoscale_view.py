"""Shows the state of the autoscaler and its explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videa_cli.units import day

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from ops.autoscale.view import Explanation, Recorded, ServiceView
    from ops.events import OperationEnded

LAST = 5
"""Number of decisions that are shown."""


def state_of(view: Recorded) -> str:
    """One word for the state of a service's autoscaling, and why it makes no decisions."""
    if view.state.off:
        return "off"
    if not view.runs:
        return "nobody runs it"
    return "waits" if view.state.waits else "on"


def show_status(views: list[ServiceView]) -> Group:
    """A table with one row per service, and the last decisions below it."""
    from rich.console import Group
    from rich.markup import escape

    table = _table("SERVICE", "STATE", "NOW", "DESIRED", "MIN", "MAX", "ALLOWED BY")
    lines: list[str] = []
    for view in views:
        tightest = min(view.machine, key=lambda bound: bound.most, default=None)
        allowed = f"{tightest.most} by {tightest.name}" if tightest else "-"
        desired = str(view.state.desired) if view.runs and not view.state.off else "-"
        table.add_row(view.service, state_of(view), str(view.now), desired, str(view.least), str(view.most), allowed)
        if view.state.off:
            lines.append(f"{view.service}: turned off by {view.state.who} at {day(view.state.since)} UTC")
        elif not view.runs:
            lines.append(f"{view.service}: to run it: videa autoscale on")
        elif view.state.waits:
            lines.append(f"{view.service}: waits: {view.state.waits}")
        elif view.state.reason:
            lines.append(f"{view.service}: {view.state.reason}")
        for made in reversed(view.state.made[-LAST:]):
            result = "" if made.result == "done" else f" ({made.result})"
            lines.append(f"  {day(made.time)} UTC  {made.now} -> {made.desired}{result}  {made.reason}")
    return Group(table, *map(escape, lines))


def show_explanation(explained: Explanation) -> Group:
    """A table of the metrics, then what has changed the number, and what would have to be different."""
    from rich.console import Group
    from rich.markup import escape

    from ops.steps import replicas

    decision, bounds = explained.decision, explained.bounds
    table = _table("METRIC", "VALUE", "TARGET", "ASKS FOR", "MORE", "FEWER", "NOTE")
    for row in explained.rows:
        table.add_row(row.metric, row.value, row.target, row.asks_for, row.more, row.fewer, escape(row.note))
    head = f"{explained.service}: {replicas(decision.now)} now, {decision.desired} desired"
    lines = [f"the metrics ask for {decision.asked}"]
    for limit in decision.limits:
        lines.append(
            f"{limit.name}: {limit.before} -> {limit.after}, because {limit.why}; to change it: {limit.change}"
        )
    lines.append(f"between {bounds.least} (min) and {bounds.most} (max)")
    lines += [f"at most {bound.most} by {bound.name}: {bound.why}" for bound in bounds.machine]
    if explained.off:
        lines.append("it is off, so nothing happens: videa autoscale on")
    return Group(f"[bold]{escape(head)}[/]", table, *map(escape, lines))


def ended(event: OperationEnded) -> str:
    """One line for an operation of the autoscaler, with its proof."""
    seen = "" if event.requests is None else f", {event.requests} requests, {event.failed} failed"
    return f"{event.result} ({event.seconds:.1f} s{seen})"


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading)
    return table

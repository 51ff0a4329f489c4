"""The live region of an operation: the running step, the split, and the replicas. Every line fits the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from videa_cli.names import shown_name
from videa_cli.units import milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from ops.events import VerdictGiven
    from ops.views.live import LiveRelease, LiveReplica, Sample

ROWS = 8
"""Maximum number of replicas with their own line; the others are only counted."""

BAR, SHORT_BAR = 24, 10
WIDE, NARROW = 100, 76
"""Columns of a terminal: from the first on, bars are long; below the second, there are none."""

COLOURS = {"healthy": "green", "running": "green", "starting": "yellow", "created": "yellow"}
VERDICTS = {"pass": "green", "fail": "red"}


def picture(sample: Sample, verdict: VerdictGiven | None, width: int, height: int) -> RenderableType:
    """The sample in at most ``height`` lines of ``width`` columns. ``verdict``: the last one."""
    lines: list[RenderableType] = [] if sample.worker else [_requests(sample, verdict)]
    if not sample.worker:
        lines.append(_releases(sample.releases, width))
    left = height - len(lines) - len(sample.releases)
    shown, hidden = _chosen(sample.replicas, min(ROWS, left - 1))
    if shown:
        lines.append(_replicas(shown, sample, width))
    if hidden and left > 0:
        lines.append(_line(f"    and {len(hidden)} more: {_counted(hidden)}", "dim"))
    return Group(*lines)


def _requests(sample: Sample, verdict: VerdictGiven | None) -> Text:
    traffic = sample.traffic
    text = _line(f"    {sample.service}: {traffic.rate:,.0f} requests/s, p95 {milliseconds(traffic.p95)}, ")
    text.append(f"{traffic.errors:.1%} errors", "red") if traffic.errors else text.append("0 errors")
    if verdict:
        text.append(" · last verdict: ")
        text.append(f"{verdict.kind.value} at {verdict.percent:g}%", VERDICTS.get(verdict.kind.value, "yellow"))
    return text


def _releases(releases: Sequence[LiveRelease], width: int) -> Table:
    """The split, with one line per release. A narrow terminal has room only for the shares."""
    bar = BAR if width >= WIDE else SHORT_BAR if width >= NARROW else 0
    table = _table(7 if bar else 4)
    canary = any(release.canary for release in releases)
    for release in releases:
        share = release.share or 0.0
        filled = round(share * bar)
        name = "canary" if release.canary else "stable" if canary else "release"
        wanted = "" if release.wanted is None else f" of {release.wanted:g}%"
        cells = [Text(f"    {name}"), Text(release.release)]
        if bar:
            colour = "cyan" if release.canary else "green"
            cells.append(Text.assemble(("█" * filled, colour), ("░" * (bar - filled), "dim")))
        cells.append(Text(("-" if release.share is None else f"{share:.0%}") + wanted))
        cells.append(Text(f"{release.traffic.rate:,.0f}/s", justify="right"))
        if bar:
            errors = f"{release.traffic.errors:.1%} errors"
            cells.append(Text(f"p95 {milliseconds(release.traffic.p95)}"))
            cells.append(Text(errors, "red") if release.traffic.errors else Text("0 errors"))
        table.add_row(*cells)
    return table


def _replicas(replicas: Sequence[LiveReplica], sample: Sample, width: int) -> Table:
    table = _table((2 if width < NARROW else 3) + (0 if sample.worker else 2))
    for replica in replicas:
        cells = [Text(f"    {shown_name(replica.name, sample.service, width)}")]
        if width >= NARROW:
            cells.append(Text(replica.release, "dim"))
        cells.append(Text(replica.state, COLOURS.get(replica.state, "red")))
        if not sample.worker:
            cells.append(Text("in", "green") if replica.in_balancer else Text("out", "yellow"))
            cells.append(Text(f"{replica.rate:,.0f}/s" if replica.in_balancer or replica.rate else "", justify="right"))
        table.add_row(*cells)
    return table


def _table(columns: int) -> Table:
    """A table in which no cell wraps: a long name is cut."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for _ in range(columns):
        table.add_column(no_wrap=True, overflow="ellipsis")
    return table


def _line(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _chosen(replicas: Sequence[LiveReplica], most: int) -> tuple[list[LiveReplica], list[LiveReplica]]:
    """The replicas with their own line, in order, and the others. Replicas that are changing are chosen first."""
    if len(replicas) <= most:
        return list(replicas), []
    newest = {replica.release for replica in replicas[-1:]}
    urgent = sorted(replicas, key=lambda each: (_settled(each), each.release not in newest))[: max(most, 0)]
    shown = [replica for replica in replicas if replica in urgent]
    return shown, [replica for replica in replicas if replica not in urgent]


def _settled(replica: LiveReplica) -> bool:
    return replica.state in ("healthy", "running") and replica.in_balancer


def _counted(replicas: Sequence[LiveReplica]) -> str:
    states = [replica.state for replica in replicas]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))

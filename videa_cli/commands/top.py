"""videa top"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.bars import NARROW, WIDTH, bar
from videa_cli.context import Options
from videa_cli.names import WIDE, shown_name
from videa_cli.numbers import decimal
from videa_cli.units import milliseconds, size

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from ops.views.top import Top, TopRow


def top(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one sample as JSON and exit.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Show one sample and exit; the default in pipes.")] = False,
    interval: Annotated[
        float, typer.Option("--interval", parser=decimal(0.5), metavar="SECONDS", help="Pause between samples.")
    ] = 1,
) -> None:
    """Show the replicas live: requests/s, p95, errors, memory.

    Also CPU and connections. Two lines above the table show PostgreSQL and Redis.

    \b
    Examples:
      videa top
      videa top --once
      videa top --json | jq '.rows[] | {name, cpu}'
    """
    from ops.views.top import read_top
    from videa_cli.console import console

    options: Options = context.obj
    stack = options.stack()
    out = console()
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(read_top(stack)))
        return
    if once or not out.is_terminal:
        out.print(view(read_top(stack), out.width))
        return
    from rich.live import Live

    try:
        with Live(view(read_top(stack), out.width), console=out, screen=True, auto_refresh=False) as live:
            while True:
                live.update(view(read_top(stack), out.width), refresh=True)
                time.sleep(interval)
    except KeyboardInterrupt:
        return


def view(sample: Top, width: int) -> Group:
    """One sample as a table with some lines above it. ``width``: columns of the terminal."""
    from rich.console import Group

    total = sample.total
    errors = f"[red]{total.errors:.1%} errors[/]" if total.errors else "0 errors"
    lines = [
        f"[bold]{sample.service}[/] {total.rate:.1f} requests/s, p95 {milliseconds(total.p95)}, {errors}"
        f" [dim]{time.strftime('%H:%M:%S', time.localtime(sample.taken))}[/]"
    ]
    if sample.balancer != "running":
        lines.append(f"[red]balancer:[/] {sample.balancer}")
    if sample.database:
        used, usable = sample.database
        lines.append(f"PostgreSQL {bar(used / max(usable, 1))} {used} of {usable} connections")
    if sample.redis:
        memory, limit, clients = sample.redis
        share = f"{bar(memory / limit)} of {size(limit)}" if limit else "no limit"
        lines.append(f"Redis      {share}, {size(memory)}, {clients} clients")
    if local := [row.name for row in sample.rows if row.limiter == "local"]:
        lines.append(f"[yellow]rate limits not shared by:[/] {', '.join(local)}")
    if sample.log_dropped:
        lines.append(f"[yellow]rates are too low:[/] {sample.log_dropped} lines of nginx's log were dropped")
    lines += [f"[yellow]not available:[/] {reason}" for reason in sample.unreachable]
    return Group(*lines, _table(sample, width))


def _table(sample: Top, width: int) -> Table:
    """The table. In a narrow terminal, releases are shown only if they differ, and then they replace the bars."""
    from rich.markup import escape
    from rich.table import Table

    wide = width >= WIDE
    releases = wide or len({row.release for row in sample.rows}) > 1
    columns = ["REPLICA", *(["RELEASE"] if releases else []), "HEALTH", "REQ/S", "P95", "ERRORS"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in columns:
        table.add_column(heading, justify="right" if heading in ("REQ/S", "P95", "ERRORS") else "left", no_wrap=True)
    for heading in ("CPU", "MEMORY", "POOL"):
        table.add_column(heading, no_wrap=True)
    for row in sample.rows:
        name = shown_name(row.name, sample.service, width)
        bars = WIDTH if wide else 0 if releases else NARROW
        table.add_row(name, *([escape(row.release)] if releases else []), *_cells(row, bars, wide))
    return table


def _cells(row: TopRow, bars: int, wide: bool) -> list[str]:
    """The cells from the health column on."""
    colour = "green" if row.health == "healthy" else "yellow" if row.health == "starting" else "red"
    errors = f"{row.traffic.errors:.1%}"
    cpu = "-" if row.cpu is None else f"{row.cpu:.2f} cores"
    if row.cpu is not None and row.cpu_limit:
        cpu = bar(row.cpu / row.cpu_limit, bars)
    memory = "-" if row.memory is None else size(row.memory)
    if row.memory is not None and row.memory_limit:
        memory = bar(row.memory / row.memory_limit, bars) + (f" {memory}" if wide else "")
    pool = "-" if row.pool_used is None else f"{row.pool_used}/{row.pool_limit}"
    return [
        f"[{colour}]{row.health}[/]" + ("" if row.in_balancer else " [yellow]out[/]"),
        f"{row.traffic.rate:.1f}",
        milliseconds(row.traffic.p95),
        f"[red]{errors}[/]" if row.traffic.errors else errors,
        cpu,
        memory,
        pool,
    ]

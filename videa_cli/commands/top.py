"""videa top"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from ops.top import Top, TopRow


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("top")(top)


def top(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one look as JSON and end.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Show one look and end; so do pipes.")] = False,
    interval: Annotated[float, typer.Option("--interval", min=0.5, metavar="SECONDS", help="Pause between.")] = 1,
) -> None:
    """Watch the replicas live: requests/s, p95, errors, memory.

    CPU and connections too. Two lines above them tell of PostgreSQL and Redis.

    \b
    Examples:
      videa top
      videa top --once
      videa top --json | jq '.rows[] | {name, cpu}'
    """
    from ops.top import read_top
    from videa_cli.render import console

    options: Options = context.obj
    stack = options.stack()
    out = console()
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(read_top(stack)))
        return
    if once or not out.is_terminal:
        out.print(view(read_top(stack)))
        return
    from rich.live import Live

    try:
        with Live(view(read_top(stack)), console=out, screen=True, auto_refresh=False) as live:
            while True:
                live.update(view(read_top(stack)), refresh=True)
                time.sleep(interval)
    except KeyboardInterrupt:
        return


def view(found: Top) -> Group:
    """One look as a table with two lines above it."""
    from rich.console import Group

    from videa_cli.bars import bar
    from videa_cli.units import size

    total = found.total
    errors = f"[red]{total.errors:.1%} errors[/]" if total.errors else "0 errors"
    lines = [
        f"[bold]{found.service}[/] {total.rate:.1f} requests/s, p95 {_milliseconds(total.p95)}, {errors}"
        f" [dim]{time.strftime('%H:%M:%S', time.localtime(found.taken))}[/]"
    ]
    if found.balancer != "running":
        lines.append(f"[red]balancer:[/] {found.balancer}")
    if found.database:
        used, usable = found.database
        lines.append(f"PostgreSQL {bar(used / max(usable, 1))} {used} of {usable} connections")
    if found.redis:
        memory, limit, clients = found.redis
        share = f"{bar(memory / limit)} of {size(limit)}" if limit else "no limit"
        lines.append(f"Redis      {share}, {size(memory)}, {clients} clients")
    lines += [f"[yellow]not asked:[/] {reason}" for reason in found.unreachable]
    return Group(*lines, _table(found.rows))


def _table(rows: list[TopRow]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("REPLICA", "RELEASE", "HEALTH"):
        table.add_column(heading, no_wrap=True)
    for heading in ("REQ/S", "P95", "ERRORS"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("CPU", "MEMORY", "POOL"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: TopRow) -> list[str]:
    from videa_cli.bars import bar
    from videa_cli.units import size

    colour = "green" if row.health == "healthy" else "yellow" if row.health == "starting" else "red"
    errors = f"{row.traffic.errors:.1%}"
    cpu = "-" if row.cpu is None else bar(row.cpu / row.cpu_limit) if row.cpu_limit else f"{row.cpu:.2f} cores"
    memory = "-" if row.memory is None else size(row.memory)
    if row.memory is not None and row.memory_limit:
        memory = f"{bar(row.memory / row.memory_limit)} {memory}"
    pool = "-" if row.pool_used is None else f"{row.pool_used}/{row.pool_limit}"
    return [
        row.name,
        row.release,
        f"[{colour}]{row.health}[/]" + ("" if row.in_balancer else " [yellow]out[/]"),
        f"{row.traffic.rate:.1f}",
        _milliseconds(row.traffic.p95),
        f"[red]{errors}[/]" if row.traffic.errors else errors,
        cpu,
        memory,
        pool + (" [yellow]limits local[/]" if row.limiter == "local" else ""),
    ]


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"

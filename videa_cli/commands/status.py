"""videa status"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options

if TYPE_CHECKING:
    from ops.views.status import Status

COLOURS = {"healthy": "green", "starting": "yellow"}


def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show the replicas: release, health, load, served or not.

    Health is the answer of each replica at its readiness path, asked directly just now.

    \b
    Examples:
      videa status
      videa status --json | jq -r '.replicas[] | select(.health != "healthy") | .name'
    """
    options: Options = context.obj
    stack = options.stack()

    from concurrent.futures import ThreadPoolExecutor

    from ops.views.status import read_status

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(read_status, stack)
        if not as_json:
            import rich.table  # noqa: F401 (the answer takes longer than this import)

            import videa_cli.render  # noqa: F401
        found = asked.result()
    if as_json:
        import dataclasses
        import json

        typer.echo(json.dumps(dataclasses.asdict(found)))
    else:
        show_status(found)


def show_status(found: Status) -> None:
    """The table."""
    from rich.table import Table

    from videa_cli.render import console
    from videa_cli.units import duration, share

    out = console()
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for heading in ("REPLICA", "RELEASE", "HEALTH", "BALANCER"):
        table.add_column(heading, no_wrap=True)
    for heading in ("AGE", "CPU", "MEMORY", "REQ/S"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in found.replicas:
        colour = COLOURS.get(each.health, "red")
        table.add_row(
            each.name,
            each.release,
            f"[{colour}]{each.health}[/]" + (f" ({each.restarts} restarts)" if each.restarts else ""),
            "in" if each.in_balancer else "[yellow]out[/]",
            duration(each.age),
            "-" if each.cpu is None else f"{each.cpu:.0%}",
            "-" if each.memory is None else share(each.memory, each.memory_limit),
            "-" if each.requests_per_second is None else f"{each.requests_per_second:.1f}",
        )
    if not found.replicas:
        out.print(f"no replica of {found.service}; start some: videa up")
        return
    out.print(table)
    healthy = sum(each.health == "healthy" for each in found.replicas)
    rate = "" if found.requests_per_second is None else f", {found.requests_per_second:.1f} requests/s"
    where = f" at {found.url}" if found.url else ""
    out.print(f"{found.service}: {healthy} of {len(found.replicas)} healthy{rate}{where}")
    if found.maintenance:
        out.print("[yellow]closed for maintenance[/]; open it again: videa maintenance off")
    if found.balancer != "running":
        out.print(f"[red]balancer:[/] {found.balancer}")

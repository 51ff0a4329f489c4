"""videa stats"""

from __future__ import annotations

from typing import Annotated

import typer

from videa_cli.context import Options


def stats(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show the resource usage of every container.

    Shows CPU, memory, network and processes, compared with the limits. On a swarm, only for the containers on this
    manager's node; the others are listed by name.

    \b
    Examples:
      videa stats
      videa stats --json
    """
    import json

    import msgspec

    from videa_cli.console import console
    from videa_cli.units import share, size

    options: Options = context.obj
    stack = options.stack()
    running = [container for container in stack.containers() if container.running]
    names = [container.name for container in running]
    usage = stack.platform.traffic(running)
    elsewhere = [container.name for container in running if container.node and container.name not in usage]
    if as_json:
        rows = [{"name": name, **msgspec.structs.asdict(usage[name])} for name in names if name in usage]
        typer.echo(json.dumps({"containers": rows, "elsewhere": elsewhere}))
        return

    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("CONTAINER", no_wrap=True)
    for heading in ("CPU", "QUOTA", "THROTTLED", "MEMORY", "RECEIVED", "SENT", "PIDS"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name in names:
        if name in usage:
            used = usage[name]
            table.add_row(
                name,
                f"{used.cpu:.0%}",
                f"{used.cpu_limit:.0%}" if used.cpu_limit else "-",
                f"{used.throttled:.0%}",
                share(used.memory, used.memory_limit),
                size(used.rx_bytes or 0),
                size(used.tx_bytes or 0),
                str(used.pids or 0),
            )
    out = console()
    out.print(table if names else "nothing is running; start the stack: videa up")
    if elsewhere:
        out.print(f"on other nodes, whose figures are not known here: {', '.join(elsewhere)}", markup=False)

"""videa stats"""

from __future__ import annotations

from typing import Annotated

import typer

from videa_cli.context import Options


def stats(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what every container uses of its limits.

    CPU, memory, network, processes.

    \b
    Examples:
      videa stats
      videa stats --json
    """
    import dataclasses
    import json

    from videa_cli.render import console
    from videa_cli.units import share, size

    options: Options = context.obj
    stack = options.stack()
    running = [container for container in stack.containers() if container.running]
    names = [container.name for container in running]
    found = stack.platform.traffic(running)
    if as_json:
        rows = [{"name": name, **dataclasses.asdict(found[name])} for name in names if name in found]
        typer.echo(json.dumps({"containers": rows}))
        return

    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("CONTAINER", no_wrap=True)
    for heading in ("CPU", "QUOTA", "THROTTLED", "MEMORY", "RECEIVED", "SENT", "PIDS"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name in names:
        if name in found:
            one = found[name]
            table.add_row(
                name,
                f"{one.cpu:.0%}",
                f"{one.cpu_limit:.0%}" if one.cpu_limit else "-",
                f"{one.throttled:.0%}",
                share(one.memory, one.memory_limit),
                size(one.rx_bytes or 0),
                size(one.tx_bytes or 0),
                str(one.pids or 0),
            )
    console().print(table if names else "nothing runs; bring the stack up: videa up")

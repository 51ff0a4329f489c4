"""videa history"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from videa_cli.context import Options
from videa_cli.numbers import whole


def history(
    context: typer.Context,
    number: Annotated[int, typer.Option("-n", parser=whole(1), metavar="N", help="Number of operations to show.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show past operations: who, what, when, failed requests.

    Also the strategy, the release, the number of requests during the operation, and the verdicts of a canary.
    The history is on the engine: every folder and machine with this project sees the same.

    \b
    Examples:
      videa history
      videa history -n 5
      videa history --json | jq '.operations[-1].verdicts'
    """
    import msgspec

    from ops.rollout.history import read, take_over
    from videa_cli.render import console
    from videa_cli.units import day, duration

    options: Options = context.obj
    stack = options.stack()
    take_over(stack)
    entries = read(stack)[-number:]
    if as_json:
        # The variables concern only a rollback.
        rows = [
            {key: value for key, value in msgspec.to_builtins(entry).items() if key not in ("variables", "secrets")}
            for entry in entries
        ]
        typer.echo(json.dumps({"operations": rows}))
        return

    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    several = len({entry.service for entry in entries} - {""}) > 1
    for heading in ("WHEN (UTC)", "WHO", "WHAT", *(["SERVICE"] if several else []), "RELEASE", "IMAGE"):
        table.add_column(heading, no_wrap=True)
    for heading in ("REPLICAS", "TOOK", "REQUESTS", "FAILED"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("RESULT")
    for entry in entries:
        table.add_row(
            day(entry.time),
            *map(escape, (entry.who, entry.action, *([entry.service] if several else []), entry.release, entry.image)),
            str(entry.replicas or "-"),
            duration(entry.seconds),
            "-" if entry.requests is None else f"{entry.requests}",
            "-" if entry.failed is None else f"{entry.failed}",
            escape("; ".join([entry.result, *entry.verdicts])),
        )
    console().print(table if entries else "no operations yet")

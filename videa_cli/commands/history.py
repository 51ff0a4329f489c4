"""videa history"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from videa_cli.context import Options


def history(
    context: typer.Context,
    number: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many of the last operations.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show who did what and when, and what it cost.

    Strategy, release, requests meanwhile and how many of them failed, verdicts of a canary.

    \b
    Examples:
      videa history
      videa history -n 5
      videa history --json | jq '.operations[-1].verdicts'
    """
    import msgspec

    from ops.rollout.history import read
    from videa_cli.render import console
    from videa_cli.units import duration

    options: Options = context.obj
    entries = read(options.load().directory)[-number:]
    if as_json:
        # Without the release's variables: there may be secrets among them.
        rows = [
            {key: value for key, value in msgspec.to_builtins(each).items() if key != "variables"} for each in entries
        ]
        typer.echo(json.dumps({"operations": rows}))
        return

    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("WHEN (UTC)", "WHO", "WHAT", "RELEASE", "IMAGE"):
        table.add_column(heading, no_wrap=True)
    for heading in ("REPLICAS", "TOOK", "REQUESTS", "FAILED"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("RESULT")
    for each in entries:
        table.add_row(
            datetime.fromtimestamp(each.time, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            each.who,
            each.action,
            each.release,
            each.image,
            str(each.replicas),
            duration(each.seconds),
            "-" if each.requests is None else f"{each.requests}",
            "-" if each.failed is None else f"{each.failed}",
            escape("; ".join([each.result, *each.verdicts])),
        )
    console().print(table if entries else "nothing was done here yet")

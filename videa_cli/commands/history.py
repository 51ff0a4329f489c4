"""videa history"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options
from videa_cli.numbers import whole

if TYPE_CHECKING:
    from rich.table import Table

    from ops.rollout.history import Entry

WIDE = 120
"""Minimum width of a terminal, in columns, in which everything is shown."""


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
    from videa_cli.console import console

    options: Options = context.obj
    stack = options.stack()
    take_over(stack)
    entries = read(stack)[-number:]
    if as_json:
        # Only a rollback needs the variables.
        rows = [
            {key: value for key, value in msgspec.to_builtins(entry).items() if key not in ("variables", "secrets")}
            for entry in entries
        ]
        typer.echo(json.dumps({"operations": rows}))
        return

    out = console()
    if not entries:
        out.print("no operations yet")
    elif out.is_terminal and out.width < WIDE:
        out.print(_short(entries), soft_wrap=False)
    else:
        out.print(_full(entries))


def _full(entries: Sequence[Entry]) -> Table:
    from rich.markup import escape

    from videa_cli.units import day, duration

    several = len({entry.service for entry in entries} - {""}) > 1
    table = _table(
        ("WHEN (UTC)", "WHO", "WHAT", *(["SERVICE"] if several else []), "RELEASE", "IMAGE"),
        ("REPLICAS", "TOOK", "REQUESTS", "FAILED"),
    )
    for entry in entries:
        table.add_row(
            day(entry.time),
            *map(escape, (entry.who, entry.action, *([entry.service] if several else []), entry.release, entry.image)),
            str(entry.replicas or "-"),
            duration(entry.seconds),
            *_requests(entry),
            escape("; ".join([entry.result, *entry.verdicts])),
        )
    return table


def _short(entries: Sequence[Entry]) -> Table:
    """A table for 80 columns: without the user, the image, the verdicts and the year."""
    from rich.markup import escape

    from videa_cli.units import day, duration

    table = _table(("WHEN (UTC)", "WHAT", "RELEASE"), ("TOOK", "REQUESTS", "FAILED"))
    for entry in entries:
        when, took = day(entry.time)[5:16], duration(entry.seconds)
        table.add_row(when, *map(escape, (entry.action, entry.release)), took, *_requests(entry), escape(entry.result))
    return table


def _table(texts: Sequence[str], figures: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in texts:
        table.add_column(heading, no_wrap=True)
    for heading in figures:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("RESULT")
    return table


def _requests(entry: Entry) -> list[str]:
    return ["-" if count is None else f"{count}" for count in (entry.requests, entry.failed)]

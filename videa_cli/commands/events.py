"""videa events"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options

if TYPE_CHECKING:
    from ops.events import Event


def events(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new events as they happen.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Start at 10m (ago) or 2026-01-31T13:00:00.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object per line: see docs/events.md.")] = False,
) -> None:
    """Show the events of operations: steps, verdicts, results.

    Shows the end of each past operation, and every step and verdict so far of the one that has not ended. With
    --follow, also shows what happens later, in this and in later operations, until Ctrl-C. It does not matter which
    terminal or machine runs an operation.

    \b
    Examples:
      videa events
      videa events -f
      videa events --since 1h
      videa events -f --json | jq -r 'select(.type == "verdict_given") | .reason'
    """
    from ops.rollout.event_stream import EventStream
    from ops.rollout.follow import INTERVAL
    from ops.views.logs import since_when

    begin = since_when(since, time.time()) if since else 0.0
    options: Options = context.obj
    stream = EventStream(options.stack(), begin)
    try:
        while True:
            for moment, event in stream.look():
                _show(moment, event, as_json)
            if not follow:
                return
            time.sleep(INTERVAL)
    except KeyboardInterrupt:
        return


def _show(moment: float, event: Event, as_json: bool) -> None:
    if as_json:
        from videa_cli.json_output import show_event

        show_event(event, moment)
        return
    from videa_cli.event_lines import event_line
    from videa_cli.failure import one_line
    from videa_cli.units import day

    mark, text = event_line(event)
    typer.echo(f"{day(moment)} {mark.value} {one_line(text)}")
